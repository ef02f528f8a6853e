use alloc::string::String;

use bytes::Bytes;
use bytestring::ByteString;

use crate::{
    error::{Error, SendError},
    frame::Frame,
    message::Message,
    packet::{Packet, push_base64},
    rule::Rule,
};

/// What separates the packets of a payload: the record separator, U+001E.
pub(crate) const SEPARATOR: char = '\x1e';

/// The packets of a polling request or answer ("HTTP long-polling"), decoded one by one: those
/// before a malformed one count.
///
/// ```
/// use rtwire_engineio::{Packet, Payload, Rule};
///
/// let mut payload = Payload::decode("4hello\x1e2\x1eoops", 1000);
/// assert_eq!(payload.next(), Some(Ok(Packet::Message("hello".into()))));
/// assert_eq!(payload.next(), Some(Ok(Packet::Ping { probe: false })));
/// let error = payload.next().unwrap().unwrap_err();
/// assert_eq!((error.rule(), error.offset()), (Rule::UnknownType { byte: b'o' }, 9));
/// assert_eq!(payload.next(), None);
/// ```
#[derive(Clone, Debug)]
pub struct Payload {
    /// `None`: at the end, or after an error.
    rest: Option<Bytes>,
    offset: u64,
    packets: usize,
    max_packets: usize,
}

impl Payload {
    /// Begins to decode `body`. The iterator yields a packet at a time, or the error that ends it:
    /// [`Rule::TooManyPackets`], [`Rule::InvalidUtf8`], or one of [`Packet::decode`].
    pub fn decode(body: impl Into<Bytes>, max_packets: usize) -> Self {
        Self { rest: Some(body.into()), offset: 0, packets: 0, max_packets }
    }

    /// Encodes `packets` as one payload. Nothing limits its length here.
    ///
    /// # Errors
    /// [`SendError::RecordSeparator`], if a text has one.
    pub fn encode<'p>(
        packets: impl IntoIterator<Item = &'p Packet>,
    ) -> Result<ByteString, SendError> {
        let mut payload = String::new();
        for packet in packets {
            if let Packet::Message(Message::Text(text)) = packet
                && text.contains(SEPARATOR)
            {
                return Err(SendError::RecordSeparator);
            }
            push_frame(&mut payload, &packet.encode());
        }
        Ok(payload.into())
    }

    /// Where the packet to come starts, in bytes from the start of the payload.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    fn decode_next(&mut self) -> Option<Result<Packet, Error>> {
        let mut rest = self.rest.take()?;
        let start = self.offset;
        if self.packets == self.max_packets {
            return Some(Err(Error::new(Rule::TooManyPackets { limit: self.max_packets }, start)));
        }
        // In UTF-8 no part of a longer character has this value.
        let packet = match rest.iter().position(|&byte| byte == SEPARATOR as u8) {
            Some(index) => {
                let packet = rest.split_to(index);
                self.offset += index as u64 + 1;
                self.rest = Some(rest.split_off(1));
                packet
            }
            None => rest,
        };
        self.packets += 1;
        if let Err(error) = core::str::from_utf8(&packet) {
            return Some(Err(Error::new(Rule::InvalidUtf8, start + error.valid_up_to() as u64)));
        }
        let text = ByteString::try_from(packet).map_err(|_| Error::new(Rule::InvalidUtf8, start));
        Some(text.and_then(|text| Packet::decode(&text).map_err(|error| error.after(start))))
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

/// What a packet takes in a payload, in bytes.
pub(crate) fn polling_len(frame: &Frame) -> usize {
    match frame {
        Frame::Text(text) => text.len(),
        // `b`, and four characters for three bytes.
        Frame::Binary(bytes) => bytes.len().div_ceil(3).saturating_mul(4).saturating_add(1),
        Frame::Close => 0,
    }
}

/// Appends a packet, and a separator before it unless it is the first. No packet is empty in text.
pub(crate) fn push_frame(payload: &mut String, frame: &Frame) {
    if !payload.is_empty() {
        payload.push(SEPARATOR);
    }
    match frame {
        Frame::Text(text) => payload.push_str(text),
        Frame::Binary(bytes) => push_base64(payload, bytes),
        Frame::Close => {}
    }
}
