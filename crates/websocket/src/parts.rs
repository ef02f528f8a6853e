//! Receiving in parts (RFC 6455 §5.4, §6.2): a message as it arrives, for who does not want to hold all
//! of it. A part is a piece of a fragment, or all of it, as reads cut it.
//!
//! ```text
//! frames  | text      | continuation    | ping | continuation, FIN |
//! reads   |──────────────────|──────────────────────────────────|──|
//! parts     Text        Text   Text       Ping    Text             Text, fin
//! ```

use bytes::BytesMut;
use bytestring::ByteString;

use crate::{
    close::CloseReason,
    connection::Connection,
    error::{Error, Rule},
    event::{Event, Payload, Text},
    incoming::Progress,
    mask::apply_mask,
    opcode::Opcode,
    utf8::{self, CutCodePoint},
};

/// What the peer's input meant, with messages in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'i> {
    /// Some of a text message; whole code points.
    Text {
        /// The text that has arrived; empty only if it is the last.
        text: Text<'i>,
        /// Whether it is the last of its message.
        fin: bool,
    },
    /// Some of a binary message.
    Binary {
        /// The bytes that have arrived; empty only if they are the last.
        bytes: Payload<'i>,
        /// Whether they are the last of their message.
        fin: bool,
    },
    /// As [`Event::Ping`].
    Ping(Payload<'i>),
    /// As [`Event::Pong`].
    Pong(Payload<'i>),
    /// As [`Event::Close`].
    Close(CloseReason),
}

impl Part<'_> {
    /// The part in memory of its own, copied if it was borrowed.
    pub fn into_owned(self) -> Part<'static> {
        match self {
            Self::Text { text, fin } => Part::Text { text: Text::Owned(text.into_owned()), fin },
            Self::Binary { bytes, fin } => {
                Part::Binary { bytes: Payload::Owned(bytes.into_owned()), fin }
            }
            Self::Ping(payload) => Part::Ping(Payload::Owned(payload.into_owned())),
            Self::Pong(payload) => Part::Pong(Payload::Owned(payload.into_owned())),
            Self::Close(reason) => Part::Close(reason),
        }
    }
}

impl<'i> From<Event<'i>> for Part<'i> {
    /// A whole message is the last of its parts.
    fn from(event: Event<'i>) -> Self {
        match event {
            Event::Text(text) => Self::Text { text, fin: true },
            Event::Binary(bytes) => Self::Binary { bytes, fin: true },
            Event::Ping(payload) => Self::Ping(payload),
            Event::Pong(payload) => Self::Pong(payload),
            Event::Close(reason) => Self::Close(reason),
        }
    }
}

/// How much of a message has been given away in parts.
#[derive(Debug)]
pub(crate) struct PartAssembly {
    pub(crate) is_text: bool,
    pub(crate) compressed: bool,
    /// In bytes as they arrived.
    pub(crate) len: u64,
    cut: CutCodePoint,
}

impl PartAssembly {
    pub(crate) fn new(opcode: Opcode, compressed: bool) -> Self {
        let is_text = opcode == Opcode::Text;
        Self { is_text, compressed, len: 0, cut: CutCodePoint::default() }
    }
}

/// Compressed input is inflated in pieces of this size, each of which may become a thousand times as
/// much, ...
const COMPRESSED_PIECE: usize = 256;

/// ... until a part has this size.
const INFLATED_PART: usize = 32 << 10;

