//! The text of a packet.
//!
//! ```text
//! type [attachments "-"] ["/" namespace ","] [ack id] [JSON]
//!
//! 2["hello",1]                                            EVENT in the main namespace
//! 451-/ns,12["ev",{"_placeholder":true,"num":0}]          (the 4 is Engine.IO's: message)
//!  │││   │  └ JSON
//!  │││   └ ack id
//!  ││└ namespace
//!  │└ attachments
//!  └ type: BINARY_EVENT
//! ```

use alloc::{string::String, vec::Vec};

use bytestring::ByteString;

use crate::{
    data::{self, Data},
    error::{Error, Rule},
    json::{self, Json},
    limits::Limits,
    namespace::Namespace,
};

/// One packet. Those with attachments are BINARY_EVENT or BINARY_ACK on the wire.
///
/// ```
/// use rtwire_socketio::{Body, Limits, Packet};
///
/// let packet = Packet::decode(r#"2/chat,7["hello",1]"#.into(), &Limits::default())?;
/// assert_eq!(&*packet.namespace, "/chat");
/// assert!(matches!(&packet.body, Body::Event { id: Some(7), .. }));
/// assert_eq!(packet.encode(), r#"2/chat,7["hello",1]"#);
/// # Ok::<(), rtwire_socketio::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What it is about.
    pub namespace: Namespace,
    /// Its type, and what packets of this type carry.
    pub body: Body,
}

/// The type of a packet, and what packets of this type carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Type 0: an object, or nothing. From a client its credentials, from a server the sid.
    Connect(Option<Json>),
    /// Type 1.
    Disconnect,
    /// Type 2, or 5 with attachments.
    Event {
        /// Present if the sender wants an answer: at most 2^53 − 1.
        id: Option<u64>,
        /// The event's name and arguments.
        data: Data,
    },
    /// Type 3, or 6 with attachments.
    Ack {
        /// That of the event which it answers: at most 2^53 − 1.
        id: u64,
        /// The arguments of the answer.
        data: Data,
    },
    /// Type 4. In protocol 5 an object with the reason in `message`; in protocol 4, where it is
    /// called ERROR, any value.
    ConnectError(Json),
}

/// The largest integer up to which JavaScript counts each one: `Number.MAX_SAFE_INTEGER`.
pub(crate) const MAX_ACK_ID: u64 = (1 << 53) - 1;

impl Packet {
    /// Decodes the text of a packet. The namespace shares its memory, and data that is half of it or more.
    /// Attachments are still to come if
    /// [`Data::missing_attachments`] says so: [`Decoder`](crate::Decoder) collects them.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn decode(text: ByteString, limits: &Limits) -> Result<Self, Error> {
        if text.len() > limits.max_packet {
            let rule = Rule::PacketTooBig { limit: limits.max_packet };
            return Err(Error::new(rule, limits.max_packet));
        }
        let mut rest = &*text;
        let kind = match rest.as_bytes() {
            [kind @ b'0'..=b'6', ..] => *kind,
            _ => return Err(Error::new(Rule::PacketType, 0)),
        };
        rest = &rest[1..];
        let at = |rest: &str| text.len() - rest.len();

        let mut attachments = 0;
        if matches!(kind, b'5' | b'6') {
            let (digits, after) = split_digits(rest);
            attachments = match after.strip_prefix('-') {
                Some(after) if !digits.is_empty() => {
                    rest = after;
                    // More than a usize holds is also more than any limit.
                    digits.parse().unwrap_or(usize::MAX)
                }
                _ => return Err(Error::new(Rule::AttachmentCount, at(after))),
            };
            if attachments == 0 {
                return Err(Error::new(Rule::AttachmentCount, 1));
            }
            if attachments > limits.max_attachments {
                let rule = Rule::TooManyAttachments { limit: limits.max_attachments };
                return Err(Error::new(rule, 1));
            }
        }

        let mut namespace = Namespace::default();
        if rest.starts_with('/') {
            // Without a comma the namespace takes all of the rest: `0/random` is legal.
            let (name, after) = rest.split_once(',').unwrap_or((rest, ""));
            if name != &*namespace {
                namespace = Namespace::from_wire(text.slice_ref(name));
            }
            // Where `rest` is empty it still points into `text`, so that `at` holds.
            rest = &rest[rest.len() - after.len()..];
        }

        let (digits, after) = split_digits(rest);
        let id_at = at(rest);
        let id = match digits {
            "" => None,
            digits => match digits.parse() {
                Ok(id @ ..=MAX_ACK_ID) => Some(id),
                _ => return Err(Error::new(Rule::AckIdTooLarge, id_at)),
            },
        };
        if id.is_some() && !matches!(kind, b'2' | b'3' | b'5' | b'6') {
            return Err(Error::new(Rule::UnexpectedAckId, id_at));
        }
        let data_at = at(after);
        let fault = |rule| Error::new(rule, data_at);

