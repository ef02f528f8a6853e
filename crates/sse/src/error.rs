//! What can go wrong: limits on the way in, line breaks on the way out.

/// What broke, and where in the stream.
///
/// The format itself has no errors: what it does not know is ignored, and what is not UTF-8 is
/// replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule} at byte {offset} of the stream")]
pub struct Error {
    rule: Rule,
    offset: u64,
}

/// The rules that a stream can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// A line is over [`Limits::max_line`](crate::Limits::max_line).
    #[error("line over {limit} bytes")]
    LineTooLong {
        /// In bytes.
        limit: usize,
    },
    /// The data of an event is over [`Limits::max_event`](crate::Limits::max_event).
    #[error("event over {limit} bytes")]
    EventTooLong {
        /// In bytes.
        limit: usize,
    },
}

impl Error {
    pub(crate) const fn new(rule: Rule, offset: u64) -> Self {
        Self { rule, offset }
    }

    /// The rule that was broken.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// Where, in bytes from the start of the stream: the first byte too many of a line; for an
    /// event, the end of the line that is too much.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}

impl Rule {
    /// The section about what the limit bounds, as an anchor of the HTML standard.
    #[must_use]
    pub const fn section(&self) -> &'static str {
        match self {
            Self::LineTooLong { .. } => "HTML #parsing-an-event-stream",
            Self::EventTooLong { .. } => "HTML #event-stream-interpretation",
        }
    }
}

/// A value that a field cannot carry: the caller's mistake. Nothing has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The event type holds a CR or an LF, which would end the line and begin another field.
    #[error("line break in the event type")]
    LineBreakInEvent,
    /// The id holds a CR or an LF, which would end the line and begin another field.
    #[error("line break in the id")]
    LineBreakInId,
    /// The id holds a NUL: a decoder would ignore it.
    #[error("NUL in the id")]
    NulInId,
}