impl Connection {
    /// As [`next_event`](Self::next_event), with each message in parts as it arrives, which are never
    /// copied unless they are inflated. The limits hold for the sum of a message's parts: raise
    /// [`max_message`](crate::Limits::max_message) and [`max_frame`](crate::Limits::max_frame), for
    /// nothing of it is kept. A part of a compressed message is at most 300 KiB.
    ///
    /// One of the two is for all of a message. Of one that began here, `next_event` passes over the rest;
    /// one that began there comes here as a whole.
    ///
    /// ```
    /// use rtwire_websocket::{Connection, Limits, Part, Role};
    ///
    /// let mut connection = Connection::new(Role::Client { masking_key: || [0; 4] }, Limits::default());
    /// let mut size = 0;
    /// for mut read in [b"\x82\x7E\x01\x00begins".to_vec(), vec![7; 250]] {
    ///     let mut input = &mut read[..];
    ///     while let Some(part) = connection.next_part(&mut input)? {
    ///         let Part::Binary { bytes, fin } = part else { continue };
    ///         size += bytes.len();
    ///         assert_eq!(fin, size == 256);
    ///     }
    /// }
    /// assert_eq!(size, 256);
    /// # Ok::<(), rtwire_websocket::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn next_part<'i>(&mut self, input: &mut &'i mut [u8]) -> Result<Option<Part<'i>>, Error> {
        if !self.receiving {
            self.discard(input);
            return Ok(None);
        }
        self.heard |= !input.is_empty();
        let result = self.decode_part(input);
        if let Err(error) = &result {
            self.fail(*error);
        }
        result
    }

    fn decode_part<'i>(&mut self, input: &mut &'i mut [u8]) -> Result<Option<Part<'i>>, Error> {
        loop {
            if self.incoming.is_none() {
                match self.decode_frame(input, true)? {
                    Some(event) => return Ok(Some(event.into())),
                    None if self.incoming.is_none() => return Ok(None),
                    None => {}
                }
            }
            match self.decode_incoming(input, true)? {
                Progress::Cut => return Ok(None),
                Progress::Fragment => {}
                Progress::Event(event) => return Ok(Some(event.into())),
                Progress::Part(part) => return Ok(Some(part)),
            }
        }
    }

    /// Goes on with the payload of a frame whose message is given away in parts.
    pub(crate) fn continue_part<'i>(
        &mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Progress<'i>, Error> {
        let Some((frame, parts)) = self.incoming.as_deref_mut().and_then(|i| i.parts()) else {
            return Ok(Progress::Fragment);
        };
        if parts.compressed {
            return self.continue_inflated_part(input);
        }
        let mut wanted = usize::try_from(frame.len - frame.received).unwrap_or(usize::MAX);
        // The code point that an earlier part was cut in comes by itself.
        if !parts.cut.is_empty() {
            wanted = wanted.min(parts.cut.missing());
        }
        let piece = crate::incoming::take_front(input, wanted);
        if let Some(key) = frame.masking_key {
            apply_mask(piece, key, frame.received);
        }
        let start = self.offset;
        self.offset += piece.len() as u64;
        frame.received += piece.len() as u64;
        parts.len += piece.len() as u64;
        let whole = frame.received == frame.len;
        let fin = whole && frame.fin;

        let invalid = |index: usize| Error::new(Rule::InvalidUtf8, start + index as u64);
        let part = if !parts.is_text {
            Part::Binary { bytes: Payload::Borrowed(piece), fin }
        } else if parts.cut.is_empty() {
            let text = utf8::validate_start(piece, &mut parts.cut).map_err(invalid)?;
            Part::Text { text: Text::Borrowed(text), fin }
        } else {
            let mut code_point = None;
            for (index, &byte) in piece.iter().enumerate() {
                code_point = parts.cut.push(byte).map_err(|()| invalid(index))?;
            }
            let mut bytes = [0; 4];
            let text: &str = code_point.map_or("", |char| char.encode_utf8(&mut bytes));
            Part::Text { text: Text::Owned(ByteString::from(text)), fin }
        };
        // A text ends with a whole code point.
        if fin && !parts.cut.is_empty() {
            return Err(Error::new(Rule::InvalidUtf8, self.offset));
        }
        Ok(self.end_part(part, whole, fin, input))
    }

    /// As [`continue_part`](Self::continue_part), of a compressed message.
    fn continue_inflated_part<'i>(
        &mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Progress<'i>, Error> {
        let incoming = self.incoming.as_deref_mut().and_then(|incoming| incoming.parts());
        let (Some((frame, parts)), Some(codec)) = (incoming, self.codec.as_deref_mut()) else {
            return Ok(Progress::Fragment);
        };
        let start_of_payload = self.offset - frame.received;
        let at = |rule| Error::new(rule, start_of_payload);
        // The code point that the end of the last part cut comes first.
        let mut bytes = BytesMut::from(parts.cut.as_bytes());
        let (mut whole, mut fin, mut inflated);
        loop {
            let missing = usize::try_from(frame.len - frame.received).unwrap_or(usize::MAX);
            let piece = crate::incoming::take_front(input, missing.min(COMPRESSED_PIECE));
            if let Some(key) = frame.masking_key {
                apply_mask(piece, key, frame.received);
            }
            self.offset += piece.len() as u64;
            frame.received += piece.len() as u64;
            whole = frame.received == frame.len;
            fin = whole && frame.fin;
            inflated = codec.inflate(piece, fin, self.limits.max_message, &mut bytes);
            let is_part = whole || input.is_empty() || bytes.len() >= INFLATED_PART;
            if is_part || inflated.is_err() {
                break;
            }
        }
        let part = if parts.is_text {
            parts.cut = CutCodePoint::default();
            let text = utf8::validate_start(&bytes, &mut parts.cut);
            let text = Text::Owned(text.map_err(|_| at(Rule::InvalidUtf8))?.into());
            // What comes before a fault is judged before it, wherever a read has cut them.
            inflated.map_err(at)?;
            if fin && !parts.cut.is_empty() {
                return Err(at(Rule::InvalidUtf8));
            }
            Part::Text { text, fin }
        } else {
            inflated.map_err(at)?;
            Part::Binary { bytes: Payload::Owned(bytes.freeze()), fin }
        };
        Ok(self.end_part(part, whole, fin, input))
    }

    fn end_part<'i>(
        &mut self,
        part: Part<'i>,
        whole: bool,
        fin: bool,
        input: &[u8],
    ) -> Progress<'i> {
        let is_empty = match &part {
            Part::Text { text, .. } => text.is_empty(),
            Part::Binary { bytes, .. } => bytes.is_empty(),
            _ => false,
        };
        if let Some(incoming) = self.incoming.as_deref_mut().filter(|_| whole) {
            incoming.end_frame(fin);
        }
        match part {
            part if fin || !is_empty => Progress::Part(part),
            _ if whole => Progress::Fragment,
            // Of a code point that goes on in this input there is more to take.
            _ if !input.is_empty() => Progress::Fragment,
            _ => Progress::Cut,
        }
    }
}
