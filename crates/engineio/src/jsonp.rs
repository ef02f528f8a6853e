//! JSONP: polling for browsers without CORS ("Transports", of version 3), by a script that is loaded and
//! a form that is sent.
//!
//! ```text
//!  GET  ?transport=polling&j=3   ▶   ___eio[3]("6:4hello");
//!  POST ?transport=polling&j=3   ◀   d=6%3A4hello           \n for a newline, \\n for \n
//! ```

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt::Write;

use bytes::Bytes;
use serde_json::Value;

use crate::query::percent_decode_bytes;
use crate::{error::Error, rule::Rule};

/// Which callback of the page is called: the number that `j` names.
///
/// ```
/// use rtwire_engineio::jsonp::{Index, decode_form};
///
/// let index: Index = "3".parse()?;
/// assert_eq!(index.encode("6:4hello"), r#"___eio[3]("6:4hello");"#);
/// assert_eq!(&decode_form(b"d=4%3A4a%5Cnb".to_vec())?[..], b"4:4a\nb");
///
/// // A `j` that would be a script of somebody else's:
/// assert!("0](alert(1))//".parse::<Index>().is_err());
/// # Ok::<(), rtwire_engineio::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Index(u64);

impl core::str::FromStr for Index {
    type Err = Error;

    /// Takes decimal digits, and nothing else: the text becomes part of a script.
    ///
    /// # Errors
    /// [`Rule::InvalidCallback`].
    fn from_str(text: &str) -> Result<Self, Error> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Rule::InvalidCallback.into());
        }
        text.parse().map(Self).map_err(|_| Rule::InvalidCallback.into())
    }
}

impl Index {
    /// The script that answers a GET, `text/javascript; charset=UTF-8`, with a payload of text.
    pub fn encode(self, payload: &str) -> String {
        let mut script = String::with_capacity(payload.len() + payload.len() / 8 + 32);
        // Writing to a String does not fail.
        let _ = write!(script, "___eio[{}]({});", self.0, Value::from(payload));
        // JSON has them as they are; before ECMAScript 2019 they ended lines within strings.
        if script.contains(['\u{2028}', '\u{2029}']) {
            script = script.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        }
        script
    }
}

/// The payload in the body of a POST: the field `d` of a form. What it holds need not be UTF-8; that is
/// found out by who decodes the payload.
///
/// # Errors
/// [`Rule::InvalidForm`]: there is no `d`, or more than one.
pub fn decode_form(body: impl Into<Bytes>) -> Result<Bytes, Error> {
    let body = body.into();
    let mut fields = body.split(|&byte| byte == b'&').filter_map(|field| field.strip_prefix(b"d="));
    let (Some(value), None) = (fields.next(), fields.next()) else {
        return Err(Rule::InvalidForm.into());
    };
    Ok(match unescape(percent_decode_bytes(value)) {
        // Who keeps little must not keep much: other fields may be most of the form.
        Cow::Borrowed(part) if part.len() < body.len() / 2 => Bytes::copy_from_slice(part),
        Cow::Borrowed(part) => body.slice_ref(part),
        Cow::Owned(bytes) => bytes.into(),
    })
}

/// Forms change newlines, so that clients write `\n` for each, and `\\n` for what already looked like one.
fn unescape(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if !text.windows(2).any(|pair| pair == br"\n") {
        return text;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = &text[..];
    while let [first, tail @ ..] = rest {
        let (byte, after) = match rest {
            [b'\\', b'n', after @ ..] => (b'\n', after),
            // The backslash goes, the rest stays.
            [b'\\', b'\\', b'n', after @ ..] => {
                bytes.push(b'\\');
                (b'n', after)
            }
            _ => (*first, tail),
        };
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(bytes)
}
