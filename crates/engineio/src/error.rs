use core::fmt;

use crate::rule::Rule;

/// What broke, and where: `offset` counts bytes from the start of the payload or of the WebSocket
/// message. It is 0 where a request as a whole is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    rule: Rule,
    offset: u64,
}

impl Error {
    pub(crate) fn new(rule: Rule, offset: u64) -> Self {
        Self { rule, offset }
    }

    /// The rule that the peer broke.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The byte where it broke.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn after(self, bytes: u64) -> Self {
        Self { offset: self.offset + bytes, ..self }
    }
}

impl From<Rule> for Error {
    fn from(rule: Rule) -> Self {
        Self::new(rule, 0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} ({})", self.rule, self.offset, self.rule.section())
    }
}

impl core::error::Error for Error {}

/// A mistake of the caller: nothing was sent, and the session goes on as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session has ended.
    #[error("the session is closed")]
    Closed,
    /// The session is not open yet.
    #[error("the session is not open yet")]
    NotOpen,
    /// The queue already holds [`Limits::max_queue`](crate::Limits::max_queue) bytes.
    #[error("the queue is full")]
    Full,
    /// The text holds U+001E, which separates the packets of a polling payload and cannot be
    /// escaped in it: the peer would read two packets. A WebSocket carries it.
    #[error("text with a record separator over polling")]
    RecordSeparator,
    /// By itself the message is longer than the `maxPayload` that the server has named: over polling
    /// it would get 413, on a WebSocket it would end the session.
    #[error("message over the server's {limit} bytes")]
    TooBig {
        /// In bytes.
        limit: usize,
    },
}
