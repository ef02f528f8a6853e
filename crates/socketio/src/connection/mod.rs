//! The namespaces on one Engine.IO connection: what both ends do alike. What only one of them does
//! is in `server.rs` and `client.rs`.

mod client;
mod server;

use alloc::sync::Arc;
use core::time::Duration;

pub use client::Client;
pub use server::Server;

use crate::{
    acks::{AckToken, Acks},
    data::Data,
    decoder::Decoder,
    error::{Error, Rule, SendError},
    event::Event,
    limits::Limits,
    message::Message,
    namespace::Namespace,
    namespace_map::NamespaceMap,
    output::Output,
    packet::{Body, MAX_ACK_ID, Packet},
    parser::Parser,
    prepared::PreparedEvent,
    reason::DisconnectReason,
};

/// How far client and server have come with a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The CONNECT waits for an answer.
    Asked,
    Joined {
        /// Counts the joins of this connection, so that an answer to an earlier one is told apart.
        join: u64,
    },
    /// This end has left, and what the other sends before it knows is no fault of its own: to the
    /// server anything, to the client the answer to its CONNECT.
    Left {
        /// Counts up, so that it is known which was left first.
        leave: u64,
    },
}

/// One end of the namespaces on one Engine.IO connection: the server's, or the client's as
/// [`ClientConnection`].
///
/// Times are points on a clock that the caller chooses.
#[derive(Debug)]
pub struct Connection<R = Server> {
    role: R,
    /// Shared by all connections that were given the same.
    limits: Arc<Limits>,
    decoder: Decoder,
    namespaces: NamespaceMap<State>,
    /// Joins, and times that this end has left.
    steps: u64,
    acks: Acks,
    /// Until the first namespace is joined.
    connect_deadline: Option<Duration>,
    output: Output,
    closed: bool,
}

/// The client's end.
pub type ClientConnection = Connection<Client>;

impl<R> Connection<R> {
    fn with_role(role: R, limits: Arc<Limits>, connect_deadline: Option<Duration>) -> Self {
        Self {
            role,
            decoder: Decoder::new(Arc::clone(&limits)),
            namespaces: NamespaceMap::default(),
            steps: 0,
            acks: Acks::default(),
            connect_deadline,
            output: Output::default(),
            closed: false,
            limits,
        }
    }

    /// Speaks this parser instead of [`Parser::Text`]: to be said at the beginning.
    ///
    /// ```
    /// use rtwire_socketio::{Connection, Limits, Message, Namespace, Parser};
    ///
    /// let mut connection = Connection::client(Limits::default()).with_parser(Parser::Msgpack);
    /// connection.connect(&Namespace::default(), None, None)?;
    /// // {"type":0,"nsp":"/"}
    /// let expected = b"\x82\xa4type\x00\xa3nsp\xa1/";
    /// assert_eq!(connection.output().pop(), Some(Message::Binary(expected[..].into())));
    /// # Ok::<(), rtwire_socketio::SendError>(())
    /// ```
    pub fn with_parser(self, parser: Parser) -> Self {
        Self { decoder: self.decoder.with_parser(parser), ..self }
    }

