//! What the peer did wrong in the opening handshake, and the answer to it.

use super::Response;

/// The rule that the peer broke, and where: the handshake has failed.
///
/// A server sends [`response`](Error::response) and closes the connection; a client closes it.
///
/// ```
/// use rtwire_websocket::handshake::{HeadSearch, Request, Rule};
///
/// let plain = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
/// let error = Request::decode(plain, &mut HeadSearch::default()).unwrap_err();
/// assert_eq!((error.rule(), error.rule().section()), (Rule::Upgrade, "RFC 6455 §4.2.1"));
/// assert_eq!(error.to_string(), "no Upgrade: websocket at byte 37");
/// assert!(error.response().encode().starts_with(b"HTTP/1.1 426 Upgrade Required\r\n"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule} at byte {offset}")]
pub struct Error {
    rule: Rule,
    offset: u64,
    /// The request was made in HTTP/2 or HTTP/3, and is answered there.
    http2: bool,
}

impl Error {
    pub(super) fn new(rule: Rule, offset: usize) -> Self {
        Self { rule, offset: offset as u64, http2: false }
    }

    pub(super) fn in_http2(self, http2: bool) -> Self {
        Self { http2, ..self }
    }

    /// The rule that was broken.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The byte, counted from the start of the input, where the rule broke: the line or the field
    /// value at fault, or the end of the head if something is missing from it. 0 if the head was
    /// not ours to read (`from_parts`, `from_connect`).
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The server's answer to a faulty request: [`Rule::http_status`] and the headers that this
    /// status demands. One that cannot be given in HTTP/2, 426 with its `Upgrade` (RFC 9110
    /// §15.5.22, RFC 9113 §8.2.2), is a 400 there.
    #[must_use]
    pub fn response(&self) -> Response {
        Response::to_error(self.rule, self.http2)
    }
}

