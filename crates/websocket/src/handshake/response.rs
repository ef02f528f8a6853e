//! The server's answer (RFC 6455 §4.2.2).

use bytes::{BufMut as _, Bytes, BytesMut};
use bytestring::ByteString;

use super::headers::Headers;
use super::request::Bootstrap;
use super::{BuildError, Request, Rule, accept_key};

/// The server's answer to an opening handshake: status 101, or a refusal.
///
/// ```text
/// HTTP/1.1 101 Switching Protocols
/// Upgrade: websocket
/// Connection: Upgrade
/// Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
/// Sec-WebSocket-Protocol: chat                         if one was chosen
/// ```
///
/// The answer to an extended CONNECT is `:status = 200`, with the same choice of a subprotocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub(super) status: u16,
    pub(super) protocol: Option<ByteString>,
    pub(super) headers: Headers,
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<crate::Deflate>,
}

impl Response {
    /// A refusal with a status of the server's choice, such as 403 for an unwelcome origin (§4.2.2,
    /// item 4) or 401. It is for HTTP/1.1; [`Request::refuse`] is for that of the request.
    ///
    /// # Errors
    /// [`BuildError::Status`] if it is not from 200 to 599.
    pub fn refuse(status: u16) -> Result<Self, BuildError> {
        match status {
            200..=599 => Ok(Self::new(status, None, Headers::default())),
            _ => Err(BuildError::Status),
        }
    }

    /// Adds a header of the caller's, such as `Set-Cookie` or `WWW-Authenticate`.
    ///
    /// # Errors
    /// [`BuildError::HeaderName`], [`BuildError::HeaderValue`]; [`BuildError::HandshakeHeader`] for
    /// those that the handshake writes, for those that would announce a body, and in HTTP/2 for those
    /// of a connection.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, BuildError> {
        self.headers.push_checked(name, value)?;
        Ok(self)
    }

    /// The answer as it goes on the wire of HTTP/1.1. A refusal made here is complete with it, without a body,
    /// and says that the connection ends; a received one is written as it was.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(256);
        out.put_slice(b"HTTP/1.1 ");
        for unit in [100, 10, 1] {
            out.put_u8(b'0' + (self.status / unit % 10).to_le_bytes()[0]);
        }
        for part in [" ", reason(self.status), "\r\n"] {
            out.put_slice(part.as_bytes());
        }
        self.headers.encode(&mut out);
        let tells_body = ["Content-Length", "Transfer-Encoding"].map(|name| self.header(name));
        if self.status != 101 && tells_body == [None, None] {
            out.put_slice(b"Connection: close\r\nContent-Length: 0\r\n");
        }
        out.put_slice(b"\r\n");
        out.freeze()
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The subprotocol in use (§1.9), if one was chosen.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The value of the first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name)
    }

    /// All headers, in their order, for an HTTP implementation that writes the answer; to an extended
    /// CONNECT with their names in lower case, as HTTP/2 demands (RFC 9113 §8.2.1). Of a refusal's connection and body, which are its own business, they say nothing but for `Upgrade`.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter()
    }

    /// §4.2.2, item 5; RFC 8441 §5 has nothing of HTTP/1.1's connection, and no proof.
    pub(super) fn to_request(request: &Request, protocol: Option<ByteString>) -> Self {
        let mut headers = Headers::new(request.is_connect());
        let status = match &request.bootstrap {
            Bootstrap::Upgrade { key } => {
                headers.push("Upgrade", &b"websocket"[..]);
                headers.push("Connection", &b"Upgrade"[..]);
                headers.push("Sec-WebSocket-Accept", accept_key(key).into_bytes());
                101
            }
            Bootstrap::Connect { .. } => 200,
        };
        if let Some(protocol) = &protocol {
            headers.push("Sec-WebSocket-Protocol", protocol.clone().into_bytes());
        }
        Self::new(status, protocol, headers)
    }

    pub(super) fn to_error(rule: Rule, http2: bool) -> Self {
        let mut headers = Headers::new(http2);
        let mut status = rule.http_status();
        match status {
            // RFC 9110 §15.5.6: a 405 names the methods that would do.
            405 if http2 => headers.push("Allow", &b"CONNECT"[..]),
            405 => headers.push("Allow", &b"GET"[..]),
            // RFC 9110 §15.5.22: a 426 must have an `Upgrade`, which HTTP/2 must not have. RFC 6455
            // §4.4 shows a 400 that names the version.
            426 if http2 => {
                status = 400;
                headers.push("Sec-WebSocket-Version", &b"13"[..]);
            }
            // RFC 9110 §15.5.22: a 426 names the protocol that would do, and §7.8: as an option
            // of the connection. RFC 6455 §4.4: and its version.
            426 => {
                headers.push("Upgrade", &b"websocket"[..]);
                headers.push("Connection", &b"Upgrade"[..]);
                headers.push("Sec-WebSocket-Version", &b"13"[..]);
            }
            _ => {}
        }
        Self::new(status, None, headers)
    }

    pub(super) fn new(status: u16, protocol: Option<ByteString>, headers: Headers) -> Self {
        Self {
            status,
            protocol,
            headers,
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }
}

/// RFC 9110 §15; the phrase is for human readers and may be empty.
fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
