use alloc::{borrow::Cow, string::String, vec, vec::Vec};
use core::{fmt::Write as _, ops::Deref};

use bytestring::ByteString;

use crate::{
    error::{Error, Rule},
    limits::Limits,
};

/// A JSON text (RFC 8259), known to be valid and not nested too deep. What it means is left to
/// whoever reads it.
///
/// ```
/// use rtwire_socketio::Json;
///
/// let auth = Json::decode(r#"{"token":"abc"}"#.into())?;
/// assert!(auth.is_object());
/// assert!(Json::decode("{".into()).is_err());
/// # Ok::<(), rtwire_socketio::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(ByteString);

impl Json {
    /// Checks that `text` is one JSON value.
    ///
    /// # Errors
    /// [`Rule::InvalidJson`]; [`Rule::TooDeep`] for more than 127 arrays and objects in each other.
    pub fn decode(text: ByteString) -> Result<Self, Error> {
        scan(&text, Limits::MAX_DEPTH, 0)?;
        Ok(Self(text))
    }

    /// The text has been through [`scan`].
    pub(crate) fn scanned(text: ByteString) -> Self {
        Self(text)
    }

    /// Writes `value` as JSON. Bytes become an array of numbers: only the arguments of events and
    /// acks have attachments.
    ///
    /// # Errors
    /// What `value` says, or a map whose keys are not text.
    #[cfg(feature = "std")]
    pub fn from_serialize<T: serde::Serialize + ?Sized>(
        value: &T,
    ) -> Result<Self, crate::payload::PayloadError> {
        let text = serde_json::to_string(value)?;
        scan(&text, Limits::MAX_DEPTH, 0)?;
        Ok(Self(text.into()))
    }

    /// Reads the value, which may borrow the text.
    ///
    /// # Errors
    /// The value is not a `T`.
    #[cfg(feature = "std")]
    pub fn deserialize<'de, T: serde::Deserialize<'de>>(
        &'de self,
    ) -> Result<T, crate::payload::PayloadError> {
        // From bytes, as the arguments of events are (`payload/deserialize.rs`).
        Ok(serde_json::from_slice(self.0.as_bytes())?)
    }

    /// Whether the value is an object.
    pub fn is_object(&self) -> bool {
        first_byte(&self.0) == Some(b'{')
    }

    /// The value under `key`, as it is written, if this is an object; of several the last, as
    /// JavaScript has it.
    pub(crate) fn member(&self, key: &str) -> Option<&str> {
        member(&self.0, key)
    }

    /// The text under `key`, if there is one, and it is Unicode.
    pub(crate) fn member_text(&self, key: &str) -> Option<String> {
        unescape(self.member(key)?)
    }

    /// The text.
    pub fn as_text(&self) -> &ByteString {
        &self.0
    }
}

impl Deref for Json {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The first byte of a JSON value, which tells its type.
pub(crate) fn first_byte(text: &str) -> Option<u8> {
    text.bytes().find(|byte| !is_space(*byte))
}

/// The first element of an array that has been scanned, as it is written, and what follows it:
/// text that starts with a comma or the closing bracket. `None` if the array is empty.
pub(crate) fn split_first_element(array: &str) -> Option<(&str, &str)> {
    let mut scan = Scan::new(array, Limits::MAX_DEPTH, 0);
    scan.skip_space();
    scan.at += 1;
    scan.skip_space();
    let start = scan.at;
    scan.value().ok()?;
    let end = scan.at;
    scan.skip_space();
    Some((array.get(start..end)?, array.get(scan.at..)?))
}

/// The value under `key` in an object that has been scanned.
fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let mut scan = Scan::new(object, Limits::MAX_DEPTH, 0);
    let mut found = None;
    scan.skip_space();
    if !scan.take(b'{') {
        return None;
    }
    loop {
        scan.skip_space();
        // Behind the last member, or where there is none, stands no string.
        let Ok(name) = scan.string() else { return found };
        scan.skip_space();
        scan.expect(b':').ok()?;
        scan.skip_space();
        let start = scan.at;
        scan.value().ok()?;
        if unescaped(name).as_deref().unwrap_or(name) == key {
            found = object.get(start..scan.at);
        }
        scan.skip_space();
        scan.take(b',');
    }
}

/// The text that `literal`, a scanned string with its quotes, stands for; `None` if that is not
/// Unicode (half a surrogate pair).
pub(crate) fn unescape(literal: &str) -> Option<String> {
    serde_json::from_str(literal).ok()
}

/// The last element of an array that has been scanned, if that is a string, and not the first: with
/// its quotes.
pub(crate) fn last_string(array: &str) -> Option<&str> {
    let elements = array.trim_end().strip_suffix(']')?.trim_end();
    let inside = elements.strip_suffix('"')?;
    // Within a string each quote has a backslash before it that is not itself escaped.
    let open = inside.rmatch_indices('"').map(|(at, _)| at).find(|&at| {
        let backslashes = inside[..at].bytes().rev().take_while(|&byte| byte == b'\\').count();
        backslashes % 2 == 0
    })?;
    elements[..open].trim_end().ends_with(',').then_some(&elements[open..])
}

/// What stands between the quotes of the scanned string with which `text` starts.
pub(crate) fn inside_string(text: &str) -> Option<&str> {
    Scan::new(text, 0, 0).string().ok()
}

