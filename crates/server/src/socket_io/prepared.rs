use rtwire_engineio as engine_io;
use rtwire_socketio::{Message, PreparedEvent};

/// An event, and what Engine.IO makes of its text and its attachments.
pub(crate) struct PreparedPacket {
    pub(crate) event: PreparedEvent,
    pub(crate) messages: Vec<engine_io::PreparedMessage>,
}

impl PreparedPacket {
    pub(crate) fn new(event: PreparedEvent) -> Self {
        let prepare = |message| match message {
            Message::Text(text) => engine_io::PreparedMessage::new(text),
            Message::Binary(bytes) => engine_io::PreparedMessage::new(bytes),
        };
        let messages = event.messages().map(prepare).collect();
        Self { event, messages }
    }
}
