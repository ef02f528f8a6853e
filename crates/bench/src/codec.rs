//! rtwire-websocket as a driver uses it, over memory in place of a socket, and what it can't do without:
//! copying what is read and written, and unmasking.

use std::hint::black_box;
use std::io::{IoSlice, Write};

use anyhow::{Result, bail, ensure};
use bytes::{Buf, BufMut, Bytes};
use rtwire_websocket::{Connection, Event, Limits, Role, apply_mask};

use crate::batch::Batch;
use crate::memory::{AT_ONCE, Memory};

/// Decodes the frames of a batch.
pub trait Decode {
    /// All of them, once; `see` is given each payload.
    ///
    /// # Errors
    /// The decoder takes them for wrong.
    fn decode(&mut self, see: impl FnMut(&[u8])) -> Result<()>;
}

/// Encodes the messages of a batch.
pub trait Encode {
    /// All of them, once, into a [`Memory`], in as few writes as the encoder does by itself.
    ///
    /// # Errors
    /// The encoder doesn't take them, or the memory has got something else.
    fn encode(&mut self) -> Result<()>;
}

/// How many messages a batch has for codecs: as many as one read brings, or a long one.
#[must_use]
pub fn messages_at_once(payload: usize) -> usize {
    (AT_ONCE / (payload + 14)).max(1)
}

/// The payloads of a batch, in order.
#[must_use]
pub fn payloads(batch: &Batch, payload: usize) -> Vec<Bytes> {
    let frames = batch.echo.chunks_exact(batch.echo_frame);
    frames.map(|frame| Bytes::copy_from_slice(&frame[frame.len() - payload..])).collect()
}

fn connection() -> Connection {
    let max = 16 << 20;
    Connection::new(Role::Server, Limits::default().max_frame(max).max_message(max))
}

/// Copies what a decoder would read, and nothing else.
#[derive(Debug)]
pub struct CopyIn {
    frames: Vec<u8>,
    buffer: Vec<u8>,
}

impl CopyIn {
    /// For the frames of `batch`.
    #[must_use]
    pub fn new(batch: &Batch) -> Self {
        Self { frames: batch.frames.clone(), buffer: batch.frames.clone() }
    }
}

impl Decode for CopyIn {
    fn decode(&mut self, _: impl FnMut(&[u8])) -> Result<()> {
        self.buffer.copy_from_slice(black_box(&self.frames));
        black_box(&mut self.buffer);
        Ok(())
    }
}

/// Copies, and unmasks payloads of which it is known where they are.
#[derive(Debug)]
pub struct Unmask {
    copy: CopyIn,
    frame: usize,
    payload: usize,
}

impl Unmask {
    /// For the frames of `batch`, with payloads of this many bytes.
    #[must_use]
    pub fn new(batch: &Batch, payload: usize) -> Self {
        let frame = batch.echo_frame + 4;
        Self { copy: CopyIn::new(batch), frame, payload }
    }
}

impl Decode for Unmask {
    fn decode(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        self.copy.decode(&mut see)?;
        for frame in self.copy.buffer.chunks_exact_mut(self.frame) {
            let (header, payload) = frame.split_at_mut(self.frame - self.payload);
            if let Some(key) = header.last_chunk() {
                apply_mask(payload, *key, 0);
            }
            see(payload);
        }
        Ok(())
    }
}

/// `next_event` on a buffer that holds all frames; payloads are borrowed from there.
#[derive(Debug)]
pub struct Borrowed {
    copy: CopyIn,
    connection: Connection,
}

impl Borrowed {
    /// For the frames of `batch`.
    #[must_use]
    pub fn new(batch: &Batch) -> Self {
        Self { copy: CopyIn::new(batch), connection: connection() }
    }
}

impl Decode for Borrowed {
    fn decode(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        self.copy.decode(&mut see)?;
        let mut input = &mut self.copy.buffer[..];
        while let Some(event) = self.connection.next_event(&mut input)? {
            match event {
                Event::Binary(payload) => see(&payload),
                Event::Text(text) => see(text.as_bytes()),
                event => bail!("unexpected {event:?}"),
            }
        }
        Ok(())
    }
}

/// `next_event` and `into_message`, with reads as rtwire-tokio's: into a shared buffer, and the rest of a
/// long payload straight into its own.
#[derive(Debug)]
pub struct Owned {
    frames: Vec<u8>,
    scratch: Vec<u8>,
    connection: Connection,
}

impl Owned {
    /// For the frames of `batch`.
    #[must_use]
    pub fn new(batch: &Batch) -> Self {
        let frames = batch.frames.clone();
        Self { frames, scratch: vec![0; AT_ONCE], connection: connection() }
    }
}

impl Decode for Owned {
    fn decode(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let mut unread = black_box(&self.frames[..]);
        while !unread.is_empty() {
            let mut input = if let Some(mut buffer) = self.connection.payload_buffer() {
                let read = buffer.chunk_mut().len().min(unread.len()).min(AT_ONCE);
                buffer.put_slice(&unread[..read]);
                unread.advance(read);
                &mut []
            } else {
                let read = &mut self.scratch[..unread.len().min(AT_ONCE)];
                unread.copy_to_slice(read);
                read
            };
            while let Some(event) = self.connection.next_event(&mut input)? {
                match event.into_message() {
                    Some(message) => see(message.as_bytes()),
                    None => bail!("unexpected control frame"),
                }
            }
        }
        Ok(())
    }
}

/// Copies what an encoder would write, and nothing else.
#[derive(Debug)]
pub struct CopyOut {
    echo: Vec<u8>,
    memory: Memory,
}

impl CopyOut {
    /// Of the echo of `batch`, into `memory`.
    #[must_use]
    pub fn new(batch: &Batch, memory: Memory) -> Self {
        Self { echo: batch.echo.clone(), memory }
    }
}

impl Encode for CopyOut {
    fn encode(&mut self) -> Result<()> {
        Ok(self.memory.write_all(black_box(&self.echo))?)
    }
}

/// How messages come to a [`Connection`].
#[derive(Clone, Copy, Debug)]
pub enum Send {
    /// `send_binary`, from a slice.
    Slice,
    /// `send`, from `Bytes` that somebody else has as well.
    Bytes,
}

/// Queues all messages and writes what is queued, as rtwire-tokio does.
#[derive(Debug)]
pub struct Queue {
    send: Send,
    payloads: Vec<Bytes>,
    connection: Connection,
    memory: Memory,
}

impl Queue {
    /// Writes to `memory`.
    #[must_use]
    pub fn new(send: Send, payloads: Vec<Bytes>, memory: Memory) -> Self {
        Self { send, payloads, connection: connection(), memory }
    }
}

impl Encode for Queue {
    fn encode(&mut self) -> Result<()> {
        for payload in black_box(&self.payloads) {
            match self.send {
                Send::Slice => self.connection.send_binary(payload)?,
                Send::Bytes => self.connection.send(payload.clone())?,
            }
        }
        let output = self.connection.output();
        while output.has_remaining() {
            let written = if output.chunk().len() == output.remaining() {
                self.memory.write(output.chunk())?
            } else {
                let mut slices = [IoSlice::new(&[]); 32];
                let count = output.chunks_vectored(&mut slices);
                self.memory.write_vectored(&slices[..count])?
            };
            ensure!(written > 0, "nothing was taken");
            output.advance(written);
        }
        Ok(())
    }
}
