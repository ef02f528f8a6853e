use core::fmt;

use crate::reason::DisconnectReason;

/// What broke, and where: `offset` counts bytes from the start of the packet, its text first and
/// then its attachments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    rule: Rule,
    offset: u64,
}

impl Error {
    pub(crate) fn new(rule: Rule, offset: usize) -> Self {
        Self { rule, offset: offset as u64 }
    }

    /// The rule that the peer broke.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The byte in the packet where it broke.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn after(self, bytes: usize) -> Self {
        Self { offset: self.offset + bytes as u64, ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} ({})", self.rule, self.offset, self.rule.section())
    }
}

impl core::error::Error for Error {}

/// A rule that a peer can break. All of them end the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// A packet starts with its type, a digit from 0 to 6.
    #[error("unknown packet type")]
    PacketType,
    /// BINARY_EVENT and BINARY_ACK state how many attachments follow: a positive number in
    /// digits, then `-`.
    #[error("invalid number of attachments")]
    AttachmentCount,
    /// More than [`Limits::max_attachments`](crate::Limits::max_attachments).
    #[error("more than {limit} attachments")]
    TooManyAttachments {
        /// In attachments of one packet.
        limit: usize,
    },
    /// An ack id is at most 2^53 − 1: beyond it the peer's own numbers lose count.
    #[error("ack id over 2^53 - 1")]
    AckIdTooLarge,
    /// Only EVENT and ACK have an ack id.
    #[error("unexpected ack id")]
    UnexpectedAckId,
    /// An ACK answers something. (The reference lets it pass.)
    #[error("ACK without an ack id")]
    MissingAckId,
    /// The data of a packet is JSON (RFC 8259), and nothing follows it.
    #[error("invalid JSON")]
    InvalidJson,
    /// A packet of [`Parser::Msgpack`](crate::Parser::Msgpack) is one map in MessagePack, whose keys
    /// are text, here and in data, and nothing follows it.
    #[error("invalid MessagePack")]
    InvalidMsgpack,
    /// A namespace starts with `/`, and has no comma.
    #[error("invalid namespace")]
    Namespace,
    /// Nested deeper than [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("nested deeper than {limit}")]
    TooDeep {
        /// In arrays and objects around a value.
        limit: u8,
    },
    /// The data of CONNECT is an object, or absent.
    #[error("CONNECT data is not an object")]
    ConnectData,
    /// DISCONNECT has no data.
    #[error("DISCONNECT with data")]
    DisconnectData,
    /// The data of EVENT is an array that is not empty. (The reference lets absent data pass.)
    #[error("EVENT data is not an array of at least one element")]
    EventData,
    /// The first element of EVENT's data is its name: a string, or a number.
    #[error("event name is neither text nor a number")]
    EventName,
    /// `connect`, `connect_error`, `disconnect`, `disconnecting`, `newListener` and
    /// `removeListener` are not for peers to emit.
    #[error("reserved event name")]
    ReservedEvent,
    /// The data of ACK is an array.
    #[error("ACK data is not an array")]
    AckData,
    /// CONNECT_ERROR has data.
    #[error("CONNECT_ERROR without data")]
    ConnectErrorData,
    /// A placeholder is `{"_placeholder":true,"num":n}`, nothing more, where `n` counts from 0 in
    /// digits and is less than the number of attachments; one for each. (The reference lets `0.5`
    /// pass, and several for one.)
    #[error("invalid placeholder")]
    Placeholder,
    /// Each attachment has a placeholder. (The reference lets others pass.)
    #[error("attachment without a placeholder")]
    UnusedAttachment,
    /// The attachments follow their packet, with no text between; with
    /// [`Parser::Msgpack`](crate::Parser::Msgpack) there is no text at all.
    #[error("text where bytes are to come")]
    UnexpectedText,
    /// A binary message is an attachment of an event or an ack.
    #[error("bytes without a packet to belong to")]
    UnexpectedBinary,
    /// Text and attachments are over [`Limits::max_packet`](crate::Limits::max_packet).
    #[error("packet over {limit} bytes")]
    PacketTooBig {
        /// In bytes.
        limit: usize,
    },
    /// The attachments were not complete within
    /// [`Limits::attachments_timeout`](crate::Limits::attachments_timeout).
    #[error("attachments did not arrive in time")]
    AttachmentsTimeout,
    /// A client connects to a namespace once.
    #[error("second CONNECT to one namespace")]
    AlreadyConnected,
    /// A packet is for a namespace that the client has joined.
    #[error("packet for a namespace that was not joined")]
    NotConnected,
    /// CONNECT_ERROR goes from the server to the client.
    #[error("CONNECT_ERROR from a client")]
    UnexpectedConnectError,
    /// A server answers a CONNECT that was sent, once.
    #[error("answer to a CONNECT that was not sent")]
    NotAsked,
    /// The answer of a server to CONNECT has a `sid`. One that speaks protocol 4 has none.
    #[error("CONNECT without a sid")]
    MissingSid,
    /// To a client, the data of CONNECT_ERROR is an object with a `message`. (Some servers send
    /// the message itself, and the reference lets that pass.)
    #[error("CONNECT_ERROR without a message")]
    MissingMessage,
    /// A server sends packets for namespaces that the client has joined.
    #[error("packet for a namespace that this client has not joined")]
    NotJoined,
    /// No namespace was joined within
    /// [`Limits::connect_timeout`](crate::Limits::connect_timeout).
    #[error("no namespace joined in time")]
    ConnectTimeout,
    /// More namespaces at a time than [`Limits::max_namespaces`](crate::Limits::max_namespaces).
    #[error("more than {limit} namespaces")]
    TooManyNamespaces {
        /// In namespaces of one connection.
        limit: usize,
    },
    /// A CONNECT to a namespace whose name is longer than
    /// [`Limits::max_namespace`](crate::Limits::max_namespace).
    #[error("a namespace of more than {limit} bytes")]
    NamespaceTooLong {
        /// In bytes.
        limit: usize,
    },
    /// A CONNECT whose data is longer than [`Limits::max_auth`](crate::Limits::max_auth).
    #[error("credentials of more than {limit} bytes")]
    AuthTooLong {
        /// In bytes.
        limit: usize,
    },
}

