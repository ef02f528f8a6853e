//! How much a peer may make a decoder hold.

/// How much a [`Decoder`](crate::Decoder) takes of a stream, in bytes, and what it does with more.
///
/// ```
/// use rtwire_sse::{Decoder, Limits, Oversize};
///
/// let limits = Limits::default().max_event(1 << 20).oversize(Oversize::Skip);
/// assert_eq!(limits.max_line, 1 << 20);
/// let decoder = Decoder::with_limits(limits);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest line, without its end but with its name, comments included: 1 MiB. Over it,
    /// [`Rule::LineTooLong`](crate::Rule::LineTooLong).
    pub max_line: usize,
    /// Longest [`data`](crate::Event::data) of an event, as it is delivered: 16 MiB. Over it,
    /// [`Rule::EventTooLong`](crate::Rule::EventTooLong). The event type and the last event ID are
    /// bounded by the line.
    pub max_event: usize,
    /// What happens at a line or an event over its limit: [`Oversize::Fail`].
    pub oversize: Oversize,
}

/// What happens at a line or an event over its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Oversize {
    /// The stream has failed: [`Decoder::next_event`](crate::Decoder::next_event) says so.
    #[default]
    Fail,
    /// The event is dropped, and counted in [`Decoder::skipped`](crate::Decoder::skipped); the
    /// stream goes on behind it. Its `id` and `retry` fields, if they fit into a line, count as
    /// always, so that a reconnection does not ask for the same event again.
    Skip,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_line: 1 << 20, max_event: 16 << 20, oversize: Oversize::Fail }
    }
}

impl Limits {
    /// Sets [`max_line`](#structfield.max_line), in bytes.
    #[must_use]
    pub const fn max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// Sets [`max_event`](#structfield.max_event), in bytes.
    #[must_use]
    pub const fn max_event(mut self, bytes: usize) -> Self {
        self.max_event = bytes;
        self
    }

    /// Sets [`oversize`](#structfield.oversize).
    #[must_use]
    pub const fn oversize(mut self, reaction: Oversize) -> Self {
        self.oversize = reaction;
        self
    }
}
