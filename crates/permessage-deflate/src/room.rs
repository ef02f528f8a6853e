//! Output buffers: how they grow, and how zlib writes into them.

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

/// What a buffer grows by at first.
const FIRST_ROOM: usize = 256;

/// The most that is lent at once. What is lent has to be zeroed before; with less, zlib copies its
/// window more often.
const MOST_LENT: usize = 64 << 10;

/// How much to lend, so that what is zeroed stays in proportion to what is written: it starts with
/// the input, and doubles while it is used up.
#[derive(Clone, Copy)]
pub(crate) struct Step(usize);

impl Step {
    pub(crate) fn for_input(len: usize) -> Self {
        Self(len.saturating_mul(2).clamp(FIRST_ROOM, MOST_LENT))
    }

    /// Lends room behind the end of `out`, at least one byte and at most `most`, which is not 0.
    /// `write` says how much of it was written. Returns whether all of it was: there may be more.
    pub(crate) fn lend<T>(
        &mut self,
        out: &mut BytesMut,
        most: usize,
        write: impl FnOnce(&mut [u8]) -> (usize, T),
    ) -> (bool, T) {
        grow(out, most);
        let start = out.len();
        let lent = self.0.min(most).min(out.capacity() - start);
        out.resize(start + lent, 0);
        let (written, result) = write(out.get_mut(start..).unwrap_or_default());
        out.truncate(start + written);
        let full = written == lent;
        if full {
            self.0 = self.0.saturating_mul(2).min(MOST_LENT);
        }
        (full, result)
    }
}

/// Doubles a full buffer, but never beyond `most` more bytes.
fn grow(out: &mut BytesMut, most: usize) {
    if out.len() < out.capacity() {
        return;
    }
    let more = out.len().max(FIRST_ROOM).min(most);
    if more >= out.len() {
        out.reserve(more);
    } else {
        // `BytesMut` would double it. A vector does not, and no byte is copied on the way there and
        // back: what the system can grow in place is never there twice.
        let mut exact = Vec::from(core::mem::take(out));
        exact.reserve_exact(more);
        *out = BytesMut::from(Bytes::from(exact));
    }
}