/// The number of the attachment that the scanned object stands for with which `text` starts, and
/// the object's length, if it is a placeholder.
pub(crate) fn placeholder(text: &str) -> Option<(usize, usize)> {
    let mut scan = Scan::new(text, 0, 0);
    scan.expect(b'{').ok()?;
    let (mut marked, mut num) = (false, None);
    for end in [b',', b'}'] {
        scan.skip_space();
        let key = scan.string().ok()?;
        let key = unescaped(key).map_or(Cow::Borrowed(key), Cow::Owned);
        if key != "_placeholder" && key != "num" {
            return None;
        }
        scan.skip_space();
        scan.expect(b':').ok()?;
        scan.skip_space();
        let start = scan.at;
        // An array or an object would be too deep.
        scan.value().ok()?;
        let value = &text[start..scan.at];
        if key == "num" {
            num = value.parse().ok();
        } else {
            marked = value == "true";
        }
        scan.skip_space();
        scan.expect(end).ok()?;
    }
    num.filter(|_| marked).map(|num| (num, scan.at))
}

/// Appends `text` as a JSON string, escaped no more than RFC 8259 §7 demands.
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20)) {
        let (plain, special) = rest.split_at(at);
        json.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('\n') => json.push_str("\\n"),
            Some('\r') => json.push_str("\\r"),
            Some('\t') => json.push_str("\\t"),
            Some('\u{8}') => json.push_str("\\b"),
            Some('\u{c}') => json.push_str("\\f"),
            Some(control @ ..'\u{20}') => {
                // Writing to a String does not fail.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            Some(special) => json.extend(['\\', special]),
            None => {}
        }
        rest = characters.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

/// Checks that `text` is one JSON value, and that its placeholders are those of `attachments`
/// attachments. With none, an object that looks like a placeholder is plain data.
pub(crate) fn scan(text: &str, max_depth: u8, attachments: usize) -> Result<(), Error> {
    // More of them than bytes cannot all have placeholders; and what a peer claims allocates no
    // more than it has sent.
    if attachments > text.len() {
        return Err(Error::new(Rule::UnusedAttachment, text.len()));
    }
    let mut scan = Scan::new(text, max_depth, attachments);
    scan.skip_space();
    scan.value()?;
    scan.skip_space();
    if scan.at < text.len() {
        return Err(scan.fault(Rule::InvalidJson));
    }
    if scan.used.contains(&false) {
        return Err(scan.fault(Rule::UnusedAttachment));
    }
    Ok(())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// One pass over a JSON text. It recurses once per array or object, so `max_depth` bounds it.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
    max_depth: u8,
    /// Which attachments have had a placeholder.
    used: Vec<bool>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str, max_depth: u8, attachments: usize) -> Self {
        Self { text, at: 0, depth: 0, max_depth, used: vec![false; attachments] }
    }

    fn fault(&self, rule: Rule) -> Error {
        Error::new(rule, self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.take(byte) { Ok(()) } else { Err(self.fault(Rule::InvalidJson)) }
    }

    /// RFC 8259 §3.
    fn value(&mut self) -> Result<(), Error> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.fault(Rule::InvalidJson)),
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), Error> {
        word.bytes().try_for_each(|byte| self.expect(byte))
    }

    fn nested(&mut self, inside: fn(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        if self.depth >= self.max_depth {
            return Err(self.fault(Rule::TooDeep { limit: self.max_depth }));
        }
        self.depth += 1;
        inside(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// RFC 8259 §5.
    fn array(&mut self) -> Result<(), Error> {
        self.at += 1;
        self.skip_space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.skip_space();
            self.value()?;
            self.skip_space();
            if !self.take(b',') {
                return self.expect(b']');
            }
        }
    }

    /// RFC 8259 §4.
    fn object(&mut self) -> Result<(), Error> {
        let start = self.at;
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Ok(());
        }
        let (mut members, mut marked, mut num) = (0_usize, false, None);
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let value_start = self.at;
            self.value()?;
            members += 1;
            if !self.used.is_empty() {
                let value = &self.text[value_start..self.at];
                match unescaped(key).as_deref().unwrap_or(key) {
                    "_placeholder" => marked = value == "true",
                    "num" => num = Some(value),
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
                None => return Err(Error::new(Rule::Placeholder, start)),
            }
        }
        Ok(())
    }

    /// RFC 8259 §7: what stands between the quotes, as it is written. Escaped surrogates need not
    /// come in pairs: JavaScript writes half a pair so when its text was cut there.
    fn string(&mut self) -> Result<&'a str, Error> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            self.at += plain(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(0x20..) => self.at += 1,
                Some(..0x20) | None => return Err(self.fault(Rule::InvalidJson)),
            }
        }
        let inside = &self.text[start..self.at];
        self.at += 1;
        Ok(inside)
    }

    fn escape(&mut self) -> Result<(), Error> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.fault(Rule::InvalidJson));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.fault(Rule::InvalidJson)),
        }
        Ok(())
    }

    /// RFC 8259 §6.
    fn number(&mut self) -> Result<(), Error> {
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
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.fault(Rule::InvalidJson)) } else { Ok(()) }
    }
}

/// What `text` begins with, up to its first quote, if that is a string as it is written: without escapes.
pub(crate) fn unescaped_string(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut end = plain(bytes);
    while !matches!(bytes.get(end)?, b'"' | b'\\' | ..0x20) {
        end += 1;
    }
    if bytes[end] == b'"' { text.get(..end) } else { None }
}

/// How many bytes at the front are for certain no quote, backslash or control character, eight at a time.
fn plain(text: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The lowest byte below a bound, which is at most 128, borrows; what is above it may be wrong.
    let below = |word: u64, bound: u64| word.wrapping_sub(LOW * bound) & !word;
    let (words, _) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (LOW * u64::from(b'"')), 1);
        let backslash = below(word ^ (LOW * u64::from(b'\\')), 1);
        let found = (below(word, 0x20) | quote | backslash) & HIGH;
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    words.len() * 8
}

/// The key between its quotes without escapes, if it has any.
fn unescaped(key: &str) -> Option<String> {
    if !key.contains('\\') {
        return None;
    }
    unescape(&alloc::format!("\"{key}\""))
}
