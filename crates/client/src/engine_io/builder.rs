use std::fmt;
use std::time::Duration;

use http::uri::{InvalidUri, PathAndQuery};
use rtwire_engineio::{ClientSession, Transport};
use rtwire_sse::event_source;
use rtwire_websocket::handshake;

use super::endpoint::Endpoint;
use super::{EngineIoSocket, Limits};
use crate::exchange::ExchangeLimits;

/// Says where an [`EngineIoSocket`] connects to, how, and what that may cost.
///
/// ```
/// use rtwire_client::EngineIoSocket;
/// use rtwire_client::engine_io::{Limits, Transport};
///
/// let socket = EngineIoSocket::builder("http://127.0.0.1:3000/engine.io/?room=1")
///     .transport(Transport::WebSocket)
///     .header("Authorization", "Bearer …")
///     .limits(Limits::default().max_payload(1 << 20))
///     .build()?;
/// # Ok::<(), rtwire_client::engine_io::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct EngineIoBuilder {
    url: String,
    headers: Vec<(String, String)>,
    transport: Transport,
    upgrade: bool,
    limits: Limits,
    keep_alive: Duration,
    exchange: ExchangeLimits,
}

/// What is wrong with a URL or with a header.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// RFC 3986: no absolute `http` or `https` URL, or one with a user name.
    #[error(transparent)]
    Url(#[from] event_source::BuildError),
    /// It is an `https` URL, and there is no TLS here.
    #[error("an https URL, and TLS is not supported")]
    Https,
    /// The URL is over 65 000 bytes.
    #[error("a URL that is too long: {0}")]
    TooLong(#[source] InvalidUri),
    /// A header is none, or not the caller's to set: `Host`, and what is about the connection, the body or
    /// the handshake of a WebSocket.
    #[error(transparent)]
    Header(#[from] handshake::BuildError),
}

impl EngineIoBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            headers: Vec::new(),
            transport: Transport::Polling,
            upgrade: true,
            limits: Limits::default(),
            keep_alive: Duration::from_secs(1),
            exchange: ExchangeLimits::default(),
        }
    }

    /// What the session begins on: [`Transport::Polling`], as with browsers, which works behind any proxy.
    pub const fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Whether a session moves from polling to a WebSocket, if the server has one: yes.
    pub const fn upgrade(mut self, upgrade: bool) -> Self {
        self.upgrade = upgrade;
        self
    }

    /// Adds a header to each request, such as `Authorization`, `Cookie` or `Origin`. A `Content-Type` is left
    /// out: a POST has its own.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// What the session may cost. The closing handshake of a WebSocket may take [`Limits::close_timeout`] too,
    /// but 5 s at most.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long the host's name and a connection may take together, over all of its addresses: 10 s.
    /// Over it, [`NetworkError::ConnectTimeout`](crate::NetworkError::ConnectTimeout).
    ///
    /// How long a server may think is [`Limits::open_timeout`] at first, then what its open packet says.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.exchange.connect_timeout = timeout;
        self
    }

    /// How long a connection that has had an answer is kept for the next request of its kind: 1 s; with
    /// zero each request has one of its own. Servers close it after a while, those in Node after 5 s, and
    /// a POST that comes just then may be lost, which ends the session.
    pub const fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = time;
        self
    }

    /// The status line and header fields of an answer together, with their line ends and the empty
    /// line: 16 KiB. Over it, [`NetworkError::Http`](crate::NetworkError::Http). Of the answer to the opening
    /// handshake of a WebSocket it is always 16 KiB.
    ///
    /// It is also what is read of a body at a time, or 8 KiB if that is more.
    pub const fn max_head(mut self, bytes: usize) -> Self {
        self.exchange.max_head = bytes;
        self
    }

    /// Header fields of an answer: 100, and at most 24 576, which a table of the `http` crate holds.
    /// Over it, [`NetworkError::Http`](crate::NetworkError::Http). Of the answer to the opening handshake of a
    /// WebSocket they are always 100.
    pub const fn max_head_fields(mut self, count: usize) -> Self {
        self.exchange.set_max_head_fields(count);
        self
    }

    /// A session that opens when it is first polled. It needs tokio, with I/O and time, from then on.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(self) -> Result<EngineIoSocket, BuildError> {
        /// As long as a query with a reasonable sid, and longer.
        const QUERY: [u8; 534] = [b'x'; 534];
        let mut endpoint =
            Endpoint { url: self.url.parse()?, headers: self.headers, limits: self.exchange };
        if endpoint.url.scheme() != "http" {
            return Err(BuildError::Https);
        }
        let longest = [endpoint.url.target().as_bytes(), &QUERY].concat();
        PathAndQuery::try_from(longest).map_err(BuildError::TooLong)?;
        endpoint.websocket("", [0; 16])?;
        endpoint.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        let mut session = ClientSession::new(self.transport, self.limits);
        session.set_upgrade(self.upgrade);
        Ok(EngineIoSocket::new(session, endpoint, &self.limits, self.keep_alive))
    }
}

impl fmt::Debug for EngineIoBuilder {
    /// Without the URL and headers, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineIoBuilder")
            .field("transport", &self.transport)
            .field("upgrade", &self.upgrade)
            .field("limits", &self.limits)
            .field("keep_alive", &self.keep_alive)
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}
