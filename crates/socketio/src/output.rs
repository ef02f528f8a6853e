use alloc::collections::VecDeque;

use crate::message::Message;

/// The Engine.IO messages that are to be sent, in order. The attachments of a packet stand right
/// behind its text.
#[derive(Debug, Default)]
pub struct Output {
    messages: VecDeque<Message>,
    bytes: usize,
}

impl Output {
    /// Takes the next message.
    pub fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front();
        match &message {
            Some(message) => self.bytes -= message.len(),
            None => self.messages.shrink_to(0),
        }
        message
    }

    /// Whether nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Bytes of text and attachments that are to be sent.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, message: impl Into<Message>) {
        let message = message.into();
        self.bytes += message.len();
        self.messages.push_back(message);
    }
}
