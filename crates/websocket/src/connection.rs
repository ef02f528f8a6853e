//! One end of an open connection (RFC 6455 §5–§7): the machine that turns the peer's bytes into
//! [`Event`]s and what is sent into bytes.
//!
//! ```text
//!             ┌──────────────── Open ────────────────┐
//!   close(), a fault, the peer's Close          handle_eof()
//!             ▼                                      ▼
//!          Closing ── handle_eof(), close_timeout ─▶ Closed
//! ```

use alloc::{boxed::Box, string::ToString, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    close::{CloseCode, CloseReason},
    deflate::Codec,
    error::{Error, SendError},
    event::{Event, Payload, Text},
    header::FrameHeader,
    incoming::Incoming,
    limits::Limits,
    mask::apply_mask,
    message::Message,
    opcode::Opcode,
    output::Output,
    prepared::PreparedMessage,
    timer::Timer,
};

/// Which end of the connection this is (§5.1): clients mask what they send, servers do not.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Expects masked frames, sends unmasked ones.
    Server,
    /// Expects unmasked frames, masks each one it sends.
    Client {
        /// Where the masking keys come from: one call per frame. §5.3: they must be
        /// unpredictable, "derived from a strong source of entropy".
        masking_key: fn() -> [u8; 4],
    },
}

/// How far a connection has come (§7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Messages go both ways.
    Open,
    /// A Close frame was sent or received, or the peer broke a rule. What is in the output is
    /// still to be written, then the sending side of the transport shut down, and input read
    /// until it ends.
    Closing,
    /// The transport has ended, or is to be dropped now.
    Closed,
}

/// A WebSocket connection after the opening handshake.
#[derive(Debug)]
pub struct Connection {
    role: Role,
    /// Shared by all connections that were given the same, which keeps each of them small.
    pub(crate) limits: Arc<Limits>,
    state: State,
    /// §5.5.1: after it nothing more is sent.
    pub(crate) close_sent: bool,
    /// §5.4: the message of which fragments were sent, and not the last.
    unfinished: Option<Unfinished>,
    /// Until the peer's Close frame or a fault: what follows is ignored.
    pub(crate) receiving: bool,
    pub(crate) heard: bool,
    pub(crate) timer: Timer,
    /// Bytes of input used so far.
    pub(crate) offset: u64,
    pub(crate) incoming: Option<Box<Incoming>>,
    /// §5.5.3: of several Pings the last may be answered alone, which bounds the output when a
    /// peer sends and does not read.
    pub(crate) late_pong: Option<Box<[u8]>>,
    output: Output,
    pub(crate) close_reason: Option<Box<CloseReason>>,
    pub(crate) codec: Option<Box<Codec>>,
}

/// A message that is sent in fragments.
#[derive(Clone, Copy, Debug)]
struct Unfinished {
    kind: Opcode,
    compressed: bool,
    /// The next frame is its first.
    at_start: bool,
}

impl Connection {
    /// An open connection: the next byte in either direction belongs to a frame. Who has many of
    /// them gives each a clone of one `Arc<Limits>`.
    pub fn new(role: Role, limits: impl Into<Arc<Limits>>) -> Self {
        let limits = limits.into();
        Self {
            role,
            timer: if limits.ping_interval.is_some() { Timer::Start } else { Timer::Off },
            limits,
            state: State::Open,
            close_sent: false,
            unfinished: None,
            receiving: true,
            heard: true,
            offset: 0,
            incoming: None,
            late_pong: None,
            output: Output::default(),
            close_reason: None,
            codec: None,
        }
    }

