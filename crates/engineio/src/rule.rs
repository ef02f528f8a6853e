/// A rule that a peer can break, with the answer that it gets: [`http_status`](Self::http_status)
/// and [`body`](Self::body).
///
/// ```
/// use rtwire_engineio::Rule;
///
/// let rule = Rule::UnknownSession;
/// assert_eq!((rule.http_status(), rule.code()), (400, 1));
/// assert_eq!(rule.body(), r#"{"code":1,"message":"Session ID unknown"}"#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// "Handshake": `transport` is `polling` or `websocket`, and one that the server has.
    #[error("unknown transport")]
    UnknownTransport,
    /// "Handshake": `sid` names a session that is open.
    #[error("unknown session")]
    UnknownSession,
    /// "Handshake": the first request is a GET.
    #[error("handshake that is not a GET")]
    HandshakeMethod,
    /// "HTTP long-polling": after the handshake a request is a GET or a POST.
    #[error("neither GET nor POST")]
    Method,
    /// "Handshake": each parameter is given once.
    #[error("parameter given twice")]
    RepeatedParameter,
    /// "Upgrade": the request must fit the transport that it names and that its session is on;
    /// there is one upgrade in a session, or none.
    #[error("request does not fit the transport")]
    TransportMismatch,
    /// "Protocol version": a session keeps the version that it began with.
    #[error("version differs from the session's")]
    VersionMismatch,
    /// "HTTP long-polling": at most one GET and one POST of a session at a time.
    #[error("request while another of its kind is active")]
    Overlap,
    /// The server, or a hook of its owner, refuses this peer.
    #[error("forbidden")]
    Forbidden,
    /// "Protocol version": `EIO` names a version spoken here.
    #[error("unsupported protocol version")]
    UnsupportedVersion,
    /// "Packet encoding": a packet has a type.
    #[error("empty packet")]
    EmptyPacket,
    /// "Packet encoding": the types are 0 to 6, and `b` for base64.
    #[error("unknown packet type {byte:#04x}")]
    UnknownType {
        /// The first byte of the packet.
        byte: u8,
    },
    /// "Packet types": close, upgrade and noop carry no data; ping and pong none but `probe`.
    #[error("data on a packet that has none")]
    UnexpectedData,
    /// "Packet encoding": binary in text is base64, padded, of the standard alphabet.
    #[error("invalid base64")]
    InvalidBase64,
    /// "Packet encoding": text is UTF-8.
    #[error("text is not UTF-8")]
    InvalidUtf8,
    /// Version 3, "Payload": each packet has its length in front, and is as long.
    #[error("invalid length of a packet")]
    InvalidLength,
    /// Version 3, "Transports": the callback of JSONP is a number.
    #[error("callback that is no number")]
    InvalidCallback,
    /// Version 3, "Transports": the body of JSONP is a form with one field `d`.
    #[error("not a form with one field d")]
    InvalidForm,
    /// "Handshake": the open packet is a JSON object with the keys of the handshake, of 16 KiB at most.
    #[error("invalid open packet")]
    InvalidOpen,
    /// "Packet types": this packet has no meaning in this direction or at this point.
    #[error("packet out of place")]
    UnexpectedPacket,
    /// The payload has more packets than [`Limits::max_packets`](crate::Limits::max_packets).
    #[error("more than {limit} packets in a payload")]
    TooManyPackets {
        /// In packets.
        limit: usize,
    },
    /// "HTTP long-polling": a server answers with 200. As a client reads it.
    #[error("refused with status {status}")]
    Refused {
        /// The status.
        status: u16,
        /// The server's [`code`](Self::code), if it named one.
        code: Option<u8>,
    },
    /// "Handshake": a payload, or a WebSocket message, has at most `maxPayload` bytes.
    #[error("payload over {limit} bytes")]
    PayloadTooBig {
        /// In bytes.
        limit: usize,
    },
}

