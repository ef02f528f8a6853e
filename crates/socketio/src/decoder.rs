use alloc::sync::Arc;
use core::{mem, time::Duration};

use crate::{
    error::{Error, Rule},
    limits::Limits,
    message::Message,
    packet::Packet,
    parser::Parser,
};

/// Puts together the text of a packet and the attachments that follow it.
///
/// ```
/// use core::time::Duration;
/// use bytes::Bytes;
/// use rtwire_socketio::{Body, Decoder, Limits};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let now = Duration::ZERO;
/// let text = r#"51-["upload",{"_placeholder":true,"num":0}]"#;
/// assert_eq!(decoder.next_packet(text.into(), now)?, None); // give me more
/// let packet = decoder.next_packet(Bytes::from_static(b"\x01\x02").into(), now)?.unwrap();
/// let Body::Event { data, .. } = packet.body else { panic!() };
/// assert_eq!(data.attachments(), [&b"\x01\x02"[..]]);
/// # Ok::<(), rtwire_socketio::Error>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    parser: Parser,
    limits: Arc<Limits>,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle,
    /// The packet lacks attachments.
    Incomplete {
        packet: Packet,
        bytes: usize,
        deadline: Duration,
    },
    /// After a fault.
    Closed,
}

impl Decoder {
    /// Waits for the text of a packet, of [`Parser::Text`]. Who has many of them gives each a clone of one
    /// `Arc<Limits>`.
    pub fn new(limits: impl Into<Arc<Limits>>) -> Self {
        Self { parser: Parser::Text, limits: limits.into(), state: State::Idle }
    }

    /// Takes packets of this parser instead.
    pub fn with_parser(self, parser: Parser) -> Self {
        Self { parser, ..self }
    }

    pub(crate) fn parser(&self) -> Parser {
        self.parser
    }

    /// Takes the next message; `None` while attachments are missing, and after an error. The
    /// attachments are kept, not copied.
    ///
    /// # Errors
    /// The rule that the peer broke, once. From then on messages are discarded.
    pub fn next_packet(
        &mut self,
        message: Message,
        now: Duration,
    ) -> Result<Option<Packet>, Error> {
        match mem::replace(&mut self.state, State::Closed) {
            State::Idle => self.first(message, now),
            State::Incomplete { packet, bytes, deadline } => {
                if now >= deadline {
                    return Err(Error::new(Rule::AttachmentsTimeout, bytes));
                }
                self.attachment(message, packet, bytes, deadline)
            }
            State::Closed => Ok(None),
        }
    }

    fn first(&mut self, message: Message, now: Duration) -> Result<Option<Packet>, Error> {
        let text = match (self.parser, message) {
            (Parser::Text, Message::Text(text)) => text,
            (Parser::Text, Message::Binary(_)) => {
                return Err(Error::new(Rule::UnexpectedBinary, 0));
            }
            (Parser::Msgpack, Message::Binary(message)) => {
                let packet = Packet::decode_msgpack(message, &self.limits)?;
                self.state = State::Idle;
                return Ok(Some(packet));
            }
            (Parser::Msgpack, Message::Text(_)) => {
                return Err(Error::new(Rule::UnexpectedText, 0));
            }
        };
        let bytes = text.len();
        let packet = Packet::decode(text, &self.limits)?;
        if packet.data().is_some_and(|data| data.missing_attachments() > 0) {
            let deadline = now.saturating_add(self.limits.attachments_timeout);
            self.state = State::Incomplete { packet, bytes, deadline };
            return Ok(None);
        }
        self.state = State::Idle;
        Ok(Some(packet))
    }

    fn attachment(
        &mut self,
        message: Message,
        mut packet: Packet,
        mut bytes: usize,
        deadline: Duration,
    ) -> Result<Option<Packet>, Error> {
        let Message::Binary(attachment) = message else {
            return Err(Error::new(Rule::UnexpectedText, bytes));
        };
        if attachment.len() > self.limits.max_packet - bytes {
            let rule = Rule::PacketTooBig { limit: self.limits.max_packet };
            return Err(Error::new(rule, self.limits.max_packet));
        }
        bytes += attachment.len();
        let missing = packet.data_mut().map_or(0, |data| {
            data.push_attachment(attachment);
            data.missing_attachments()
        });
        if missing > 0 {
            self.state = State::Incomplete { packet, bytes, deadline };
            return Ok(None);
        }
        self.state = State::Idle;
        Ok(Some(packet))
    }

    /// When to call [`handle_timeout`](Self::handle_timeout): while attachments are missing.
    pub fn next_timeout(&self) -> Option<Duration> {
        match &self.state {
            State::Incomplete { deadline, .. } => Some(*deadline),
            State::Idle | State::Closed => None,
        }
    }

    /// Lets time pass; too early changes nothing.
    ///
    /// # Errors
    /// [`Rule::AttachmentsTimeout`], once.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        match &self.state {
            State::Incomplete { deadline, bytes, .. } if now >= *deadline => {
                let error = Error::new(Rule::AttachmentsTimeout, *bytes);
                self.state = State::Closed;
                Err(error)
            }
            _ => Ok(()),
        }
    }
}