        let json = (!after.is_empty()).then(|| {
            // Who keeps little must not keep much: an ack id may have a million zeros.
            if after.len() < text.len() / 2 { after.into() } else { text.slice_ref(after) }
        });
        let first = json.as_deref().and_then(json::first_byte);
        if let Some(json) = &json {
            json::scan(json, limits.max_depth, attachments).map_err(|e| e.after(data_at))?;
        }
        let array = |json: Option<ByteString>, rule| match json {
            Some(json) if first == Some(b'[') => Ok(Data::scanned(json, Vec::new(), attachments)),
            _ => Err(fault(rule)),
        };
        let body = match kind {
            b'0' if first.is_none_or(|first| first == b'{') => {
                Body::Connect(json.map(Json::scanned))
            }
            b'0' => return Err(fault(Rule::ConnectData)),
            b'1' if json.is_none() => Body::Disconnect,
            b'1' => return Err(fault(Rule::DisconnectData)),
            b'2' | b'5' => {
                let data = array(json, Rule::EventData)?;
                data::event_name(data.json()).map_err(fault)?;
                Body::Event { id, data }
            }
            b'3' | b'6' => {
                let id = id.ok_or_else(|| Error::new(Rule::MissingAckId, id_at))?;
                Body::Ack { id, data: array(json, Rule::AckData)? }
            }
            _ => match json {
                Some(json) => Body::ConnectError(Json::scanned(json)),
                None => return Err(fault(Rule::ConnectErrorData)),
            },
        };
        Ok(Self { namespace, body })
    }

    /// Encodes the text of the packet. The attachments of its [`Data`] follow as binary messages.
    ///
    /// A packet that was put together by hand is not checked: [`decode`](Self::decode) may refuse it, or read an error
    /// that is a number as an ack id.
    pub fn encode(&self) -> ByteString {
        self.encode_after("")
    }

    /// The same, with `prefix` in front: what the carrier would put there, at the price of a copy.
    pub(crate) fn encode_after(&self, prefix: &str) -> ByteString {
        let Parts { kind, attachments, id, json } = self.parts();
        // Exactly: text with room to spare has to be made shared by one more allocation.
        let mut text = String::with_capacity(prefix.len() + self.encoded_len());
        text.push_str(prefix);
        text.push(kind);
        if attachments > 0 {
            push_number(&mut text, attachments);
            text.push('-');
        }
        self.namespace.encode(&mut text);
        if let Some(id) = id {
            push_number(&mut text, id);
        }
        text.push_str(json);
        text.into()
    }

    /// The bytes of [`encode`](Self::encode).
    pub(crate) fn encoded_len(&self) -> usize {
        let Parts { attachments, id, json, .. } = self.parts();
        let digits = |number: u64| number.checked_ilog10().unwrap_or(0) as usize + 1;
        let count = if attachments > 0 { digits(attachments) + 1 } else { 0 };
        1 + count + self.namespace.encoded_len() + id.map_or(0, digits) + json.len()
    }

    fn parts(&self) -> Parts<'_> {
        let attachments = self.data().map_or(0, Data::attachment_count) as u64;
        let (kind, id, json) = match &self.body {
            Body::Connect(json) => ('0', None, json.as_deref().unwrap_or_default()),
            Body::Disconnect => ('1', None, ""),
            Body::Event { id, data } if attachments == 0 => ('2', *id, &**data.json()),
            Body::Event { id, data } => ('5', *id, &**data.json()),
            Body::Ack { id, data } if attachments == 0 => ('3', Some(*id), &**data.json()),
            Body::Ack { id, data } => ('6', Some(*id), &**data.json()),
            Body::ConnectError(json) => ('4', None, &**json),
        };
        Parts { kind, attachments, id, json }
    }

    pub(crate) fn data(&self) -> Option<&Data> {
        match &self.body {
            Body::Event { data, .. } | Body::Ack { data, .. } => Some(data),
            Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => None,
        }
    }

    pub(crate) fn data_mut(&mut self) -> Option<&mut Data> {
        match &mut self.body {
            Body::Event { data, .. } | Body::Ack { data, .. } => Some(data),
            Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => None,
        }
    }
}

/// What stands in the text of a packet, beside the namespace.
struct Parts<'a> {
    kind: char,
    attachments: u64,
    id: Option<u64>,
    json: &'a str,
}

/// Appends `number`, without the ceremony of a formatter, which takes as long as the rest of a short packet.
fn push_number(text: &mut String, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from_digit((number % 10) as u32, 10).unwrap_or_default());
}

/// Splits the ASCII digits off the front.
fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(end)
}
