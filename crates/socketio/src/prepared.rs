use core::iter;

use crate::{
    data::Data,
    error::SendError,
    message::Message,
    msgpack,
    namespace::Namespace,
    output,
    packet::{Body, MAX_ACK_ID, Packet},
    parser::Parser,
};

/// An event that was encoded once and goes to many connections.
///
/// ```
/// use rtwire_socketio::{Data, Namespace, PreparedEvent};
///
/// let data = Data::from_parts(r#"["news",1]"#.into(), vec![])?;
/// let prepared = PreparedEvent::new(&Namespace::default(), data).unwrap();
/// assert_eq!(prepared.messages().next(), Some(r#"2["news",1]"#.into()));
/// # Ok::<(), rtwire_socketio::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PreparedEvent {
    pub(crate) namespace: Namespace,
    pub(crate) parser: Parser,
    pub(crate) id: Option<u64>,
    /// The packet, but for the attachments that follow a text.
    message: Message,
    pub(crate) data: Data,
}

impl PreparedEvent {
    /// Encodes the event for connections of [`Parser::Text`].
    ///
    /// # Errors
    /// [`SendError::NotAnEvent`], [`SendError::Incomplete`].
    pub fn new(namespace: &Namespace, data: Data) -> Result<Self, SendError> {
        Self::with_parser(Parser::Text, namespace, data)
    }

    /// Encodes the event for connections of this parser. Others encode it once more.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_parser(
        parser: Parser,
        namespace: &Namespace,
        data: Data,
    ) -> Result<Self, SendError> {
        Self::encode(parser, namespace, None, data)
    }

    /// As [`with_parser`](Self::with_parser), with an ack id. One id will do for all receivers, each of which has
    /// [to know](crate::Connection::await_ack) that it is awaited.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`SendError::AckId`] for one above 2^53 − 1.
    ///
    /// ```
    /// use rtwire_socketio::{Data, Namespace, Parser, PreparedEvent};
    ///
    /// let data = Data::from_parts(r#"["ready?"]"#.into(), vec![])?;
    /// let prepared = PreparedEvent::with_ack(Parser::Text, &Namespace::default(), 7, data).unwrap();
    /// assert_eq!(prepared.messages().next(), Some(r#"27["ready?"]"#.into()));
    /// # Ok::<(), rtwire_socketio::Error>(())
    /// ```
    pub fn with_ack(
        parser: Parser,
        namespace: &Namespace,
        id: u64,
        data: Data,
    ) -> Result<Self, SendError> {
        if id > MAX_ACK_ID {
            return Err(SendError::AckId);
        }
        Self::encode(parser, namespace, Some(id), data)
    }

    fn encode(
        parser: Parser,
        namespace: &Namespace,
        id: Option<u64>,
        data: Data,
    ) -> Result<Self, SendError> {
        data.ready_as_event()?;
        let message = match parser {
            Parser::Text => {
                let body = Body::Event { id, data: data.clone() };
                Packet { namespace: namespace.clone(), body }.encode().into()
            }
            Parser::Msgpack => msgpack::encode_event(namespace, id, &data).into(),
        };
        Ok(Self { namespace: namespace.clone(), parser, id, message, data })
    }

    /// What it counts in an output.
    pub(crate) fn cost(&self) -> usize {
        self.messages().map(|message| output::cost(message.len())).fold(0, usize::saturating_add)
    }

    /// The data of the event.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The Engine.IO messages of the packet.
    pub fn messages(&self) -> impl Iterator<Item = Message> {
        let attachments = match self.parser {
            Parser::Text => self.data.attachments(),
            Parser::Msgpack => &[],
        };
        iter::once(self.message.clone()).chain(attachments.iter().cloned().map(Message::from))
    }
}
