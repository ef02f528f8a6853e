//! Chunks to lines (HTML #parsing-an-event-stream).
//!
//! ```text
//! stream      = [ bom ] *event
//! end-of-line = cr lf / cr / lf
//! ```
//!
//! Line ends are found before UTF-8 is decoded. That is equivalent, because no byte of a longer
//! sequence is a CR or an LF: a sequence cut by a line end becomes U+FFFD either way.

use memchr::memchr2;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Finds the lines in chunks. It keeps no bytes, and looks at each of them once.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    max_line: usize,
    /// Bytes consumed since the stream began.
    position: u64,
    /// Where the line that ended last did, at its CR or LF.
    line_end: u64,
    state: State,
    /// How much of the present line has been consumed.
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The stream begins; so much of a byte order mark has been seen.
    Begin {
        seen: usize,
    },
    Line,
    /// The line ended with a CR at the end of a chunk: an LF that comes next belongs to it.
    AfterCr,
    /// The line is too long: the rest of it is dropped.
    Discarding,
}

/// A line, or the part of it that a chunk holds, without the line end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'i> {
    pub(crate) bytes: &'i [u8],
    /// The line ends here.
    pub(crate) ended: bool,
}

/// The line is over the limit; `offset` is its first byte too many.
#[derive(Debug)]
pub(crate) struct TooLong {
    pub(crate) offset: u64,
}

impl Lines {
    pub(crate) const fn new(max_line: usize) -> Self {
        Self { max_line, position: 0, line_end: 0, state: State::Begin { seen: 0 }, length: 0 }
    }

    /// Where the line that ended last did, in bytes from the start of the stream.
    pub(crate) const fn line_end(&self) -> u64 {
        self.line_end
    }

    /// The next line or part of one; `None` when all of `input` is used.
    ///
    /// A part over the limit is not consumed: after the error the line goes on, and is dropped.
    #[inline]
    pub(crate) fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Part<'i>>, TooLong> {
        if self.state != State::Line {
            let resumed = self.resume(input)?;
            if resumed.is_some() || self.state != State::Line {
                return Ok(resumed);
            }
        }
        let (end, ended) = match input.first() {
            None => return Ok(None),
            Some(b'\n' | b'\r') => (0, true),
            Some(_) => match memchr2(b'\n', b'\r', input) {
                Some(end) => (end, true),
                None => (input.len(), false),
            },
        };
        if end > self.max_line - self.length {
            return Err(self.too_long());
        }
        let bytes = &input[..end];
        if ended {
            self.end_line(input, end);
        } else {
            self.length += end;
            self.consume(input, end);
        }
        Ok(Some(Part { bytes, ended }))
    }

    /// Leads back to `State::Line`, or uses up `input`.
    fn resume(&mut self, input: &mut &[u8]) -> Result<Option<Part<'static>>, TooLong> {
        match self.state {
            State::Line => {}
            State::Begin { seen } => return self.begin(input, seen),
            State::AfterCr => match input.first() {
                None => {}
                Some(b'\n') => {
                    self.state = State::Line;
                    self.consume(input, 1);
                }
                Some(_) => self.state = State::Line,
            },
            State::Discarding => match memchr2(b'\n', b'\r', input) {
                None => self.consume(input, input.len()),
                Some(end) => {
                    self.state = State::Line;
                    self.end_line(input, end);
                }
            },
        }
        Ok(None)
    }

    /// Drops the one byte order mark that may lead the stream. What turns out to be another
    /// beginning is the line's first part.
    fn begin(&mut self, input: &mut &[u8], seen: usize) -> Result<Option<Part<'static>>, TooLong> {
        let mark = &BYTE_ORDER_MARK[seen..];
        let common =
            mark.iter().zip(*input).take_while(|(expected, byte)| expected == byte).count();
        self.consume(input, common);
        let seen = seen + common;
        let complete = seen == BYTE_ORDER_MARK.len();
        if !complete && input.is_empty() {
            self.state = State::Begin { seen };
            return Ok(None);
        }
        self.state = State::Line;
        if complete || seen == 0 {
            return Ok(None);
        }
        if seen > self.max_line {
            self.state = State::Discarding;
            return Err(TooLong { offset: self.max_line as u64 });
        }
        self.length = seen;
        Ok(Some(Part { bytes: &BYTE_ORDER_MARK[..seen], ended: false }))
    }

    #[cold]
    fn too_long(&mut self) -> TooLong {
        let offset = self.position + (self.max_line - self.length) as u64;
        self.state = State::Discarding;
        TooLong { offset }
    }

    /// Consumes the rest of a line and its end: CRLF, LF or CR.
    #[inline]
    fn end_line(&mut self, input: &mut &[u8], end: usize) {
        let mut used = end + 1;
        if input[end] == b'\r' {
            match input.get(used) {
                Some(b'\n') => used += 1,
                Some(_) => {}
                None => self.state = State::AfterCr,
            }
        }
        self.length = 0;
        self.line_end = self.position + end as u64;
        self.consume(input, used);
    }

    #[inline]
    fn consume(&mut self, input: &mut &[u8], used: usize) {
        self.position += used as u64;
        *input = &input[used..];
    }
}
