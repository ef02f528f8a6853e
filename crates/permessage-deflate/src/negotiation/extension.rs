//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1):
//!
//! ```text
//! Sec-WebSocket-Extensions = 1#extension
//! extension       = extension-token *( ";" extension-param )
//! extension-param = token [ "=" (token | quoted-string) ]
//! ```
//!
//! It "is using ABNF syntax/rules from [RFC2616], including the 'implied *LWS rule'": there may be
//! white space around every `,`, `;` and `=`, and elements of a list may be empty (RFC 2616 §2.1).
//! A field that is split over several lines is one list.

use alloc::borrow::Cow;
use alloc::string::String;

use super::error::{Error, Rule};

/// The fields of that name, read from their start to their end.
pub(super) struct Extensions<'a, I> {
    fields: I,
    /// What is left of the current field.
    rest: &'a [u8],
    /// Where in all values `rest` starts.
    offset: usize,
    /// The current field has had an extension.
    has_any: bool,
    is_open: bool,
}

/// The value of a parameter.
#[derive(PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// There is none.
    Missing,
    Token(Cow<'a, str>),
    /// "When using the quoted-string syntax variant, the value after quoted-string unescaping MUST
    /// conform to the 'token' ABNF." This one does not.
    NoToken,
}

pub(super) struct Param<'a> {
    pub(super) name: &'a str,
    pub(super) value: Value<'a>,
    pub(super) offset: usize,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Extensions<'a, I> {
    pub(super) fn new(fields: impl IntoIterator<IntoIter = I, Item = &'a [u8]>) -> Self {
        let fields = fields.into_iter();
        Self { fields, rest: &[], offset: 0, has_any: false, is_open: false }
    }

    /// The name of the next extension, and where it is. Its parameters have to be read before the
    /// next.
    pub(super) fn next_extension(&mut self) -> Result<Option<(&'a str, usize)>, Error> {
        loop {
            self.skip_space();
            if self.skip(b',') {
                continue;
            }
            if !self.rest.is_empty() {
                self.has_any = true;
                let offset = self.offset;
                return Ok(Some((self.token()?, offset)));
            }
            if self.is_open && !self.has_any {
                return Err(self.malformed());
            }
            let Some(field) = self.fields.next() else { return Ok(None) };
            (self.rest, self.has_any, self.is_open) = (field, false, true);
        }
    }

    /// The next parameter of the extension.
    pub(super) fn next_param(&mut self) -> Result<Option<Param<'a>>, Error> {
        self.skip_space();
        if !self.skip(b';') {
            return match self.rest.first() {
                None | Some(b',') => Ok(None),
                Some(_) => Err(self.malformed()),
            };
        }
        self.skip_space();
        let offset = self.offset;
        let name = self.token()?;
        self.skip_space();
        let value = if self.skip(b'=') {
            self.skip_space();
            self.value()?
        } else {
            Value::Missing
        };
        Ok(Some(Param { name, value, offset }))
    }

    fn value(&mut self) -> Result<Value<'a>, Error> {
        if self.rest.first() != Some(&b'"') {
            return self.token().map(|token| Value::Token(token.into()));
        }
        let text = self.quoted_string()?;
        Ok(if is_token(text.as_bytes()) { Value::Token(text) } else { Value::NoToken })
    }

    /// RFC 2616 §2.2: `token = 1*<any CHAR except CTLs or separators>`.
    fn token(&mut self) -> Result<&'a str, Error> {
        let end = self.rest.iter().position(|byte| !is_token_char(*byte));
        let token = self.take(end.unwrap_or(self.rest.len()));
        match str::from_utf8(token) {
            Ok(token) if !token.is_empty() => Ok(token),
            _ => Err(self.malformed()),
        }
    }

    /// RFC 2616 §2.2: `quoted-string = ( <"> *(qdtext | quoted-pair ) <"> )`, unescaped. Bytes
    /// beyond ASCII are TEXT and may stand there; they only have to be no token afterwards.
    fn quoted_string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.take(1);
        let mut text = Cow::Borrowed("");
        loop {
            let is_plain =
                |byte: u8| matches!(byte, b'\t' | b' '..=b'~') && !matches!(byte, b'"' | b'\\');
            let end = self.rest.iter().position(|byte| !is_plain(*byte));
            let end = end.ok_or_else(|| self.at_end())?;
            push(&mut text, str::from_utf8(self.take(end)).unwrap_or_default());
            match *self.rest {
                [b'"', ..] => {
                    self.take(1);
                    return Ok(text);
                }
                // RFC 2616 §2.2: `quoted-pair = "\" CHAR`.
                [b'\\', escaped @ 0..=0x7F, ..] => {
                    text.to_mut().push(escaped.into());
                    self.take(2);
                }
                [0x80..=0xFF, ..] => {
                    text.to_mut().push(char::REPLACEMENT_CHARACTER);
                    self.take(1);
                }
                _ => return Err(self.malformed()),
            }
        }
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t', ..] = self.rest {
            self.take(1);
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.rest.first() == Some(&byte);
        if is_next {
            self.take(1);
        }
        is_next
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, &[]));
        self.offset += taken.len();
        self.rest = rest;
        taken
    }

    fn malformed(&self) -> Error {
        Error::new(Rule::Malformed, self.offset)
    }

    fn at_end(&self) -> Error {
        Error::new(Rule::Malformed, self.offset + self.rest.len())
    }
}

/// Appends without a copy as long as there is one part only.
fn push<'a>(text: &mut Cow<'a, str>, part: &'a str) {
    if text.is_empty() {
        *text = Cow::Borrowed(part);
    } else if !part.is_empty() {
        String::push_str(text.to_mut(), part);
    }
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_char(*byte))
}

fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
