//! Payloads ("Payload" of version 3), in text and, for who can take it, in binary.
//!
//! ```text
//!  text     <length>:<packet>                       length in UTF-16 code units, decimal
//!  binary   00 <length> ff <packet in UTF-8>        length in bytes, its decimal digits
//!           01 <length> ff <type as a byte> <data>  as the bytes 00 to 09
//! ```

use alloc::{string::String, vec::Vec};
use core::fmt::Write;

use bytes::{Buf, Bytes};
use bytestring::ByteString;

use super::packet::{decode, encode, prefixed};
use crate::{error::Error, frame::Frame, packet::Packet, rule::Rule};

/// The packets of a polling request or answer, decoded one by one: those before a malformed one count.
///
/// ```
/// use rtwire_engineio::{Frame, Packet, Rule, v3};
///
/// let mut payload = v3::Payload::decode(Frame::Text("2:4a1:29:4b".into()), 1000);
/// assert_eq!(payload.next(), Some(Ok(Packet::Message("a".into()))));
/// assert_eq!(payload.next(), Some(Ok(Packet::Ping { probe: false })));
/// let error = payload.next().unwrap().unwrap_err();
/// assert_eq!((error.rule(), error.offset()), (Rule::InvalidLength, 7));
/// assert_eq!(payload.next(), None);
/// ```
#[derive(Clone, Debug)]
pub struct Payload {
    /// `None`: at the end, or after an error.
    rest: Option<Frame>,
    offset: u64,
    packets: usize,
    max_packets: usize,
    /// The text ends before something that is not UTF-8.
    cut: bool,
}

impl Payload {
    /// Begins to decode a body: text, or what came as `application/octet-stream`. The iterator yields a
    /// packet at a time, or the error that ends it: [`Rule::InvalidLength`],
    /// [`Rule::TooManyPackets`], [`Rule::InvalidUtf8`], or one of [`decode`].
    pub fn decode(body: Frame, max_packets: usize) -> Self {
        Self { rest: Some(body), offset: 0, packets: 0, max_packets, cut: false }
    }

    /// The same of text whose bytes have not been looked at.
    pub(crate) fn decode_text(body: Bytes, max_packets: usize) -> Self {
        let valid = core::str::from_utf8(&body).map_or_else(|error| error.valid_up_to(), str::len);
        let cut = valid < body.len();
        let text = ByteString::try_from(body.slice(..valid)).unwrap_or_default();
        Self { cut, ..Self::decode(Frame::Text(text), max_packets) }
    }

    /// Where the packet to come starts, in bytes from the start of the payload.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    fn decode_next(&mut self) -> Option<Result<Packet, Error>> {
        let rest = self.rest.take()?;
        if rest.len() == 0 && !self.cut && self.packets > 0 {
            return None;
        }
        let start = self.offset;
        if self.packets == self.max_packets {
            return Some(Err(Error::new(Rule::TooManyPackets { limit: self.max_packets }, start)));
        }
        self.packets += 1;
        let split = match &rest {
            Frame::Text(text) => split_text(text, self.cut),
            Frame::Binary(bytes) => split_binary(bytes),
            Frame::Close => Err(Rule::EmptyPacket.into()),
        };
        let (header, packet, after) = match split {
            Ok(split) => split,
            Err(error) => return Some(Err(error.after(start))),
        };
        let begin = start + header as u64;
        self.offset = begin + packet.len() as u64;
        self.rest = Some(after);
        Some(decode(&packet).map_err(|error| error.after(begin)))
    }
}

impl Iterator for Payload {
    type Item = Result<Packet, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.decode_next();
        if let Some(Err(_)) = item {
            self.rest = None;
        }
        item
    }
}

impl core::iter::FusedIterator for Payload {}

/// The length of what stands in front of a packet, the packet, and what is behind it.
type Split = (usize, Frame, Frame);

