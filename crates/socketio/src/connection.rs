//! The server's end of the namespaces on one Engine.IO connection.
//!
//! ```text
//!              CONNECT            accept()              DISCONNECT
//! (unknown) ────────────▶ Asked ────────────▶ Joined ────────────▶ (unknown)
//!     ▲                     │                   │
//!     └────── refuse() ─────┘                   │ disconnect()
//!                                               ▼
//!             Asked ◀────── CONNECT ────────── Left: what was on its way is ignored
//! ```

use alloc::{collections::BTreeMap, string::String, sync::Arc};
use core::time::Duration;

use crate::{
    acks::{AckToken, Acks},
    data::{self, Data},
    decoder::Decoder,
    error::{Error, Rule, SendError},
    event::Event,
    json::Json,
    limits::Limits,
    message::Message,
    namespace::Namespace,
    output::Output,
    packet::{Body, MAX_ACK_ID, Packet},
    prepared::PreparedEvent,
    query,
    reason::DisconnectReason,
};

/// How far the client has come with a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The CONNECT waits for an answer.
    Asked,
    Joined {
        /// Counts the joins of this connection, so that an answer to an earlier one is told apart.
        join: u64,
    },
    /// The server has put the client out. What the client sent before it knew is ignored: it is
    /// no fault of its own.
    Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    V4,
    V5,
}

/// The namespaces of one Engine.IO connection, seen from the server.
///
/// Clients of protocol 4, those that speak Engine.IO 3, differ in these:
///
/// | | protocol 5 | protocol 4 |
/// |---|---|---|
/// | the namespace `/` | is asked for, as others are | is asked for by connecting |
/// | the credentials of others | `0/ns,{"k":"v"}` | `0/ns?k=v,` |
/// | a CONNECT accepted | `0/ns,{"sid":"…"}` | `0/ns,` |
/// | a CONNECT refused | `4/ns,{"message":"no","data":1}` | `4/ns,1`, or without data `4/ns,"no"` |
///
/// Times are points on a clock that the caller chooses.
#[derive(Debug)]
pub struct Connection {
    protocol: Protocol,
    /// Shared by all connections that were given the same.
    limits: Arc<Limits>,
    decoder: Decoder,
    namespaces: BTreeMap<Namespace, State>,
    joins: u64,
    acks: Acks,
    /// Until the first namespace is joined.
    connect_deadline: Option<Duration>,
    output: Output,
    closed: bool,
}

impl Connection {
    /// A connection at its beginning: the client is to join a namespace within
    /// [`Limits::connect_timeout`]. Who has many of them gives each a clone of one `Arc<Limits>`.
    pub fn new(limits: impl Into<Arc<Limits>>, now: Duration) -> Self {
        let limits = limits.into();
        Self {
            protocol: Protocol::V5,
            decoder: Decoder::new(Arc::clone(&limits)),
            namespaces: BTreeMap::new(),
            joins: 0,
            acks: Acks::default(),
            connect_deadline: Some(now.saturating_add(limits.connect_timeout)),
            output: Output::default(),
            closed: false,
            limits,
        }
    }

