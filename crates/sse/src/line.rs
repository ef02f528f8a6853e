//! Chunks to lines (HTML #parsing-an-event-stream).
//!
//! ```text
//! stream      = [ bom ] *event
//! end-of-line = cr lf / cr / lf
//! ```
//!
//! Line ends are found before UTF-8 is decoded. That is equivalent, because no byte of a longer
//! sequence is a CR or an LF: a sequence cut by a line end becomes U+FFFD either way.

use core::mem;
use memchr::memchr2;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Finds the lines in chunks. It keeps no bytes, and looks at each of them once.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    max_line: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The stream begins; so much of a byte order mark has been seen.
    Begin { seen: usize },
    /// A line begins.
    Line,
    /// So much of a line has been consumed.
    Cut { length: usize },
    /// The line ended with a CR at the end of a chunk: an LF that comes next belongs to it.
    AfterCr,
    /// The line is too long: the rest of it is dropped.
    Discarding,
}

/// What is at the front of a chunk.
#[derive(Debug)]
pub(crate) enum Part<'i> {
    /// A line, without its end.
    Line(&'i [u8]),
    /// A part of a line that is cut. It is the last one if the line ends here.
    Cut { bytes: &'i [u8], ended: bool },
    /// A line that is over the limit, and so much of it has been consumed. The rest of it is dropped.
    TooLong { consumed: usize },
    /// Nothing: all of the chunk is used.
    Nothing,
}

impl Lines {
    pub(crate) const fn new(max_line: usize) -> Self {
        Self { max_line, state: State::Begin { seen: 0 } }
    }

    /// Takes the next line or part of one from the front of `input`.
    #[inline(always)] // Once a line; as a call, its result would go through memory.
    pub(crate) fn next<'i>(&mut self, input: &mut &'i [u8]) -> Part<'i> {
        if self.state == State::Line {
            match find_end(input) {
                Some(end) if end <= self.max_line => {
                    let line = &input[..end];
                    self.end_line(input, end);
                    return Part::Line(line);
                }
                None if (1..=self.max_line).contains(&input.len()) => {
                    let bytes = mem::take(input);
                    self.state = State::Cut { length: bytes.len() };
                    return Part::Cut { bytes, ended: false };
                }
                _ => {}
            }
        }
        let (part, rest) = self.next_special(input);
        *input = rest;
        part
    }

    /// Takes a byte if it belongs to a line that is cut, and is within the limit.
    #[inline]
    pub(crate) fn lengthen(&mut self, byte: u8) -> bool {
        match &mut self.state {
            State::Cut { length } if *length < self.max_line && !matches!(byte, b'\n' | b'\r') => {
                *length += 1;
                true
            }
            _ => false,
        }
    }

    /// What is behind an empty line that `input` begins with, if that can be told from it alone.
    #[inline]
    pub(crate) fn strip_empty<'i>(&self, input: &'i [u8]) -> Option<&'i [u8]> {
        match input {
            [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] if self.state == State::Line => {
                Some(after)
            }
            _ => None,
        }
    }

    /// The line goes on, or is too long; the chunk or the stream begins; or there is nothing.
    fn next_special<'i>(&mut self, mut input: &'i [u8]) -> (Part<'i>, &'i [u8]) {
        let length = match self.state {
            State::Line => 0,
            State::Cut { length } => length,
            State::Begin { seen } => return self.begin(input, seen),
            State::AfterCr => {
                if !input.is_empty() {
                    self.state = State::Line;
                }
                return self.go_on(input.strip_prefix(b"\n").unwrap_or(input));
            }
            State::Discarding => {
                let Some(end) = find_end(input) else { return (Part::Nothing, &[]) };
                self.end_line(&mut input, end);
                return self.go_on(input);
            }
        };
        if input.is_empty() {
            return (Part::Nothing, input);
        }
        let end = find_end(input);
        let bytes = &input[..end.unwrap_or(input.len())];
        if bytes.len() > self.max_line - length {
            self.state = State::Discarding;
            return (Part::TooLong { consumed: length }, input);
        }
        match end {
            Some(end) => self.end_line(&mut input, end),
            None => {
                self.state = State::Cut { length: length + bytes.len() };
                input = &[];
            }
        }
        (Part::Cut { bytes, ended: end.is_some() }, input)
    }

    /// Drops the one byte order mark that may lead the stream. What turns out to be another
    /// beginning is the line's first part.
    fn begin<'i>(&mut self, input: &'i [u8], seen: usize) -> (Part<'i>, &'i [u8]) {
        let mark = &BYTE_ORDER_MARK[seen..];
        let common = mark.iter().zip(input).take_while(|(expected, byte)| expected == byte).count();
        let rest = &input[common..];
        let seen = seen + common;
        let complete = seen == BYTE_ORDER_MARK.len();
        if !complete && rest.is_empty() {
            self.state = State::Begin { seen };
            return (Part::Nothing, rest);
        }
        if complete || seen == 0 {
            self.state = State::Line;
            return self.go_on(rest);
        }
        if seen > self.max_line {
            self.state = State::Discarding;
            return (Part::TooLong { consumed: seen }, rest);
        }
        self.state = State::Cut { length: seen };
        (Part::Cut { bytes: &BYTE_ORDER_MARK[..seen], ended: false }, rest)
    }

    /// What is behind that which is no line.
    fn go_on<'i>(&mut self, mut input: &'i [u8]) -> (Part<'i>, &'i [u8]) {
        if input.is_empty() {
            return (Part::Nothing, input);
        }
        let part = self.next(&mut input);
        (part, input)
    }

    /// Consumes the rest of a line and its end: CRLF, LF or CR.
    #[inline]
    fn end_line(&mut self, input: &mut &[u8], end: usize) {
        let mut used = end + 1;
        self.state = State::Line;
        if input[end] == b'\r' {
            match input.get(used) {
                Some(b'\n') => used += 1,
                Some(_) => {}
                None => self.state = State::AfterCr,
            }
        }
        *input = &input[used..];
    }
}

/// Where the line ends.
#[inline]
fn find_end(input: &[u8]) -> Option<usize> {
    match input {
        // The line that ends an event; and a search costs more than a look where bytes trickle in.
        [b'\n' | b'\r', ..] => Some(0),
        [] | [_] => None,
        _ => memchr2(b'\n', b'\r', input),
    }
}
