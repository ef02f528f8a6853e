use bytestring::ByteString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
