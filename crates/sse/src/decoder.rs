//! The event stream decoder (HTML #parsing-an-event-stream, #event-stream-interpretation).

use crate::block::{Block, Borrowed, LastEventId};
use crate::cut::CutLine;
use crate::field::Field;
use crate::line::{Lines, Part};
use crate::{Error, Event, Limits, Oversize, Rule};
use alloc::string::String;
use core::mem;
use core::time::Duration;

/// Decodes an event stream that arrives in chunks, cut anywhere.
///
/// An event is delivered with the byte that ends it: a CR at the end of a chunk does so at once. At
/// the end of the stream nothing remains to be asked for, because the standard drops a line without
/// an end and an event without an empty line.
///
/// Work is linear in the bytes received, also when they come one by one. Memory is bounded by
/// [`Limits`]: the data of an event and a line more, whose bytes become three each where they are
/// not UTF-8.
///
/// ```
/// use rtwire_sse::Decoder;
///
/// let mut decoder = Decoder::new();
/// let mut seen = Vec::new();
/// for chunk in ["event: tick\nid: 7\nda", "ta: one\n\ndata: two\n\n"] {
///     let mut input = chunk.as_bytes();
///     while let Some(event) = decoder.next_event(&mut input)? {
///         seen.push(event.into_owned());
///     }
/// }
/// assert_eq!((&*seen[0].event_type, &*seen[0].data), ("tick", "one"));
/// assert_eq!((&*seen[1].event_type, &*seen[1].data), ("message", "two"));
/// assert_eq!(seen[1].last_event_id, "7");
/// # Ok::<(), rtwire_sse::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    limits: Limits,
    lines: Lines,
    cut: CutLine,
    block: Block,
    last_event_id: LastEventId,
    /// The reconnection time, in milliseconds.
    retry: Option<u64>,
    skipped: u64,
    failed: Option<Error>,
}

