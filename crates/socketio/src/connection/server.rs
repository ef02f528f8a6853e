//! The server's end of the namespaces on one Engine.IO connection.
//!
//! ```text
//!              CONNECT            accept()              DISCONNECT
//! (unknown) ────────────▶ Asked ────────────▶ Joined ────────────▶ (unknown)
//!     ▲                     │                   │
//!     └────── refuse() ─────┘                   │ disconnect()
//!                                               ▼
//!             Asked ◀────── CONNECT ────────── Left: what was on its way is ignored
//!                                               │
//!                                               │ DISCONNECT, or the oldest of too many
//!                                               ▼
//!                                           (unknown)
//! ```

use alloc::{string::String, sync::Arc};
use core::time::Duration;

use super::{Connection, State};
use crate::{
    error::{Error, Rule, SendError},
    event::Event,
    json::{self, Json},
    limits::Limits,
    message::Message,
    namespace::Namespace,
    packet::{Body, Packet},
    prepared::PreparedEvent,
    query,
    reason::DisconnectReason,
};

/// The role of a [`Connection`] that is the server's end.
///
/// Clients of protocol 4, those that speak Engine.IO 3, differ in these:
///
/// | | protocol 5 | protocol 4 |
/// |---|---|---|
/// | the namespace `/` | is asked for, as others are | is asked for by connecting |
/// | the credentials of others | `0/ns,{"k":"v"}` | `0/ns?k=v,` |
/// | a CONNECT accepted | `0/ns,{"sid":"…"}` | `0/ns,` |
/// | a CONNECT refused | `4/ns,{"message":"no","data":1}` | `4/ns,1`, or without data `4/ns,"no"` |
#[derive(Debug)]
pub struct Server {
    protocol: Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    V4,
    V5,
}

impl Connection {
    /// A connection at its beginning: the client is to join a namespace within
    /// [`Limits::connect_timeout`]. Who has many of them gives each a clone of one `Arc<Limits>`.
    pub fn new(limits: impl Into<Arc<Limits>>, now: Duration) -> Self {
        let limits = limits.into();
        let deadline = now.saturating_add(limits.connect_timeout);
        Self::with_role(Server { protocol: Protocol::V5 }, limits, Some(deadline))
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
        let mut connection = Self::new(limits, now);
        connection.role.protocol = Protocol::V4;
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
        self.hear(message, now, Self::receive)
    }

    fn receive(&mut self, packet: Packet) -> Result<Option<Event>, Error> {
        let packet = match self.role.protocol {
            Protocol::V4 => query::into_auth(packet),
            Protocol::V5 => packet,
        };
        let packet = self.renamed(packet);
        // The namespace, whose state the packet does not fit, follows the type.
        let fault = |rule| Err(Error::new(rule, 1));
        let state = self.namespaces.get(&packet.namespace).copied();
        match (&packet.body, state) {
            (Body::ConnectError(_), _) => fault(Rule::UnexpectedConnectError),
            (Body::Connect(_), Some(State::Asked | State::Joined { .. })) => {
                fault(Rule::AlreadyConnected)
            }
            (Body::Connect(_), None | Some(State::Left { .. }))
                if self.places() >= self.limits.max_namespaces =>
            {
                fault(Rule::TooManyNamespaces { limit: self.limits.max_namespaces })
            }
            (Body::Connect(_), None) if packet.namespace.len() > self.limits.max_namespace => {
                fault(Rule::NamespaceTooLong { limit: self.limits.max_namespace })
            }
            (Body::Connect(Some(auth)), None | Some(State::Left { .. }))
                if auth.len() > self.limits.max_auth =>
            {
                fault(Rule::AuthTooLong { limit: self.limits.max_auth })
            }
            (Body::Connect(auth), None | Some(State::Left { .. })) => {
                self.namespaces.insert(packet.namespace.clone(), State::Asked);
                // A part of the message would keep the whole of it, as long as somebody keeps the credentials.
                let auth = auth.as_ref().map(Json::detached);
                Ok(Some(Event::Connect { namespace: packet.namespace, auth }))
            }
            (_, Some(State::Joined { join })) => {
                let left = DisconnectReason::ClientNamespaceDisconnect;
                Ok(self.receive_joined(packet, join, left))
            }
            (Body::Disconnect, Some(State::Left { .. })) => {
                self.namespaces.remove(&packet.namespace);
                Ok(None)
            }
            (_, Some(State::Left { .. })) => Ok(None),
            (_, None | Some(State::Asked)) => fault(Rule::NotConnected),
        }
    }

    /// Answers a CONNECT: the client has joined, under `sid`. The sid differs for each namespace
    /// and is not that of Engine.IO; it must be hard to guess.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::NotAsked`], [`SendError::Full`].
    pub fn accept(&mut self, namespace: &Namespace, sid: &str) -> Result<(), SendError> {
        self.asked(namespace)?;
        // Exactly this key: clients take a `pid` for the promise of recovery.
        self.let_in(namespace, object("sid", sid, None));
        Ok(())
    }

