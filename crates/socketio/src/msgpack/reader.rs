use alloc::{string::String, vec::Vec};
use core::{fmt::Write as _, str};

use bytes::Bytes;
use serde_json::Number;

use crate::{
    error::{Error, Rule},
    json,
    limits::Limits,
};

/// Reads MessagePack, and writes what it reads as JSON. A length that a message states allocates
/// nothing: each element takes a byte of it at least.
pub(super) struct Reader<'a> {
    message: &'a Bytes,
    at: usize,
    limits: &'a Limits,
    depth: u8,
    json: String,
    attachments: Vec<Bytes>,
    /// A map has the key of placeholders, at this byte.
    placeholder: Option<usize>,
}

/// What stands before a value.
enum Head {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    String(usize),
    Binary(usize),
    Array(usize),
    Map(usize),
    /// Of this type and length.
    Ext(i8, usize),
    /// The same, in the form that has the length in its first byte.
    FixExt(i8, usize),
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a Bytes, limits: &'a Limits) -> Self {
        Self {
            message,
            at: 0,
            limits,
            depth: 0,
            json: String::new(),
            attachments: Vec::new(),
            placeholder: None,
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn fault(&self) -> Error {
        Error::new(Rule::InvalidMsgpack, self.at)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let rest = &self.message[self.at..];
        let taken = rest.get(..length).ok_or_else(|| self.fault())?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, _) = self.message[self.at..].split_first_chunk().ok_or_else(|| self.fault())?;
        self.at += N;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    fn length8(&mut self) -> Result<usize, Error> {
        self.u8().map(usize::from)
    }

    fn length16(&mut self) -> Result<usize, Error> {
        self.u16().map(usize::from)
    }

    fn length32(&mut self) -> Result<usize, Error> {
        // More than a usize holds is also more than there are bytes.
        self.u32().map(|length| usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn ext(&mut self, length: usize) -> Result<Head, Error> {
        Ok(Head::Ext(self.array().map(i8::from_be_bytes)?, length))
    }

    fn fix_ext(&mut self, length: usize) -> Result<Head, Error> {
        Ok(Head::FixExt(self.array().map(i8::from_be_bytes)?, length))
    }

    fn head(&mut self) -> Result<Head, Error> {
        let start = self.at;
        Ok(match self.u8()? {
            first @ ..=0x7f => Head::Unsigned(first.into()),
            first @ 0x80..=0x8f => Head::Map(usize::from(first & 0x0f)),
            first @ 0x90..=0x9f => Head::Array(usize::from(first & 0x0f)),
            first @ 0xa0..=0xbf => Head::String(usize::from(first & 0x1f)),
            0xc0 => Head::Nil,
            0xc1 => return Err(Error::new(Rule::InvalidMsgpack, start)),
            0xc2 => Head::Bool(false),
            0xc3 => Head::Bool(true),
            0xc4 => Head::Binary(self.length8()?),
            0xc5 => Head::Binary(self.length16()?),
            0xc6 => Head::Binary(self.length32()?),
            0xc7 => {
                let length = self.length8()?;
                self.ext(length)?
            }
            0xc8 => {
                let length = self.length16()?;
                self.ext(length)?
            }
            0xc9 => {
                let length = self.length32()?;
                self.ext(length)?
            }
            0xca => Head::Float(self.array().map(f32::from_be_bytes)?.into()),
            0xcb => Head::Float(self.array().map(f64::from_be_bytes)?),
            0xcc => Head::Unsigned(self.u8()?.into()),
            0xcd => Head::Unsigned(self.u16()?.into()),
            0xce => Head::Unsigned(self.u32()?.into()),
            0xcf => Head::Unsigned(self.array().map(u64::from_be_bytes)?),
            0xd0 => Head::Negative(self.array().map(i8::from_be_bytes)?.into()),
            0xd1 => Head::Negative(self.array().map(i16::from_be_bytes)?.into()),
            0xd2 => Head::Negative(self.array().map(i32::from_be_bytes)?.into()),
            0xd3 => Head::Negative(self.array().map(i64::from_be_bytes)?),
            0xd4 => self.fix_ext(1)?,
            0xd5 => self.fix_ext(2)?,
            0xd6 => self.fix_ext(4)?,
            0xd7 => self.fix_ext(8)?,
            0xd8 => self.fix_ext(16)?,
            0xd9 => Head::String(self.length8()?),
            0xda => Head::String(self.length16()?),
            0xdb => Head::String(self.length32()?),
            0xdc => Head::Array(self.length16()?),
            0xdd => Head::Array(self.length32()?),
            0xde => Head::Map(self.length16()?),
            0xdf => Head::Map(self.length32()?),
            first @ 0xe0.. => Head::Negative(i8::from_be_bytes([first]).into()),
        })
    }

    /// The number of a map's members.
    pub(super) fn map(&mut self) -> Result<usize, Error> {
        let start = self.at;
        match self.head()? {
            Head::Map(members) => Ok(members),
            _ => Err(Error::new(Rule::InvalidMsgpack, start)),
        }
    }

    pub(super) fn string(&mut self) -> Result<&'a str, Error> {
        let start = self.at;
        let Head::String(length) = self.head()? else {
            return Err(Error::new(Rule::InvalidMsgpack, start));
        };
        let bytes = self.take(length)?;
        str::from_utf8(bytes).map_err(|_| Error::new(Rule::InvalidMsgpack, start))
    }

    /// A number that is an integer and not negative, or `None` for `undefined`.
    pub(super) fn unsigned(&mut self) -> Result<Option<u64>, Error> {
        if self.skip_undefined() {
            return Ok(None);
        }
        let start = self.at;
        match self.head()? {
            Head::Unsigned(number) => Ok(Some(number)),
            _ => Err(Error::new(Rule::InvalidMsgpack, start)),
        }
    }

    /// Whether an `undefined` was there.
    pub(super) fn skip_undefined(&mut self) -> bool {
        let found = self.message[self.at..].starts_with(b"\xd4\x00\x00");
        self.at += if found { 3 } else { 0 };
        found
    }

    /// Reads a value and forgets it.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        let (json, attachments) = (self.json.len(), self.attachments.len());
        let placeholder = self.placeholder;
        self.value()?;
        self.json.truncate(json);
        self.attachments.truncate(attachments);
        self.placeholder = placeholder;
        Ok(())
    }

    pub(super) fn end(&self) -> Result<(), Error> {
        if self.at == self.message.len() { Ok(()) } else { Err(self.fault()) }
    }

    /// What was read by [`value`](Self::value).
    pub(super) fn into_data(mut self) -> Result<(String, Vec<Bytes>), Error> {
        // Who keeps little must not keep much: the JSON its room, for more of it may have been skipped than kept,
        self.json.shrink_to_fit();
        match self.placeholder {
            // Its meaning is no attachment here, but could not be told from one any more.
            Some(at) if !self.attachments.is_empty() => Err(Error::new(Rule::Placeholder, at)),
            _ => {
                let mut attachments = self.attachments;
                // and a slice the whole message.
                let kept: usize = attachments.iter().map(Bytes::len).sum();
                if kept < self.message.len().div_ceil(2) {
                    for bytes in &mut attachments {
                        *bytes = Bytes::copy_from_slice(bytes);
                    }
                }
                Ok((self.json, attachments))
            }
        }
    }

    /// Reads a value, and writes it as JSON.
    pub(super) fn value(&mut self) -> Result<(), Error> {
        let start = self.at;
        match self.head()? {
            Head::Nil => self.json.push_str("null"),
            Head::Bool(value) => self.json.push_str(if value { "true" } else { "false" }),
            Head::Unsigned(number) => self.display(number),
            Head::Negative(number) => self.display(number),
            Head::Float(number) => match Number::from_f64(number) {
                Some(number) => self.display(number),
                None => self.json.push_str("null"),
            },
            Head::String(length) => {
                let text = str::from_utf8(self.take(length)?);
                let text = text.map_err(|_| Error::new(Rule::InvalidMsgpack, start))?;
                json::push_string(&mut self.json, text);
            }
            Head::Binary(length) | Head::Ext(0, length) => self.attachment(start, length)?,
            Head::Array(elements) => self.nested(start, |inside| inside.elements(elements))?,
            Head::Map(members) => self.nested(start, |inside| inside.members(members))?,
            Head::FixExt(0, 1) => {
                self.take(1)?;
                self.json.push_str("null");
            }
            Head::FixExt(0, 8) => {
                let millis = self.array().map(i64::from_be_bytes)?;
                self.date(millis);
            }
            Head::Ext(kind, length) | Head::FixExt(kind, length) => {
                self.nested(start, |inside| {
                    inside.json.push('[');
                    inside.display(kind);
                    inside.json.push(',');
                    inside.attachment(start, length)?;
                    inside.json.push(']');
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn nested(
        &mut self,
        start: usize,
        inside: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.depth >= self.limits.max_depth {
            return Err(Error::new(Rule::TooDeep { limit: self.limits.max_depth }, start));
        }
        self.depth += 1;
        inside(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn elements(&mut self, elements: usize) -> Result<(), Error> {
        self.json.push('[');
        for element in 0..elements {
            if element > 0 {
                self.json.push(',');
            }
            self.value()?;
        }
        self.json.push(']');
        Ok(())
    }

    fn members(&mut self, members: usize) -> Result<(), Error> {
        self.json.push('{');
        let empty = self.json.len();
        for _ in 0..members {
            let start = self.at;
            let key = self.string()?;
            if key == "_placeholder" {
                self.placeholder = Some(start);
            }
            if self.skip_undefined() {
                continue;
            }
            if self.json.len() > empty {
                self.json.push(',');
            }
            json::push_string(&mut self.json, key);
            self.json.push(':');
            self.value()?;
        }
        self.json.push('}');
        Ok(())
    }

    /// Its placeholder is an object.
    fn attachment(&mut self, start: usize, length: usize) -> Result<(), Error> {
        self.nested(start, |inside| {
            let limit = inside.limits.max_attachments;
            if inside.attachments.len() >= limit {
                return Err(Error::new(Rule::TooManyAttachments { limit }, inside.at));
            }
            let taken = inside.take(length)?;
            let num = inside.attachments.len();
            inside.attachments.push(inside.message.slice_ref(taken));
            json::push_placeholder(&mut inside.json, num);
            Ok(())
        })
    }

    fn display(&mut self, value: impl core::fmt::Display) {
        // Writing to a String does not fail.
        let _ = write!(self.json, "{value}");
    }

    /// As `Date.toJSON`: `"2024-02-29T12:34:56.789Z"`, with six digits and a sign for years beyond
    /// four digits, and `null` for what is no date to JavaScript.
    fn date(&mut self, millis: i64) {
        if millis.unsigned_abs() > 8_640_000_000_000_000 {
            return self.json.push_str("null");
        }
        let (days, in_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
        // Years that begin in March put the leap day at their end; 400 of them have 146 097 days.
        let days = days + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + i64::from(month <= 2);
        let (hours, minutes) = (in_day / 3_600_000, in_day / 60_000 % 60);
        let (seconds, millis) = (in_day / 1000 % 60, in_day % 1000);
        let (sign, width) = match year {
            ..0 => ("-", 6),
            0..=9999 => ("", 4),
            _ => ("+", 6),
        };
        let year = year.abs();
        let _ = write!(
            self.json,
            "\"{sign}{year:0width$}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z\""
        );
    }
}
