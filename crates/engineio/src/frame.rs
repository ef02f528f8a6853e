use bytes::Bytes;
use bytestring::ByteString;

/// What a WebSocket carries: one packet in each message, and the socket's end. Also the answer to a GET:
/// text, or for version 3 binary.
///
/// ```
/// use rtwire_engineio::Frame;
///
/// assert_eq!(Frame::Text("4hello".into()).as_text(), Some("4hello"));
/// assert_eq!(Frame::Binary(vec![1, 2].into()).as_text(), None);
/// ```
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
    /// The text, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) | Self::Close => None,
        }
    }

    /// In bytes of the WebSocket message.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Close => 0,
        }
    }
}
