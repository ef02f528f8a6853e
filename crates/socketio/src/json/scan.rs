use alloc::{vec, vec::Vec};

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
    let mut scan = Scan { text, max_depth, used: vec![false; attachments], error: None };
    match scan.document() {
        Some(()) => Ok(()),
        None => Err(scan.error.unwrap_or(Error::new(Rule::InvalidJson, text.len()))),
    }
}

/// One pass over a JSON text. It recurses once per array or object, so `max_depth` bounds it.
///
/// A method is given where something begins and returns where it ends, so that the place stays in a
/// register. `None` is the end of the pass, with the reason in `error`, which is too large for a
/// result of each.
pub(super) struct Scan<'a> {
    text: &'a str,
    max_depth: u8,
    /// Which attachments have had a placeholder.
    used: Vec<bool>,
    error: Option<Error>,
}

impl<'a> Scan<'a> {
    /// For text that has been scanned.
    pub(super) fn new(text: &'a str, max_depth: u8) -> Self {
        Self { text, max_depth, used: Vec::new(), error: None }
    }

    fn document(&mut self) -> Option<()> {
        let at = self.skip_space(0);
        let at = self.value(at, 0)?;
        let at = self.skip_space(at);
        if at < self.text.len() {
            return self.fault(Rule::InvalidJson, at);
        }
        if self.used.contains(&false) {
            return self.fault(Rule::UnusedAttachment, at);
        }
        Some(())
    }

    #[cold]
    fn fault<T>(&mut self, rule: Rule, at: usize) -> Option<T> {
        self.error = Some(Error::new(rule, at));
        None
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    #[inline(always)]
    pub(super) fn skip_space(&self, mut at: usize) -> usize {
        // Most JSON has none: one comparison tells.
        while let Some(byte @ ..=b' ') = self.byte(at)
            && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
        {
            at += 1;
        }
        at
    }

    #[inline(always)]
    pub(super) fn expect(&mut self, byte: u8, at: usize) -> Option<usize> {
        if self.byte(at) == Some(byte) { Some(at + 1) } else { self.fault(Rule::InvalidJson, at) }
    }

    /// A value within another: most are strings, which need no call.
    #[inline(always)]
    fn element(&mut self, at: usize, depth: u8) -> Option<usize> {
        if self.byte(at) == Some(b'"') { self.string(at) } else { self.value(at, depth) }
    }

    /// RFC 8259 §3. `depth`: of the arrays and objects around it.
    pub(super) fn value(&mut self, at: usize, depth: u8) -> Option<usize> {
        match self.byte(at) {
            Some(b'"') => self.string(at),
            Some(b'-' | b'0'..=b'9') => self.number(at),
            Some(b'{' | b'[') if depth >= self.max_depth => {
                self.fault(Rule::TooDeep { limit: self.max_depth }, at)
            }
            Some(b'{') => self.object(at, depth + 1),
            Some(b'[') => self.array(at, depth + 1),
            Some(b't') => self.literal("true", at),
            Some(b'f') => self.literal("false", at),
            Some(b'n') => self.literal("null", at),
            _ => self.fault(Rule::InvalidJson, at),
        }
    }

    fn literal(&mut self, word: &str, at: usize) -> Option<usize> {
        word.bytes().try_fold(at, |at, byte| self.expect(byte, at))
    }

    /// RFC 8259 §5.
    fn array(&mut self, at: usize, depth: u8) -> Option<usize> {
        let mut at = self.skip_space(at + 1);
        if self.byte(at) == Some(b']') {
            return Some(at + 1);
        }
        loop {
            at = self.element(at, depth)?;
            at = self.skip_space(at);
            match self.byte(at) {
                Some(b',') => at = self.skip_space(at + 1),
                Some(b']') => return Some(at + 1),
                _ => return self.fault(Rule::InvalidJson, at),
            }
        }
    }

    /// RFC 8259 §4.
    fn object(&mut self, start: usize, depth: u8) -> Option<usize> {
        let mut at = self.skip_space(start + 1);
        if self.byte(at) == Some(b'}') {
            return Some(at + 1);
        }
        let (mut members, mut marked, mut num) = (0_usize, false, None);
        loop {
            let key = at + 1;
            at = self.string(at)?;
            let key = key..at - 1;
            at = self.skip_space(at);
            at = self.expect(b':', at)?;
            at = self.skip_space(at);
            let value = at;
            at = self.element(at, depth)?;
            members += 1;
            if !self.used.is_empty() {
                let value = self.text.get(value..at)?;
                match unescape(self.text.get(key)?).as_deref() {
                    Some("_placeholder") => marked = value == "true",
                    Some("num") => num = Some(value),
                    _ => {}
                }
            }
            at = self.skip_space(at);
            match self.byte(at) {
                Some(b',') => at = self.skip_space(at + 1),
                Some(b'}') => break,
                _ => return self.fault(Rule::InvalidJson, at),
            }
        }
        if marked {
            // Two members leave no room for another placeholder inside this one, which would
            // vanish with it. And nobody who sends makes two of one attachment: for who reads it
            // each would be a copy, of up to a packet's length for 31 bytes.
            let used = num
                .filter(|num| members == 2 && num.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|num| num.parse::<usize>().ok())
                .and_then(|num| self.used.get_mut(num))
                .filter(|used| !**used);
            match used {
                Some(used) => *used = true,
                None => return self.fault(Rule::Placeholder, start),
            }
        }
        Some(at + 1)
    }

    /// RFC 8259 §7. Escaped surrogates need not come in pairs: JavaScript writes half a pair so when
    /// its text was cut there.
    #[inline(always)]
    pub(super) fn string(&mut self, at: usize) -> Option<usize> {
        let mut at = self.expect(b'"', at)?;
        loop {
            at += plain::<true>(self.text.as_bytes().get(at..)?);
            match self.byte(at) {
                Some(b'"') => return Some(at + 1),
                Some(b'\\') => at = self.escape(at + 1)?,
                _ => return self.fault(Rule::InvalidJson, at),
            }
        }
    }

    fn escape(&mut self, at: usize) -> Option<usize> {
        match self.byte(at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Some(at + 1),
            Some(b'u') => {
                let digit = |at| self.byte(at).is_some_and(|byte| byte.is_ascii_hexdigit());
                match (at + 1..at + 5).find(|at| !digit(*at)) {
                    None => Some(at + 5),
                    Some(at) => self.fault(Rule::InvalidJson, at),
                }
            }
            _ => self.fault(Rule::InvalidJson, at),
        }
    }

    /// RFC 8259 §6.
    pub(super) fn number(&mut self, mut at: usize) -> Option<usize> {
        at += usize::from(self.byte(at) == Some(b'-'));
        at = if self.byte(at) == Some(b'0') { at + 1 } else { self.digits(at)? };
        if self.byte(at) == Some(b'.') {
            at = self.digits(at + 1)?;
        }
        if matches!(self.byte(at), Some(b'e' | b'E')) {
            at += 1;
            at += usize::from(matches!(self.byte(at), Some(b'+' | b'-')));
            at = self.digits(at)?;
        }
        Some(at)
    }

    #[inline(always)]
    fn digits(&mut self, start: usize) -> Option<usize> {
        let mut at = start;
        while matches!(self.byte(at), Some(b'0'..=b'9')) {
            at += 1;
        }
        if at == start { self.fault(Rule::InvalidJson, at) } else { Some(at) }
    }
}
