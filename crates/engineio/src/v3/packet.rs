//! Packets ("Encoding" of version 3).

use alloc::{string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use bytestring::ByteString;

use crate::{error::Error, frame::Frame, message::Message, packet::Packet, rule::Rule};

/// The type of a message, as a digit.
const MESSAGE: u8 = b'4';

/// The type of a message, as a byte.
const BINARY_MESSAGE: u8 = 4;

/// Decodes a packet: a message of a WebSocket, or one packet of a payload. A message shares the bytes
/// of `frame`.
///
/// ```
/// use rtwire_engineio::{Frame, Message, Packet, v3};
///
/// let packet = v3::decode(&Frame::Binary(vec![4, 1, 2, 3].into()))?;
/// assert_eq!(packet, Packet::Message(vec![1, 2, 3].into()));
/// assert_eq!(v3::decode(&Frame::Text("b4AQID".into()))?, packet);
/// # Ok::<(), rtwire_engineio::Error>(())
/// ```
///
/// # Errors
/// Those of [`Packet::decode`]; [`Rule::EmptyPacket`] for a Close frame.
pub fn decode(frame: &Frame) -> Result<Packet, Error> {
    match frame {
        Frame::Text(text) => match text.as_bytes().as_ref() {
            [b'b', MESSAGE, base64 @ ..] => match STANDARD.decode(base64) {
                Ok(bytes) => Ok(Packet::Message(bytes.into())),
                Err(_) => Err(Error::new(Rule::InvalidBase64, 2)),
            },
            [b'b'] => Err(Error::new(Rule::EmptyPacket, 1)),
            [b'b', byte, ..] => Err(Error::new(Rule::UnknownType { byte: *byte }, 1)),
            _ => Packet::decode(text),
        },
        Frame::Binary(bytes) => match bytes.first() {
            // Binary is nothing but messages: the others carry none.
            Some(&BINARY_MESSAGE) => Ok(Packet::Message(bytes.slice(1..).into())),
            Some(&byte) => Err(Rule::UnknownType { byte }.into()),
            None => Err(Rule::EmptyPacket.into()),
        },
        Frame::Close => Err(Rule::EmptyPacket.into()),
    }
}

/// The message of a WebSocket that carries this packet; with `base64`, text alone.
pub fn encode(packet: &Packet, base64: bool) -> Frame {
    match packet {
        Packet::Message(Message::Binary(bytes)) => prefixed(bytes, base64),
        packet => packet.encode(),
    }
}

/// A message of binary, with its type.
pub(crate) fn prefixed(bytes: &Bytes, base64: bool) -> Frame {
    if base64 {
        return Frame::Text(base64_text(bytes));
    }
    let mut packet = Vec::with_capacity(1 + bytes.len());
    packet.push(BINARY_MESSAGE);
    packet.extend_from_slice(bytes);
    Frame::Binary(packet.into())
}

fn base64_text(bytes: &[u8]) -> ByteString {
    let mut text = String::with_capacity(2 + bytes.len().div_ceil(3) * 4);
    text.push_str("b4");
    STANDARD.encode_string(bytes, &mut text);
    text.into()
}
