use alloc::string::String;

use crate::{
    acks::AckToken, data::Data, json::Json, namespace::Namespace, reason::DisconnectReason,
};

/// What the peer's messages, or the passing of time, meant.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// At the server's end: the client asks to join. Answer with [`Connection::accept`](crate::Connection::accept),
    /// [`refuse`](crate::Connection::refuse) or
    /// [`refuse_unknown`](crate::Connection::refuse_unknown).
    Connect {
        /// As the client wrote it; it may be one that does not exist.
        namespace: Namespace,
        /// The credentials: an object. Of a client of protocol 4, the query behind the namespace.
        auth: Option<Json>,
    },
    /// At the client's end: the server has let it join.
    Connected {
        /// What was asked for.
        namespace: Namespace,
        /// The server's name for this client in this namespace.
        sid: String,
        /// The session is the one that was asked for by a [`Recovery`](crate::Recovery): its
        /// rooms are as they were, and what was missed has come before this.
        recovered: bool,
    },
    /// At the client's end: the server has not let it join.
    ConnectError {
        /// What was asked for.
        namespace: Namespace,
        /// Why.
        message: String,
        /// What more there is to say.
        data: Option<Json>,
    },
    /// An event.
    Event {
        /// A joined namespace; at the client's end also one that is about to be recovered.
        namespace: Namespace,
        /// Its name and arguments.
        data: Data,
        /// Present if the peer wants an answer. Nothing answers by itself.
        ack: Option<AckToken>,
    },
    /// The answer to an event sent by
    /// [`send_event_with_ack`](crate::Connection::send_event_with_ack).
    Ack {
        /// Where the event was sent.
        namespace: Namespace,
        /// As given when it was sent.
        id: u64,
        /// The arguments of the answer.
        data: Data,
    },
    /// No such answer came in time. If it comes later it is ignored.
    AckTimeout {
        /// Where the event was sent.
        namespace: Namespace,
        /// As given when it was sent.
        id: u64,
    },
    /// The peer has ended the namespace; no ack of it will come any more.
    Disconnect {
        /// No longer joined.
        namespace: Namespace,
        /// [`DisconnectReason::ClientNamespaceDisconnect`], at the client's end
        /// [`DisconnectReason::IoServerDisconnect`].
        reason: DisconnectReason,
    },
}
