use std::borrow::Cow;
use std::io;

use http::StatusCode;
use rtwire_websocket::handshake;

/// Why a server could not start, or could not end in time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address does not resolve, is taken, or may not be used.
    #[error("cannot listen")]
    Bind(#[source] io::Error),
    /// Handlers went on past the drain deadline, most likely because they block their thread.
    #[error("{tasks} tasks did not end by the drain deadline")]
    Drain {
        /// How many were left.
        tasks: usize,
    },
}

/// The text is not a serialised origin, such as `https://example.com:8443`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is a scheme, \"://\", a host and an optional port; or \"*\"; or \"null\"")]
pub struct InvalidOrigin;

/// The name, path or domain of a cookie has a character that it must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a character that a cookie must not have there")]
pub struct InvalidCookie;

/// Why a request is not served, and with which status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the request must name one host")]
    Host,
    #[error("this host name is not served on a loopback address")]
    HostNotLoopback,
    #[error("this origin is not allowed")]
    Origin,
    #[error("a request must state its origin")]
    OriginMissing,
    #[error("no such path")]
    Path,
    #[error("this method is not for this path")]
    Method,
    #[error("the answer is an event stream, which Accept excludes")]
    Accept,
    #[error("the body is too large")]
    BodyTooLarge,
    #[error("the body took too long")]
    BodyDeadline,
    #[error("the body ended too early")]
    BodyCut,
    #[error("refused by the handler")]
    Handler(StatusCode),
    #[error("{0}")]
    Handshake(handshake::Error),
    #[error("{0}")]
    EngineIo(rtwire_engineio::Error),
    /// As `EngineIo`, of a POST whose body may not have been read.
    #[error("{0}")]
    EngineIoBody(rtwire_engineio::Error),
    /// With what its owner says to the client instead of "Forbidden".
    #[error("the owner refuses this client")]
    EngineIoClient(Cow<'static, str>),
    #[error("too many sessions")]
    TooManySessions,
    #[error("not available")]
    Unavailable,
}

impl From<rtwire_engineio::Error> for Refusal {
    fn from(error: rtwire_engineio::Error) -> Self {
        Self::EngineIo(error)
    }
}

impl From<rtwire_engineio::Rule> for Refusal {
    fn from(rule: rtwire_engineio::Rule) -> Self {
        Self::EngineIo(rule.into())
    }
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            // RFC 9112 §3.2.
            Refusal::Host => StatusCode::BAD_REQUEST,
            Refusal::HostNotLoopback => StatusCode::FORBIDDEN,
            // RFC 6455 §4.2.2 for the WebSocket; the same for its siblings.
            Refusal::Origin | Refusal::OriginMissing => StatusCode::FORBIDDEN,
            Refusal::Path => StatusCode::NOT_FOUND,
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::Accept => StatusCode::NOT_ACCEPTABLE,
            Refusal::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::BodyDeadline => StatusCode::REQUEST_TIMEOUT,
            Refusal::BodyCut => StatusCode::BAD_REQUEST,
            Refusal::Handler(status) => *status,
            Refusal::Handshake(error) => {
                StatusCode::from_u16(error.rule().http_status()).unwrap_or(StatusCode::BAD_REQUEST)
            }
            Refusal::EngineIo(error) | Refusal::EngineIoBody(error) => {
                StatusCode::from_u16(error.rule().http_status()).unwrap_or(StatusCode::BAD_REQUEST)
            }
            Refusal::EngineIoClient(_) => StatusCode::FORBIDDEN,
            Refusal::TooManySessions | Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether part of the body is still on its way, so that the connection cannot be used again.
    pub(crate) fn leaves_body_unread(&self) -> bool {
        match self {
            Refusal::BodyTooLarge
            | Refusal::BodyDeadline
            | Refusal::BodyCut
            | Refusal::EngineIoBody(_) => true,
            Refusal::Host
            | Refusal::HostNotLoopback
            | Refusal::Origin
            | Refusal::OriginMissing
            | Refusal::Path
            | Refusal::Method
            | Refusal::Accept
            | Refusal::Handler(_)
            | Refusal::Handshake(_)
            | Refusal::EngineIo(_)
            | Refusal::EngineIoClient(_)
            | Refusal::TooManySessions
            | Refusal::Unavailable => false,
        }
    }
}
