//! Compression (RFC 7692 §7.2.1): DEFLATE the message, end it on a byte boundary with an empty
//! stored block, and leave out the last four bytes of that.
//!
//! ```text
//! message   Hello
//! DEFLATE   f2 48 cd c9 c9 07 | 00 00 00 ff ff         sync flush: an empty stored block
//! payload   f2 48 cd c9 c9 07   00                     "Remove 4 octets (that are 0x00 0x00 0xff 0xff)"
//! ```

use core::fmt;

use bytes::{BufMut as _, BytesMut};
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

use crate::config::Config;
use crate::room::Step;
use crate::window::{Window, WindowBits};

/// The four bytes that stand behind every payload, unsent.
pub(crate) const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// Compresses the messages of one direction.
///
/// ```
/// use bytes::BytesMut;
/// use rtwire_permessage_deflate::{Compressor, Config, Window};
///
/// let window = Window { context_takeover: true, ..Window::default() };
/// let mut compressor = Compressor::new(window, &Config::default());
/// let mut payload = BytesMut::new();
/// compressor.compress(b"Hello", true, &mut payload);
/// assert_eq!(payload[..], [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
///
/// // The second time it refers to the first (§7.2.3.2).
/// payload.clear();
/// compressor.compress(b"Hello", true, &mut payload);
/// assert_eq!(payload[..], [0xf2, 0x00, 0x11, 0x00, 0x00]);
/// ```
pub struct Compressor {
    deflate: Deflate,
    config: DeflateConfig,
    window: Window,
    /// Of the message so far.
    is_empty: bool,
    /// Nothing has come since [`flush`](Self::flush).
    is_flushed: bool,
}

impl Compressor {
    /// A compressor with an empty window. Of `config` it takes the level and the memory level.
    ///
    /// An 8-bit window gets stored blocks, which refer to nothing and are some bytes longer than
    /// the message: better send such messages uncompressed. A server never agrees to one; a client
    /// may be asked for it (§7.1.2.2) and has no way to decline.
    #[must_use]
    pub fn new(window: Window, config: &Config) -> Self {
        let compresses = window.bits >= WindowBits::COMPRESSED_MIN;
        let config = DeflateConfig {
            // The fields are public, so that setters are no guarantee.
            level: if compresses { config.level.min(9).into() } else { 0 },
            // Negative: without zlib's header (RFC 1950).
            window_bits: -i32::from(window.bits.max(WindowBits::COMPRESSED_MIN).get()),
            mem_level: config.memory_level.clamp(1, 9).into(),
            ..DeflateConfig::default()
        };
        Self {
            deflate: Deflate::new_with_config(config),
            config,
            window,
            is_empty: true,
            is_flushed: false,
        }
    }

    /// Compresses the next piece of a message, `fin` with its last, and appends to `out` what
    /// there is of the payload, which may be nothing before the last piece. All that was appended
    /// for one message is its payload; it may be cut into fragments anywhere.
    pub fn compress(&mut self, piece: &[u8], fin: bool, out: &mut BytesMut) {
        self.is_empty &= piece.is_empty();
        if self.is_empty {
            // §7.2.3.6: zlib may have nothing to flush, and the octet 0x00 alone is an empty message.
            if fin {
                out.put_u8(0);
            }
            return;
        }
        self.is_flushed &= piece.is_empty();
        if !fin {
            // zlib calls it an error to be given nothing.
            if !piece.is_empty() {
                self.deflate(piece, DeflateFlush::NoFlush, out);
            }
            return;
        }
        if self.is_flushed {
            // zlib has nothing to flush again: the header of the block that is to end the message.
            out.put_u8(0);
        } else {
            self.deflate(piece, DeflateFlush::SyncFlush, out);
            debug_assert!(out.ends_with(&TAIL));
            out.truncate(out.len() - TAIL.len());
        }
        self.start_message();
    }

    /// Appends what is held back of the message so far, so that the peer can inflate all of it: for who sends a
    /// message while it comes to be. It takes about five bytes more each time.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use rtwire_permessage_deflate::{Compressor, Config, Decompressor, Window};
    ///
    /// let mut compressor = Compressor::new(Window::default(), &Config::default());
    /// let mut decompressor = Decompressor::new(Window::default(), 1000);
    /// let (mut payload, mut message) = (BytesMut::new(), BytesMut::new());
    /// compressor.compress(b"Hel", false, &mut payload);
    /// compressor.flush(&mut payload);
    /// decompressor.decompress(&payload.split(), false, &mut message)?;
    /// assert_eq!(message, "Hel");
    /// compressor.compress(b"lo", true, &mut payload);
    /// decompressor.decompress(&payload, true, &mut message)?;
    /// assert_eq!(message, "Hello");
    /// # Ok::<(), rtwire_permessage_deflate::Error>(())
    /// ```
    pub fn flush(&mut self, out: &mut BytesMut) {
        if !self.is_empty && !self.is_flushed {
            self.deflate(&[], DeflateFlush::SyncFlush, out);
            self.is_flushed = true;
        }
    }

    fn start_message(&mut self) {
        (self.is_empty, self.is_flushed) = (true, false);
        if !self.window.context_takeover {
            self.deflate.reset();
        }
    }

    /// Empties the window, and abandons a message that was not finished.
    ///
    /// Always allowed: a receiver's window may hold more than a sender refers to. It has to be done
    /// when a message went to the peer that was compressed elsewhere, such as one prepared for many
    /// receivers: the peer's window has that message, and this one has not.
    pub fn reset(&mut self) {
        if self.is_empty {
            self.deflate.reset();
        } else {
            // zlib-rs 0.6.8, at level 1, forgets the data of an open block, but not that it is open:
            // the next message would start without a header.
            self.deflate = Deflate::new_with_config(self.config);
            (self.is_empty, self.is_flushed) = (true, false);
        }
    }

    fn deflate(&mut self, mut piece: &[u8], flush: DeflateFlush, out: &mut BytesMut) {
        let mut step = Step::for_input(piece.len() / 4);
        loop {
            let before = (self.deflate.total_in(), self.deflate.total_out());
            let (full, result) = step.lend(out, usize::MAX, |room| {
                let result = self.deflate.compress(piece, room, flush);
                (difference(self.deflate.total_out(), before.1), result)
            });
            // What could fail is memory, when the compressor was made, and a misuse of zlib's.
            debug_assert!(result.is_ok());
            piece = piece.get(difference(self.deflate.total_in(), before.0)..).unwrap_or_default();
            if !full {
                break;
            }
        }
        debug_assert!(piece.is_empty());
    }
}

/// How far one of zlib's counters went within one call, which is at most the length of a slice.
pub(crate) fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("window", &self.window).finish_non_exhaustive()
    }
}
