//! The head of an HTTP/1.1 message: where it ends, and what it is made of (RFC 9112 §2.1).

use alloc::vec;

use super::fields::{Field, Fields};
use super::{Error, Limits, Rule};

/// The search for the end of a head that arrives in pieces.
///
/// It remembers how far it has looked, so that the work is linear in the bytes received however
/// small the pieces are. One search serves one handshake; the input that it is shown is always
/// everything received so far. After the handshake's last head it is as new.
#[derive(Clone, Debug, Default)]
pub struct HeadSearch {
    limits: Limits,
    /// Where the head starts: behind the interim answers passed over.
    start: usize,
    /// How much of the input has been looked at.
    searched: usize,
    line_start: usize,
    /// Complete lines of this head, the start line included.
    lines: usize,
    after_cr: bool,
}

impl HeadSearch {
    /// A search that has seen nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The head at the front of `input`, if all of it is there.
    pub(super) fn find<'i>(&mut self, input: &'i [u8]) -> Result<Option<Head<'i>>, Error> {
        let (max_head, max_headers) = (self.limits.max_head, self.limits.max_headers);
        for (at, byte) in input.iter().enumerate().skip(self.searched) {
            if at >= max_head {
                return Err(Error::new(Rule::HeadTooLarge { limit: max_head }, at));
            }
            self.searched = at + 1;
            // RFC 9112 §2.2 lets a recipient take a bare LF for the end of a line. Nobody who
            // upgrades needs that, and parsers that disagree about it let requests be smuggled.
            if self.after_cr != (*byte == b'\n') {
                return Err(Error::new(Rule::LineTerminator, at));
            }
            self.after_cr = *byte == b'\r';
            if *byte != b'\n' {
                continue;
            }
            let line_start = core::mem::replace(&mut self.line_start, at + 1);
            if at - line_start > 1 {
                self.lines += 1;
                if self.lines - 1 > max_headers {
                    let rule = Rule::TooManyHeaders { limit: max_headers };
                    return Err(Error::new(rule, line_start));
                }
            } else if self.lines > 0 {
                let (offset, field_lines) = (self.start, self.lines - 1);
                self.start = at + 1;
                self.lines = 0;
                return Ok(Some(Head { bytes: &input[offset..=at], offset, field_lines }));
            }
            // RFC 9112 §2.2: empty lines before the first are ignored.
        }
        Ok(None)
    }

    /// Forgets everything but the limits.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.limits);
    }
}

/// A complete head: the start line, the field lines and the empty line.
pub(super) struct Head<'i> {
    bytes: &'i [u8],
    /// Where it starts in the input.
    offset: usize,
    field_lines: usize,
}

pub(super) struct RequestLine<'i> {
    pub(super) method: &'i str,
    pub(super) target: &'i str,
    pub(super) version: (u8, u8),
}

pub(super) struct StatusLine {
    pub(super) status: u16,
    pub(super) version: (u8, u8),
}

impl<'i> Head<'i> {
    /// Where the input goes on behind the head.
    pub(super) fn end(&self) -> usize {
        self.offset + self.bytes.len()
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn request(&self) -> Result<(RequestLine<'i>, Fields<'i>), Error> {
        let mut headers = vec![httparse::EMPTY_HEADER; self.field_lines];
        let mut request = httparse::Request::new(&mut headers);
        let status = request.parse(self.bytes);
        self.parsed(status, Rule::RequestLine)?;
        let (Some(method), Some(target), Some(minor)) =
            (request.method, request.path, request.version)
        else {
            return Err(Error::new(Rule::RequestLine, self.offset));
        };
        Ok((RequestLine { method, target, version: (1, minor) }, self.fields(request.headers)))
    }

    pub(super) fn response(&self) -> Result<(StatusLine, Fields<'i>), Error> {
        let mut headers = vec![httparse::EMPTY_HEADER; self.field_lines];
        let mut response = httparse::Response::new(&mut headers);
        let status = response.parse(self.bytes);
        self.parsed(status, Rule::StatusLine)?;
        let (Some(status @ 100..=599), Some(minor)) = (response.code, response.version) else {
            return Err(Error::new(Rule::StatusLine, self.offset));
        };
        Ok((StatusLine { status, version: (1, minor) }, self.fields(response.headers)))
    }

    fn parsed(&self, status: httparse::Result<usize>, start_line: Rule) -> Result<(), Error> {
        match status {
            // The parser and the search must agree on where the frames begin.
            Ok(httparse::Status::Complete(used)) if used == self.bytes.len() => Ok(()),
            Err(httparse::Error::Version) => Err(Error::new(Rule::HttpVersion, self.offset)),
            Err(httparse::Error::HeaderName | httparse::Error::HeaderValue) => {
                Err(Error::new(Rule::HeaderField, self.malformed_field()))
            }
            Ok(_) | Err(_) => Err(Error::new(start_line, self.offset)),
        }
    }

    /// Where the first field line starts that does not parse: the parser does not say.
    fn malformed_field(&self) -> usize {
        let mut at = self.offset;
        let mut seen_start_line = false;
        for line in self.bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut header = [httparse::EMPTY_HEADER];
            if seen_start_line && httparse::parse_headers(line, &mut header).is_err() {
                break;
            }
            seen_start_line |= line != b"\r\n";
            at += line.len();
        }
        at
    }

    fn fields(&self, headers: &[httparse::Header<'i>]) -> Fields<'i> {
        let field = |header: &httparse::Header<'i>| {
            // A parsed value is a part of the head; `min` keeps that from being relied upon.
            let within = header.value.as_ptr().addr().wrapping_sub(self.bytes.as_ptr().addr());
            Field {
                name: header.name,
                value: header.value,
                offset: self.offset + within.min(self.bytes.len()),
            }
        };
        Fields::new(headers.iter().map(field).collect(), self.end())
    }
}
