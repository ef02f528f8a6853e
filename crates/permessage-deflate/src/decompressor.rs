//! Decompression (RFC 7692 §7.2.2): put the four bytes back behind the payload, and inflate.
//!
//! ```text
//! payload   f2 48 cd c9 c9 07   00 | 00 00 ff ff       "Append 4 octets of 0x00 0x00 0xff 0xff"
//! inflate   └─ "Hello" ─────┘   └─ an empty stored block: the message ends here, or is none
//! ```
//!
//! Where a piece ends means nothing; what has been inflated is handed out at once. A block with
//! BFINAL set ends a DEFLATE stream but not the message (§7.2.3.4): behind it another stream begins,
//! at the next byte, with an empty window.

use core::fmt;

use bytes::BytesMut;
use zlib_rs::{Inflate, InflateFlush, Status};

use crate::compressor::{TAIL, difference};
use crate::error::{Error, Rule};
use crate::room::Step;
use crate::window::{Window, WindowBits};

/// Decompresses the messages of one direction, none of them longer than its limit.
///
/// ```
/// use bytes::BytesMut;
/// use rtwire_permessage_deflate::{Decompressor, Rule, Window};
///
/// let mut decompressor = Decompressor::new(Window::default(), 5);
/// let mut message = BytesMut::new();
/// let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
/// decompressor.decompress(&hello, true, &mut message)?;
/// assert_eq!(message, "Hello");
///
/// let mut decompressor = Decompressor::new(Window::default(), 4);
/// let error = decompressor.decompress(&hello, true, &mut message).unwrap_err();
/// assert_eq!((error.rule(), error.rule().close_code()), (Rule::MessageTooBig { limit: 4 }, 1009));
/// # Ok::<(), rtwire_permessage_deflate::Error>(())
/// ```
pub struct Decompressor {
    inflate: Inflate,
    window: Window,
    max_message: u64,
    /// Bytes of the message so far.
    inflated: u64,
    /// Nothing was read since the message, or a DEFLATE stream in it, began.
    at_start: bool,
    failed: Option<Error>,
}

impl Decompressor {
    /// A decompressor with an empty window, for messages of at most `max_message` bytes.
    #[must_use]
    pub fn new(window: Window, max_message: u64) -> Self {
        Self {
            inflate: new_inflate(),
            window,
            max_message,
            inflated: 0,
            at_start: true,
            failed: None,
        }
    }

    /// Decompresses the next piece of a message's payload, `fin` with its last, and appends to
    /// `out` what it inflates to. Pieces may be cut anywhere, and may be empty; what `out` holds
    /// already is not looked at.
    ///
    /// `out` grows by what is inflated, and for no message beyond the limit.
    ///
    /// # Errors
    /// The rule that the peer broke, now and from then on. `out` may have got a part of the
    /// message by then.
    pub fn decompress(&mut self, piece: &[u8], fin: bool, out: &mut BytesMut) -> Result<(), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.inflate(piece, out).and_then(|()| match fin {
            true => self.finish(),
            false => Ok(()),
        });
        result.map_err(|rule| {
            let error = Error::new(rule, self.inflated);
            self.failed = Some(error);
            error
        })
    }

    /// Empties the window, and forgets a message that was not finished and an error: as good as
    /// new, for another connection.
    pub fn reset(&mut self) {
        self.start_stream();
        self.start_message();
        self.failed = None;
    }

    fn inflate(&mut self, mut piece: &[u8], out: &mut BytesMut) -> Result<(), Rule> {
        let mut step = Step::for_input(piece.len());
        let mut pending = false;
        while pending || !piece.is_empty() {
            let (used, full, status) = self.inflate_some(piece, &mut step, out)?;
            piece = piece.get(used..).unwrap_or_default();
            // What fills its room may have left output behind, with all input used.
            pending = full;
            if status == Status::StreamEnd {
                // §7.2.1: padding fills the byte, and "the next DEFLATE block follows the padded
                // data if any".
                self.start_stream();
                pending = false;
            } else if used == 0 && !full {
                break;
            }
        }
        // With room for output zlib uses all of its input.
        if piece.is_empty() { Ok(()) } else { Err(Rule::InvalidDeflate) }
    }

    /// One call of zlib's. Returns how much of `piece` it used, and whether it filled the room.
    fn inflate_some(
        &mut self,
        piece: &[u8],
        step: &mut Step,
        out: &mut BytesMut,
    ) -> Result<(usize, bool, Status), Rule> {
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let left = self.max_message - self.inflated;
        let (full, result) = if left == 0 {
            // A block may still end here, so that zlib goes on, but not by another byte.
            let result = self.inflate.decompress(piece, &mut [0], InflateFlush::NoFlush);
            if self.inflate.total_out() > before.1 {
                return Err(Rule::MessageTooBig { limit: self.max_message });
            }
            (false, result)
        } else {
            step.lend(out, usize::try_from(left).unwrap_or(usize::MAX), |room| {
                let result = self.inflate.decompress(piece, room, InflateFlush::NoFlush);
                (difference(self.inflate.total_out(), before.1), result)
            })
        };
        let used = difference(self.inflate.total_in(), before.0);
        self.inflated += self.inflate.total_out() - before.1;
        self.at_start &= used == 0;
        let status = result.map_err(|_| Rule::InvalidDeflate)?;
        Ok((used, full, status))
    }

    /// The message ends here.
    fn finish(&mut self) -> Result<(), Rule> {
        // Two payloads end without the header of a stored block, though §7.2.1 tells senders to put
        // one there: nothing at all, for an empty message, and data that ends with a final block.
        // Peers send both, and either can only mean one thing.
        if !self.at_start {
            self.read_tail()?;
        }
        if !self.window.context_takeover {
            self.start_stream();
        }
        self.start_message();
        Ok(())
    }

    /// §7.2.1: "the last octet of the compressed data contains (possibly part of) the DEFLATE
    /// header bits with the BTYPE bits set to 00", so that the four bytes end a block, without any
    /// output. `Block` stops zlib right there: if it takes the fifth byte, it was elsewhere.
    fn read_tail(&mut self) -> Result<(), Rule> {
        let [a, b, c, d] = TAIL;
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let result = self.inflate.decompress(&[a, b, c, d, 0], &mut [0], InflateFlush::Block);
        let used = self.inflate.total_in() - before.0;
        let written = self.inflate.total_out() - before.1;
        match (result, used, written) {
            (Ok(_), 4, 0) => Ok(()),
            _ => Err(Rule::TruncatedDeflate),
        }
    }

    fn start_stream(&mut self) {
        self.inflate.reset(false);
        self.at_start = true;
    }

    fn start_message(&mut self) {
        self.inflated = 0;
        self.at_start = true;
    }
}

/// Without zlib's header (RFC 1950). The window is always the largest: zlib-rs takes the same memory
/// for any, and what a peer compresses with a smaller one inflates with a larger.
fn new_inflate() -> Inflate {
    Inflate::new(false, WindowBits::MAX.get())
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor")
            .field("window", &self.window)
            .field("max_message", &self.max_message)
            .field("inflated", &self.inflated)
            .finish_non_exhaustive()
    }
}