fn split_text(text: &ByteString, cut: bool) -> Result<Split, Error> {
    // What is missing may be behind what is not UTF-8.
    let missing = |rule| if cut { (Rule::InvalidUtf8, text.len()) } else { rule };
    let broken = |(rule, offset): (Rule, usize)| Error::new(rule, offset as u64);
    if text.is_empty() {
        return Err(broken(missing((Rule::EmptyPacket, 0))));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let packet = match text.as_bytes().get(digits) {
        Some(b':') if digits > 0 => &text[digits + 1..],
        Some(_) => return Err(broken((Rule::InvalidLength, digits))),
        None => return Err(broken(missing((Rule::InvalidLength, digits)))),
    };
    let mut length = decimal(text.bytes().take(digits).map(|digit| digit - b'0'));
    let mut end = 0;
    for character in packet.chars() {
        if length == 0 {
            break;
        }
        // A length that ends between surrogates is none.
        let units = character.len_utf16();
        length = length.checked_sub(units).ok_or_else(|| broken((Rule::InvalidLength, 0)))?;
        end += character.len_utf8();
    }
    if length > 0 {
        return Err(broken(missing((Rule::InvalidLength, 0))));
    }
    let (packet, after) = packet.split_at(end);
    let frame = |part| Frame::Text(text.slice_ref(part));
    Ok((digits + 1, frame(packet), frame(after)))
}

fn split_binary(bytes: &Bytes) -> Result<Split, Error> {
    let broken = |rule, offset: usize| Error::new(rule, offset as u64);
    let binary = match bytes.first() {
        Some(0) => false,
        Some(1) => true,
        Some(_) => return Err(broken(Rule::InvalidLength, 0)),
        None => return Err(broken(Rule::EmptyPacket, 0)),
    };
    let digits = bytes[1..].iter().take_while(|&&byte| byte < 10).count();
    let header = 1 + digits + 1;
    if digits == 0 || bytes.get(header - 1) != Some(&0xFF) {
        return Err(broken(Rule::InvalidLength, header - 1));
    }
    let length = decimal(bytes[1..=digits].iter().copied());
    let mut rest = bytes.slice(header..);
    if length > rest.remaining() {
        return Err(broken(Rule::InvalidLength, 0));
    }
    let packet = rest.split_to(length);
    let packet = if binary {
        Frame::Binary(packet)
    } else {
        if let Err(error) = core::str::from_utf8(&packet) {
            return Err(broken(Rule::InvalidUtf8, header + error.valid_up_to()));
        }
        let text = ByteString::try_from(packet);
        Frame::Text(text.map_err(|_| broken(Rule::InvalidUtf8, header))?)
    };
    Ok((header, packet, Frame::Binary(rest)))
}

/// A number that saturates: so long no payload is.
fn decimal(digits: impl Iterator<Item = u8>) -> usize {
    digits.fold(0, |number: usize, digit| {
        number.saturating_mul(10).saturating_add(usize::from(digit))
    })
}

/// Encodes `packets` as one payload: binary if there is binary among them, unless `base64` has it in
/// text. Nothing limits its length here.
pub fn encode_payload<'p>(packets: impl IntoIterator<Item = &'p Packet>, base64: bool) -> Frame {
    join(packets.into_iter().map(|packet| encode(packet, base64)).collect())
}

/// The same of packets that are encoded for version 4.
pub(crate) fn from_frames(frames: impl Iterator<Item = Frame>, base64: bool) -> Frame {
    let frames = frames.map(|frame| match frame {
        Frame::Binary(bytes) => prefixed(&bytes, base64),
        frame => frame,
    });
    join(frames.collect())
}

fn join(frames: Vec<Frame>) -> Frame {
    if frames.iter().any(|frame| matches!(frame, Frame::Binary(_))) {
        let mut payload = Vec::new();
        for frame in &frames {
            let (kind, bytes) = match frame {
                Frame::Text(text) => (0, &text.as_bytes()[..]),
                Frame::Binary(bytes) => (1, &bytes[..]),
                Frame::Close => continue,
            };
            payload.push(kind);
            push_digits(&mut payload, bytes.len());
            payload.push(0xFF);
            payload.extend_from_slice(bytes);
        }
        return Frame::Binary(payload.into());
    }
    let mut payload = String::new();
    for frame in &frames {
        if let Frame::Text(text) = frame {
            // Writing to a String does not fail.
            let _ = write!(payload, "{}:{text}", text.encode_utf16().count());
        }
    }
    Frame::Text(payload.into())
}

/// The decimal digits of a length, as bytes.
fn push_digits(payload: &mut Vec<u8>, length: usize) {
    let mut divisor = 1;
    while length / divisor >= 10 {
        divisor *= 10;
    }
    while divisor > 0 {
        // A digit fits into a byte.
        payload.push(u8::try_from(length / divisor % 10).unwrap_or_default());
        divisor /= 10;
    }
}