    /// As [`accept`](Self::accept), and promises that the session can be taken up with `pid` after
    /// the transport was lost: see [`Recovery`](crate::Recovery). The pid must be as hard to guess as the sid.
    ///
    /// In protocol 4 there is no such promise, and the answer says nothing.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// ```
    /// use core::time::Duration;
    /// use rtwire_socketio::{Connection, Limits, Namespace};
    ///
    /// let mut connection = Connection::new(Limits::default(), Duration::ZERO);
    /// connection.next_event("0".into(), Duration::ZERO)?;
    /// connection.accept_recoverable(&Namespace::default(), "id-1", "p-1")?;
    /// let answer = r#"0{"sid":"id-1","pid":"p-1"}"#.into();
    /// assert_eq!(connection.output().pop(), Some(answer));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn accept_recoverable(
        &mut self,
        namespace: &Namespace,
        sid: &str,
        pid: &str,
    ) -> Result<(), SendError> {
        self.accept_recovered(namespace, sid, pid, &[])
    }

    /// Answers a CONNECT that takes up a session: `missed` are the events behind the client's
    /// offset, which go out first. Sid and pid are as they were.
    ///
    /// # Errors
    /// As [`accept`](Self::accept); [`SendError::Full`] also if `missed` has no room: a fresh session
    /// is then what remains. [`SendError::NotJoined`] if it is of another namespace.
    pub fn accept_recovered(
        &mut self,
        namespace: &Namespace,
        sid: &str,
        pid: &str,
        missed: &[PreparedEvent],
    ) -> Result<(), SendError> {
        self.asked(namespace)?;
        if missed.iter().any(|event| event.namespace != *namespace) {
            return Err(SendError::NotJoined);
        }
        let bytes = missed.iter().map(PreparedEvent::cost).fold(0, usize::saturating_add);
        if bytes > self.limits.max_output.saturating_sub(self.output.bytes()) {
            return Err(SendError::Full);
        }
        missed.iter().for_each(|event| self.push_prepared(event));
        self.let_in(namespace, object("sid", sid, Some(("pid", &text(pid)))));
        Ok(())
    }

    fn let_in(&mut self, namespace: &Namespace, answer: Json) {
        self.join(namespace);
        let answer = (self.role.protocol == Protocol::V5).then_some(answer);
        self.push(namespace, Body::Connect(answer));
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
        let error = match self.role.protocol {
            Protocol::V5 => object("message", message, data.map(|data| ("data", data))),
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

    /// Puts the client out of the namespace, for
    /// [`DisconnectReason::ServerNamespaceDisconnect`]. No ack of it will come any more.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::NotJoined`].
    pub fn disconnect(&mut self, namespace: &Namespace) -> Result<(), SendError> {
        let join = self.join_of(namespace)?;
        self.set_left(namespace);
        self.acks.remove_join(join);
        self.push(namespace, Body::Disconnect);
        Ok(())
    }

    /// How many namespaces the client has asked for or joined.
    fn places(&self) -> usize {
        self.namespaces.len() - self.left().count()
    }

    /// The namespaces that the client was put out of, as far as they are remembered.
    fn left(&self) -> impl Iterator<Item = (u64, &Namespace)> {
        self.namespaces.iter().filter_map(|(namespace, state)| match state {
            State::Left { leave } => Some((*leave, namespace)),
            State::Asked | State::Joined { .. } => None,
        })
    }

    fn set_left(&mut self, namespace: &Namespace) {
        self.steps += 1;
        if let Some(state) = self.namespaces.get_mut(namespace) {
            *state = State::Left { leave: self.steps };
        }
        // Nothing comes for one that is forgotten, if the client keeps to the limit itself: it can have asked for so
        // many others only after it has heard that it was put out of this one.
        if self.left().count() > self.limits.max_namespaces
            && let Some((_, oldest)) = self.left().min()
        {
            let oldest = oldest.clone();
            self.namespaces.remove(&oldest);
        }
    }
}

/// `value` as JSON.
fn text(value: &str) -> Json {
    let mut literal = String::new();
    json::push_string(&mut literal, value);
    Json::scanned(literal.into())
}

/// An object of one text, and another member if there is one.
fn object(key: &str, value: &str, more: Option<(&str, &Json)>) -> Json {
    let mut object = alloc::format!(r#"{{"{key}":"#);
    json::push_string(&mut object, value);
    if let Some((key, value)) = more {
        object.push_str(&alloc::format!(r#","{key}":{}"#, &**value));
    }
    object.push('}');
    Json::scanned(object.into())
}