    /// A connection of a client of protocol 4. It has asked for the namespace `/` by connecting,
    /// without credentials: no [`Event::Connect`] tells of that, and [`accept`](Self::accept) or
    /// [`refuse`](Self::refuse) may come at once.
    ///
    /// ```
    /// use core::time::Duration;
    /// use rtwire_socketio::{Connection, Event, Limits, Namespace};
    ///
    /// let now = Duration::ZERO;
    /// let mut connection = Connection::new_v4(Limits::default(), now);
    /// connection.accept(&Namespace::default(), "id-1")?;
    /// assert_eq!(connection.output().pop(), Some("0".into()));
    ///
    /// match connection.next_event("0/chat?token=a%20b,".into(), now)? {
    ///     Some(Event::Connect { namespace, auth: Some(auth) }) => {
    ///         assert_eq!((&*namespace, &*auth), ("/chat", r#"{"token":"a b"}"#));
    ///         connection.accept(&namespace, "/chat#id-1")?;
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// assert_eq!(connection.output().pop(), Some("0/chat,".into()));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn new_v4(limits: impl Into<Arc<Limits>>, now: Duration) -> Self {
        let mut connection = Self { protocol: Protocol::V4, ..Self::new(limits, now) };
        connection.namespaces.insert(Namespace::default(), State::Asked);
        connection
    }

    /// Takes the next Engine.IO message of the client. `Ok(None)`: it meant nothing yet (more
    /// attachments are to come) or nothing any more (a late ack).
    ///
    /// # Errors
    /// The rule that the client broke, once. The Engine.IO connection is to be closed, and what
    /// is [`joined`](Self::joined) was left for [`Rule::disconnect_reason`]; from then on messages
    /// are discarded.
    pub fn next_event(&mut self, message: Message, now: Duration) -> Result<Option<Event>, Error> {
        if self.closed {
            return Ok(None);
        }
        let result = match self.decoder.next_packet(message, now) {
            Ok(Some(packet)) => self.receive(packet),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        self.closed = result.is_err();
        result
    }

    fn receive(&mut self, packet: Packet) -> Result<Option<Event>, Error> {
        let Packet { namespace, body } = match self.protocol {
            Protocol::V4 => query::into_auth(packet),
            Protocol::V5 => packet,
        };
        let state = self.namespaces.get(&namespace).copied();
        // The namespace, whose state the packet does not fit, follows the type.
        let fault = |rule| Err(Error::new(rule, 1));
        let join = match (&body, state) {
            (Body::ConnectError(_), _) => return fault(Rule::UnexpectedConnectError),
            (Body::Connect(_), Some(State::Asked | State::Joined { .. })) => {
                return fault(Rule::AlreadyConnected);
            }
            (Body::Connect(_), None) if self.namespaces.len() >= self.limits.max_namespaces => {
                return fault(Rule::TooManyNamespaces { limit: self.limits.max_namespaces });
            }
            (Body::Connect(_), None | Some(State::Left)) => 0,
            (_, Some(State::Joined { join, .. })) => join,
            (_, Some(State::Left)) => return Ok(None),
            (_, None | Some(State::Asked)) => return fault(Rule::NotConnected),
        };
        Ok(match body {
            Body::Connect(auth) => {
                self.namespaces.insert(namespace.detached(), State::Asked);
                Some(Event::Connect { namespace, auth })
            }
            Body::Disconnect => {
                self.namespaces.remove(&namespace);
                self.acks.remove_join(join);
                let reason = DisconnectReason::ClientNamespaceDisconnect;
                Some(Event::Disconnect { namespace, reason })
            }
            Body::Event { id, data } => {
                let ack = id.map(|id| AckToken { namespace: namespace.detached(), join, id });
                Some(Event::Event { namespace, data, ack })
            }
            // An ack that nobody awaits is late, and no fault.
            Body::Ack { id, data } => {
                self.acks.remove(join, id).then_some(Event::Ack { namespace, id, data })
            }
            Body::ConnectError(_) => None,
        })
    }

    /// Answers a CONNECT: the client has joined, under `sid`. The sid differs for each namespace
    /// and is not that of Engine.IO; it must be hard to guess.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::NotAsked`], [`SendError::Full`].
    pub fn accept(&mut self, namespace: &Namespace, sid: &str) -> Result<(), SendError> {
        self.asked(namespace)?;
        self.joins += 1;
        let state = State::Joined { join: self.joins };
        self.namespaces.insert(namespace.clone(), state);
        self.connect_deadline = None;
        let answer = match self.protocol {
            // Exactly this key: clients take a `pid` for the promise of recovery.
            Protocol::V5 => Some(object("sid", sid, None)),
            Protocol::V4 => None,
        };
        self.push(namespace, Body::Connect(answer));
        Ok(())
    }

    /// Answers a CONNECT: the client may not join, for the reason in `message`, and `data` if
    /// there is more to say. It may ask again. In protocol 4 there is room for one of them, the
    /// data if it is neither `null`, `false`, `0` nor `""`.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::NotAsked`], [`SendError::Full`].
    pub fn refuse(
        &mut self,
        namespace: &Namespace,
        message: &str,
        data: Option<&Json>,
    ) -> Result<(), SendError> {
        let error = match self.protocol {
            Protocol::V5 => object("message", message, data),
            Protocol::V4 => {
                // What JavaScript takes for nothing, the reference replaces by the message.
                let falsy = |data: &&Json| matches!(&***data, "null" | "false" | "0" | "\"\"");
                data.filter(|data| !falsy(data)).cloned().unwrap_or_else(|| text(message))
            }
        };
        self.refuse_with(namespace, error)
    }

    /// Answers a CONNECT to a namespace that does not exist.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::NotAsked`], [`SendError::Full`].
    pub fn refuse_unknown(&mut self, namespace: &Namespace) -> Result<(), SendError> {
        // In both protocols.
        self.refuse_with(namespace, object("message", "Invalid namespace", None))
    }

    fn refuse_with(&mut self, namespace: &Namespace, error: Json) -> Result<(), SendError> {
        self.asked(namespace)?;
        self.namespaces.remove(namespace);
        self.push(namespace, Body::ConnectError(error));
        Ok(())
    }

    fn asked(&self, namespace: &Namespace) -> Result<(), SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        match self.namespaces.get(namespace) {
            Some(State::Asked) => {}
            _ => return Err(SendError::NotAsked),
        }
        // A client might ask and ask, and read no answer.
        self.room()
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

    /// Queues an event that the client is to answer: [`Event::Ack`] or, after `deadline`,
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
        if self.acks.len() >= self.limits.max_acks {
            return Err(SendError::TooManyAcks);
        }
        if id > MAX_ACK_ID || !self.acks.insert(join, id, deadline) {
            return Err(SendError::AckId);
        }
        self.push(namespace, Body::Event { id: Some(id), data });
        Ok(())
    }

    /// Queues an event that was encoded before.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub fn send_prepared(&mut self, prepared: &PreparedEvent) -> Result<(), SendError> {
        self.ready(&prepared.namespace)?;
        self.output.push(prepared.text().clone());
        for attachment in prepared.data.attachments() {
            self.output.push(attachment.clone());
        }
        Ok(())
    }

    /// Answers the client's event.
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

    /// Puts the client out of the namespace, for
    /// [`DisconnectReason::ServerNamespaceDisconnect`]. No ack of it will come any more.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::NotJoined`].
    pub fn disconnect(&mut self, namespace: &Namespace) -> Result<(), SendError> {
        let join = self.join_of(namespace)?;
        self.namespaces.insert(namespace.clone(), State::Left);
        self.acks.remove_join(join);
        self.push(namespace, Body::Disconnect);
        Ok(())
    }

    fn push(&mut self, namespace: &Namespace, body: Body) {
        let packet = Packet { namespace: namespace.clone(), body };
        self.output.push(packet.encode());
        if let Some(data) = packet.data() {
            for attachment in data.attachments() {
                self.output.push(attachment.clone());
            }
        }
    }

    /// The namespaces that the client has joined; also after an error, to tell them the reason.
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

/// `value` as JSON.
fn text(value: &str) -> Json {
    let mut literal = String::new();
    data::push_string(&mut literal, value);
    Json::scanned(literal.into())
}

/// An object with `value` under `key`, and `data` if there is any.
fn object(key: &str, value: &str, data: Option<&Json>) -> Json {
    let mut object = alloc::format!(r#"{{"{key}":"#);
    data::push_string(&mut object, value);
    if let Some(data) = data {
        object.push_str(r#","data":"#);
        object.push_str(data);
    }
    object.push('}');
    Json::scanned(object.into())
}
