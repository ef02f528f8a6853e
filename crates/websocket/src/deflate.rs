//! Compressed messages (RFC 7692): what was agreed, and the codecs of the two directions.
//!
//! ```text
//!                           takeover            no takeover
//! between two messages      kept                given back to the thread, for any connection
//! ```

use alloc::boxed::Box;
use core::cell::Cell;
use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use rtwire_permessage_deflate::{
    Compressor, Config, Decompressor, Rule as DeflateRule, Window, WindowBits, negotiation,
    negotiation::Params,
};

use crate::{connection::Role, error::Rule, header::FrameHeader, prepared::PreparedMessage};

/// Compression as both ends have agreed to it, and how this end makes use of it.
///
/// The opening handshake makes one
/// ([`handshake::Response::deflate`](crate::handshake::Response::deflate)), and
/// [`Connection::with_deflate`](crate::Connection::with_deflate) takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// What was agreed.
    pub params: Params,
    /// Of it, the level, the memory level and the threshold are used.
    pub config: Config,
}

/// The smallest window that zlib compresses with, in bits.
const COMPRESSED_MIN: u8 = 9;

/// The codecs of one connection, as far as they are in use.
#[derive(Debug)]
pub(crate) struct Codec {
    config: Config,
    sending: Window,
    receiving: Window,
    // In boxes of their own, for they are seldom there.
    compressor: Option<Box<Compressor>>,
    decompressor: Option<Box<Decompressor>>,
}

impl Codec {
    pub(crate) fn new(role: Role, deflate: &Deflate) -> Self {
        let (own, peer) = match role {
            Role::Server => (negotiation::Role::Server, negotiation::Role::Client),
            Role::Client { .. } => (negotiation::Role::Client, negotiation::Role::Server),
        };
        Self {
            config: deflate.config,
            sending: deflate.params.window(own),
            receiving: deflate.params.window(peer),
            compressor: None,
            decompressor: None,
        }
    }

    /// Whether to compress a message that begins with `len` bytes, and may end with them.
    pub(crate) fn should_compress(&self, len: usize, fin: bool) -> bool {
        // §7.1.2.2: a client may have to agree to 8 bits, which zlib cannot compress with.
        self.sending.bits.get() >= COMPRESSED_MIN && (!fin || self.config.should_compress(len))
    }

    /// The payload of a compressed message; `None` if it is better sent as it is.
    pub(crate) fn compress(&mut self, message: &[u8]) -> Option<BytesMut> {
        if !self.should_compress(message.len(), true) {
            return None;
        }
        let mut payload = BytesMut::new();
        self.compress_fragment(message, true, &mut payload);
        // A window that is taken over has the message, so that the peer's has to get it as well.
        let anyway = self.sending.context_takeover || self.config.threshold == 0;
        (anyway || payload.len() < message.len()).then_some(payload)
    }

    /// Appends all that there is of a message's payload: nothing, as long as nothing of it is given.
    pub(crate) fn compress_fragment(&mut self, piece: &[u8], fin: bool, payload: &mut BytesMut) {
        let (window, config) = (self.sending, &self.config);
        self.compressor
            .get_or_insert_with(|| idle_compressor(window, config))
            .compress(piece, fin, payload);
        // Who sends fragments may be writing the next one for long.
        if let Some(compressor) = self.compressor.as_mut().filter(|_| !fin) {
            compressor.flush(payload);
        }
        if fin && !window.context_takeover {
            let compressor = self.compressor.take();
            IDLE_COMPRESSOR.set(compressor.map(|codec| (settings(window, &self.config), codec)));
        }
    }