    /// Compresses messages as it was agreed in the opening handshake, and inflates the peer's; `None` does
    /// neither. To be called before the first frame.
    ///
    /// Without context takeover (the default of [`Config`](rtwire_permessage_deflate::Config)) an idle
    /// connection holds no codec. Each thread keeps one of either kind, in between, for all of them. From the
    /// first frame of a compressed message to its last a connection has 48 KB for inflating it, however little
    /// has arrived, and 280 KB with default settings for compressing one that is sent in fragments.
    ///
    /// ```
    /// use rtwire_permessage_deflate::{Config, negotiation::Params};
    /// use rtwire_websocket::{Connection, Deflate, Event, Limits, Role};
    ///
    /// let config = Config::default();
    /// let params = Params::negotiate([&b"permessage-deflate"[..]], &config)?.expect("agreed");
    /// let deflate = Deflate { params, config };
    /// let client = Role::Client { masking_key: || [1, 2, 3, 4] };
    /// let mut client = Connection::new(client, Limits::default()).with_deflate(deflate);
    /// let mut server = Connection::new(Role::Server, Limits::default()).with_deflate(deflate);
    ///
    /// client.send("long enough ".repeat(1000))?;
    /// let wire = client.output();
    /// let mut wire = bytes::Buf::copy_to_bytes(wire, bytes::Buf::remaining(wire)).to_vec();
    /// assert!(wire.len() < 100);
    /// let Some(Event::Text(text)) = server.next_event(&mut &mut wire[..])? else { panic!() };
    /// assert_eq!(text.len(), 12_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(mut self, deflate: impl Into<Option<crate::deflate::Deflate>>) -> Self {
        self.codec = deflate.into().map(|deflate| Box::new(Codec::new(self.role, &deflate)));
        self
    }

    /// Which end this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What the peer may cost.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How far the connection has come.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether input can still mean something: false after the peer's Close frame, a fault or the
    /// end of the transport.
    pub fn is_receiving(&self) -> bool {
        self.receiving
    }

    /// What the peer's Close frame said; [`CloseCode::ABNORMAL`] if the transport ended without
    /// one; `None` until either happened.
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.close_reason.as_deref()
    }

    /// Bytes of input used so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether a message may be sent now.
    ///
    /// # Errors
    /// [`SendError::Closing`], [`SendError::Full`], [`SendError::UnfinishedMessage`].
    #[inline]
    pub fn ready(&self) -> Result<(), SendError> {
        self.room()?;
        if self.unfinished.is_some() { Err(SendError::UnfinishedMessage) } else { Ok(()) }
    }

    /// Whether a frame may be sent now: a control frame or a fragment, also within a message.
    #[inline]
    pub(crate) fn room(&self) -> Result<(), SendError> {
        if self.close_sent {
            Err(SendError::Closing)
        } else if self.output.remaining() >= self.limits.max_output.max(1) {
            Err(SendError::Full)
        } else {
            Ok(())
        }
    }

    /// Queues a message. A large payload is queued by reference: a server never copies it, a
    /// client masks it in place if it holds the only reference.
    ///
    /// # Errors
    /// As [`ready`](Self::ready), which one may ask first in order to keep the message.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.ready()?;
        let (opcode, payload) = into_parts(message.into());
        match self.compress(&payload) {
            Some(compressed) => self.push_compressed(opcode, compressed),
            None => self.push_payload(FrameHeader::new(opcode, 0), payload),
        }
        Ok(())
    }

    /// As [`send`](Self::send), and never compressed: for what would not get shorter, as a picture, or
    /// holds a secret beside what an attacker has chosen. A message may go so at any time (RFC 7692 §7.2.1),
    /// and those around it are compressed as if it was not there.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub fn send_uncompressed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.ready()?;
        let (opcode, payload) = into_parts(message.into());
        self.push_payload(FrameHeader::new(opcode, 0), payload);
        Ok(())
    }

    /// Queues a fragment (§5.4) of a message whose length is not known yet, or that is not to be held
    /// in memory as a whole. All of its fragments are of the first one's type, and `fin` marks the last,
    /// which may be empty. Control frames may come between them, other messages may not.
    ///
    /// If messages are compressed, this is one of them. Each fragment can be inflated when it arrives.
    ///
    /// ```
    /// use rtwire_websocket::{Connection, Limits, Role, SendError};
    ///
    /// let mut connection = Connection::new(Role::Server, Limits::default());
    /// connection.send_fragment("Hel", false)?;
    /// assert_eq!(connection.send_text("!"), Err(SendError::UnfinishedMessage));
    /// connection.send_ping(b"")?;
    /// connection.send_fragment("lo", true)?;
    /// assert_eq!(bytes::Buf::chunk(connection.output()), b"\x01\x03Hel\x89\x00\x80\x02lo");
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    /// [`SendError::Closing`], [`SendError::Full`]; [`SendError::UnfinishedMessage`] for a fragment of
    /// another type.
    pub fn send_fragment(
        &mut self,
        fragment: impl Into<Message>,
        fin: bool,
    ) -> Result<(), SendError> {
        self.room()?;
        let (kind, mut payload) = into_parts(fragment.into());
        let mut message = match self.unfinished {
            Some(message) if message.kind == kind => message,
            Some(_) => return Err(SendError::UnfinishedMessage),
            None => {
                let codec = self.codec.as_deref();
                let compressed = codec.is_some_and(|c| c.should_compress(payload.len(), fin));
                Unfinished { kind, compressed, at_start: true }
            }
        };
        if let Some(codec) = self.codec.as_deref_mut().filter(|_| message.compressed) {
            let mut compressed = BytesMut::new();
            codec.compress_fragment(&payload, fin, &mut compressed);
            payload = compressed.freeze();
        }
        if fin || !message.compressed || !payload.is_empty() {
            let opcode = if message.at_start { kind } else { Opcode::Continuation };
            let mut header = FrameHeader::new(opcode, 0);
            header.fin = fin;
            // RFC 7692 §6.1: on the first fragment only.
            header.rsv1 = message.compressed && message.at_start;
            self.push_payload(header, payload);
            message.at_start = false;
        }
        self.unfinished = (!fin).then_some(message);
        Ok(())
    }

    /// Queues a copy of `text` as a message.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    #[inline]
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.ready()?;
        self.push_message(Opcode::Text, text.as_bytes());
        Ok(())
    }

    /// Queues a copy of `bytes` as a message.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    #[inline]
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.ready()?;
        self.push_message(Opcode::Binary, bytes);
        Ok(())
    }

    /// Queues the message that `event` is, as it is: what it borrows is copied, what it owns is
    /// not. Other events are no messages, and the protocol has answered them. Nor is a message
    /// sent that arrives after our Close frame, as some may.
    ///
    /// # Errors
    /// [`SendError::Full`], [`SendError::UnfinishedMessage`].
    #[inline]
    pub fn forward(&mut self, event: Event<'_>) -> Result<(), SendError> {
        if self.close_sent {
            return Ok(());
        }
        match event {
            Event::Text(Text::Borrowed(text)) => self.send_text(text),
            Event::Text(Text::Owned(text)) => self.send(text),
            Event::Binary(Payload::Borrowed(bytes)) => self.send_binary(bytes),
            Event::Binary(Payload::Owned(bytes)) => self.send(bytes),
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => Ok(()),
        }
    }

    /// Queues a message that was encoded before. A client has to mask a copy of it. If messages are
    /// compressed, it is compressed once for all connections with the same size of window, by the level of
    /// the first that sends it, unless it would not get shorter. A connection whose window is taken over
    /// starts with an empty one after it.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub fn send_prepared(&mut self, prepared: &PreparedMessage) -> Result<(), SendError> {
        self.ready()?;
        match self.role {
            Role::Server => {
                let frame = match self.codec.as_deref_mut() {
                    Some(codec) => codec.prepared(prepared),
                    None => prepared.frame(),
                };
                self.output.push_shared(frame);
            }
            Role::Client { .. } if prepared.may_compress() => {
                self.push_message(prepared.opcode(), prepared.payload());
            }
            Role::Client { .. } => self.push_frame(prepared.opcode(), prepared.payload()),
        }
        Ok(())
    }

    /// Queues a Ping (§5.5.2) beyond those that keepalive sends.
    ///
    /// # Errors
    /// [`SendError::Closing`], [`SendError::Full`], and [`SendError::TooLong`] for more than 125 bytes.
    pub fn send_ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.send_control(Opcode::Ping, payload)
    }

    /// Queues an unsolicited Pong (§5.5.3), a one-way heartbeat. Pings are answered without it.
    ///
    /// # Errors
    /// [`SendError::Closing`], [`SendError::Full`], and [`SendError::TooLong`] for more than 125 bytes.
    pub fn send_pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.send_control(Opcode::Pong, payload)
    }

    /// Starts the closing handshake (§7.1.2). Messages may still arrive until the peer answers.
    ///
    /// # Errors
    /// [`SendError::Closing`], [`SendError::CloseCode`], [`SendError::TooLong`].
    pub fn close(&mut self, reason: &CloseReason) -> Result<(), SendError> {
        if self.close_sent {
            return Err(SendError::Closing);
        }
        let body = reason.encode()?;
        self.push_close(&body);
        Ok(())
    }

    /// What is to be written, automatic replies included.
    #[inline]
    pub fn output(&mut self) -> &mut Output {
        if self.late_pong.is_some() && self.room().is_ok() {
            let payload = self.late_pong.take().unwrap_or_default();
            self.push_frame(Opcode::Pong, &payload);
        }
        &mut self.output
    }

    /// The transport has ended: nothing more arrives, and nothing can be written.
    pub fn handle_eof(&mut self) {
        self.state = State::Closed;
        self.receiving = false;
        self.close_sent = true;
        self.timer = Timer::Off;
        self.abandon_message();
        self.close_reason.get_or_insert_with(|| Box::new(CloseReason::new(CloseCode::ABNORMAL)));
    }

    /// §7.1.7: fail the connection, with the status code that the rule calls for.
    pub(crate) fn fail(&mut self, error: Error) {
        self.receiving = false;
        self.abandon_message();
        if !self.close_sent {
            let reason = error.rule().to_string();
            let close = CloseReason { code: error.rule().close_code(), reason: reason.into() };
            // Every rule has a code that may be sent and a reason that fits: tested below.
            self.push_close(&close.encode().unwrap_or_default());
        }
        self.start_closing();
    }

    /// Nothing more is received, so that no message is sent either.
    pub(crate) fn abandon_message(&mut self) {
        self.incoming = None;
        self.late_pong = None;
        self.codec = None;
    }

    pub(crate) fn start_closing(&mut self) {
        if self.state == State::Open {
            self.state = State::Closing;
            self.timer = Timer::Start;
        }
    }

    fn send_control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.room()?;
        if payload.len() > 125 {
            return Err(SendError::TooLong);
        }
        self.push_frame(opcode, payload);
        Ok(())
    }

    pub(crate) fn push_close(&mut self, body: &[u8]) {
        self.push_frame(Opcode::Close, body);
        self.close_sent = true;
        self.start_closing();
    }

    /// The payload of a compressed message, if this is to be one.
    #[inline]
    fn compress(&mut self, message: &[u8]) -> Option<BytesMut> {
        self.codec.as_deref_mut()?.compress(message)
    }

    #[inline]
    fn push_message(&mut self, opcode: Opcode, message: &[u8]) {
        match self.compress(message) {
            Some(compressed) => self.push_compressed(opcode, compressed),
            None => self.push_frame(opcode, message),
        }
    }

    fn push_compressed(&mut self, opcode: Opcode, payload: BytesMut) {
        let mut header = FrameHeader::new(opcode, 0);
        header.rsv1 = true;
        self.push_payload(header, payload.freeze());
    }

    /// Queues a frame, not a fragment, with a copy of its payload.
    #[inline]
    pub(crate) fn push_frame(&mut self, opcode: Opcode, payload: &[u8]) {
        self.push_copy(FrameHeader::new(opcode, 0), payload);
    }

    /// The header's length and key are set here, and in [`push_payload`](Self::push_payload).
    #[inline]
    fn push_copy(&mut self, mut header: FrameHeader, payload: &[u8]) {
        let key = self.masking_key();
        header.payload_len = payload.len() as u64;
        header.masking_key = key;
        self.output.push_copied(|tail| {
            tail.reserve(FrameHeader::MAX_LEN + payload.len());
            header.encode(tail);
            let start = tail.len();
            tail.extend_from_slice(payload);
            if let (Some(key), Some(copy)) = (key, tail.get_mut(start..)) {
                apply_mask(copy, key, 0);
            }
        });
    }

    /// Queues a frame with its payload by reference, where that is cheaper than a copy.
    fn push_payload(&mut self, mut header: FrameHeader, payload: Bytes) {
        if payload.len() <= Output::COPY_MAX {
            return self.push_copy(header, &payload);
        }
        header.payload_len = payload.len() as u64;
        let Some(key) = self.masking_key() else {
            self.output.push_copied(|tail| header.encode(tail));
            return self.output.push_bytes(payload);
        };
        // What others hold too must not be masked under their eyes.
        let mut payload =
            payload.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        apply_mask(&mut payload, key, 0);
        header.masking_key = Some(key);
        self.output.push_copied(|tail| header.encode(tail));
        self.output.push_bytes(payload.freeze());
    }

    #[inline]
    fn masking_key(&self) -> Option<[u8; 4]> {
        match self.role {
            Role::Server => None,
            Role::Client { masking_key } => Some(masking_key()),
        }
    }
}

fn into_parts(message: Message) -> (Opcode, Bytes) {
    match message {
        Message::Text(text) => (Opcode::Text, text.into_bytes()),
        Message::Binary(bytes) => (Opcode::Binary, bytes),
    }
}
