//! A transport in memory, for measuring codecs without sockets: it copies, as the kernel does, and is
//! always ready.

use std::cell::Cell;
use std::io::{Error, ErrorKind, IoSlice, Read, Result, Write};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::batch::Batch;

/// Takes in one call what a driver reads at once from a socket, or writes to it.
pub const AT_ONCE: usize = 64 * 1024;

/// The output of a future that waits for nothing but a [`Memory`].
///
/// # Errors
/// It waits.
pub fn ready<T>(future: impl Future<Output = T>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

/// Gives a batch's frames and takes its echo, over and over. What it takes the first time is compared.
#[derive(Debug)]
pub struct Memory {
    frames: Bytes,
    /// Bytes of `frames` given.
    given: usize,
    /// How many times it gives all frames, before it ends.
    laps: u64,
    echo: Bytes,
    taken: Taken,
    buffer: Vec<u8>,
}

/// How many bytes a [`Memory`] has taken, which may be deep inside of whoever writes to it.
pub type Taken = Rc<Cell<usize>>;

impl Memory {
    /// Never ends.
    #[must_use]
    pub fn new(batch: &Batch) -> Self {
        Self::with_laps(batch, u64::MAX)
    }

    /// Ends when it has given the frames of the batch this many times.
    #[must_use]
    pub fn with_laps(batch: &Batch, laps: u64) -> Self {
        Self {
            frames: Bytes::copy_from_slice(&batch.frames),
            given: 0,
            laps,
            echo: Bytes::copy_from_slice(&batch.echo),
            taken: Taken::default(),
            buffer: vec![0; AT_ONCE],
        }
    }

    /// Counts what is taken.
    #[must_use]
    pub fn taken(&self) -> Taken {
        Rc::clone(&self.taken)
    }

    fn give(&mut self, room: usize) -> &[u8] {
        if self.given == self.frames.len() {
            self.laps -= 1;
            self.given = 0;
        }
        if self.laps == 0 {
            return &[];
        }
        let start = self.given;
        self.given += room.min(AT_ONCE).min(self.frames.len() - start);
        &self.frames[start..self.given]
    }

    fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let length = bytes.len().min(AT_ONCE);
        let bytes = &bytes[..length];
        self.buffer[..length].copy_from_slice(bytes);
        let taken = self.taken.get();
        // Only once, because comparing costs as much as copying.
        if let Some(expected) = self.echo.get(taken..).filter(|expected| !expected.is_empty()) {
            let compared = length.min(expected.len());
            if bytes[..compared] != expected[..compared] {
                return Err(Error::new(
                    ErrorKind::InvalidData,
                    format!("wrong after byte {taken}"),
                ));
            }
        }
        self.taken.set(taken + length);
        Ok(length)
    }
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let given = self.give(buffer.len());
        buffer[..given.len()].copy_from_slice(given);
        Ok(given.len())
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.take(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> Result<usize> {
        slices.iter().try_fold(0, |sum, slice| match slice.len() {
            // The next call begins with what is left of it.
            length if sum + length > AT_ONCE => Ok(sum + self.take(&slice[..AT_ONCE - sum])?),
            _ => Ok(sum + self.take(slice)?),
        })
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl AsyncRead for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let room = buffer.remaining();
        buffer.put_slice(self.give(room));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Poll::Ready(self.write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Content, Random};

    fn batch() -> Batch {
        Batch::new(Content::Binary, 5, 3, &mut Random::new(1))
    }

    #[test]
    fn the_frames_are_given_as_often_as_asked() {
        let batch = batch();
        let mut all = Vec::new();
        Memory::with_laps(&batch, 2).read_to_end(&mut all).unwrap();
        assert_eq!(all, batch.frames.repeat(2));
    }

    #[test]
    fn a_wrong_byte_anywhere_is_noticed() {
        let batch = batch();
        let mut right = Memory::new(&batch);
        let (a, b) = batch.echo.split_at(7);
        let slices = [IoSlice::new(a), IoSlice::new(b)];
        assert_eq!(right.write_vectored(&slices).unwrap(), batch.echo.len());
        assert_eq!(right.taken().get(), batch.echo.len());
        for index in 0..batch.echo.len() {
            let mut echo = batch.echo.clone();
            echo[index] ^= 0x10;
            assert!(Memory::new(&batch).write(&echo).is_err(), "byte {index}");
        }
    }
}