impl Decoder {
    /// A decoder with the default limits, before its first stream.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A decoder before its first stream.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            lines: Lines::new(limits.max_line),
            cut: CutLine::default(),
            block: Block::default(),
            last_event_id: LastEventId::default(),
            retry: None,
            skipped: 0,
            failed: None,
        }
    }

    /// Begins with a last event ID string from an earlier time, such as the one that goes into the
    /// request as `Last-Event-ID`.
    #[must_use]
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = LastEventId::new(id.into());
        self
    }

    /// Decodes the next event from the front of `input`, which becomes the rest. `Ok(None)`: all of
    /// `input` is used, and what it holds of a line or an event has been kept.
    ///
    /// # Errors
    /// [`Rule::LineTooLong`] and [`Rule::EventTooLong`], with [`Oversize::Fail`]. An error is
    /// final: each later call returns it again, until [`reset`](Self::reset).
    pub fn next_event<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Event<'i>>, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut borrowed = Borrowed::default();
        loop {
            let part = match self.lines.next(input) {
                Ok(Some(part)) => part,
                Ok(None) => {
                    self.block.keep(&mut borrowed);
                    return Ok(None);
                }
                Err(too_long) => {
                    self.block.keep(&mut borrowed);
                    self.cut = CutLine::default();
                    let rule = Rule::LineTooLong { limit: self.limits.max_line };
                    self.exceed(Error::new(rule, too_long.offset))?;
                    continue;
                }
            };
            if !part.ended || self.cut.begun() {
                self.block.keep(&mut borrowed);
                self.cut_line(part)?;
                if input.is_empty() {
                    return Ok(None); // The loop would say so too, a little later.
                }
                continue;
            }
            match Field::parse(part.bytes) {
                Field::EmptyLine => {
                    if borrowed.has_data() || self.block.has_event() {
                        return Ok(Some(self.block.dispatch(borrowed, &mut self.last_event_id)));
                    }
                    self.skipped += u64::from(self.block.oversize);
                    self.block.end(mem::take(&mut borrowed), &mut self.last_event_id);
                }
                Field::Data(value)
                    if !self.block.has_data()
                        && self.fits(value.len())
                        && borrowed.set_data(value) => {}
                Field::Event(value) if borrowed.set_event_type(value) => {}
                Field::Id(value) if borrowed.set_id(value) => {}
                Field::Retry(milliseconds) => self.retry = Some(milliseconds),
                Field::Ignored => {}
                Field::Data(value) => {
                    self.block.keep_data(&mut borrowed);
                    self.block.push_data(value);
                    self.check_event()?;
                }
                field => {
                    self.block.keep(&mut borrowed);
                    self.keep_field(field)?;
                }
            }
        }
    }

    /// The last event ID string: what a reconnection sends as `Last-Event-ID`, if not empty.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.last_event_id.as_str()
    }

    /// The reconnection time, if a `retry` field has set one; it acts when its line ends.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry.map(Duration::from_millis)
    }

    /// How many events were dropped by [`Oversize::Skip`].
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Whether an `id` field has acted since this was last asked.
    pub(crate) fn took_id(&mut self) -> bool {
        mem::take(&mut self.last_event_id.set)
    }

    /// Begins another stream, on a new connection. What was unfinished is dropped; the last event
    /// ID string, the reconnection time and the count of skipped events stay.
    pub fn reset(&mut self) {
        self.lines = Lines::new(self.limits.max_line);
        self.cut = CutLine::default();
        // The id buffer goes with the block: it starts again from the last event ID string.
        self.block = Block::default();
        self.failed = None;
    }

    /// A part of a line that is cut.
    #[inline]
    fn cut_line(&mut self, part: Part<'_>) -> Result<(), Error> {
        self.cut.push(part.bytes, &mut self.block);
        if !part.ended {
            return Ok(());
        }
        match self.cut.end(&mut self.block) {
            Some(line) => {
                let kept = self.keep_field(Field::parse(&line));
                self.cut.reuse(line);
                kept
            }
            None => self.check_event(),
        }
    }

    /// A field whose value is not borrowed.
    fn keep_field(&mut self, field: Field<'_>) -> Result<(), Error> {
        match field {
            Field::Data(value) => {
                self.block.push_data(value);
                return self.check_event();
            }
            Field::Event(value) => self.block.set_event_type(value),
            Field::Id(value) => self.block.set_id(value),
            Field::Retry(milliseconds) => self.retry = Some(milliseconds),
            Field::Ignored | Field::EmptyLine => {}
        }
        Ok(())
    }

    /// After a `data` line.
    fn check_event(&mut self) -> Result<(), Error> {
        if self.fits(self.block.data_len()) {
            return Ok(());
        }
        let rule = Rule::EventTooLong { limit: self.limits.max_event };
        self.exceed(Error::new(rule, self.lines.line_end()))
    }

    #[inline]
    const fn fits(&self, data_len: usize) -> bool {
        data_len <= self.limits.max_event
    }

    /// A limit is passed: the stream fails for good, or the event is dropped.
    #[cold]
    fn exceed(&mut self, error: Error) -> Result<(), Error> {
        match self.limits.oversize {
            Oversize::Fail => {
                self.failed = Some(error);
                Err(error)
            }
            Oversize::Skip => {
                self.block.drop_data();
                Ok(())
            }
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Decoder;

    /// The bytes that growing buffers have moved, when `line` comes byte by byte. No byte is
    /// searched twice either: a call sees the new one only.
    fn moved(line: &[u8]) -> usize {
        let mut decoder = Decoder::new();
        let (mut capacity, mut moved) = (0, 0);
        for byte in line.chunks(1) {
            assert_eq!(decoder.next_event(&mut &byte[..]), Ok(None));
            let grown = decoder.block.data_capacity() + decoder.cut.capacity();
            if grown != capacity {
                (capacity, moved) = (grown, moved + capacity);
            }
        }
        assert!(capacity >= line.len() / 2, "it has been kept");
        moved
    }

    #[test]
    fn a_line_that_comes_byte_by_byte_is_moved_a_constant_number_of_times() {
        for name in ["data: ", "id: ", ": "] {
            for length in [1 << 10, 1 << 15, 1 << 20] {
                let mut line = name.as_bytes().to_vec();
                line.resize(length, b'x');
                assert!(moved(&line) <= 2 * length, "{name:?}, {length} bytes");
            }
        }
    }
}
