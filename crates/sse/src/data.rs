//! The data buffer (HTML #event-stream-interpretation).

use crate::utf8::{self, Utf8};
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;
use core::mem;

/// So many bytes are collected before they are decoded.
const RAW: usize = 4096;

/// A text that is longer than this, in bytes, grows by less than its double.
const LONG: usize = 64 * 1024;

/// What the `data` fields of an event bring, as far as it cannot be borrowed.
///
/// ```text
///              ┌ decoded ──────┐ ┌ as it came ┐
///  push ──▶    │ text, growing │ │ raw        │   ──▶ take
///              └───────────────┘ └────────────┘
/// ```
///
/// Short events are decoded at once when they end, however many lines and pieces they came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    text: String,
    raw: Vec<u8>,
    /// The sequence between `text` and `raw`, if it is cut there.
    utf8: Utf8,
}

impl Data {
    /// Makes room for a text of `bytes`.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.text.reserve_exact(bytes.saturating_sub(self.text.len()));
    }

    /// Appends a piece of a value, cut anywhere.
    #[inline]
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if self.raw.len() + piece.len() <= RAW {
            match piece {
                [byte] => self.raw.push(*byte), // As between lines, and where bytes trickle in.
                _ => self.raw.extend_from_slice(piece),
            }
        } else {
            self.push_over(piece);
        }
    }

    fn push_over(&mut self, piece: &[u8]) {
        self.decode_raw();
        if piece.len() <= RAW {
            self.raw.extend_from_slice(piece);
        } else {
            self.decode(piece);
        }
    }

    fn decode_raw(&mut self) {
        let mut raw = mem::take(&mut self.raw);
        self.decode(&raw);
        raw.clear();
        self.raw = raw;
    }

    fn decode(&mut self, bytes: &[u8]) {
        let (length, room) = (self.text.len(), self.text.capacity());
        if length >= LONG && bytes.len() > room - length {
            // Old and new together are less than 2.2 times the text: while an allocator moves it, there
            // are both. Many do not, but make more room where it is.
            self.text.reserve_exact(bytes.len().max(length / 6));
        }
        self.utf8.push(bytes, &mut self.text);
    }

    /// Whether what ends here, decoded, is at most `limit` bytes long.
    #[inline]
    pub(crate) fn fits(&mut self, limit: usize) -> bool {
        let decoded = self.text.len();
        // Each byte becomes three at most, the ones of a cut sequence included.
        if decoded + 3 * (self.raw.len() + 3) <= limit {
            return true;
        }
        self.fits_exactly(limit)
    }

    #[cold]
    fn fits_exactly(&mut self, limit: usize) -> bool {
        self.decode_raw();
        self.utf8.finish(&mut self.text);
        self.text.len() <= limit
    }

    /// What has come, and begins anew.
    pub(crate) fn take(&mut self) -> ByteString {
        if self.text.is_empty() && !self.utf8.is_cut() {
            let data = utf8::decode(&self.raw).as_ref().into();
            self.raw.clear();
            return data;
        }
        self.decode_raw();
        self.utf8.finish(&mut self.text);
        mem::take(&mut self.text).into()
    }

    /// Drops what has come.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::{Data, LONG, RAW};
    use alloc::string::String;
    use alloc::vec::Vec;

    #[test]
    fn pieces_decode_like_the_whole() {
        let bytes: Vec<u8> =
            (0..3 * LONG).map(|index| b"a\xE2\x82\xAC\xF0\x9F\n"[index % 7]).collect();
        for length in [0, 1, RAW - 1, RAW, RAW + 1, LONG - 1, LONG, LONG + 1, bytes.len()] {
            let whole = String::from_utf8_lossy(&bytes[..length]);
            for piece in [1, 3, RAW - 1, RAW, RAW + 1, LONG + 1, bytes.len()] {
                let mut data = Data::default();
                // It is empty again after the first time, whatever that has left.
                for _ in 0..2 {
                    bytes[..length].chunks(piece).for_each(|piece| data.push(piece));
                    assert!(data.fits(whole.len()) && (length == 0 || !data.fits(whole.len() - 1)));
                    assert!(data.take() == *whole, "{length} in pieces of {piece}");
                }
            }
        }
    }

    #[test]
    fn long_text_is_moved_a_constant_number_of_times_and_takes_little_more_than_itself() {
        for piece in [1, 1000, 16 * 1024, LONG + 1] {
            let (mut data, piece) = (Data::default(), &[b'x'; LONG + 1][..piece]);
            let (mut length, mut room, mut moved) = (0, 0, 0);
            while length < 64 * LONG {
                data.push(piece);
                length += piece.len();
                let now = data.text.capacity();
                if now != room {
                    moved += room;
                    // Old and new.
                    assert!(length <= 2 * LONG || 10 * (room + now) <= 22 * length, "{length}");
                    room = now;
                }
            }
            assert!(moved <= 8 * length, "{moved} bytes for {length}");
        }
    }

    #[test]
    fn reserved_room_is_where_the_text_stays() {
        let mut data = Data::default();
        data.reserve(5 * LONG);
        let room = data.text.as_ptr();
        (0..5).for_each(|_| data.push(&[b'x'; LONG]));
        let text = data.take();
        assert_eq!((text.len(), text.as_ptr()), (5 * LONG, room));
    }
}
