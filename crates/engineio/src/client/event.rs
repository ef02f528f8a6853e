use crate::{close_reason::CloseReason, message::Message, open::OpenPacket};

/// What a client's session came to mean, in the order in which it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The session is open, as the server says: the first event, unless it is [`Close`](Self::Close).
    Open(OpenPacket),
    /// It has moved to a WebSocket.
    Upgraded,
    /// The server's message.
    Message(Message),
    /// The session has ended: the last event.
    Close(CloseReason),
}
