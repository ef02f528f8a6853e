use rtwire_engineio as engine_io;
use rtwire_socketio::{Data, Message, Namespace, Parser, PreparedEvent, SendError};

use crate::socket_io::adapter::Flags;

/// An event, and what Engine.IO makes of its messages.
pub(crate) struct PreparedPacket {
    pub(crate) parser: Parser,
    pub(crate) event: PreparedEvent,
    pub(crate) messages: Vec<engine_io::PreparedMessage>,
}

impl PreparedPacket {
    /// Encodes the event for clients of this parser; for others each has to do it once more.
    ///
    /// # Errors
    /// As [`PreparedEvent::new`].
    pub(crate) fn new(
        parser: Parser,
        namespace: &Namespace,
        ack: Option<u64>,
        data: Data,
        flags: Flags,
    ) -> Result<Self, SendError> {
        let event = match ack {
            None => PreparedEvent::with_parser(parser, namespace, data)?,
            Some(id) => PreparedEvent::with_ack(parser, namespace, id, data)?,
        };
        let prepare = |message| {
            let message = match message {
                Message::Text(text) => engine_io::PreparedMessage::new(text),
                Message::Binary(bytes) => engine_io::PreparedMessage::new(bytes),
            };
            message.compress(flags.compress)
        };
        let messages = event.messages().map(prepare).collect();
        Ok(Self { parser, event, messages })
    }
}
