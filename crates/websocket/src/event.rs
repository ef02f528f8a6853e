use core::ops::Deref;

use bytes::Bytes;
use bytestring::ByteString;

use crate::{close::CloseReason, message::Message};

/// What the peer's input meant.
///
/// It borrows the *input*, not the connection: one may send while holding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'i> {
    /// A whole text message.
    Text(Text<'i>),
    /// A whole binary message.
    Binary(Payload<'i>),
    /// §5.5.2: answered already, unless our Close frame was sent. While the output is full the
    /// Pong waits, and a later Ping may take its place (§5.5.3).
    Ping(Payload<'i>),
    /// §5.5.3: an answer to a Ping, or an unsolicited one.
    Pong(Payload<'i>),
    /// §5.5.1: the peer closes. The Close frame that answers it is in the output already; this is
    /// the last event.
    Close(CloseReason),
}

impl Event<'_> {
    /// The message, if the event is one, in memory of its own.
    #[inline]
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Text(text) => Some(Message::Text(text.into_owned())),
            Self::Binary(payload) => Some(Message::Binary(payload.into_owned())),
            Self::Ping(_) | Self::Pong(_) | Self::Close(_) => None,
        }
    }
}

/// Bytes of a payload, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload<'i> {
    /// The frame was the whole message and lies in the input.
    Borrowed(&'i [u8]),
    /// The message was cut by the end of an input, fragmented, or large.
    Owned(Bytes),
}

impl Payload<'_> {
    /// The bytes in memory of their own, copied if they were borrowed.
    #[inline]
    pub fn into_owned(self) -> Bytes {
        match self {
            Self::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Self::Owned(bytes) => bytes,
        }
    }
}

impl Deref for Payload<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// The text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text<'i> {
    /// The frame was the whole message and lies in the input.
    Borrowed(&'i str),
    /// The message was cut by the end of an input, or fragmented.
    Owned(ByteString),
}

impl Text<'_> {
    /// The text in memory of its own, copied if it was borrowed.
    #[inline]
    pub fn into_owned(self) -> ByteString {
        match self {
            Self::Borrowed(text) => text.into(),
            Self::Owned(text) => text,
        }
    }
}

impl Deref for Text<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}
