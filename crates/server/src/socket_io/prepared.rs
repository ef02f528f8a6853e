use rtwire_engineio as engine_io;
use rtwire_socketio::PreparedEvent;

/// An event, and what Engine.IO makes of its text and its attachments.
pub(crate) struct PreparedPacket {
    pub(crate) event: PreparedEvent,
    pub(crate) messages: Vec<engine_io::PreparedMessage>,
}

impl PreparedPacket {
    pub(crate) fn new(event: PreparedEvent) -> Self {
        let text = engine_io::PreparedMessage::new(event.text().clone());
        let attachments = event.data().attachments().iter().cloned();
        let attachments = attachments.map(engine_io::PreparedMessage::new);
        let messages = std::iter::once(text).chain(attachments).collect();
        Self { event, messages }
    }
}
