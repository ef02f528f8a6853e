//! Events to an event stream (HTML #event-stream-interpretation, read backwards).
//!
//! ```text
//! event   = *( comment / field ) end-of-line
//!
//!   event: tick⏎        one line: a line break in it is an error
//!   id: 5⏎              one line: a line break or a NUL in it is an error
//!   retry: 3000⏎        milliseconds
//!   data: first line⏎   a line for each line of the data
//!   data:⏎
//!   data:  third⏎       the first space is the format's, the second the data's own
//!   ⏎                   dispatches
//! ```

use crate::EncodeError;
use alloc::string::ToString;
use bytes::{BufMut, Bytes, BytesMut};
use core::time::Duration;
use memchr::{memchr, memchr2};

/// What to send when there is nothing to send: a comment, which a decoder ignores. It keeps
/// intermediaries from taking a quiet connection for a dead one.
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// The fields of one event, to be encoded.
///
/// Each field is left out until it is set. A value cannot smuggle in another field: what would is an
/// [`EncodeError`], or is split into lines where the format has a way to say it.
///
/// ```
/// use rtwire_sse::Fields;
///
/// let event = Fields::new().event("tick").id("5").data("two\nlines").to_bytes()?;
/// assert_eq!(event, "event: tick\nid: 5\ndata: two\ndata: lines\n\n");
///
/// assert!(Fields::new().id("5\ndata: injected").to_bytes().is_err());
/// # Ok::<(), rtwire_sse::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fields<'a> {
    comment: Option<&'a str>,
    event: Option<&'a str>,
    id: Option<&'a str>,
    retry: Option<Duration>,
    data: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// No field at all.
    #[must_use]
    pub const fn new() -> Self {
        Self { comment: None, event: None, id: None, retry: None, data: None }
    }

    /// A comment, which a decoder ignores. Each line of it becomes a comment line.
    #[must_use]
    pub const fn comment(mut self, text: &'a str) -> Self {
        self.comment = Some(text);
        self
    }

    /// The event type; without one, or with an empty one, it is `message`.
    #[must_use]
    pub const fn event(mut self, event_type: &'a str) -> Self {
        self.event = Some(event_type);
        self
    }

    /// The last event ID from this event on; an empty one resets it. Without this field, it stays
    /// what it was.
    #[must_use]
    pub const fn id(mut self, id: &'a str) -> Self {
        self.id = Some(id);
        self
    }

    /// The reconnection time. It is sent in whole milliseconds, rounded down, `u64::MAX` at most.
    #[must_use]
    pub const fn retry(mut self, time: Duration) -> Self {
        self.retry = Some(time);
        self
    }

    /// The data, be it empty. Without this field, no event is delivered, but the id and the
    /// reconnection time take effect.
    ///
    /// The format sends lines, and does not say how they ended: CRLF and CR arrive as LF. All other
    /// text arrives as it is, with its trailing line breaks and leading spaces.
    #[must_use]
    pub const fn data(mut self, data: &'a str) -> Self {
        self.data = Some(data);
        self
    }

    /// Appends the event to `out`, whole or not at all.
    ///
    /// # Errors
    /// The event type holds a CR or an LF; the id holds a CR, an LF or a NUL. `out` is as it was.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        let line_break = |value: &str| memchr2(b'\n', b'\r', value.as_bytes()).is_some();
        if self.event.is_some_and(line_break) {
            return Err(EncodeError::LineBreakInEvent);
        }
        if self.id.is_some_and(line_break) {
            return Err(EncodeError::LineBreakInId);
        }
        if self.id.is_some_and(|id| memchr(0, id.as_bytes()).is_some()) {
            return Err(EncodeError::NulInId);
        }

        out.reserve(self.least_len());
        if let Some(text) = self.comment {
            put_lines(out, b":", text);
        }
        if let Some(event_type) = self.event {
            put_line(out, b"event:", event_type.as_bytes());
        }
        if let Some(id) = self.id {
            put_line(out, b"id:", id.as_bytes());
        }
        if let Some(time) = self.retry {
            let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            put_line(out, b"retry:", milliseconds.to_string().as_bytes());
        }
        if let Some(data) = self.data {
            put_lines(out, b"data:", data);
        }
        out.put_u8(b'\n');
        Ok(())
    }

    /// The encoded event on its own.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn to_bytes(&self) -> Result<Bytes, EncodeError> {
        let mut out = BytesMut::new();
        self.encode(&mut out)?;
        Ok(out.freeze())
    }

    /// The encoded length, in bytes, of values of one line each, without `retry`.
    fn least_len(&self) -> usize {
        let line = |name: usize, value: Option<&str>| value.map_or(0, |v| name + 2 + v.len());
        line(1, self.comment) + line(6, self.event) + line(3, self.id) + line(5, self.data) + 1
    }
}

/// Writes a line for each line of `text`; CRLF, CR and LF end one, so that a trailing one is
/// followed by an empty line.
fn put_lines(out: &mut BytesMut, name: &[u8], text: &str) {
    let mut rest = text.as_bytes();
    while let Some(end) = memchr2(b'\n', b'\r', rest) {
        put_line(out, name, &rest[..end]);
        let line_break = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[end + line_break..];
    }
    put_line(out, name, rest);
}

/// Writes `name` with its colon, and the value behind the one space that a decoder drops.
fn put_line(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.put_slice(name);
    if !value.is_empty() {
        out.put_u8(b' ');
        out.put_slice(value);
    }
    out.put_u8(b'\n');
}
