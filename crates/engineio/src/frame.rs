use bytes::Bytes;
use bytestring::ByteString;

/// What a WebSocket carries: one packet in each message, and the socket's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message: a packet with its type in front.
    Text(ByteString),
    /// A binary message: the data of a message packet, as it is.
    Binary(Bytes),
    /// The end: the peer has closed its WebSocket, or is to be closed.
    Close,
}

impl Frame {
    /// In bytes of the WebSocket message.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Close => 0,
        }
    }
}
