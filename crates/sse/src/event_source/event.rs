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
