use alloc::collections::VecDeque;

use crate::{limits::Limits, message::Message};

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
            Some(message) => self.bytes = self.bytes.saturating_sub(cost(message)),
            None => self.messages.shrink_to(0),
        }
        message
    }

    /// Whether nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Bytes of text and attachments that are to be sent, and
    /// [`MESSAGE_OVERHEAD`](crate::Limits::MESSAGE_OVERHEAD) for each.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, message: impl Into<Message>) {
        let message = message.into();
        self.bytes = self.bytes.saturating_add(cost(&message));
        self.messages.push_back(message);
    }
}

fn cost(message: &Message) -> usize {
    message.len().saturating_add(Limits::MESSAGE_OVERHEAD)
}