    fn hear(
        &mut self,
        message: Message,
        now: Duration,
        receive: fn(&mut Self, Packet) -> Result<Option<Event>, Error>,
    ) -> Result<Option<Event>, Error> {
        if self.closed {
            return Ok(None);
        }
        let result = match self.decoder.next_packet(message, now) {
            Ok(Some(packet)) => receive(self, packet),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        self.closed = result.is_err();
        result
    }

    /// The packet under the name that is kept here, or a copy: a part of the message would keep the
    /// whole of it, as long as somebody holds the event.
    fn renamed(&self, packet: Packet) -> Packet {
        let name = self.namespaces.name(&packet.namespace).cloned();
        Packet { namespace: name.unwrap_or_else(|| packet.namespace.detached()), ..packet }
    }

    /// The CONNECT of this namespace is answered.
    fn join(&mut self, namespace: &Namespace) {
        self.steps += 1;
        if let Some(state) = self.namespaces.get_mut(namespace) {
            *state = State::Joined { join: self.steps };
        }
        self.connect_deadline = None;
    }

    /// What a packet means to a namespace that is joined.
    fn receive_joined(
        &mut self,
        packet: Packet,
        join: u64,
        left: DisconnectReason,
    ) -> Option<Event> {
        let Packet { namespace, body } = packet;
        match body {
            Body::Event { id, data } => {
                let ack = id.map(|id| AckToken { namespace: namespace.clone(), join, id });
                Some(Event::Event { namespace, data, ack })
            }
            // An ack that nobody awaits is late, and no fault.
            Body::Ack { id, data } => {
                self.acks.remove(join, id).then_some(Event::Ack { namespace, id, data })
            }
            Body::Disconnect => {
                self.namespaces.remove(&namespace);
                self.acks.remove_join(join);
                Some(Event::Disconnect { namespace, reason: left })
            }
            Body::Connect(_) | Body::ConnectError(_) => None,
        }
    }

    fn room(&self) -> Result<(), SendError> {
        if self.output.bytes() >= self.limits.max_output {
            return Err(SendError::Full);
        }
        Ok(())
    }

    fn join_of(&self, namespace: &Namespace) -> Result<u64, SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        match self.namespaces.get(namespace) {
            Some(State::Joined { join, .. }) => Ok(*join),
            _ => Err(SendError::NotJoined),
        }
    }

    /// Whether an event may be sent to this namespace now.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::NotJoined`], [`SendError::Full`].
    pub fn ready(&self, namespace: &Namespace) -> Result<(), SendError> {
        self.join_of(namespace)?;
        self.room()
    }

    /// Queues an event.
    ///
    /// # Errors
    /// As [`ready`](Self::ready); [`SendError::NotAnEvent`], [`SendError::Incomplete`].
    pub fn send_event(&mut self, namespace: &Namespace, data: Data) -> Result<(), SendError> {
        self.ready(namespace)?;
        data.ready_as_event()?;
        self.push(namespace, Body::Event { id: None, data });
        Ok(())
    }

    /// Queues an event that the peer is to answer: [`Event::Ack`] or, after `deadline`,
    /// [`Event::AckTimeout`] with this id.
    ///
    /// A client may answer late, and even over its next connection: ids that are never used twice, by
    /// any connection of the server, keep the answer from being taken for another one.
    ///
    /// # Errors
    /// As [`send_event`](Self::send_event); [`SendError::TooManyAcks`], [`SendError::AckId`].
    pub fn send_event_with_ack(
        &mut self,
        namespace: &Namespace,
        id: u64,
        data: Data,
        deadline: Option<Duration>,
    ) -> Result<(), SendError> {
        let join = self.join_of(namespace)?;
        self.room()?;
        data.ready_as_event()?;
        self.register_ack(join, id, deadline)?;
        self.push(namespace, Body::Event { id: Some(id), data });
        Ok(())
    }

    /// Awaits an ack, without sending the event: that one is [prepared](PreparedEvent::with_ack), and is sent
    /// after this, be it by others.
    ///
    /// # Errors
    /// As [`send_event_with_ack`](Self::send_event_with_ack), but for those of the event.
    pub fn await_ack(
        &mut self,
        namespace: &Namespace,
        id: u64,
        deadline: Option<Duration>,
    ) -> Result<(), SendError> {
        let join = self.join_of(namespace)?;
        self.room()?;
        self.register_ack(join, id, deadline)
    }

    /// Awaits an ack no longer: the peer's answer is then one that came late. What was not awaited is no fault.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rtwire_socketio::{Connection, Data, Limits, Namespace};
    ///
    /// let (main, time) = (Namespace::default(), Duration::ZERO);
    /// let mut connection = Connection::new(Limits::default(), time);
    /// connection.next_event("0".into(), time)?;
    /// connection.accept(&main, "id-1").unwrap();
    /// let question = Data::from_parts(r#"["ready?"]"#.into(), vec![])?;
    /// connection.send_event_with_ack(&main, 7, question, None).unwrap();
    /// connection.forget_ack(&main, 7);
    /// assert_eq!(connection.next_event("37[true]".into(), time)?, None);
    /// # Ok::<(), rtwire_socketio::Error>(())
    /// ```
    pub fn forget_ack(&mut self, namespace: &Namespace, id: u64) {
        if let Ok(join) = self.join_of(namespace) {
            self.acks.remove(join, id);
        }
    }

