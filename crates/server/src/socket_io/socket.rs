use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytestring::ByteString;
use rtwire_socketio::{Data, Json, PayloadError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::request::Request;
use crate::socket_io::adapter::PreparedPacket;
use crate::socket_io::broadcast::Broadcast;
use crate::socket_io::client::Client;
use crate::socket_io::error::{AckError, EmitError, JoinError};
use crate::socket_io::space::Space;

/// What a client will answer to an event that was sent. Dropped, nobody waits for it any more.
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
}

struct Inner {
    id: ByteString,
    space: Arc<Space>,
    client: Arc<Client>,
    auth: Option<Json>,
    extensions: Mutex<http::Extensions>,
}

impl Socket {
    pub(crate) fn new(
        id: ByteString,
        space: Arc<Space>,
        client: Arc<Client>,
        auth: Option<Json>,
    ) -> Self {
        let inner = Inner { id, space, client, auth, extensions: Mutex::default() };
        Self { inner: Arc::new(inner), timeout: None }
    }

    pub(crate) fn space(&self) -> &Arc<Space> {
        &self.inner.space
    }

    pub(crate) fn deliver(&self, packet: &PreparedPacket) -> bool {
        self.inner.client.deliver(self, packet)
    }

    /// Its id: 20 characters of its own for each namespace and connection.
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
        match &self.inner.auth {
            Some(auth) => auth.deserialize(),
            None => Ok(Json::decode("{}".into())?.deserialize()?),
        }
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

    /// As [`emit`](Self::emit), with what is encoded already.
    ///
    /// # Errors
    /// As [`emit`](Self::emit), and [`EmitError::NotAnEvent`].
    pub fn emit_data(&self, data: Data) -> Result<(), EmitError> {
        self.inner.client.emit(self, data)
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
        let answer = client.emit_with_ack(self, data, timeout);
        // Dropped without an answer, by the end of the socket.
        Box::pin(async { answer?.await.unwrap_or(Err(AckError::Disconnected)) })
    }

    /// The same socket, which waits so long for an answer instead of
    /// [`ack_timeout`](crate::SocketIo::ack_timeout).
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        Self { inner: Arc::clone(&self.inner), timeout: Some(timeout) }
    }

    /// Joins a room. A room is there as long as somebody is in it.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn join(&self, room: &str) -> Result<(), JoinError> {
        self.inner.space.rooms.join(self.id(), room, self.inner.client.rules.max_rooms)
    }

    /// Leaves a room.
    pub fn leave(&self, room: &str) {
        self.inner.space.rooms.leave(self.id(), room);
    }

    /// The rooms that it is in, that of its own id first; none before it is connected and after
    /// its end.
    #[must_use]
    pub fn rooms(&self) -> Vec<ByteString> {
        self.inner.space.rooms.of(self.id())
    }

    /// Everybody in the namespace but this socket.
    pub fn broadcast(&self) -> Broadcast {
        Broadcast::new(Some(Arc::clone(&self.inner.space))).except(self.id())
    }

    /// Everybody in the room but this socket.
    pub fn to(&self, room: &str) -> Broadcast {
        self.broadcast().to(room)
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
        self.inner.extensions.lock().unwrap_or_else(PoisonError::into_inner).insert(value)
    }

    /// The value of this type that is kept with the socket.
    #[must_use]
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.inner.extensions.lock().unwrap_or_else(PoisonError::into_inner).get().cloned()
    }
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
