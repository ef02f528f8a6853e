use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use rtwire_socketio::{Data, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::socket_io::adapter::Selection;
use crate::socket_io::client::{Client, NotJoined};
use crate::socket_io::socket::Socket;
use crate::socket_io::space::Space;

/// How the state of clients is recovered that lose their connection: Node's
/// `connectionStateRecovery`. Lengths are in bytes.
///
/// ```
/// use std::time::Duration;
/// use rtwire_server::SocketIo;
/// use rtwire_server::adapter::{InMemoryAdapter, Recovery};
///
/// let recovery = Recovery::default().max_disconnection(Duration::from_secs(30));
/// let io = SocketIo::with_adapter(InMemoryAdapter::with_recovery(recovery));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// How long a client may be away: 2 minutes. Later it begins anew.
    pub max_disconnection: Duration,
    /// Whether a client whose state is recovered is let in without asking the middlewares: yes.
    pub skip_middlewares: bool,
    /// Most events of a namespace that are kept: 10 000. Over it the oldest go, and who has missed one
    /// of them begins anew.
    pub max_events: usize,
    /// Most bytes of events of a namespace that are kept, with 128 for each beside its text, its
    /// attachments and its rooms: 16 MiB. Over it the oldest go.
    pub max_event_bytes: usize,
    /// Most clients of a namespace that are away and waited for: 10 000. Over it the one that has been
    /// away for longest begins anew.
    pub max_sessions: usize,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            max_disconnection: Duration::from_secs(120),
            skip_middlewares: true,
            max_events: 10_000,
            max_event_bytes: 16 << 20,
            max_sessions: 10_000,
        }
    }
}

impl Recovery {
    /// Sets [`max_disconnection`](#structfield.max_disconnection).
    #[must_use]
    pub fn max_disconnection(mut self, time: Duration) -> Self {
        self.max_disconnection = time;
        self
    }

    /// Sets [`skip_middlewares`](#structfield.skip_middlewares).
    #[must_use]
    pub fn skip_middlewares(mut self, skip: bool) -> Self {
        self.skip_middlewares = skip;
        self
    }

    /// Sets [`max_events`](#structfield.max_events).
    #[must_use]
    pub fn max_events(mut self, events: usize) -> Self {
        self.max_events = events;
        self
    }

    /// Sets [`max_event_bytes`](#structfield.max_event_bytes).
    #[must_use]
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.max_event_bytes = bytes;
        self
    }

    /// Sets [`max_sessions`](#structfield.max_sessions).
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }
}

/// What is left of a socket, for its client to find again.
///
/// `Debug` shows neither the pid, which is a secret, nor the data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub sid: ByteString,
    /// By what its client finds it again: a secret.
    pub pid: ByteString,
    /// The rooms that it was in, that of its own id included.
    pub rooms: Vec<ByteString>,
    /// What was set by [`Socket::set_data`], or an empty object.
    pub data: Value,
}

impl Session {
    /// Whether an event for `to` was for this socket.
    #[must_use]
    pub fn is_in(&self, to: &Selection) -> bool {
        to.is_for(|room| self.rooms.contains(room))
    }
}

/// A client that is back, and has not joined yet. Dropped, it begins anew.
pub struct Rejoin {
    pub(crate) client: Arc<Client>,
    pub(crate) space: Arc<Space>,
    pub(crate) auth: Option<Json>,
    pub(crate) claim: Claim,
    /// A socket that middlewares have let in, and given values and rooms.
    pub(crate) welcome: Option<Socket>,
    /// Where the socket goes that has joined.
    pub(crate) joined: tokio::sync::oneshot::Sender<Socket>,
}

/// What a client shows that is back.
pub(crate) struct Claim {
    pub(crate) pid: String,
    pub(crate) offset: String,
}

impl Claim {
    /// As in Node: without an offset there is nothing to go on from.
    pub(crate) fn from_auth(auth: &Json) -> Option<Self> {
        let rtwire_socketio::Recovery { pid, offset } = rtwire_socketio::Recovery::from_auth(auth)?;
        Some(Self { pid, offset: offset? })
    }
}

impl Rejoin {
    /// The name of the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.space.name
    }

    /// The [`Session::pid`] that it shows.
    #[must_use]
    pub fn pid(&self) -> &str {
        &self.claim.pid
    }

    /// The offset of the last event that it has.
    #[must_use]
    pub fn offset(&self) -> &str {
        &self.claim.offset
    }

    /// Has it join as the socket that it was: it is sent what it missed, each with its offset, and
    /// is told that it is connected. No event may be applied meanwhile that is not among `missed`,
    /// nor may one that is be applied afterwards: an adapter calls this while it applies nothing.
    ///
    /// A client that has missed more than [`max_output`](rtwire_socketio::Limits::max_output) bytes begins anew; so
    /// does one that would be in more than [`max_rooms`](crate::SocketIo::max_rooms), with those that middlewares have
    /// joined.
    ///
    /// # Errors
    /// The client has gone again, and may come back: the session is to be kept.
    pub fn complete(self, session: Session, missed: Vec<Data>) -> Result<(), Session> {
        let Self { client, space, auth, welcome, joined, .. } = self;
        let joined_since = welcome.iter().flat_map(Socket::rooms);
        let rooms = session.rooms.iter().cloned().chain(joined_since);
        let rooms: BTreeSet<_> = rooms.filter(|room| *room != session.sid).collect();
        if rooms.len() > client.rules.max_rooms {
            tracing::debug!("a Socket.IO client would be recovered into too many rooms");
            return Ok(());
        }
        let socket = Socket::from_session(&session, rooms, space, Arc::clone(&client), auth);
        // Before anybody can see it.
        welcome.iter().for_each(|welcome| socket.take_values(welcome));
        let accepted = client.accept(&socket, missed);
        if accepted.is_err() {
            // Nor are they to be dropped here, where the adapter has its locks.
            welcome.iter().for_each(|welcome| welcome.take_values(&socket));
        }
        match accepted {
            Err(NotJoined::Gone) => return Err(session),
            Err(NotJoined::MissedTooMuch) => {
                tracing::debug!("a Socket.IO client has missed too much to be recovered");
            }
            Ok(()) => {
                welcome.iter().for_each(Socket::give_up_rooms);
                // Who waits for it does so until the adapter is done.
                drop(joined.send(socket));
            }
        }
        Ok(())
    }
}

/// What an event counts in memory.
pub(crate) fn bytes(data: &Data) -> usize {
    let attachments = data.attachments().iter().map(bytes::Bytes::len);
    data.json().len() + attachments.sum::<usize>()
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("sid", &self.sid)
            .field("rooms", &self.rooms)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Rejoin {
    /// Without the pid, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejoin")
            .field("namespace", &self.namespace())
            .field("offset", &self.offset())
            .finish_non_exhaustive()
    }
}
