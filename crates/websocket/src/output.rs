use alloc::{boxed::Box, collections::VecDeque, vec::Vec};

use bytes::{Buf, Bytes};

/// Bytes to write, in order. Small frames stand together in one buffer; large or shared payloads
/// are queued as they are, so that they are never copied.
///
/// It is a [`bytes::Buf`]: write what [`chunk`](Buf::chunk) or
/// [`chunks_vectored`](Buf::chunks_vectored) shows, then [`advance`](Buf::advance) by what the
/// transport took. A write that was given up half-way therefore loses and repeats nothing.
#[derive(Debug, Default)]
pub struct Output {
    /// Whole frames or parts of frames that come before `tail`; `None` while there are none.
    #[expect(clippy::box_collection, reason = "most connections never have any")]
    segments: Option<Box<VecDeque<Bytes>>>,
    /// Small frames, appended one after the other; the bytes before `start` are written.
    tail: Vec<u8>,
    start: usize,
    remaining: usize,
}

/// A drained buffer larger than this is given back, so that an idle connection holds little.
const KEEP_MAX: usize = 2048;

impl Output {
    /// Payloads over this many bytes are queued by reference: about where a copy costs more than
    /// one more buffer in a vectored write.
    pub(crate) const COPY_MAX: usize = 4096;

    /// Appends a header and its payload.
    #[inline]
    pub(crate) fn push_copied(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        // A peer that is always a little behind never lets the buffer drain: what is written
        // goes when it is the larger part, so that each byte is moved at most once.
        if self.start >= KEEP_MAX && self.start * 2 >= self.tail.len() {
            self.tail.drain(..self.start);
            self.start = 0;
        }
        let before = self.tail.len();
        write(&mut self.tail);
        self.remaining += self.tail.len() - before;
    }

    /// Appends bytes that others have too.
    pub(crate) fn push_shared(&mut self, bytes: &Bytes) {
        if bytes.len() <= Self::COPY_MAX {
            return self.push_copied(|tail| tail.extend_from_slice(bytes));
        }
        self.push_bytes(bytes.clone());
    }

    /// Appends bytes that have memory of their own.
    #[inline]
    pub(crate) fn push_bytes(&mut self, bytes: Bytes) {
        if bytes.len() <= Self::COPY_MAX {
            self.push_copied(|tail| tail.extend_from_slice(&bytes));
            return;
        }
        self.remaining += bytes.len();
        let segments = self.segments.get_or_insert_default();
        if self.start < self.tail.len() {
            let mut tail = Bytes::from(core::mem::take(&mut self.tail));
            tail.advance(self.start);
            segments.push_back(tail);
        } else {
            self.tail.clear();
        }
        self.start = 0;
        segments.push_back(bytes);
    }

    fn tail(&self) -> &[u8] {
        self.tail.get(self.start..).unwrap_or_default()
    }
}

impl Buf for Output {
    #[inline]
    fn remaining(&self) -> usize {
        self.remaining
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        let segment = self.segments.as_ref().and_then(|segments| segments.front());
        segment.map_or(self.tail(), |segment| segment)
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, chunks: &mut [std::io::IoSlice<'a>]) -> usize {
        let tail = Some(self.tail()).filter(|tail| !tail.is_empty());
        let segments = self.segments.iter().flat_map(|segments| segments.iter());
        let all = segments.map(|segment| &segment[..]).chain(tail);
        let mut count = 0;
        for (slot, chunk) in chunks.iter_mut().zip(all) {
            *slot = std::io::IoSlice::new(chunk);
            count += 1;
        }
        count
    }

    fn advance(&mut self, mut count: usize) {
        self.remaining = self.remaining.saturating_sub(count);
        if let Some(segments) = &mut self.segments {
            while let Some(segment) = segments.front_mut() {
                if count < segment.len() {
                    segment.advance(count);
                    return;
                }
                count -= segment.len();
                segments.pop_front();
            }
            self.segments = None;
        }
        self.start = (self.start + count).min(self.tail.len());
        if self.start == self.tail.len() {
            self.start = 0;
            self.tail.clear();
            self.tail.shrink_to(KEEP_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Output;
    use bytes::{Buf, Bytes};

    fn filled() -> (Output, alloc::vec::Vec<u8>) {
        let mut output = Output::default();
        let large = Bytes::from(alloc::vec![7; Output::COPY_MAX + 1]);
        output.push_bytes(Bytes::from_static(b"small"));
        output.push_bytes(large.clone());
        output.push_bytes(large.clone());
        output.push_copied(|tail| tail.extend_from_slice(b"tail"));
        (output, [b"small", &large[..], &large[..], b"tail"].concat())
    }

    #[test]
    fn bytes_leave_in_order_however_the_transport_takes_them() {
        for step in [1, 2, 3, 5, 4096, 4097, 5000, 100_000] {
            let (mut output, expected) = filled();
            let mut written = alloc::vec::Vec::new();
            while output.has_remaining() {
                let taken = output.chunk().len().min(step);
                assert!(taken > 0);
                written.extend_from_slice(&output.chunk()[..taken]);
                output.advance(taken);
                assert_eq!(output.remaining(), expected.len() - written.len());
            }
            assert_eq!(written, expected, "in steps of {step}");
            assert!(output.chunk().is_empty());
        }
    }

    #[test]
    fn a_vectored_write_may_end_anywhere() {
        for end in 0..=filled().1.len() {
            let (mut output, expected) = filled();
            output.advance(end);
            let mut slices = [std::io::IoSlice::new(&[]); 8];
            let count = output.chunks_vectored(&mut slices);
            let shown: alloc::vec::Vec<&[u8]> =
                slices[..count].iter().map(|slice| &**slice).collect();
            assert_eq!(shown.concat(), expected[end..]);
        }
    }

    #[test]
    fn large_payloads_are_not_copied_and_a_drained_output_holds_little() {
        let mut output = Output::default();
        let large = Bytes::from(alloc::vec![7; Output::COPY_MAX + 1]);
        output.push_bytes(large.clone());
        assert_eq!(output.chunk().as_ptr(), large.as_ptr());
        output.push_copied(|tail| tail.resize(Output::COPY_MAX, 0));
        output.advance(output.remaining());
        assert!(output.tail.capacity() <= super::KEEP_MAX);
    }

    #[test]
    fn what_is_written_goes_also_if_the_output_never_drains() {
        let mut output = Output::default();
        for _ in 0..100_000 {
            output.push_copied(|tail| tail.extend_from_slice(&[7; 100]));
            output.advance(output.remaining() - 60);
            assert_eq!((output.remaining(), output.chunk()), (60, &[7; 60][..]));
        }
        assert!(output.tail.capacity() <= 4 * super::KEEP_MAX, "{}", output.tail.capacity());
    }
}