/// A rule of the opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// The head is over the configured limit, in bytes.
    #[error("head over {limit} bytes")]
    HeadTooLarge {
        /// [`Limits::max_head`](super::Limits::max_head).
        limit: usize,
    },
    /// There are more header field lines than the configured limit.
    #[error("more than {limit} headers")]
    TooManyHeaders {
        /// [`Limits::max_headers`](super::Limits::max_headers).
        limit: usize,
    },
    /// RFC 9112 §2.2: each line ends with CRLF, and neither CR nor LF stands alone.
    #[error("line ended by something other than CRLF")]
    LineTerminator,
    /// RFC 9112 §3: a request line is `method SP target SP version`.
    #[error("malformed request line")]
    RequestLine,
    /// RFC 9112 §4: a status line is `version SP status SP [reason]`.
    #[error("malformed status line")]
    StatusLine,
    /// RFC 9112 §5: a field line is `name: value`, on one line, without control characters.
    #[error("malformed header field")]
    HeaderField,
    /// RFC 6455 §4.2.1, item 1: HTTP/1.1 or higher, though not HTTP/2, which switches differently.
    #[error("HTTP version is not 1.1")]
    HttpVersion,
    /// RFC 6455 §4.2.1, item 1: the method is GET.
    #[error("method is not GET")]
    Method,
    /// RFC 6455 §4.2.1, item 1: the target is a resource name, or an http(s) URI with one.
    #[error("target is not a resource name")]
    Target,
    /// RFC 6455 §4.2.1, item 2: there is a `Host`.
    #[error("no Host")]
    MissingHost,
    /// RFC 9112 §3.2: there is not more than one `Host`.
    #[error("repeated Host")]
    RepeatedHost,
    /// RFC 9112 §3.2: `Host` is `host [":" port]`.
    #[error("invalid Host")]
    InvalidHost,
    /// RFC 6455 §4.1, items 3 and 4: `Host` and the host of an absolute target are the same.
    #[error("Host differs from the target's")]
    HostMismatch,
    /// RFC 6455 §4.2.1, item 3, and §4.1, item 2 for an answer: `Upgrade` says `websocket`.
    #[error("no Upgrade: websocket")]
    Upgrade,
    /// RFC 6455 §4.2.1, item 4, and §4.1, item 3 for an answer: `Connection` contains `Upgrade`.
    #[error("no Connection: Upgrade")]
    Connection,
    /// RFC 6455 §4.2.1, item 6, and §4.4: the version is 13.
    #[error("Sec-WebSocket-Version is not 13")]
    Version,
    /// RFC 6455 §11.3.5: there is not more than one `Sec-WebSocket-Version`.
    #[error("repeated Sec-WebSocket-Version")]
    RepeatedVersion,
    /// RFC 6455 §4.2.1, item 5: there is a `Sec-WebSocket-Key`.
    #[error("no Sec-WebSocket-Key")]
    MissingKey,
    /// RFC 6455 §11.3.1: there is not more than one `Sec-WebSocket-Key`.
    #[error("repeated Sec-WebSocket-Key")]
    RepeatedKey,
    /// RFC 6455 §4.2.1, item 5: the key is the base64 of 16 bytes.
    #[error("Sec-WebSocket-Key is not the base64 of 16 bytes")]
    InvalidKey,
    /// RFC 6454 §7.3: there is not more than one `Origin`.
    #[error("repeated Origin")]
    RepeatedOrigin,
    /// RFC 6454 §7.1: an origin is visible ASCII.
    #[error("invalid Origin")]
    InvalidOrigin,
    /// RFC 6455 §4.1, item 10: subprotocols are a list of at least one token.
    #[error("Sec-WebSocket-Protocol is not a list of tokens")]
    InvalidProtocol,
    /// RFC 6455 §4.1, item 10: an offered subprotocol is unique; §11.3.4: a server chooses once.
    #[error("repeated subprotocol")]
    RepeatedProtocol,
    /// RFC 9110 §7.8: the protocol is switched after the whole request, so that the bytes of a
    /// body would be taken for frames.
    #[error("request with a body")]
    Body,
    /// RFC 6455 §4.1, item 4 for an answer: there is a `Sec-WebSocket-Accept`.
    #[error("no Sec-WebSocket-Accept")]
    MissingAccept,
    /// RFC 6455 §11.3.3: there is not more than one `Sec-WebSocket-Accept`.
    #[error("repeated Sec-WebSocket-Accept")]
    RepeatedAccept,
    /// RFC 6455 §4.1, item 4 for an answer: it is the [`accept_key`](super::accept_key) of our key.
    #[error("Sec-WebSocket-Accept does not answer our key")]
    WrongAccept,
    /// RFC 6455 §4.1, item 5 for an answer: the extensions are among those that we offered.
    #[error("extension that was not offered")]
    UnofferedExtension,
    /// RFC 6455 §4.1, item 6 for an answer: the subprotocol is among those that we offered.
    #[error("subprotocol that was not offered")]
    UnofferedProtocol,
    /// RFC 9113 §8.3 and §8.3.1, RFC 8441 §4: each pseudo-header of an extended CONNECT is there,
    /// once, before the header fields, and no other is.
    #[error("missing, repeated, misplaced or unknown pseudo-header")]
    PseudoHeader,
    /// RFC 8441 §4: `:method` is CONNECT.
    #[error(":method is not CONNECT")]
    ConnectMethod,
    /// RFC 8441 §5: `:protocol` is there, and is `websocket`.
    #[error(":protocol is not websocket")]
    ConnectProtocol,
    /// RFC 8441 §5: `:scheme` is `https` for a wss URI, and `http` for a ws one.
    #[error(":scheme is neither http nor https")]
    Scheme,
    /// RFC 9113 §8.3.1: `:authority` is `host [":" port]`.
    #[error("invalid :authority")]
    Authority,
    /// RFC 9113 §8.2.2: no field is about the connection, such as `Connection` and `Upgrade`.
    #[error("connection-specific field in HTTP/2")]
    ConnectionSpecific,
    /// RFC 7692: the rule of permessage-deflate's negotiation.
    #[cfg(feature = "deflate")]
    #[error("{0}")]
    Deflate(rtwire_permessage_deflate::negotiation::Rule),
}

