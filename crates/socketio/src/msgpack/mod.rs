//! A packet as one binary message, as `socket.io-msgpack-parser` writes it.
//!
//! ```text
//! {"type": 2, "data": ["ev", <bin>], "nsp": "/ns", "id": 12}         in MessagePack
//! ```
//!
//! | MessagePack | JSON and attachments |
//! |---|---|
//! | bin, ext 0 of any length (an `ArrayBuffer`) | an attachment and its placeholder |
//! | fixext 8 of type 0: milliseconds since 1970 (a `Date`) | text, as `Date.toJSON` writes it |
//! | fixext 1 of type 0 (`undefined`) | `null`; as a member of a map, nothing |
//! | any other ext | an array of its type and its bytes |
//! | NaN, ±∞ | `null` |
//!
//! So events, handlers and payloads are the same with both parsers. The price is one pass over the
//! packet; bytes are not copied on the way in, unless they are the lesser part of the message, and
//! once into the message on the way out.

mod reader;
mod writer;

use alloc::string::String;

use bytes::Bytes;

use crate::{
    data::{self, Data},
    error::{Error, Rule},
    json::{self, Json},
    limits::Limits,
    namespace::Namespace,
    packet::{Body, MAX_ACK_ID, Packet},
};
use reader::Reader;
use writer::Writer;

impl Packet {
    /// Decodes a packet of [`Parser::Msgpack`](crate::Parser::Msgpack). Attachments are slices of
    /// `message`, or copies if all together are less than half of it, which they would keep.
    ///
    /// # Errors
    /// The rule that `message` breaks.
    ///
    /// ```
    /// use rtwire_socketio::{Body, Limits, Packet};
    ///
    /// // {"type":2,"nsp":"/","data":["hi",<01 02>]}
    /// let message = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa2hi\xc4\x02\x01\x02";
    /// let packet = Packet::decode_msgpack(message[..].into(), &Limits::default())?;
    /// let Body::Event { data, .. } = &packet.body else { panic!() };
    /// assert_eq!(*data.json(), r#"["hi",{"_placeholder":true,"num":0}]"#);
    /// assert_eq!(data.attachments(), [&b"\x01\x02"[..]]);
    /// # Ok::<(), rtwire_socketio::Error>(())
    /// ```
    pub fn decode_msgpack(message: Bytes, limits: &Limits) -> Result<Self, Error> {
        if message.len() > limits.max_packet {
            let rule = Rule::PacketTooBig { limit: limits.max_packet };
            return Err(Error::new(rule, limits.max_packet));
        }
        let mut reader = Reader::new(&message, limits);
        let Parts { kind, namespace, id, id_at, data_at } = parts(&mut reader)?;
        let fault = |rule| Error::new(rule, data_at);
        let (json, attachments) = reader.into_data()?;
        let kind = kind.ok_or(Error::new(Rule::PacketType, 0))?;
        let namespace = namespace.ok_or(Error::new(Rule::Namespace, 0))?;
        let first = json::first_byte(&json);
        if id.is_some() && !matches!(kind, 2 | 3) {
            return Err(Error::new(Rule::UnexpectedAckId, id_at));
        }
        if !matches!(kind, 2 | 3) && !attachments.is_empty() {
            return Err(fault(Rule::UnexpectedBinary));
        }
        let count = attachments.len();
        let array = |json: String, rule| match first {
            Some(b'[') => Ok(Data::scanned(json.into(), attachments, count)),
            _ => Err(fault(rule)),
        };
        let body = match kind {
            0 => match first {
                None => Body::Connect(None),
                Some(b'{') => Body::Connect(Some(Json::scanned(json.into()))),
                Some(_) => return Err(fault(Rule::ConnectData)),
            },
            1 if first.is_none() => Body::Disconnect,
            1 => return Err(fault(Rule::DisconnectData)),
            2 => {
                let data = array(json, Rule::EventData)?;
                data::event_name(data.json()).map_err(fault)?;
                Body::Event { id, data }
            }
            3 => {
                let id = id.ok_or(Error::new(Rule::MissingAckId, 0))?;
                Body::Ack { id, data: array(json, Rule::AckData)? }
            }
            _ if first.is_some() => Body::ConnectError(Json::scanned(json.into())),
            _ => return Err(fault(Rule::ConnectErrorData)),
        };
        Ok(Self { namespace, body })
    }

    /// Encodes the packet, attachments included, for [`Parser::Msgpack`](crate::Parser::Msgpack).
    pub fn encode_msgpack(&self) -> Bytes {
        match &self.body {
            Body::Connect(json) => encode(0, &self.namespace, None, json.as_deref(), &[]),
            Body::Disconnect => encode(1, &self.namespace, None, None, &[]),
            Body::Event { id, data } => encode_event(&self.namespace, *id, data),
            Body::Ack { id, data } => {
                encode(3, &self.namespace, Some(*id), Some(data.json()), data.attachments())
            }
            Body::ConnectError(json) => encode(4, &self.namespace, None, Some(json), &[]),
        }
    }
}

pub(crate) fn encode_event(namespace: &Namespace, id: Option<u64>, data: &Data) -> Bytes {
    encode(2, namespace, id, Some(data.json()), data.attachments())
}

fn encode(
    kind: u8,
    namespace: &Namespace,
    id: Option<u64>,
    data: Option<&str>,
    attachments: &[Bytes],
) -> Bytes {
    // 48: the keys, the id and the head of the namespace.
    let capacity = 48 + namespace.len() + data.map_or(0, str::len);
    let mut writer = Writer::new(capacity, attachments);
    writer.map(2 + usize::from(data.is_some()) + usize::from(id.is_some()));
    writer.string("type");
    writer.unsigned(kind.into());
    if let Some(data) = data {
        writer.string("data");
        writer.json(data);
    }
    if let Some(id) = id {
        writer.string("id");
        writer.unsigned(id);
    }
    writer.string("nsp");
    writer.string(namespace);
    writer.finish()
}

/// What a packet says beside its data, which the reader keeps.
#[derive(Default)]
struct Parts {
    kind: Option<u8>,
    namespace: Option<Namespace>,
    id: Option<u64>,
    id_at: usize,
    data_at: usize,
}

fn parts(reader: &mut Reader<'_>) -> Result<Parts, Error> {
    let mut parts = Parts::default();
    let mut data = false;
    for _ in 0..reader.map()? {
        let key = reader.string()?;
        let at = reader.at();
        match key {
            "type" => {
                let kind = reader.unsigned()?.and_then(|kind| u8::try_from(kind).ok());
                parts.kind = kind.filter(|kind| *kind <= 4);
                parts.kind.ok_or(Error::new(Rule::PacketType, at))?;
            }
            "nsp" => {
                let name = Namespace::try_from(reader.string()?);
                parts.namespace = Some(name.map_err(|_| Error::new(Rule::Namespace, at))?);
            }
            "id" => {
                parts.id = reader.unsigned()?;
                parts.id_at = at;
                if parts.id.is_some_and(|id| id > MAX_ACK_ID) {
                    return Err(Error::new(Rule::AckIdTooLarge, at));
                }
            }
            "data" if data => return Err(Error::new(Rule::InvalidMsgpack, at)),
            "data" => {
                data = true;
                parts.data_at = at;
                if !reader.skip_undefined() {
                    reader.value()?;
                }
            }
            // The reference sends what its objects have: `options`, and an unused `attachments`.
            _ => reader.skip()?,
        }
    }
    reader.end()?;
    Ok(parts)
}
