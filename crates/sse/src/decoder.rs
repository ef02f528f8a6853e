//! The event stream decoder (HTML #parsing-an-event-stream, #event-stream-interpretation).

use crate::block::{Block, Borrowed, LastEventId};
use crate::cut::CutLine;
use crate::field::Field;
use crate::line::{Lines, Part};
use crate::{Error, Event, Item, Limits, Oversize, Rule, Text};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};
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
/// not UTF-8; and for a moment, when data is moved to where there is more room, the same again.
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
    /// Bytes consumed since the stream began.
    position: u64,
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
            position: 0,
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
    #[inline]
    pub fn next_event<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Event<'i>>, Error> {
        if let [byte] = **input
            && self.trickle(byte)
        {
            *input = &[];
            return Ok(None);
        }
        self.find_event(input)
    }

    fn find_event<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Event<'i>>, Error> {
        loop {
            match self.advance::<false>(input)? {
                Some(Step::Event(fields)) => {
                    if let Some((event_type, data)) = self.block.plain(&fields, &self.last_event_id)
                    {
                        return Ok(Some(Event {
                            event_type: Text::Borrowed(event_type),
                            data: Text::Borrowed(data),
                            last_event_id: Text::Borrowed(""),
                        }));
                    }
                    return Ok(Some(self.block.dispatch(fields, &mut self.last_event_id)));
                }
                Some(Step::Block(fields)) => {
                    self.block.end(fields, &mut self.last_event_id);
                }
                Some(Step::Ignored(_) | Step::IgnoredCut(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// The same with an event that does not borrow the chunk, but owns its text or shares the chunk's
    /// bytes.
    ///
    /// Data of 4 KiB and more that lies within `chunk` is shared; what is shorter is copied, lest an
    /// event that somebody keeps hold a chunk that is many times as long.
    ///
    /// ```
    /// use bytes::Bytes;
    ///
    /// let mut decoder = rtwire_sse::Decoder::new();
    /// let mut chunk = Bytes::from("data: one\n\ndata: two\n\ndata: cut");
    /// let mut events = Vec::new();
    /// while let Some(event) = decoder.next_owned(&mut chunk)? {
    ///     events.push(event);
    /// }
    /// drop(chunk);
    /// assert_eq!(events[1].data, "two");
    /// # Ok::<(), rtwire_sse::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn next_owned(&mut self, chunk: &mut Bytes) -> Result<Option<Event<'static>>, Error> {
        if let [byte] = chunk[..]
            && self.trickle(byte)
        {
            chunk.clear();
            return Ok(None);
        }
        let mut input = &chunk[..];
        let next = self.find_event(&mut input).map(|event| event.map(|event| event.share(chunk)));
        let used = chunk.len() - input.len();
        chunk.advance(used);
        next
    }

    /// The next thing that the stream says, of those too that deliver nothing: comments, fields to be
    /// ignored, blocks without data. Otherwise as [`next_event`](Self::next_event).
    ///
    /// ```
    /// use rtwire_sse::{Decoder, Item};
    ///
    /// let mut decoder = Decoder::new();
    /// let mut input = &b": are you there?\nid: 7\n\ndata: hello\n\n"[..];
    /// let mut items = Vec::new();
    /// while let Some(item) = decoder.next_item(&mut input)? {
    ///     items.push(item);
    /// }
    /// assert!(matches!(&items[0], Item::Comment(text) if *text == " are you there?"));
    /// assert!(matches!(&items[1], Item::Block { last_event_id, .. } if *last_event_id == "7"));
    /// assert!(matches!(&items[2], Item::Event(event) if event.data == "hello"));
    /// # Ok::<(), rtwire_sse::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn next_item<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Item<'i>>, Error> {
        loop {
            let item = match self.advance::<true>(input)? {
                Some(Step::Event(fields)) => {
                    Item::Event(self.block.dispatch(fields, &mut self.last_event_id))
                }
                Some(Step::Block(fields)) => {
                    let Some((event_type, last_event_id)) =
                        self.block.end(fields, &mut self.last_event_id)
                    else {
                        continue; // An empty line behind an empty line, or behind a comment.
                    };
                    Item::Block { event_type, last_event_id }
                }
                Some(Step::Ignored(line)) => Item::ignored(line),
                Some(Step::IgnoredCut(line)) => {
                    let item = Item::ignored(&line).into_owned();
                    self.cut.reuse(line);
                    item
                }
                None => return Ok(None),
            };
            return Ok(Some(item));
        }
    }

    /// Takes a byte that makes a `data` line longer and nothing else: the short way for streams that
    /// come byte by byte.
    #[inline]
    fn trickle(&mut self, byte: u8) -> bool {
        let taken = self.cut.is_data() && self.lines.lengthen(byte);
        if taken {
            self.position += 1;
            self.block.push_data_part(&[byte]);
        }
        taken
    }

    /// Goes on to where there is something to do or, if it is asked for, to tell.
    #[inline(always)] // The one loop, twice.
    fn advance<'i, const ALL: bool>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Step<'i>>, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let (whole, mut rest) = (*input, *input);
        let step = self.find_step::<ALL>(whole, &mut rest);
        self.position += (whole.len() - rest.len()) as u64;
        *input = rest;
        step
    }

    #[inline(always)]
    fn find_step<'i, const ALL: bool>(
        &mut self,
        whole: &'i [u8],
        rest: &mut &'i [u8],
    ) -> Result<Option<Step<'i>>, Error> {
        let mut borrowed = Borrowed::default();
        loop {
            let line = match self.lines.next(rest) {
                Part::Line(line) => line,
                Part::Cut { bytes, ended } => {
                    self.block.keep(&mut borrowed);
                    self.cut.push(bytes, &mut self.block);
                    if ended && let Some(line) = self.end_cut_line(whole, rest)? {
                        if ALL {
                            return Ok(Some(Step::IgnoredCut(line)));
                        }
                        self.cut.reuse(line);
                    }
                    if rest.is_empty() {
                        return Ok(None); // The loop would say so too, a little later.
                    }
                    continue;
                }
                Part::TooLong { consumed } => {
                    self.block.keep(&mut borrowed);
                    self.cut = CutLine::default();
                    let limit = self.limits.max_line;
                    let begin = self.offset(whole, rest) - consumed as u64;
                    self.exceed(Error::new(Rule::LineTooLong { limit }, begin + limit as u64))?;
                    continue;
                }
                Part::Nothing => {
                    self.block.keep(&mut borrowed);
                    return Ok(None);
                }
            };
            match Field::parse(line) {
                Field::Data(value)
                    if !self.block.has_data()
                        && borrowed.data.is_none()
                        // Each byte becomes three at most.
                        && value.len().saturating_mul(3) <= self.limits.max_event =>
                {
                    borrowed.data = Some(value);
                    // Most events end here, and need no search to find that out.
                    if let Some(after) = self.lines.strip_empty(rest) {
                        *rest = after;
                        return Ok(Some(Step::Event(borrowed)));
                    }
                }
                Field::Data(value) => {
                    self.block.keep_data(&mut borrowed);
                    self.block.push_data(value);
                    self.check_event(whole, rest)?;
                }
                Field::EmptyLine => {
                    if borrowed.data.is_some() || self.block.has_event() {
                        return Ok(Some(Step::Event(borrowed)));
                    }
                    self.skipped += u64::from(self.block.oversize);
                    return Ok(Some(Step::Block(borrowed)));
                }
                Field::Event(value) => borrowed.event_type = Some(value),
                Field::Id(value) => borrowed.id = Some(value),
                Field::Retry(milliseconds) => self.retry = Some(milliseconds),
                Field::Ignored => {
                    if ALL {
                        self.block.keep(&mut borrowed);
                        return Ok(Some(Step::Ignored(line)));
                    }
                }
            }
        }
    }

    /// Makes room for an event whose data is about `bytes` long and comes in many chunks, so that it is
    /// put where it stays. For one event; never over [`Limits::max_event`].
    ///
    /// Without, data of more than 64 KiB is moved each time that it has grown by a sixth, unless the
    /// allocator has room behind it. What that takes at a time is 2.2 times its length at most.
    pub fn reserve(&mut self, bytes: usize) {
        self.block.reserve_data(bytes.min(self.limits.max_event));
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
        self.position = 0;
        self.lines = Lines::new(self.limits.max_line);
        self.cut = CutLine::default();
        // The id buffer goes with the block: it starts again from the last event ID string.
        self.block = Block::default();
        self.failed = None;
    }

    /// A line ends that was cut. Returns it if it is to be ignored.
    fn end_cut_line(&mut self, whole: &[u8], rest: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let Some(line) = self.cut.end() else {
            return self.check_event(whole, rest).map(|()| None); // It was a `data` line.
        };
        match Field::parse(&line) {
            Field::Data(value) => {
                self.block.push_data(value);
                self.check_event(whole, rest)?;
            }
            Field::Event(value) => self.block.set_event_type(value),
            Field::Id(value) => self.block.set_id(value),
            Field::Retry(milliseconds) => self.retry = Some(milliseconds),
            Field::Ignored | Field::EmptyLine => return Ok(Some(line)),
        }
        self.cut.reuse(line);
        Ok(None)
    }

    /// After a `data` line.
    #[inline]
    fn check_event(&mut self, whole: &[u8], rest: &[u8]) -> Result<(), Error> {
        if self.block.data_fits(self.limits.max_event) {
            return Ok(());
        }
        let rule = Rule::EventTooLong { limit: self.limits.max_event };
        let line_end = if whole[..whole.len() - rest.len()].ends_with(b"\r\n") { 2 } else { 1 };
        self.exceed(Error::new(rule, self.offset(whole, rest) - line_end))
    }

    /// Where `rest` begins, which is the end of `whole`, in bytes from the start of the stream.
    const fn offset(&self, whole: &[u8], rest: &[u8]) -> u64 {
        self.position + (whole.len() - rest.len()) as u64
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

/// Where the decoder has come to.
enum Step<'i> {
    /// An empty line that ends an event; these fields of it lie in the chunk.
    Event(Borrowed<'i>),
    /// An empty line that ends none.
    Block(Borrowed<'i>),
    /// A line to be ignored.
    Ignored(&'i [u8]),
    /// The same, of a line that was cut.
    IgnoredCut(Vec<u8>),
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
            let grown = decoder.cut.capacity();
            if grown != capacity {
                (capacity, moved) = (grown, moved + capacity);
            }
        }
        assert!(capacity >= line.len() / 2, "it has been kept");
        moved
    }

    #[test]
    fn a_line_that_comes_byte_by_byte_is_moved_a_constant_number_of_times() {
        for name in ["id: ", ": "] {
            for length in [1 << 10, 1 << 15, 1 << 20] {
                let mut line = name.as_bytes().to_vec();
                line.resize(length, b'x');
                assert!(moved(&line) <= 2 * length, "{name:?}, {length} bytes");
            }
        }
    }
}
