//! The client's end of the namespaces on one Engine.IO connection.
//!
//! ```text
//!            connect()          CONNECT             DISCONNECT
//! (unknown) ───────────▶ Asked ─────────▶ Joined ───────────────▶ (unknown)
//!     ▲                  │   │               │                        ▲
//!     └─ CONNECT_ERROR ──┘   │ disconnect()  └───── disconnect() ─────┘
//!                            ▼
//!                          Left ───── CONNECT, CONNECT_ERROR ────▶ (unknown)
//! ```
//!
//! A client that has left tells the server at once, unless the server has yet to answer: until then
//! a DISCONNECT would be out of place.

use alloc::{borrow::Cow, collections::BTreeMap, string::String, sync::Arc};
use core::time::Duration;

use super::{Connection, State};
use crate::{
    data::Data,
    error::{Error, Rule, SendError},
    event::Event,
    json::{self, Json},
    limits::Limits,
    message::Message,
    namespace::Namespace,
    packet::{Body, Packet},
    reason::DisconnectReason,
    recovery::Recovery,
};

/// The role of a [`Connection`] that is the client's end.
#[derive(Debug)]
pub struct Client {
    /// Of the namespaces whose session can be taken up on another connection.
    recoveries: BTreeMap<Namespace, Recovery>,
    /// Some namespace was left, so that the server's packets may have crossed the DISCONNECT.
    left: bool,
}

