use alloc::{vec, vec::Vec};

use bytes::Bytes;

use crate::json::{self, Token, Tokens};

/// Writes MessagePack, each value in its shortest form.
pub(super) struct Writer<'a> {
    message: Vec<u8>,
    attachments: &'a [Bytes],
}

impl<'a> Writer<'a> {
    pub(super) fn new(capacity: usize, attachments: &'a [Bytes]) -> Self {
        // 5: the head of each.
        let bytes: usize = attachments.iter().map(|attachment| attachment.len() + 5).sum();
        Self { message: Vec::with_capacity(capacity + bytes), attachments }
    }

    pub(super) fn finish(self) -> Bytes {
        self.message.into()
    }

    /// Writes JSON that is known to be valid. Twice over it: MessagePack states the length of an
    /// array or a map before its elements. Nothing recurses.
    pub(super) fn json(&mut self, json: &str) {
        let tokens = Tokens::new(json, !self.attachments.is_empty());
        let mut lengths = lengths(tokens.clone()).into_iter();
        for token in tokens {
            match token {
                Token::Array => self.array(lengths.next().unwrap_or_default()),
                // Keys and values were counted.
                Token::Object => self.map(lengths.next().unwrap_or_default() / 2),
                Token::End => {}
                Token::String(inside) => self.string(&json::unescape_lossy(inside)),
                Token::Number(number) => self.number(number),
                Token::Word(word) => self.message.push(match word {
                    "true" => 0xc3,
                    "false" => 0xc2,
                    _ => 0xc0,
                }),
                Token::Placeholder(num) => {
                    let attachment = self.attachments.get(num).map(|bytes| &**bytes);
                    self.binary(attachment.unwrap_or_default());
                }
            }
        }
    }

    fn number(&mut self, number: &str) {
        if let Ok(number) = number.parse() {
            self.unsigned(number);
        } else if let Ok(number) = number.parse() {
            self.signed(number);
        } else {
            // What JSON takes for a number, Rust does.
            self.message.push(0xcb);
            self.message.extend(number.parse().unwrap_or(f64::NAN).to_be_bytes());
        }
    }

    pub(super) fn unsigned(&mut self, number: u64) {
        let (u8, u16, u32) = (u8::try_from(number), u16::try_from(number), u32::try_from(number));
        match (u8, u16, u32) {
            (Ok(number @ ..=0x7f), ..) => self.message.push(number),
            (Ok(number), ..) => self.message.extend([0xcc, number]),
            (_, Ok(number), _) => self.form(0xcd, number.to_be_bytes()),
            (.., Ok(number)) => self.form(0xce, number.to_be_bytes()),
            _ => self.form(0xcf, number.to_be_bytes()),
        }
    }

    fn signed(&mut self, number: i64) {
        if let Ok(number) = u64::try_from(number) {
            return self.unsigned(number);
        }
        let (i8, i16, i32) = (i8::try_from(number), i16::try_from(number), i32::try_from(number));
        match (i8, i16, i32) {
            (Ok(number @ -0x20..), ..) => self.message.extend(number.to_be_bytes()),
            (Ok(number), ..) => self.form(0xd0, number.to_be_bytes()),
            (_, Ok(number), _) => self.form(0xd1, number.to_be_bytes()),
            (.., Ok(number)) => self.form(0xd2, number.to_be_bytes()),
            _ => self.form(0xd3, number.to_be_bytes()),
        }
    }

    pub(super) fn map(&mut self, members: usize) {
        self.container(0x80, [0xde, 0xdf], members);
    }

    fn array(&mut self, elements: usize) {
        self.container(0x90, [0xdc, 0xdd], elements);
    }

    fn container(&mut self, fix: u8, [form16, form32]: [u8; 2], length: usize) {
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(length @ ..=0x0f), _) => self.message.push(fix | length),
            (_, Ok(length)) => self.form(form16, length.to_be_bytes()),
            _ => self.form(form32, length32(length)),
        }
    }

    pub(super) fn string(&mut self, text: &str) {
        match u8::try_from(text.len()) {
            Ok(length @ ..=0x1f) => self.message.push(0xa0 | length),
            _ => self.length([0xd9, 0xda, 0xdb], text.len()),
        }
        self.message.extend(text.as_bytes());
    }

    fn binary(&mut self, bytes: &[u8]) {
        self.length([0xc4, 0xc5, 0xc6], bytes.len());
        self.message.extend(bytes);
    }

    fn length(&mut self, [form8, form16, form32]: [u8; 3], length: usize) {
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(length), _) => self.form(form8, length.to_be_bytes()),
            (_, Ok(length)) => self.form(form16, length.to_be_bytes()),
            _ => self.form(form32, length32(length)),
        }
    }

    fn form<const N: usize>(&mut self, form: u8, bytes: [u8; N]) {
        self.message.push(form);
        self.message.extend(bytes);
    }
}

/// 4 GiB in one packet is no length that any transport carries.
fn length32(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

/// How many values, keys among them, each array and object has, in the order in which they begin.
fn lengths(tokens: Tokens<'_>) -> Vec<usize> {
    let mut lengths: Vec<usize> = Vec::new();
    let mut open = vec![];
    for token in tokens {
        if let Token::End = token {
            open.pop();
            continue;
        }
        if let Some(length) = open.last().and_then(|open: &usize| lengths.get_mut(*open)) {
            *length += 1;
        }
        if let Token::Array | Token::Object = token {
            open.push(lengths.len());
            lengths.push(0);
        }
    }
    lengths
}
