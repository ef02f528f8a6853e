use std::time::Duration;

use bytestring::ByteString;
use rtwire_socketio::Data;
use serde::{Deserialize, Serialize};

use crate::socket_io::remote::SocketData;

/// Whom something is for: who is in any of `rooms` (the whole namespace, if there are none) and in
/// none of `except`. Each socket is in the room of its own id. Node's adapters call it `opts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// It is for who is in any of these rooms; for the whole namespace if there are none.
    pub rooms: Vec<ByteString>,
    /// It is not for who is in any of these.
    pub except: Vec<ByteString>,
}

impl Selection {
    /// Whether it is for who is in the rooms of which `is_in` says so.
    pub(crate) fn is_for(&self, is_in: impl Fn(&ByteString) -> bool) -> bool {
        (self.rooms.is_empty() || self.rooms.iter().any(&is_in)) && !self.except.iter().any(is_in)
    }
}

/// How an event is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Flags {
    /// Who cannot take it at once goes without.
    pub volatile: bool,
    /// Only to sockets of this node: such an event is not published for others.
    pub local: bool,
    /// It may be compressed where clients have agreed to that, from the threshold on: the default.
    pub compress: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self { volatile: false, local: false, compress: true }
    }
}

/// What is carried out on every node, and not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Command {
    /// Sends an event.
    Broadcast {
        /// The event's name and arguments.
        #[serde(with = "data")]
        data: Data,
        /// Whom it is for.
        to: Selection,
        /// How it is sent.
        flags: Flags,
    },
    /// Has sockets join rooms.
    Join {
        /// Which sockets.
        to: Selection,
        /// The rooms that they join.
        rooms: Vec<ByteString>,
    },
    /// Has sockets leave rooms.
    Leave {
        /// Which sockets.
        to: Selection,
        /// The rooms that they leave.
        rooms: Vec<ByteString>,
    },
    /// Puts sockets out of the namespace.
    Disconnect {
        /// Which sockets.
        to: Selection,
        /// Whether their connections are closed too.
        close: bool,
    },
    /// An event for the nodes themselves, without the one that publishes it.
    ServerSideEmit {
        /// The event's name and arguments.
        #[serde(with = "data")]
        data: Data,
    },
}

/// What every node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Query {
    /// The ids of sockets: each node replies with one [`Reply::Sockets`].
    Sockets {
        /// Which sockets.
        to: Selection,
    },
    /// All rooms but those of the ids: each node replies with one [`Reply::Rooms`].
    Rooms,
    /// What there is to know of sockets: each node replies with one [`Reply::Fetched`].
    Fetch {
        /// Which sockets.
        to: Selection,
    },
    /// Sends an event that clients are to answer. Each node replies with one [`Reply::ClientCount`],
    /// and one [`Reply::Ack`] for each of them that answers in time.
    Broadcast {
        /// The event's name and arguments.
        #[serde(with = "data")]
        data: Data,
        /// Whom it is for.
        to: Selection,
        /// How it is sent.
        flags: Flags,
        /// How long clients have.
        timeout: Duration,
    },
    /// An event for the nodes themselves: each replies with one [`Reply::ServerSideAck`], if it has
    /// a handler that answers.
    ServerSideEmit {
        /// The event's name and arguments.
        #[serde(with = "data")]
        data: Data,
    },
}

/// What a node replies to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reply {
    /// The ids of its sockets.
    Sockets(Vec<ByteString>),
    /// Its rooms.
    Rooms(Vec<ByteString>),
    /// Its sockets.
    Fetched(Vec<SocketData>),
    /// How many of its clients an event went to: so many acks are to come.
    ClientCount(usize),
    /// The answer of one client.
    Ack(#[serde(with = "data")] Data),
    /// The answer of the node's handler.
    ServerSideAck(#[serde(with = "data")] Data),
}

/// [`Data`] as its JSON text and its attachments, which are checked when they come.
mod data {
    use bytes::Bytes;
    use bytestring::ByteString;
    use rtwire_socketio::Data;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(data: &Data, to: S) -> Result<S::Ok, S::Error> {
        (data.json(), data.attachments()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Data, D::Error> {
        let (json, attachments) = <(ByteString, Vec<Bytes>)>::deserialize(from)?;
        Data::from_parts(json, attachments).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_travels_comes_back_and_is_checked() {
        let json = r#"["file",{"_placeholder":true,"num":0}]"#;
        let data = Data::from_parts(json.into(), vec![vec![1, 2].into()]).unwrap();
        let to = Selection { rooms: vec!["a".into()], except: vec!["b".into()] };
        let command =
            Command::Broadcast { data, to, flags: Flags { volatile: true, ..Flags::default() } };
        let text = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command);
        let forged = text.replace(r#"\"num\":0"#, r#"\"num\":7"#);
        assert!(forged != text && serde_json::from_str::<Command>(&forged).is_err());
    }

    /// Those of Node's adapters, which have only the flags that were set.
    #[test]
    fn flags_that_are_not_said_are_the_defaults() {
        let read = |text| serde_json::from_str::<Flags>(text).unwrap();
        assert_eq!(read("{}"), Flags::default());
        assert_eq!(read(r#"{"compress":true}"#), Flags::default());
        assert_eq!(read(r#"{"compress":false}"#), Flags { compress: false, ..Flags::default() });
        assert_eq!(read(r#"{"volatile":true}"#), Flags { volatile: true, ..Flags::default() });
    }
}
