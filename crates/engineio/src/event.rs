use crate::{close_reason::CloseReason, message::Message};

/// What a session came to mean, in the order in which it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The session is open: the first event.
    Open,
    /// The peer's message.
    Message(Message),
    /// The session has ended: the last event.
    Close(CloseReason),
}