impl Rule {
    /// What the namespaces of the connection are told: a packet that cannot be understood is a
    /// "parse error", one that comes at the wrong moment a "forced close", as by Node's server. At the
    /// client's end all are "parse error".
    pub fn disconnect_reason(&self) -> DisconnectReason {
        match self {
            Self::PacketType
            | Self::AttachmentCount
            | Self::TooManyAttachments { .. }
            | Self::AckIdTooLarge
            | Self::UnexpectedAckId
            | Self::MissingAckId
            | Self::InvalidJson
            | Self::InvalidMsgpack
            | Self::Namespace
            | Self::TooDeep { .. }
            | Self::ConnectData
            | Self::DisconnectData
            | Self::EventData
            | Self::EventName
            | Self::ReservedEvent
            | Self::AckData
            | Self::ConnectErrorData
            | Self::Placeholder
            | Self::UnusedAttachment
            | Self::UnexpectedText
            | Self::UnexpectedBinary
            | Self::PacketTooBig { .. }
            | Self::AttachmentsTimeout
            | Self::NotAsked
            | Self::MissingSid
            | Self::MissingMessage
            | Self::NotJoined => DisconnectReason::ParseError,
            Self::AlreadyConnected | Self::NotConnected | Self::UnexpectedConnectError => {
                DisconnectReason::ForcedClose
            }
            Self::ConnectTimeout
            | Self::TooManyNamespaces { .. }
            | Self::NamespaceTooLong { .. }
            | Self::AuthTooLong { .. } => DisconnectReason::ForcedServerClose,
        }
    }

    /// The heading of the Socket.IO protocol that states it, or that it protects.
    pub fn section(&self) -> &'static str {
        match self {
            Self::PacketType
            | Self::AttachmentCount
            | Self::TooManyAttachments { .. }
            | Self::InvalidJson
            | Self::InvalidMsgpack
            | Self::Namespace
            | Self::TooDeep { .. }
            | Self::Placeholder
            | Self::UnusedAttachment
            | Self::UnexpectedText
            | Self::UnexpectedBinary
            | Self::PacketTooBig { .. }
            | Self::AttachmentsTimeout => "Socket.IO 5, Packet encoding",
            Self::EventData | Self::EventName | Self::ReservedEvent => {
                "Socket.IO 5, Sending and receiving data"
            }
            Self::AckIdTooLarge | Self::UnexpectedAckId | Self::MissingAckId | Self::AckData => {
                "Socket.IO 5, Acknowledgement"
            }
            Self::ConnectData
            | Self::ConnectErrorData
            | Self::UnexpectedConnectError
            | Self::AlreadyConnected
            | Self::NotConnected
            | Self::NotAsked
            | Self::MissingSid
            | Self::MissingMessage
            | Self::NotJoined
            | Self::ConnectTimeout
            | Self::TooManyNamespaces { .. }
            | Self::NamespaceTooLong { .. }
            | Self::AuthTooLong { .. } => "Socket.IO 5, Connection to a namespace",
            Self::DisconnectData => "Socket.IO 5, Disconnection from a namespace",
        }
    }
}

/// A mistake of the caller: nothing was sent, and the connection goes on as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The peer broke a rule: the transport is to be closed.
    #[error("the connection is closed")]
    Closed,
    /// The namespace is not joined, or not any more.
    #[error("namespace not joined")]
    NotJoined,
    /// No CONNECT of this namespace waits for an answer.
    #[error("nothing to accept or to refuse")]
    NotAsked,
    /// This client has asked for the namespace before, and has not left it since.
    #[error("asked for this namespace before")]
    AlreadyAsked,
    /// Credentials are an object.
    #[error("credentials that are no object")]
    Auth,
    /// More namespaces than [`Limits::max_namespaces`](crate::Limits::max_namespaces).
    #[error("too many namespaces")]
    TooManyNamespaces,
    /// The output already holds [`Limits::max_output`](crate::Limits::max_output) bytes: send
    /// some of it first.
    #[error("the output is full")]
    Full,
    /// As many acks are awaited as [`Limits::max_acks`](crate::Limits::max_acks) allows.
    #[error("too many acks awaited")]
    TooManyAcks,
    /// An ack of this id is awaited already, or the id is over 2^53 − 1.
    #[error("not an ack id that can be awaited")]
    AckId,
    /// An event has a name: make it by `Data::event`.
    #[error("not the data of an event")]
    NotAnEvent,
    /// Attachments are still to come ([`Data::missing_attachments`](crate::Data::missing_attachments)).
    #[error("attachments are missing")]
    Incomplete,
}
