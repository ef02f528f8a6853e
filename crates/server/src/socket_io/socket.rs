use std::collections::BTreeSet;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use bytestring::ByteString;
use rtwire_socketio::{Data, DisconnectReason, Json, Parser, PayloadError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::request::Request;
use crate::socket_io::adapter::{Command, Flags, Handshake, Members, Selection, Session};
use crate::socket_io::broadcast::Broadcast;
use crate::socket_io::client::{self, Client};
use crate::socket_io::error::{AckError, EmitError, JoinError};
use crate::socket_io::handling::guarded;
use crate::socket_io::prepared::PreparedPacket;
use crate::socket_io::rooms::add_room;
use crate::socket_io::space::Space;

/// What a client will answer to an event that was sent. Dropped, nobody waits for it any more, and it does not count
/// for [`max_acks`](rtwire_socketio::Limits::max_acks).
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, AckError>> + Send>>;

/// A client in a namespace. Clones are the same socket, and may be kept and used anywhere; what is
/// sent after the end is refused.
///
/// ```
/// use rtwire_server::{Socket, SocketIo};
///
/// let io = SocketIo::new();
/// io.of("/", |ns| {
///     ns.on_connect(async |socket: Socket| {
///         let name: String = socket.emit_with_ack("who are you?", &()).await?;
///         socket.join("people")?;
///         socket.broadcast().emit("joined", &name)?;
///         Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
///     })
/// });
/// ```
#[derive(Clone)]
pub struct Socket {
    inner: Arc<Inner>,
    timeout: Option<Duration>,
    flags: Flags,
}

struct Inner {
    id: ByteString,
    space: Arc<Space>,
    client: Arc<Client>,
    auth: Option<Json>,
    connected: SystemTime,
    kept: Mutex<Kept>,
    /// If there is recovery.
    recoverable: Option<Box<Recoverable>>,
}

struct Recoverable {
    pid: ByteString,
    /// It was before.
    is_recovered: bool,
    persisted: Once,
}

/// What an application keeps with the socket, and what of it the namespace does not know: not yet, or no longer.
#[derive(Default)]
struct Kept {
    /// Each in an `Arc`: how a value is cloned and dropped is the application's, and not for under a lock.
    extensions: http::Extensions,
    data: Option<Json>,
    stage: Stage,
    /// But for that of its id: those that it is to be in when it is connected, or was in at its end.
    rooms: BTreeSet<ByteString>,
    /// Why it has left.
    left_for: Option<DisconnectReason>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// The middlewares are asked, or what it was before is looked for.
    #[default]
    Entering,
    /// It is connected, or not any more, or was not let in: the namespace knows.
    Entered,
    /// It has left, and shows the rooms that it was in.
    Leaving,
}

impl Drop for Inner {
    /// Whoever is the last to hold the socket, be it another client's handler that broadcasts, is not to end by
    /// a value that panics.
    fn drop(&mut self) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        let values = mem::take(&mut kept.extensions);
        guarded("a value kept with a socket", || drop(values));
    }
}

impl Socket {
    /// With a `pid` if its client is to find it again by that.
    pub(crate) fn new(
        id: ByteString,
        pid: Option<ByteString>,
        space: Arc<Space>,
        client: Arc<Client>,
        auth: Option<Json>,
    ) -> Self {
        let recoverable =
            |pid| Box::new(Recoverable { pid, is_recovered: false, persisted: Once::new() });
        Self::with(id, space, client, auth, Kept::default(), pid.map(recoverable))
    }

    fn with(
        id: ByteString,
        space: Arc<Space>,
        client: Arc<Client>,
        auth: Option<Json>,
        kept: Kept,
        recoverable: Option<Box<Recoverable>>,
    ) -> Self {
        let (connected, kept) = (SystemTime::now(), Mutex::new(kept));
        let inner = Inner { id, space, client, auth, connected, kept, recoverable };
        Self { inner: Arc::new(inner), timeout: None, flags: Flags::default() }
    }

    /// One that was before, and is to be in these rooms.
    pub(crate) fn from_session(
        session: &Session,
        rooms: BTreeSet<ByteString>,
        space: Arc<Space>,
        client: Arc<Client>,
        auth: Option<Json>,
    ) -> Self {
        let Session { sid, pid, data, .. } = session.clone();
        let kept = Kept {
            // What was read from JSON can be written as JSON.
            data: Json::from_serialize(&data).ok(),
            rooms,
            ..Kept::default()
        };
        let recoverable = Recoverable { pid, is_recovered: true, persisted: Once::new() };
        Self::with(sid, space, client, auth, kept, Some(Box::new(recoverable)))
    }