    /// Inflates a piece of a message's payload, `fin` with its last.
    pub(crate) fn inflate(
        &mut self,
        piece: &[u8],
        fin: bool,
        max_message: u64,
        message: &mut BytesMut,
    ) -> Result<(), Rule> {
        let window = self.receiving;
        self.decompressor
            .get_or_insert_with(|| idle_decompressor(window, max_message))
            .decompress(piece, fin, message)
            .map_err(|error| match error.rule() {
                DeflateRule::MessageTooBig { limit } => Rule::MessageTooBig { limit },
                DeflateRule::TruncatedDeflate => Rule::TruncatedDeflate,
                _ => Rule::InvalidDeflate,
            })?;
        if fin && !window.context_takeover {
            let decompressor = self.decompressor.take();
            IDLE_DECOMPRESSOR.set(decompressor.map(|codec| ((window, max_message), codec)));
        }
        Ok(())
    }

    /// The frame of a message that was encoded for many connections, compressed if that is worth it.
    pub(crate) fn prepared<'p>(&mut self, message: &'p PreparedMessage) -> &'p Bytes {
        if !message.may_compress() || !self.should_compress(message.len(), true) {
            return message.frame();
        }
        match message.compressed().get(message, self.sending, &self.config) {
            Some(frame) => {
                // The peer's window gets a message that ours does not have.
                if let Some(compressor) = &mut self.compressor {
                    compressor.reset();
                }
                frame
            }
            None => message.frame(),
        }
    }
}

/// A message's compressed frames, one for each size of the window, made when the first connection
/// with that size sends it, at its level. Each refers to nothing before it.
#[derive(Debug, Default)]
pub(crate) struct PreparedFrames([OnceLock<Option<Bytes>>; 7]);

impl PreparedFrames {
    fn get(&self, message: &PreparedMessage, window: Window, config: &Config) -> Option<&Bytes> {
        let slot = self.0.get(usize::from(window.bits.get().checked_sub(COMPRESSED_MIN)?))?;
        slot.get_or_init(|| {
            let window = Window { context_takeover: false, ..window };
            let mut compressor = idle_compressor(window, config);
            let mut payload = BytesMut::new();
            compressor.compress(message.payload(), true, &mut payload);
            IDLE_COMPRESSOR.set(Some((settings(window, config), compressor)));
            (payload.len() < message.len()).then(|| {
                let mut header = FrameHeader::new(message.opcode(), payload.len() as u64);
                header.rsv1 = true;
                let mut frame = BytesMut::with_capacity(header.encoded_len() + payload.len());
                header.encode(&mut frame);
                frame.extend_from_slice(&payload);
                frame.freeze()
            })
        })
        .as_ref()
    }
}

/// A codec, and what it was made for.
type Idle<Settings, Codec> = Cell<Option<(Settings, Box<Codec>)>>;

// What takes nothing over serves one message only, and then the next connection: each thread keeps
// one of either kind, for making them costs more than a small message.
std::thread_local! {
    static IDLE_COMPRESSOR: Idle<(WindowBits, u8, u8), Compressor> = const { Cell::new(None) };
    static IDLE_DECOMPRESSOR: Idle<(Window, u64), Decompressor> = const { Cell::new(None) };
}

/// What makes a compressor that takes nothing over; the rest of a configuration may differ.
fn settings(window: Window, config: &Config) -> (WindowBits, u8, u8) {
    (window.bits, config.level, config.memory_level)
}

fn idle_compressor(window: Window, config: &Config) -> Box<Compressor> {
    if window.context_takeover {
        return Box::new(Compressor::new(window, config));
    }
    match IDLE_COMPRESSOR.take() {
        Some((made_by, compressor)) if made_by == settings(window, config) => compressor,
        _ => Box::new(Compressor::new(window, config)),
    }
}

fn idle_decompressor(window: Window, max_message: u64) -> Box<Decompressor> {
    if window.context_takeover {
        return Box::new(Decompressor::new(window, max_message));
    }
    match IDLE_DECOMPRESSOR.take() {
        Some((settings, decompressor)) if settings == (window, max_message) => decompressor,
        _ => Box::new(Decompressor::new(window, max_message)),
    }
}
