use alloc::{vec, vec::Vec};
use core::ops::Range;

use super::string::{plain, unescape};
use crate::error::{Error, Rule};

/// Checks that `text` is one JSON value, and that its placeholders are those of `attachments`
/// attachments. With none, an object that looks like a placeholder is plain data.
pub(crate) fn scan(text: &str, max_depth: u8, attachments: usize) -> Result<(), Error> {
    // More of them than bytes cannot all have placeholders; and what a peer claims allocates no
    // more than it has sent.
    if attachments > text.len() {
        return Err(Error::new(Rule::UnusedAttachment, text.len()));
    }
    let mut scan = Scan::new(text, max_depth, attachments);
    match scan.document() {
        Some(()) => Ok(()),
        None => Err(scan.error.unwrap_or(Error::new(Rule::InvalidJson, scan.at))),
    }
}

/// One pass over a JSON text. It recurses once per array or object, so `max_depth` bounds it.
///
/// `None` is the end of it, with the reason in `error`: in results of its size the pass would take a
/// third longer.
pub(super) struct Scan<'a> {
    text: &'a str,
    pub(super) at: usize,
    depth: u8,
    max_depth: u8,
    /// Which attachments have had a placeholder.
    used: Vec<bool>,
    error: Option<Error>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str, max_depth: u8, attachments: usize) -> Self {
        Self { text, at: 0, depth: 0, max_depth, used: vec![false; attachments], error: None }
    }

    fn document(&mut self) -> Option<()> {
        self.skip_space();
        self.value()?;
        self.skip_space();
        if self.at < self.text.len() {
            return self.fault(Rule::InvalidJson);
        }
        if self.used.contains(&false) {
            return self.fault(Rule::UnusedAttachment);
        }
        Some(())
    }

    #[cold]
    fn fault<T>(&mut self, rule: Rule) -> Option<T> {
        self.error = Some(Error::new(rule, self.at));
        None
    }

    pub(super) fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    pub(super) fn skip_space(&mut self) {
        // Most JSON has none: one comparison tells.
        while let Some(byte @ ..=b' ') = self.peek()
            && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
        {
            self.at += 1;
        }
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Option<()> {
        if self.take(byte) { Some(()) } else { self.fault(Rule::InvalidJson) }
    }

    /// A value within another: most are strings, which need no call.
    #[inline(always)]
    fn element(&mut self) -> Option<()> {
        if self.peek() == Some(b'"') { self.string().map(drop) } else { self.value() }
    }

    /// RFC 8259 §3.
    pub(super) fn value(&mut self) -> Option<()> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.fault(Rule::InvalidJson),
        }
    }

    fn literal(&mut self, word: &str) -> Option<()> {
        if self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Some(());
        }
        word.bytes().try_for_each(|byte| self.expect(byte))
    }

    #[inline]
    fn nested(&mut self, inside: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        if self.depth >= self.max_depth {
            return self.fault(Rule::TooDeep { limit: self.max_depth });
        }
        self.depth += 1;
        inside(self)?;
        self.depth -= 1;
        Some(())
    }

    /// RFC 8259 §5.
    fn array(&mut self) -> Option<()> {
        self.at += 1;
        self.skip_space();
        if self.take(b']') {
            return Some(());
        }
        loop {
            self.skip_space();
            self.element()?;
            self.skip_space();
            if !self.take(b',') {
                return self.expect(b']');
            }
        }
    }

    /// RFC 8259 §4.
    fn object(&mut self) -> Option<()> {
        let start = self.at;
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Some(());
        }
        let (mut members, mut marked, mut num) = (0_usize, false, None);
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let value_start = self.at;
            self.element()?;
            members += 1;
            if !self.used.is_empty() {
                let value = self.slice(value_start..self.at);
                match unescape(self.slice(key)).as_deref() {
                    Some("_placeholder") => marked = value == "true",
                    Some("num") => num = Some(value),
                    _ => {}
                }
            }
            self.skip_space();
            if !self.take(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        if marked {
            // Two members leave no room for another placeholder inside this one, which would
            // vanish with it.
            let used = num
                .filter(|num| members == 2 && num.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|num| num.parse::<usize>().ok())
                .and_then(|num| self.used.get_mut(num));
            match used {
                Some(used) => *used = true,
                None => {
                    self.at = start;
                    return self.fault(Rule::Placeholder);
                }
            }
        }
        Some(())
    }

    /// RFC 8259 §7: what stands between the quotes, as it is written. Escaped surrogates need not
    /// come in pairs: JavaScript writes half a pair so when its text was cut there.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Option<Range<usize>> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            let end = self.at + plain::<true>(self.text.as_bytes().get(self.at..)?);
            self.at = end + 1;
            match self.text.as_bytes().get(end) {
                Some(b'"') => return Some(start..end),
                Some(b'\\') => self.escape()?,
                _ => {
                    self.at = end;
                    return self.fault(Rule::InvalidJson);
                }
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return self.fault(Rule::InvalidJson);
                    }
                    self.at += 1;
                }
            }
            _ => return self.fault(Rule::InvalidJson),
        }
        Some(())
    }

    /// RFC 8259 §6.
    pub(super) fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Some(())
    }

    #[inline]
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { self.fault(Rule::InvalidJson) } else { Some(()) }
    }
}
