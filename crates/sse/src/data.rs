//! The data buffer (HTML #event-stream-interpretation).

use crate::utf8::{self, Utf8};
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;
use core::mem;

/// So many bytes are collected before they are decoded.
const RAW: usize = 4096;

/// A text with this much room, in bytes, is not moved to get more: it goes on elsewhere, in as much.
const SEGMENT: usize = 64 * 1024;

/// What the `data` fields of an event bring, as far as it cannot be borrowed.
///
/// ```text
///              ┌ decoded ──────────────────────────────────────┐ ┌ as it came ┐
///  push ──▶    │ segments, each 64 KiB or more │ text, growing │ │ raw        │   ──▶ take
///              └───────────────────────────────┴───────────────┘ └────────────┘
/// ```
///
/// Short events are decoded at once when they end, however many lines and pieces they came in. What
/// grows long is not moved for each time that it doubles: at the end its segments are put together in
/// the room they need, so that there are never more than two of each byte.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    segments: Vec<String>,
    /// Bytes in `segments`.
    closed: usize,
    text: String,
    raw: Vec<u8>,
    /// The sequence between `text` and `raw`, if it is cut there.
    utf8: Utf8,
}

impl Data {
    /// Makes room for a text of `bytes` in one piece.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        if self.segments.is_empty() {
            self.text.reserve_exact(bytes.saturating_sub(self.text.len()));
        }
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
        if room >= SEGMENT && bytes.len() > room - length {
            self.closed += length;
            self.segments.push(mem::take(&mut self.text));
            self.text.reserve_exact(bytes.len().max(SEGMENT));
        }
        self.utf8.push(bytes, &mut self.text);
    }

    /// Whether what ends here, decoded, is at most `limit` bytes long.
    #[inline]
    pub(crate) fn fits(&mut self, limit: usize) -> bool {
        let decoded = self.closed + self.text.len();
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
        self.closed + self.text.len() <= limit
    }

    /// What has come, and begins anew.
    pub(crate) fn take(&mut self) -> ByteString {
        if self.closed + self.text.len() == 0 && !self.utf8.is_cut() {
            let data = utf8::decode(&self.raw).as_ref().into();
            self.raw.clear();
            return data;
        }
        self.decode_raw();
        self.utf8.finish(&mut self.text);
        let text = mem::take(&mut self.text);
        if self.segments.is_empty() {
            return text.into();
        }
        let mut whole = String::with_capacity(self.closed + text.len());
        whole.extend(mem::take(&mut self.segments));
        whole.push_str(&text);
        self.closed = 0;
        whole.into()
    }

    /// Drops what has come.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::{Data, RAW, SEGMENT};
    use alloc::string::String;
    use alloc::vec::Vec;

    #[test]
    fn pieces_decode_like_the_whole() {
        let bytes: Vec<u8> =
            (0..3 * SEGMENT).map(|index| b"a\xE2\x82\xAC\xF0\x9F\n"[index % 7]).collect();
        for length in [0, 1, RAW - 1, RAW, RAW + 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, bytes.len()]
        {
            let whole = String::from_utf8_lossy(&bytes[..length]);
            for piece in [1, 3, RAW - 1, RAW, RAW + 1, SEGMENT + 1, bytes.len()] {
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
    fn long_text_is_not_moved_while_it_grows() {
        for piece in [1, 1000, 16 * 1024, SEGMENT + 1] {
            let (mut data, piece) = (Data::default(), &[b'x'; SEGMENT + 1][..piece]);
            let mut length = 0;
            let mut segments = Vec::new();
            while length < 10 * SEGMENT {
                data.push(piece);
                length += piece.len();
                let room = data.closed + data.text.capacity() + data.raw.capacity();
                assert!(room <= length + 2 * SEGMENT + 2 * RAW, "{room} for {length}");
                let now: Vec<_> = data.segments.iter().map(|segment| segment.as_ptr()).collect();
                assert!(now.starts_with(&segments));
                segments = now;
            }
            assert!(segments.len() >= 7);
        }
    }

    #[test]
    fn reserved_room_is_where_the_text_stays() {
        let mut data = Data::default();
        data.reserve(5 * SEGMENT);
        let room = data.text.as_ptr();
        (0..5).for_each(|_| data.push(&[b'x'; SEGMENT]));
        let text = data.take();
        assert_eq!((text.len(), text.as_ptr()), (5 * SEGMENT, room));
    }
}
