//! Text that lies in the input, or on its own.

use crate::utf8;
use alloc::borrow::Cow;
use alloc::string::String;
use bytestring::ByteString;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

/// A string that borrows the input where it can, and owns its bytes where it must.
///
/// It reads as a `&str`; compare and hash it like one. A clone of the owned form shares the bytes.
///
/// ```
/// use rtwire_sse::Text;
///
/// let borrowed = Text::from("tick");
/// assert_eq!(borrowed, "tick");
/// let owned: Text<'static> = borrowed.into_owned();
/// assert_eq!(owned.len(), 4);
/// ```
#[derive(Clone)]
pub enum Text<'a> {
    /// A part of the input, or a constant.
    Borrowed(&'a str),
    /// Bytes of its own: the text was cut, assembled from lines, not UTF-8, or handed over.
    Owned(ByteString),
}

impl<'a> Text<'a> {
    /// The text.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }

    /// UTF-8 decode: borrows what is UTF-8.
    #[inline]
    pub(crate) fn decode(bytes: &'a [u8]) -> Self {
        match utf8::decode(bytes) {
            Cow::Borrowed(text) => Self::Borrowed(text),
            Cow::Owned(text) => Self::Owned(text.into()),
        }
    }

    /// The same text, independent of the input: copies what is borrowed.
    #[must_use]
    pub fn into_owned(self) -> Text<'static> {
        match self {
            Self::Borrowed("") => Text::Borrowed(""),
            Self::Borrowed(text) => Text::Owned(text.into()),
            Self::Owned(text) => Text::Owned(text),
        }
    }

    /// The same text as a shared string: copies what is borrowed.
    #[must_use]
    pub fn into_byte_string(self) -> ByteString {
        match self {
            Self::Borrowed(text) => text.into(),
            Self::Owned(text) => text,
        }
    }
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self::Borrowed("")
    }
}

impl Deref for Text<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::Borrowed(text)
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Owned(text.into())
    }
}

impl From<ByteString> for Text<'_> {
    fn from(text: ByteString) -> Self {
        Self::Owned(text)
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text<'_> {}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}
