use bytes::Bytes;
use bytestring::ByteString;

/// An Engine.IO message: what Socket.IO's packets travel in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A packet.
    Text(ByteString),
    /// An attachment of the packet before it; a packet with [`Parser::Msgpack`](crate::Parser).
    Binary(Bytes),
}

impl Message {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

impl From<ByteString> for Message {
    fn from(text: ByteString) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}
