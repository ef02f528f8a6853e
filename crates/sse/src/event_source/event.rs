use bytes::Bytes;

use super::{Failure, ReadyState};

/// What an [`EventSource`](super::EventSource) tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'i> {
    /// `open`: the stream begins.
    Open,
    /// An event of the stream. It [borrows](crate::Event) the input where it can.
    Message(crate::Event<'i>),
    /// `error`.
    Error {
        /// What happened.
        failure: Failure,
        /// [`Connecting`](ReadyState::Connecting): another request follows.
        /// [`Closed`](ReadyState::Closed): none does.
        ready_state: ReadyState,
    },
    /// The [end mark](super::Options::end_mark) has come: closed, and nothing has failed.
    End,
}

impl Event<'_> {
    /// The same event, which lies in `chunk` where it is borrowed, sharing long data with it.
    pub(super) fn share(self, chunk: &Bytes) -> Event<'static> {
        match self {
            Self::Open => Event::Open,
            Self::Message(event) => Event::Message(event.share(chunk)),
            Self::Error { failure, ready_state } => Event::Error { failure, ready_state },
            Self::End => Event::End,
        }
    }
}
