use alloc::string::String;
use core::{borrow::Borrow, fmt, ops::Deref};

use bytestring::ByteString;

/// The name of a namespace: it starts with `/` and has no comma, which would end it on the wire.
///
/// ```
/// use rtwire_socketio::Namespace;
///
/// let chat = Namespace::try_from("/chat")?;
/// assert_eq!(&*chat, "/chat");
/// assert_eq!(&*Namespace::default(), "/");
/// assert!(Namespace::try_from("chat").is_err());
/// # Ok::<(), rtwire_socketio::InvalidNamespace>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(ByteString);

impl Namespace {
    const ROOT: &str = "/";

    /// The text is known to start with `/` and to have no comma.
    pub(crate) fn from_wire(name: ByteString) -> Self {
        Self(name)
    }

    /// Protocol 4: what stands before the query, and the query.
    pub(crate) fn split_query(&self) -> Option<(Self, &str)> {
        let (name, query) = self.0.split_once('?')?;
        Some((Self(self.0.slice_ref(name)), query))
    }

    /// The same name in memory of its own, so that it does not keep a whole packet.
    pub(crate) fn detached(&self) -> Self {
        if self.0 == Self::ROOT { Self::default() } else { Self(ByteString::from(&*self.0)) }
    }

    /// Bytes that [`encode`](Self::encode) writes.
    pub(crate) fn encoded_len(&self) -> usize {
        if self.0 == Self::ROOT { 0 } else { self.0.len() + 1 }
    }

    /// Writes the namespace as a packet has it: nothing for the main one.
    pub(crate) fn encode(&self, text: &mut String) {
        if self.0 != Self::ROOT {
            text.push_str(&self.0);
            text.push(',');
        }
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self(ByteString::from_static(Self::ROOT))
    }
}

impl TryFrom<ByteString> for Namespace {
    type Error = InvalidNamespace;

    fn try_from(name: ByteString) -> Result<Self, InvalidNamespace> {
        if name.starts_with('/') && !name.contains(',') {
            Ok(Self(name))
        } else {
            Err(InvalidNamespace)
        }
    }
}

impl TryFrom<&str> for Namespace {
    type Error = InvalidNamespace;

    fn try_from(name: &str) -> Result<Self, InvalidNamespace> {
        Self::try_from(ByteString::from(name))
    }
}

impl Deref for Namespace {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Namespace {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that does not start with `/`, or has a comma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a namespace starts with / and has no comma")]
pub struct InvalidNamespace;