impl Rule {
    /// The status of the answer to a request that breaks the rule. For the rules of answers it is
    /// what a gateway would report, 502.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::HeadTooLarge { .. } | Self::TooManyHeaders { .. } => 431,
            Self::LineTerminator
            | Self::RequestLine
            | Self::HeaderField
            | Self::Target
            | Self::MissingHost
            | Self::RepeatedHost
            | Self::InvalidHost
            | Self::HostMismatch
            | Self::Connection
            | Self::RepeatedVersion
            | Self::MissingKey
            | Self::RepeatedKey
            | Self::InvalidKey
            | Self::RepeatedOrigin
            | Self::InvalidOrigin
            | Self::InvalidProtocol
            | Self::RepeatedProtocol
            | Self::Body
            // RFC 9113 §8.1.1: what is malformed may be answered before the stream is reset.
            | Self::PseudoHeader
            | Self::Scheme
            | Self::Authority
            | Self::ConnectionSpecific => 400,
            Self::Method | Self::ConnectMethod => 405,
            // RFC 9110 §15.5.22: refused "using the current protocol", and the answer says which
            // one would do. RFC 6455 §4.4 has it for the version.
            Self::Upgrade | Self::Version => 426,
            // RFC 9220 §3: "unknown or is not supported".
            Self::ConnectProtocol => 501,
            Self::HttpVersion => 505,
            Self::StatusLine
            | Self::MissingAccept
            | Self::RepeatedAccept
            | Self::WrongAccept
            | Self::UnofferedExtension
            | Self::UnofferedProtocol => 502,
            #[cfg(feature = "deflate")]
            Self::Deflate(rule) => rule.http_status(),
        }
    }

    /// The section that states it, such as "RFC 6455 §4.2.1".
    #[must_use]
    pub fn section(&self) -> &'static str {
        match self {
            Self::HeadTooLarge { .. } | Self::TooManyHeaders { .. } => "RFC 6585 §5",
            Self::LineTerminator => "RFC 9112 §2.2",
            Self::RequestLine => "RFC 9112 §3",
            Self::StatusLine => "RFC 9112 §4",
            Self::HeaderField => "RFC 9112 §5",
            Self::RepeatedHost | Self::InvalidHost => "RFC 9112 §3.2",
            Self::HttpVersion
            | Self::Method
            | Self::Target
            | Self::MissingHost
            | Self::Upgrade
            | Self::Connection
            | Self::MissingKey
            | Self::InvalidKey => "RFC 6455 §4.2.1",
            Self::HostMismatch
            | Self::InvalidProtocol
            | Self::RepeatedProtocol
            | Self::MissingAccept
            | Self::WrongAccept
            | Self::UnofferedExtension
            | Self::UnofferedProtocol => "RFC 6455 §4.1",
            Self::Version => "RFC 6455 §4.4",
            Self::RepeatedVersion => "RFC 6455 §11.3.5",
            Self::RepeatedKey => "RFC 6455 §11.3.1",
            Self::RepeatedAccept => "RFC 6455 §11.3.3",
            Self::RepeatedOrigin => "RFC 6454 §7.3",
            Self::InvalidOrigin => "RFC 6454 §7.1",
            Self::Body => "RFC 9110 §7.8",
            Self::PseudoHeader => "RFC 9113 §8.3",
            Self::ConnectMethod => "RFC 8441 §4",
            Self::ConnectProtocol | Self::Scheme => "RFC 8441 §5",
            Self::Authority => "RFC 9113 §8.3.1",
            Self::ConnectionSpecific => "RFC 9113 §8.2.2",
            #[cfg(feature = "deflate")]
            Self::Deflate(rule) => rule.section(),
        }
    }
}