    /// Takes the values that `other` has.
    pub(crate) fn take_values(&self, other: &Self) {
        let values = mem::take(&mut other.kept().extensions);
        let _replaced = mem::replace(&mut self.kept().extensions, values);
    }

    pub(crate) fn pid(&self) -> Option<&ByteString> {
        self.inner.recoverable.as_ref().map(|recoverable| &recoverable.pid)
    }

    /// Whether the client has lost its connection before, and found again what it had: its id, its
    /// rooms, its [`data`](Self::data), and all events that it has missed.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.inner.recoverable.as_ref().is_some_and(|recoverable| recoverable.is_recovered)
    }

    /// Keeps what is left of it, if it has left in a way from which clients come back. Whoever comes
    /// second waits until that is done.
    pub(crate) fn persist(&self) {
        let Some(recoverable) = &self.inner.recoverable else { return };
        recoverable.persisted.call_once_force(|_| {
            let kept = self.kept();
            if !kept.left_for.is_some_and(is_recoverable) {
                return;
            }
            let rooms = [self.id()].into_iter().chain(&kept.rooms).cloned().collect();
            let data = kept.data.clone();
            drop(kept);
            let data = read(data.as_ref()).unwrap_or_default();
            let (sid, pid) = (self.id().clone(), recoverable.pid.clone());
            let space = &self.inner.space;
            space.adapter.persist(Session { sid, pid, rooms, data }, &Members::of(space));
        });
    }

    /// Takes the socket from a connection that its client has given up, if it is still there.
    pub(crate) fn evict(&self) {
        self.inner.client.evict(self);
        self.persist();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing of the application's runs in here, and nothing of ours panics.
        self.inner.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn space(&self) -> &Arc<Space> {
        &self.inner.space
    }

    pub(crate) fn parser(&self) -> Parser {
        self.inner.client.rules.parser
    }

    pub(crate) fn deliver(&self, packet: &PreparedPacket, flags: Flags) -> bool {
        self.inner.client.deliver(self, packet, flags)
    }

    /// Sends an event of many at once, and returns what will become of the answer.
    pub(crate) fn deliver_with_ack(
        &self,
        id: u64,
        packet: &PreparedPacket,
        timeout: Duration,
        flags: Flags,
    ) -> Answer<Data> {
        answered(self.inner.client.deliver_with_ack(self, id, packet, timeout, flags))
    }

    pub(crate) fn set_left(&self, reason: DisconnectReason) {
        self.kept().left_for = Some(reason);
    }

    /// It is connected: it is in its rooms from here on.
    pub(crate) fn enter_rooms(&self) {
        // Locked until the namespace knows, or what is joined meanwhile would be lost.
        let mut kept = self.kept();
        kept.stage = Stage::Entered;
        self.inner.space.rooms.add(self, mem::take(&mut kept.rooms));
    }

    /// It does not become connected, and so comes to be in no room.
    pub(crate) fn give_up_rooms(&self) {
        let mut kept = self.kept();
        kept.stage = Stage::Entered;
        kept.rooms = BTreeSet::new();
    }

    /// It is at its end: it leaves the rooms, which are remembered.
    pub(crate) fn leave_rooms(&self) {
        let space = &self.inner.space;
        if let Some(removed) = space.rooms.remove(self) {
            self.kept().rooms = removed.rooms;
            space.rooms_changed(&removed.closed);
        }
    }

    /// Shows the rooms that it has left, or no longer.
    pub(crate) fn set_leaving(&self, is_leaving: bool) {
        self.kept().stage = if is_leaving { Stage::Leaving } else { Stage::Entered };
    }

    /// Its id: 20 characters of its own for each namespace and connection; of a client of Engine.IO 3 the sid
    /// of its session, behind `/namespace#` if it is in another one than `/`.
    #[must_use]
    pub fn id(&self) -> &ByteString {
        &self.inner.id
    }

    /// The namespace that it is in.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.inner.space.name
    }

    /// The request that opened the connection, without the header fields that are about its TCP connection
    /// (RFC 9110 §7.6.1) or the handshake of a WebSocket on it.
    #[must_use]
    pub fn request(&self) -> &Request {
        self.inner.client.session().request()
    }

    /// What the client gave as `auth`; without it, as from an empty object.
    ///
    /// # Errors
    /// It is not a `T`.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        read(self.inner.auth.as_ref())
    }

    /// How it connected, in the form that Node's servers have it in: for who sends it on, or keeps it.
    #[must_use]
    pub fn handshake(&self) -> Handshake {
        let auth = self.auth().unwrap_or_default();
        Handshake::new(self.request(), auth, self.inner.connected)
    }

    /// Whether it is connected: not yet in a middleware, and not after its end.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.inner.client.has(self)
    }

    /// Sends an event, a tuple of arguments if there are several. It does not wait: while what was
    /// sent has no room in the session's queue, events of this client wait instead, so that a handler
    /// that answers each of them finds room.
    ///
    /// # Errors
    /// [`EmitError::Disconnected`], [`EmitError::Full`], [`EmitError::Payload`].
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.emit_data(Data::event(event, args)?)
    }

    /// As [`emit`](Self::emit), with bytes for arguments, none of which are copied: what serde is given as bytes is,
    /// once.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_binary(&self, event: &str, args: Vec<Bytes>) -> Result<(), EmitError> {
        self.emit_data(Data::binary_event(event, args).ok_or(PayloadError::ReservedEvent)?)
    }

    /// As [`emit`](Self::emit), with what is encoded already.
    ///
    /// # Errors
    /// As [`emit`](Self::emit), and [`EmitError::NotAnEvent`].
    pub fn emit_data(&self, data: Data) -> Result<(), EmitError> {
        let Inner { client, space, .. } = &*self.inner;
        if space.adapter.recovery().is_none() || self.flags.volatile {
            return client.emit(self, data, self.flags);
        }
        // As in Node: it is kept as what it is, an event for one room.
        client.ready(self)?;
        let to = Selection { rooms: vec![self.id().clone()], except: Vec::new() };
        let command = Command::Broadcast { data, to, flags: self.flags };
        space.adapter.publish(command, &Members::of(space)).map(drop)
    }

    /// Sends an event at once; the future waits for the client's answer: its first argument, or a
    /// tuple of several. [`timeout`](Self::timeout) bounds the wait.
    pub fn emit_with_ack<T: DeserializeOwned>(
        &self,
        event: &str,
        args: &(impl Serialize + ?Sized),
    ) -> Answer<T> {
        let answer = Data::event(event, args).map(|data| self.emit_data_with_ack(data));
        Box::pin(async { Ok(answer.map_err(EmitError::from)?.await?.into_ack_args()?) })
    }

    /// As [`emit_with_ack`](Self::emit_with_ack), with what is encoded already, and an answer that
    /// is not yet read.
    pub fn emit_data_with_ack(&self, data: Data) -> Answer<Data> {
        let client = &self.inner.client;
        let timeout = self.timeout.unwrap_or(client.rules.ack_timeout);
        let id = self.inner.space.next_ack_id();
        answered(client.emit_with_ack(self, id, data, timeout, self.flags))
    }

    /// The same socket, which waits so long for an answer instead of
    /// [`ack_timeout`](crate::SocketIo::ack_timeout).
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self.clone() }
    }

    /// The same socket, for events that it goes without if it cannot take them at once: over polling,
    /// when no GET waits; otherwise, when what was sent before still waits for room.
    #[must_use]
    pub fn volatile(&self) -> Self {
        let flags = Flags { volatile: true, ..self.flags };
        Self { flags, ..self.clone() }
    }

    /// The same socket, for events that may be compressed or not, as
    /// [`Broadcast::compress`].
    #[must_use]
    pub fn compress(&self, compress: bool) -> Self {
        let flags = Flags { compress, ..self.flags };
        Self { flags, ..self.clone() }
    }

    /// Joins a room. A room is there as long as somebody is in it. Within a
    /// [middleware](crate::NamespaceHandlers::middleware) it is for when the client is let in, and with the answer to
    /// that it is in the room.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn join(&self, room: &str) -> Result<(), JoinError> {
        let Inner { space, client, .. } = &*self.inner;
        let mut kept = self.kept();
        if kept.stage == Stage::Entering {
            return add_room(&mut kept.rooms, self.id(), room, &client.rules).map(drop);
        }
        drop(kept);
        if space.rooms.join(self, room, &client.rules)? {
            space.rooms_changed([&room.into()]);
        }
        Ok(())
    }

    /// Leaves a room.
    pub fn leave(&self, room: &str) {
        let space = &self.inner.space;
        let mut kept = self.kept();
        if kept.stage == Stage::Entering {
            kept.rooms.remove(room);
            return;
        }
        drop(kept);
        if space.rooms.leave(self, room) {
            space.rooms_changed([&room.into()]);
        }
    }

    /// The rooms that it is in, that of its own id first. Before it is connected those that it has joined, without
    /// that one; after its end none, but for those that
    /// [`on_disconnecting`](crate::NamespaceHandlers::on_disconnecting) sees.
    #[must_use]
    pub fn rooms(&self) -> Vec<ByteString> {
        let kept = self.kept();
        match kept.stage {
            Stage::Entering => kept.rooms.iter().cloned().collect(),
            Stage::Leaving => [self.id()].into_iter().chain(&kept.rooms).cloned().collect(),
            Stage::Entered => {
                drop(kept);
                self.inner.space.rooms.of(self)
            }
        }
    }

    /// Everybody in the namespace but this socket. What was said of its own events holds:
    /// [`timeout`](Self::timeout), [`volatile`](Self::volatile), [`compress`](Self::compress).
    pub fn broadcast(&self) -> Broadcast {
        let space = Some(Arc::clone(&self.inner.space));
        let everybody = Broadcast::new(space, &self.inner.client.rules).with_flags(self.flags);
        let others = everybody.except(self.id());
        match self.timeout {
            Some(timeout) => others.timeout(timeout),
            None => others,
        }
    }

    /// Everybody in the room but this socket.
    pub fn to(&self, room: &str) -> Broadcast {
        self.broadcast().to(room)
    }

    /// The same as [`to`](Self::to), Node's `in`.
    pub fn within(&self, room: &str) -> Broadcast {
        self.to(room)
    }

    /// Everybody in the namespace but this socket and who is in the room.
    pub fn except(&self, room: &str) -> Broadcast {
        self.broadcast().except(room)
    }

    /// Everybody in the namespace on this node but this socket.
    pub fn local(&self) -> Broadcast {
        self.broadcast().local()
    }

    /// Puts the client out of the namespace. It does not come back by itself.
    pub fn disconnect(&self) {
        self.inner.client.disconnect(self);
    }

    /// Puts the client out of all its namespaces, and closes the connection.
    pub fn close_connection(&self) {
        self.inner.client.disconnect_all();
    }

    /// Keeps a value with the socket, and returns the one of this type that it replaces.
    pub fn insert<T: Clone + Send + Sync + 'static>(&self, value: T) -> Option<T> {
        let replaced = self.kept().extensions.insert(Arc::new(value));
        replaced.map(Arc::unwrap_or_clone)
    }

    /// The value of this type that is kept with the socket.
    #[must_use]
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        let value = self.kept().extensions.get::<Arc<T>>().cloned();
        value.map(Arc::unwrap_or_clone)
    }

    /// Sets its `data`: what [`fetch_sockets`](Broadcast::fetch_sockets) shows of it on every node, and what is
    /// [recovered](Self::recovered).
    ///
    /// # Errors
    /// The value is not JSON.
    pub fn set_data<T: Serialize + ?Sized>(&self, data: &T) -> Result<(), PayloadError> {
        let data = Json::from_serialize(data)?;
        self.kept().data = Some(data);
        Ok(())
    }

    /// Its `data`; an empty object as long as it is not set.
    ///
    /// # Errors
    /// It is not a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        let data = self.kept().data.clone();
        read(data.as_ref())
    }
}

/// Reads JSON, or an empty object in its place.
fn read<T: DeserializeOwned>(json: Option<&Json>) -> Result<T, PayloadError> {
    match json {
        Some(json) => json.deserialize(),
        None => Json::decode("{}".into())?.deserialize(),
    }
}

/// Those of Node: the client has neither left, nor been put out, nor sent what is no packet.
fn is_recoverable(reason: DisconnectReason) -> bool {
    matches!(
        reason,
        DisconnectReason::TransportError
            | DisconnectReason::TransportClose
            | DisconnectReason::ForcedClose
            | DisconnectReason::PingTimeout
            | DisconnectReason::ServerShuttingDown
            | DisconnectReason::ForcedServerClose
    )
}

fn answered(sent: Result<oneshot::Receiver<client::Answer>, EmitError>) -> Answer<Data> {
    // Dropped without an answer, by the end of the socket.
    Box::pin(async { sent?.await.unwrap_or(Err(AckError::Disconnected)) })
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Socket {}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", self.id())
            .field("namespace", &self.namespace())
            .finish_non_exhaustive()
    }
}