impl Connection<Client> {
    /// A connection at its beginning.
    ///
    /// ```
    /// use core::time::Duration;
    /// use rtwire_socketio::{Connection, Event, Json, Limits, Namespace};
    ///
    /// let now = Duration::ZERO;
    /// let chat = Namespace::try_from("/chat")?;
    /// let mut connection = Connection::client(Limits::default());
    /// let auth = Json::decode(r#"{"token":"abc"}"#.into())?;
    /// connection.connect(&chat, Some(&auth), None)?;
    /// assert_eq!(connection.output().pop(), Some(r#"0/chat,{"token":"abc"}"#.into()));
    ///
    /// let event = connection.next_event(r#"0/chat,{"sid":"id-1"}"#.into(), now)?;
    /// let connected = Event::Connected { namespace: chat, sid: "id-1".into(), recovered: false };
    /// assert_eq!(event, Some(connected));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn client(limits: impl Into<Arc<Limits>>) -> Self {
        let role = Client { recoveries: BTreeMap::new(), left: false };
        Self::with_role(role, limits.into(), None)
    }

    /// Asks to join a namespace: [`Event::Connected`] or [`Event::ConnectError`] answers. `auth` is
    /// an object; `recovery` what [`recovery`](Self::recovery) said of the connection before, if
    /// its transport was lost.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::AlreadyAsked`], [`SendError::TooManyNamespaces`],
    /// [`SendError::Auth`], [`SendError::Full`].
    pub fn connect(
        &mut self,
        namespace: &Namespace,
        auth: Option<&Json>,
        recovery: Option<Recovery>,
    ) -> Result<(), SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        if self.namespaces.get(namespace).is_some() {
            return Err(SendError::AlreadyAsked);
        }
        if self.namespaces.len() >= self.limits.max_namespaces {
            return Err(SendError::TooManyNamespaces);
        }
        if auth.is_some_and(|auth| !auth.is_object()) {
            return Err(SendError::Auth);
        }
        self.room()?;
        let auth = match &recovery {
            Some(recovery) => Some(recovery.to_auth(auth)),
            None => auth.cloned(),
        };
        self.namespaces.insert(namespace.detached(), State::Asked);
        if let Some(recovery) = recovery {
            self.role.recoveries.insert(namespace.detached(), recovery);
        }
        self.push(namespace, Body::Connect(auth));
        Ok(())
    }

    /// Takes the next Engine.IO message of the server. `Ok(None)`: it meant nothing yet (more
    /// attachments are to come) or nothing any more (a late ack, or what crossed a DISCONNECT).
    ///
    /// # Errors
    /// The rule that the server broke, once. The Engine.IO connection is to be closed, and what is
    /// [`joined`](Self::joined) was left for [`Rule::disconnect_reason`]; from then on messages are
    /// discarded.
    pub fn next_event(&mut self, message: Message, now: Duration) -> Result<Option<Event>, Error> {
        self.hear(message, now, Self::receive)
    }

    fn receive(&mut self, packet: Packet) -> Result<Option<Event>, Error> {
        let Packet { namespace, body } = self.renamed(packet);
        // The namespace, whose state the packet does not fit, follows the type.
        let fault = |rule| Err(Error::new(rule, 1));
        let state = self.namespaces.get(&namespace).copied();
        match (body, state) {
            (Body::Connect(answer), Some(State::Asked)) => {
                self.connected(namespace, answer.as_ref()).or_else(fault)
            }
            (Body::ConnectError(error), Some(State::Asked)) => {
                self.namespaces.remove(&namespace);
                self.role.recoveries.remove(&namespace);
                match reason(&error) {
                    Some((message, data)) => {
                        Ok(Some(Event::ConnectError { namespace, message, data }))
                    }
                    None => fault(Rule::MissingMessage),
                }
            }
            (Body::Connect(_), Some(State::Left { .. })) => {
                self.namespaces.remove(&namespace);
                self.role.left = true;
                self.push(&namespace, Body::Disconnect);
                Ok(None)
            }
            (Body::ConnectError(_), Some(State::Left { .. })) => {
                self.namespaces.remove(&namespace);
                Ok(None)
            }
            (Body::Connect(_) | Body::ConnectError(_), _) => fault(Rule::NotAsked),
            (body, Some(State::Joined { join })) => {
                match &body {
                    Body::Event { data, .. } => self.keep_offset(&namespace, data),
                    Body::Disconnect => drop(self.role.recoveries.remove(&namespace)),
                    _ => {}
                }
                let packet = Packet { namespace, body };
                Ok(self.receive_joined(packet, join, DisconnectReason::IoServerDisconnect))
            }
            // What was missed comes before the answer. Nobody waits for an ack of it.
            (Body::Event { data, .. }, Some(State::Asked))
                if self.role.recoveries.contains_key(&namespace) =>
            {
                self.keep_offset(&namespace, &data);
                Ok(Some(Event::Event { namespace, data, ack: None }))
            }
            // A recovery that was given up (`disconnect`) may bring what was missed too.
            (_, Some(State::Left { .. })) => Ok(None),
            _ if self.role.left => Ok(None),
            _ => fault(Rule::NotJoined),
        }
    }

    fn connected(
        &mut self,
        namespace: Namespace,
        answer: Option<&Json>,
    ) -> Result<Option<Event>, Rule> {
        let text = |key| answer.and_then(|answer| answer.member_text(key));
        let sid = text("sid").ok_or(Rule::MissingSid)?;
        let pid = text("pid").filter(|pid| pid.len() <= self.limits.max_offset);
        let before = self.role.recoveries.remove(&namespace);
        let recovery = match (pid, before) {
            (Some(pid), Some(before)) if before.pid == pid => Some((before, true)),
            (Some(pid), _) => Some((Recovery { pid, offset: None }, false)),
            (None, _) => None,
        };
        let recovered = recovery.as_ref().is_some_and(|(_, recovered)| *recovered);
        if let Some((recovery, _)) = recovery {
            self.role.recoveries.insert(namespace.clone(), recovery);
        }
        self.join(&namespace);
        Ok(Some(Event::Connected { namespace, sid, recovered }))
    }

    fn keep_offset(&mut self, namespace: &Namespace, data: &Data) {
        let Some(recovery) = self.role.recoveries.get_mut(namespace) else { return };
        // 2: its quotes. What is longer as it is written is no offset of any server.
        let offset = json::last_string(data.json())
            .filter(|literal| literal.len() <= self.limits.max_offset.saturating_add(2))
            .and_then(json::text)
            .map(Cow::into_owned);
        if offset.is_some() {
            recovery.offset = offset;
        }
    }

    /// What to give to [`connect`](Self::connect) of the next connection, if the transport of this
    /// one is lost: `None` if the server has not promised that the session can be taken up, and
    /// after the namespace was left or refused.
    pub fn recovery(&self, namespace: &Namespace) -> Option<&Recovery> {
        self.role.recoveries.get(namespace)
    }

    /// Leaves the namespace, for [`DisconnectReason::IoClientDisconnect`]: what comes of it is
    /// ignored from here on, and no ack of it will come any more. If the server has yet to answer
    /// the CONNECT, it is told when it has, and until then the namespace cannot be asked for.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::NotJoined`].
    pub fn disconnect(&mut self, namespace: &Namespace) -> Result<(), SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        match self.namespaces.get_mut(namespace) {
            Some(state @ State::Asked) => {
                self.steps += 1;
                *state = State::Left { leave: self.steps };
            }
            Some(&mut State::Joined { join }) => {
                self.namespaces.remove(namespace);
                self.acks.remove_join(join);
                self.role.left = true;
                self.push(namespace, Body::Disconnect);
            }
            Some(State::Left { .. }) | None => return Err(SendError::NotJoined),
        }
        self.role.recoveries.remove(namespace);
        Ok(())
    }
}

/// What a CONNECT_ERROR says: its message, and data.
fn reason(error: &Json) -> Option<(String, Option<Json>)> {
    if !error.is_object() {
        return json::text(error).map(|message| (message.into_owned(), None));
    }
    let data = error.member("data").map(|data| Json::scanned(data.into()));
    Some((error.member_text("message")?, data))
}
