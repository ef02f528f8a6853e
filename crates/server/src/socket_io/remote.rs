use std::fmt;

use bytestring::ByteString;
use rtwire_socketio::PayloadError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::socket_io::broadcast::Broadcast;
use crate::socket_io::error::EmitError;
use crate::socket_io::handshake::Handshake;
use crate::socket_io::socket::Socket;

/// What other nodes may know of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketData {
    /// Its id.
    pub id: ByteString,
    /// How it connected.
    pub handshake: Handshake,
    /// The rooms that it is in, that of its own id included.
    pub rooms: Vec<ByteString>,
    /// What was set by [`Socket::set_data`], or an empty object.
    pub data: Value,
}

impl SocketData {
    pub(crate) fn of(socket: &Socket) -> Self {
        let empty = || Value::Object(serde_json::Map::new());
        Self {
            id: socket.id().clone(),
            handshake: socket.handshake(),
            rooms: socket.rooms(),
            data: socket.data().unwrap_or_else(|_| empty()),
        }
    }
}

/// A socket of any node, as it was when [`Broadcast::fetch_sockets`] was asked.
#[derive(Clone)]
pub struct RemoteSocket {
    data: SocketData,
    /// It alone.
    to: Broadcast,
}

impl RemoteSocket {
    pub(crate) fn new(data: SocketData, among: &Broadcast) -> Self {
        let to = among.only(data.id.clone());
        Self { data, to }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &ByteString {
        &self.data.id
    }

    /// The rooms that it was in, that of its own id included.
    #[must_use]
    pub fn rooms(&self) -> &[ByteString] {
        &self.data.rooms
    }

    /// How it connected.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.data.handshake
    }

    /// Its `data`, as [`Socket::data`].
    ///
    /// # Errors
    /// It is not a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        Ok(T::deserialize(&self.data.data)?)
    }

    /// Has it join a room.
    ///
    /// # Errors
    /// As [`Broadcast::sockets_join`].
    pub fn join(&self, room: &str) -> Result<(), EmitError> {
        self.broadcast().sockets_join([room])
    }

    /// Has it leave a room.
    ///
    /// # Errors
    /// As [`Broadcast::sockets_leave`].
    pub fn leave(&self, room: &str) -> Result<(), EmitError> {
        self.broadcast().sockets_leave([room])
    }

    /// Puts it out of the namespace, and with `close` closes its connection.
    ///
    /// # Errors
    /// As [`Broadcast::disconnect_sockets`].
    pub fn disconnect(&self, close: bool) -> Result<(), EmitError> {
        self.broadcast().disconnect_sockets(close)
    }

    /// Sends an event to it.
    ///
    /// # Errors
    /// As [`Broadcast::emit`].
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.broadcast().emit(event, args).map(drop)
    }

    /// It alone, to be spoken to in other ways.
    pub fn broadcast(&self) -> Broadcast {
        self.to.clone()
    }
}

impl fmt::Debug for RemoteSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSocket")
            .field("id", self.id())
            .field("rooms", &self.data.rooms)
            .finish_non_exhaustive()
    }
}
