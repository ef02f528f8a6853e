mod scan;
mod string;
mod tokens;

use alloc::{borrow::Cow, string::String};
use core::{fmt::Write as _, ops::Deref};

use bytestring::ByteString;

use scan::Scan;
pub(crate) use scan::scan;
#[cfg(feature = "std")]
pub(crate) use string::plain_string;
pub(crate) use string::{inside_string, push_string, text, unescape, unescape_lossy};
pub(crate) use tokens::{Token, Tokens};

use crate::{error::Error, limits::Limits};

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
    /// [`Rule::InvalidJson`](crate::Rule::InvalidJson); [`Rule::TooDeep`](crate::Rule::TooDeep) for
    /// more than 127 arrays and objects in each other.
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

    /// The same text in memory of its own, so that it does not keep a whole packet.
    pub(crate) fn detached(&self) -> Self {
        Self(ByteString::from(&*self.0))
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
        text(self.member(key)?).map(Cow::into_owned)
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
    text.trim_ascii_start().bytes().next()
}

/// The first element of an array that has been scanned, as it is written, and what follows it:
/// text that starts with a comma or the closing bracket. `None` if the array is empty.
pub(crate) fn split_first_element(array: &str) -> Option<(&str, &str)> {
    let elements = array.trim_ascii_start().get(1..)?.trim_ascii_start();
    if elements.starts_with(']') {
        return None;
    }
    let (first, rest) = elements.split_at_checked(value_len(elements))?;
    Some((first, rest.trim_ascii_start()))
}

/// The value under `key` in an object that has been scanned.
fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let mut scan = Scan::new(object, Limits::MAX_DEPTH);
    let mut found = None;
    let at = scan.skip_space(0);
    let mut at = scan.expect(b'{', at)?;
    loop {
        at = scan.skip_space(at);
        let name = at + 1;
        // Behind the last member, or where there is none, stands no string.
        let Some(end) = scan.string(at) else { return found };
        let name = object.get(name..end - 1)?;
        at = scan.skip_space(end);
        at = scan.expect(b':', at)?;
        at = scan.skip_space(at);
        let value = at;
        at = scan.value(at, 0)?;
        if unescape(name).is_some_and(|name| name == key) {
            found = object.get(value..at);
        }
        at = scan.skip_space(at);
        at = scan.expect(b',', at).unwrap_or(at);
    }
}

/// How long the scanned value is with which `text` starts.
pub(crate) fn value_len(text: &str) -> usize {
    match text.as_bytes().first() {
        Some(b'"') => inside_string(text).map_or(0, |(inside, _)| inside.len() + 2),
        Some(b'[' | b'{') => {
            let (mut tokens, mut depth) = (Tokens::new(text, false), 0_usize);
            for token in tokens.by_ref() {
                match token {
                    Token::Array | Token::Object => depth += 1,
                    Token::End if depth == 1 => break,
                    Token::End => depth -= 1,
                    _ => {}
                }
            }
            tokens.at
        }
        _ => {
            let ends = |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}');
            text.bytes().position(ends).unwrap_or(text.len())
        }
    }
}

/// Whether the whole of `text` is a number.
#[cfg(feature = "std")]
pub(crate) fn is_number(text: &str) -> bool {
    Scan::new(text, 0).number(0) == Some(text.len())
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

/// The number of the attachment that the scanned object stands for with which `text` starts, and
/// the object's length, if it is a placeholder.
pub(crate) fn placeholder(text: &str) -> Option<(usize, usize)> {
    let mut scan = Scan::new(text, 0);
    let mut at = scan.expect(b'{', 0)?;
    let (mut marked, mut num) = (false, None);
    for end in [b',', b'}'] {
        at = scan.skip_space(at);
        let key = at + 1;
        at = scan.string(at)?;
        let key = unescape(text.get(key..at - 1)?)?;
        if key != "_placeholder" && key != "num" {
            return None;
        }
        at = scan.skip_space(at);
        at = scan.expect(b':', at)?;
        at = scan.skip_space(at);
        let value = at;
        // An array or an object would be too deep.
        at = scan.value(at, 0)?;
        let value = text.get(value..at)?;
        if key == "num" {
            num = value.parse().ok();
        } else {
            marked = value == "true";
        }
        at = scan.skip_space(at);
        at = scan.expect(end, at)?;
    }
    num.filter(|_| marked).map(|num| (num, at))
}

/// Appends what stands for the attachment of this number.
pub(crate) fn push_placeholder(json: &mut String, num: usize) {
    // Writing to a String does not fail.
    let _ = write!(json, r#"{{"_placeholder":true,"num":{num}}}"#);
}
