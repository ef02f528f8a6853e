use alloc::collections::VecDeque;

use crate::{limits::Limits, message::Message, packet::Packet};

/// The Engine.IO messages that are to be sent, in order. The attachments of a packet stand right
/// behind its text.
#[derive(Debug, Default)]
pub struct Output {
    queue: VecDeque<Queued>,
    bytes: usize,
    /// That what is queued from now on is not to be compressed, and that what was taken last is not.
    uncompressed: bool,
    took_uncompressed: bool,
}

#[derive(Debug)]
struct Queued {
    item: Item,
    cost: usize,
    uncompressed: bool,
}

/// It is encoded when it is taken: only then is it known what is to be in front.
#[derive(Debug)]
enum Item {
    Packet(Packet),
    Message(Message),
}

impl Output {
    /// Takes the next message.
    pub fn pop(&mut self) -> Option<Message> {
        self.pop_after("")
    }

    /// Takes the next message, with `prefix` in front of a text: the type of Engine.IO's packet, for who hands it
    /// on encoded, which saves a copy.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rtwire_socketio::{Connection, Limits, Message, Namespace};
    ///
    /// let mut connection = Connection::new(Limits::default(), Duration::ZERO);
    /// connection.next_event("0".into(), Duration::ZERO)?;
    /// connection.accept(&Namespace::default(), "id-1").unwrap();
    /// assert_eq!(connection.output().pop_after("4"), Some(r#"40{"sid":"id-1"}"#.into()));
    /// # Ok::<(), rtwire_socketio::Error>(())
    /// ```
    pub fn pop_after(&mut self, prefix: &str) -> Option<Message> {
        let Some(queued) = self.queue.pop_front() else {
            self.queue.shrink_to(0);
            return None;
        };
        self.bytes = self.bytes.saturating_sub(queued.cost);
        self.took_uncompressed = queued.uncompressed;
        Some(match queued.item {
            Item::Packet(packet) => Message::Text(packet.encode_after(prefix)),
            Item::Message(Message::Text(text)) if !prefix.is_empty() => {
                Message::Text([prefix, &text].concat().into())
            }
            Item::Message(message) => message,
        })
    }

    /// Sets whether the transport may compress what is queued from now on: yes. It is Node's `compress`, and
    /// not on the wire.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rtwire_socketio::{Connection, Data, Limits, Namespace};
    ///
    /// let (main, time) = (Namespace::default(), Duration::ZERO);
    /// let mut connection = Connection::new(Limits::default(), time);
    /// connection.next_event("0".into(), time)?;
    /// connection.accept(&main, "id-1").unwrap();
    /// connection.output().set_compress(false);
    /// connection.send_event(&main, Data::from_parts(r#"["a secret"]"#.into(), vec![])?).unwrap();
    /// connection.output().set_compress(true);
    ///
    /// connection.output().pop();
    /// assert!(connection.output().may_compress());
    /// connection.output().pop();
    /// assert!(!connection.output().may_compress());
    /// # Ok::<(), rtwire_socketio::Error>(())
    /// ```
    pub fn set_compress(&mut self, compress: bool) {
        self.uncompressed = !compress;
    }

    /// Whether the message that was taken last may be compressed.
    pub fn may_compress(&self) -> bool {
        !self.took_uncompressed
    }

    /// Whether nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes of text and attachments that are to be sent, and
    /// [`MESSAGE_OVERHEAD`](crate::Limits::MESSAGE_OVERHEAD) for each message.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Queues a packet, and its attachments.
    pub(crate) fn push_packet(&mut self, packet: Packet) {
        // Most have none, and take no list of them.
        let attachments = packet.data().map(|data| data.attachments().to_vec());
        self.queued(Item::Packet(packet));
        attachments.into_iter().flatten().for_each(|attachment| self.push(attachment));
    }

    pub(crate) fn push(&mut self, message: impl Into<Message>) {
        self.queued(Item::Message(message.into()));
    }

    fn queued(&mut self, item: Item) {
        let cost = cost(item.len());
        self.bytes = self.bytes.saturating_add(cost);
        self.queue.push_back(Queued { item, cost, uncompressed: self.uncompressed });
    }
}

impl Item {
    fn len(&self) -> usize {
        match self {
            Self::Packet(packet) => packet.encoded_len(),
            Self::Message(message) => message.len(),
        }
    }
}

/// What a message of this length counts.
pub(crate) fn cost(len: usize) -> usize {
    len.saturating_add(Limits::MESSAGE_OVERHEAD)
}