impl Rule {
    /// The reference server's number for it, 0 to 5.
    pub fn code(&self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSession => 1,
            Self::HandshakeMethod => 2,
            Self::Method
            | Self::RepeatedParameter
            | Self::TransportMismatch
            | Self::VersionMismatch
            | Self::Overlap
            | Self::EmptyPacket
            | Self::UnknownType { .. }
            | Self::UnexpectedData
            | Self::InvalidBase64
            | Self::InvalidUtf8
            | Self::InvalidLength
            | Self::InvalidCallback
            | Self::InvalidForm
            | Self::InvalidOpen
            | Self::UnexpectedPacket
            | Self::TooManyPackets { .. }
            | Self::Refused { .. }
            | Self::PayloadTooBig { .. } => 3,
            Self::Forbidden => 4,
            Self::UnsupportedVersion => 5,
        }
    }

    /// The reference server's words for [`code`](Self::code). The rule's own are in its `Display`.
    pub fn message(&self) -> &'static str {
        match self.code() {
            0 => "Transport unknown",
            1 => "Session ID unknown",
            2 => "Bad handshake method",
            4 => "Forbidden",
            5 => "Unsupported protocol version",
            _ => "Bad request",
        }
    }

    /// The body of the answer: JSON, of type `application/json`.
    pub fn body(&self) -> &'static str {
        match self.code() {
            0 => r#"{"code":0,"message":"Transport unknown"}"#,
            1 => r#"{"code":1,"message":"Session ID unknown"}"#,
            2 => r#"{"code":2,"message":"Bad handshake method"}"#,
            4 => r#"{"code":4,"message":"Forbidden"}"#,
            5 => r#"{"code":5,"message":"Unsupported protocol version"}"#,
            _ => r#"{"code":3,"message":"Bad request"}"#,
        }
    }

    /// The status of the answer: 400; 403 for [`Rule::Forbidden`], 413 for
    /// [`Rule::PayloadTooBig`].
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::PayloadTooBig { .. } => 413,
            Self::UnknownTransport
            | Self::UnknownSession
            | Self::HandshakeMethod
            | Self::Method
            | Self::RepeatedParameter
            | Self::TransportMismatch
            | Self::VersionMismatch
            | Self::Overlap
            | Self::UnsupportedVersion
            | Self::EmptyPacket
            | Self::UnknownType { .. }
            | Self::UnexpectedData
            | Self::InvalidBase64
            | Self::InvalidUtf8
            | Self::InvalidLength
            | Self::InvalidCallback
            | Self::InvalidForm
            | Self::InvalidOpen
            | Self::UnexpectedPacket
            | Self::TooManyPackets { .. }
            | Self::Refused { .. } => 400,
        }
    }

    /// The heading of the Engine.IO protocol that states it.
    pub fn section(&self) -> &'static str {
        match self {
            Self::UnknownTransport
            | Self::UnknownSession
            | Self::HandshakeMethod
            | Self::RepeatedParameter
            | Self::Forbidden
            | Self::InvalidOpen
            | Self::PayloadTooBig { .. } => "Engine.IO 4, Handshake",
            Self::Method | Self::Overlap | Self::TooManyPackets { .. } | Self::Refused { .. } => {
                "Engine.IO 4, HTTP long-polling"
            }
            Self::TransportMismatch => "Engine.IO 4, Upgrade",
            Self::VersionMismatch | Self::UnsupportedVersion => "Engine.IO 4, Protocol version",
            Self::EmptyPacket
            | Self::UnknownType { .. }
            | Self::InvalidBase64
            | Self::InvalidUtf8 => "Engine.IO 4, Packet encoding",
            Self::InvalidLength => "Engine.IO 3, Payload",
            Self::InvalidCallback | Self::InvalidForm => "Engine.IO 3, Transports",
            Self::UnexpectedData | Self::UnexpectedPacket => "Engine.IO 4, Packet types",
        }
    }
}
