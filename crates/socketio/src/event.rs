use crate::{
    acks::AckToken, data::Data, json::Json, namespace::Namespace, reason::DisconnectReason,
};

/// What the peer's messages, or the passing of time, meant.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The client asks to join. Answer with [`Connection::accept`](crate::Connection::accept),
    /// [`refuse`](crate::Connection::refuse) or
    /// [`refuse_unknown`](crate::Connection::refuse_unknown).
    Connect {
        /// As the client wrote it; it may be one that does not exist.
        namespace: Namespace,
        /// The credentials: an object. Of a client of protocol 4, the query behind the namespace.
        auth: Option<Json>,
    },
    /// An event.
    Event {
        /// A joined namespace.
        namespace: Namespace,
        /// Its name and arguments.
        data: Data,
        /// Present if the client wants an answer. Nothing answers by itself.
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
    /// The client has left; no ack of this namespace will come any more.
    Disconnect {
        /// No longer joined.
        namespace: Namespace,
        /// [`DisconnectReason::ClientNamespaceDisconnect`].
        reason: DisconnectReason,
    },
}