    fn register_ack(
        &mut self,
        join: u64,
        id: u64,
        deadline: Option<Duration>,
    ) -> Result<(), SendError> {
        if self.acks.len() >= self.limits.max_acks {
            return Err(SendError::TooManyAcks);
        }
        if id > MAX_ACK_ID || !self.acks.insert(join, id, deadline) {
            return Err(SendError::AckId);
        }
        Ok(())
    }

    /// Queues an event that was encoded before.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub fn send_prepared(&mut self, prepared: &PreparedEvent) -> Result<(), SendError> {
        self.ready(&prepared.namespace)?;
        self.push_prepared(prepared);
        Ok(())
    }

    fn push_prepared(&mut self, prepared: &PreparedEvent) {
        if prepared.parser == self.decoder.parser() {
            prepared.messages().for_each(|message| self.output.push(message));
        } else {
            let body = Body::Event { id: prepared.id, data: prepared.data.clone() };
            self.push(&prepared.namespace, body);
        }
    }

    /// Answers the peer's event.
    ///
    /// # Errors
    /// As [`ready`](Self::ready), which one may ask first in order to keep the token;
    /// [`SendError::NotJoined`] also if the client has left since, even if it is back;
    /// [`SendError::Incomplete`].
    pub fn send_ack(&mut self, ack: AckToken, data: Data) -> Result<(), SendError> {
        self.ready(&ack.namespace)?;
        if self.join_of(&ack.namespace)? != ack.join {
            return Err(SendError::NotJoined);
        }
        data.ready_to_send()?;
        self.push(&ack.namespace, Body::Ack { id: ack.id, data });
        Ok(())
    }

    fn push(&mut self, namespace: &Namespace, body: Body) {
        let packet = Packet { namespace: namespace.clone(), body };
        match self.decoder.parser() {
            Parser::Text => self.output.push_packet(packet),
            Parser::Msgpack => self.output.push(packet.encode_msgpack()),
        }
    }

    /// The namespaces that are joined; also after an error, to tell them the reason.
    pub fn joined(&self) -> impl Iterator<Item = &Namespace> {
        self.namespaces
            .iter()
            .filter(|(_, state)| matches!(state, State::Joined { .. }))
            .map(|(namespace, _)| namespace)
    }

    /// Whether an error has ended the connection.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// What is to be sent now.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// When to call [`handle_timeout`](Self::handle_timeout): one timer for all deadlines. It
    /// changes with each call that takes `&mut self`.
    pub fn next_timeout(&self) -> Option<Duration> {
        if self.closed {
            return None;
        }
        [self.connect_deadline, self.decoder.next_timeout(), self.acks.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Lets time pass: call it until it returns `None`. Too early changes nothing.
    ///
    /// # Errors
    /// [`Rule::ConnectTimeout`], [`Rule::AttachmentsTimeout`], as from
    /// [`next_event`](Self::next_event).
    pub fn handle_timeout(&mut self, now: Duration) -> Result<Option<Event>, Error> {
        if self.closed {
            return Ok(None);
        }
        if self.connect_deadline.is_some_and(|deadline| now >= deadline) {
            self.closed = true;
            return Err(Error::new(Rule::ConnectTimeout, 0));
        }
        if let Err(error) = self.decoder.handle_timeout(now) {
            self.closed = true;
            return Err(error);
        }
        while let Some((join, id)) = self.acks.expire(now) {
            let namespace = self.namespaces.iter().find_map(|(namespace, state)| match state {
                State::Joined { join: of, .. } if *of == join => Some(namespace.clone()),
                _ => None,
            });
            if let Some(namespace) = namespace {
                return Ok(Some(Event::AckTimeout { namespace, id }));
            }
        }
        Ok(None)
    }
}
