//! Packets ("Packet encoding"): a type, then data.
//!
//! ```text
//!  type     wire              data
//!  open     0{"sid":…}        the handshake, JSON
//!  close    1
//!  ping     2, 2probe         probe: on the WebSocket of an upgrade
//!  pong     3, 3probe
//!  message  4hello            text
//!           bAQID             binary within text: base64, no type
//!           01 02 03          binary of a WebSocket: as it is, no type
//!  upgrade  5
//!  noop     6
//! ```

use alloc::string::String;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use bytestring::ByteString;

use crate::{error::Error, frame::Frame, message::Message, open::OpenPacket, rule::Rule};

/// One packet.
///
/// ```
/// use rtwire_engineio::{Frame, Packet};
///
/// let packet = Packet::decode(&"4hello".into())?;
/// assert_eq!(packet, Packet::Message("hello".into()));
/// assert_eq!(packet.encode(), Frame::Text("4hello".into()));
///
/// let binary = Packet::Message(vec![1, 2, 3].into());
/// assert_eq!(binary.encode(), Frame::Binary(vec![1, 2, 3].into()));
/// assert_eq!(Packet::decode(&"bAQID".into())?, binary);
/// # Ok::<(), rtwire_engineio::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// `0`: the server's first packet.
    Open(OpenPacket),
    /// `1`: the end of the session.
    Close,
    /// `2`, from the server; `2probe`, from a client that would upgrade.
    Ping {
        /// Whether it tests a new transport.
        probe: bool,
    },
    /// `3`, or `3probe`: the answer to a ping.
    Pong {
        /// Whether it answers a probe.
        probe: bool,
    },
    /// `4`, or `b`: the data that all of this is for.
    Message(Message),
    /// `5`: the client moves to the new transport.
    Upgrade,
    /// `6`: answers a GET that has nothing to bring.
    Noop,
}

const PROBE: &str = "probe";

impl Packet {
    /// Decodes a packet in text: a text message of a WebSocket, or one packet of a payload. A
    /// message borrows its text from `input` by sharing.
    ///
    /// # Errors
    /// [`Rule::EmptyPacket`], [`Rule::UnknownType`], [`Rule::UnexpectedData`],
    /// [`Rule::InvalidBase64`], [`Rule::InvalidOpen`].
    pub fn decode(input: &ByteString) -> Result<Self, Error> {
        let Some(&kind) = input.as_bytes().first() else {
            return Err(Rule::EmptyPacket.into());
        };
        let broken = |rule| Err(Error::new(rule, 1));
        let Some(data) = input.get(1..) else {
            return Err(Rule::UnknownType { byte: kind }.into());
        };
        match (kind, data) {
            (b'4', _) => Ok(Self::Message(Message::Text(input.slice_ref(data)))),
            (b'b', _) => match STANDARD.decode(data) {
                Ok(bytes) => Ok(Self::Message(bytes.into())),
                Err(_) => broken(Rule::InvalidBase64),
            },
            (b'0', _) => match OpenPacket::decode(data) {
                Ok(open) => Ok(Self::Open(open)),
                Err(rule) => broken(rule),
            },
            (b'1', "") => Ok(Self::Close),
            (b'2', "") => Ok(Self::Ping { probe: false }),
            (b'2', PROBE) => Ok(Self::Ping { probe: true }),
            (b'3', "") => Ok(Self::Pong { probe: false }),
            (b'3', PROBE) => Ok(Self::Pong { probe: true }),
            (b'5', "") => Ok(Self::Upgrade),
            (b'6', "") => Ok(Self::Noop),
            (b'1' | b'2' | b'3' | b'5' | b'6', _) => broken(Rule::UnexpectedData),
            (byte, _) => Err(Rule::UnknownType { byte }.into()),
        }
    }

    /// The message of a WebSocket that carries this packet.
    pub fn encode(&self) -> Frame {
        match self {
            Self::Message(Message::Binary(bytes)) => Frame::Binary(bytes.clone()),
            Self::Close => Frame::Text(ByteString::from_static("1")),
            Self::Ping { probe: false } => Frame::Text(ByteString::from_static("2")),
            Self::Ping { probe: true } => Frame::Text(ByteString::from_static("2probe")),
            Self::Pong { probe: false } => Frame::Text(ByteString::from_static("3")),
            Self::Pong { probe: true } => Frame::Text(ByteString::from_static("3probe")),
            Self::Upgrade => Frame::Text(ByteString::from_static("5")),
            Self::Noop => Frame::Text(ByteString::from_static("6")),
            Self::Message(Message::Text(text)) => Frame::Text(with_type('4', text)),
            Self::Open(open) => Frame::Text(with_type('0', &open.encode())),
        }
    }

    /// Text alone, as in a payload, or on a WebSocket whose client asked for it (`b64=1`): binary
    /// is `b` and base64.
    pub fn encode_text(&self) -> ByteString {
        match self.encode() {
            Frame::Text(text) => text,
            Frame::Binary(bytes) => base64_text(&bytes),
            // No packet is a Close frame.
            Frame::Close => ByteString::new(),
        }
    }

    /// The packet without the rest of the payload that it came in, if that is most of it: who keeps a
    /// short message must not keep a long payload.
    pub(crate) fn detached(self, payload: usize) -> Self {
        match self {
            Self::Message(Message::Text(text)) if text.len() < payload / 2 => {
                Self::Message(Message::Text(ByteString::from(&*text)))
            }
            // What was base64 is by itself already.
            Self::Message(Message::Binary(bytes))
                if bytes.len() < payload / 2 && !bytes.is_unique() =>
            {
                Self::Message(Message::Binary(Bytes::copy_from_slice(&bytes)))
            }
            packet => packet,
        }
    }
}

fn with_type(kind: char, data: &str) -> ByteString {
    let mut text = String::with_capacity(1 + data.len());
    text.push(kind);
    text.push_str(data);
    text.into()
}

pub(crate) fn base64_text(bytes: &[u8]) -> ByteString {
    let mut text = String::with_capacity(1 + bytes.len().div_ceil(3) * 4);
    push_base64(&mut text, bytes);
    text.into()
}

pub(crate) fn push_base64(text: &mut String, bytes: &[u8]) {
    text.push('b');
    STANDARD.encode_string(bytes, text);
}
