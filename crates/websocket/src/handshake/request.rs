//! The client's opening handshake (RFC 6455 §4.1 for the sender, §4.2.1 for the reader). What is
//! different in HTTP/2 is in `connect.rs`.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use bytes::{BufMut as _, Bytes, BytesMut};
use bytestring::ByteString;

use super::accept_key::{encode_key, is_key};
use super::fields::Fields;
use super::head::RequestLine;
use super::headers::Headers;
use super::{BuildError, Error, HeadSearch, Response, Rule, abnf};

/// The client's opening handshake: built by a client, decoded by a server.
///
/// ```text
/// GET /chat HTTP/1.1                            target
/// Host: server.example.com                      host
/// Upgrade: websocket
/// Connection: Upgrade
/// Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==   16 random bytes
/// Sec-WebSocket-Version: 13
/// Sec-WebSocket-Protocol: chat, superchat       protocols, the preferred first
/// Origin: http://example.com                    origin, from browsers
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub(super) bootstrap: Bootstrap,
    pub(super) target: ByteString,
    pub(super) host: ByteString,
    origin: Option<ByteString>,
    protocols: Vec<ByteString>,
    /// Every field as it is on the wire, those above included.
    pub(super) headers: Headers,
    /// What a client offers.
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<rtwire_permessage_deflate::Config>,
}

/// What asks for the protocol.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Bootstrap {
    /// HTTP/1.1: GET, `Upgrade`, and a key.
    Upgrade { key: ByteString },
    /// HTTP/2 and HTTP/3: extended CONNECT (RFC 8441).
    Connect { scheme: &'static str },
}

impl Bootstrap {
    pub(super) fn is_connect(&self) -> bool {
        matches!(self, Self::Connect { .. })
    }
}

/// The client's side (§4.1).
impl Request {
    /// A request for the resource name `target` (such as `/chat?room=1`) on `host` (such as
    /// `example.com` or `[::1]:3000`; the port is left out if it is the scheme's own).
    ///
    /// The key is 16 bytes drawn at random for this connection by the caller (§4.1, item 7).
    ///
    /// # Errors
    /// [`BuildError::Host`], [`BuildError::Target`].
    pub fn new(host: &str, target: &str, key: [u8; 16]) -> Result<Self, BuildError> {
        let key = ByteString::from(encode_key(key));
        Self::build(Bootstrap::Upgrade { key }, host, target)
    }

    pub(super) fn build(
        bootstrap: Bootstrap,
        host: &str,
        target: &str,
    ) -> Result<Self, BuildError> {
        if !abnf::is_host(host) {
            return Err(BuildError::Host);
        }
        if !abnf::is_resource_name(target) {
            return Err(BuildError::Target);
        }
        let host = ByteString::from(host);
        let mut headers = Headers::new(bootstrap.is_connect());
        if let Bootstrap::Upgrade { key } = &bootstrap {
            headers.push("Host", host.clone().into_bytes());
            headers.push("Upgrade", &b"websocket"[..]);
            headers.push("Connection", &b"Upgrade"[..]);
            headers.push("Sec-WebSocket-Key", key.clone().into_bytes());
        }
        headers.push("Sec-WebSocket-Version", &b"13"[..]);
        Ok(Self {
            bootstrap,
            target: target.into(),
            host,
            origin: None,
            protocols: Vec::new(),
            headers,
            #[cfg(feature = "deflate")]
            deflate: None,
        })
    }

    /// Sets the origin that the request is made for (§4.1, item 8), as browsers do.
    ///
    /// # Errors
    /// [`BuildError::Origin`]; [`BuildError::HandshakeHeader`] if it is set already.
    pub fn with_origin(mut self, origin: &str) -> Result<Self, BuildError> {
        if !abnf::is_origin(origin) {
            return Err(BuildError::Origin);
        }
        if self.origin.is_some() {
            return Err(BuildError::HandshakeHeader);
        }
        let origin = ByteString::from(origin);
        self.headers.push("Origin", origin.clone().into_bytes());
        self.origin = Some(origin);
        Ok(self)
    }

    /// Offers a subprotocol, less preferred than those offered before (§4.1, item 10).
    ///
    /// # Errors
    /// [`BuildError::Protocol`], [`BuildError::RepeatedProtocol`].
    pub fn with_protocol(mut self, protocol: &str) -> Result<Self, BuildError> {
        if !abnf::is_token(protocol) {
            return Err(BuildError::Protocol);
        }
        if self.offers(protocol) {
            return Err(BuildError::RepeatedProtocol);
        }
        self.headers.push_element("Sec-WebSocket-Protocol", protocol);
        self.protocols.push(protocol.into());
        Ok(self)
    }

    /// Adds a header of the caller's (§4.1, item 12), such as `Cookie` or `Authorization`.
    ///
    /// # Errors
    /// [`BuildError::HeaderName`], [`BuildError::HeaderValue`]; [`BuildError::HandshakeHeader`] for
    /// those that the handshake writes, and for those that would announce a body.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, BuildError> {
        self.headers.push_checked(name, value)?;
        Ok(self)
    }

    /// The request as it goes on the wire of HTTP/1.1. Of one of [`connect`](Self::connect), which
    /// an HTTP/2 implementation encodes, it is empty.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        if self.is_connect() {
            return Bytes::new();
        }
        let mut out = BytesMut::with_capacity(512);
        for part in ["GET ", &self.target, " HTTP/1.1\r\n"] {
            out.put_slice(part.as_bytes());
        }
        self.headers.encode(&mut out);
        out.put_slice(b"\r\n");
        out.freeze()
    }
}

/// The server's side (§4.2.1).
impl Request {
    /// Decodes a request from the front of `input`, which is everything received so far; the
    /// `usize` is how many bytes the request took. What follows them are frames. `None`: the
    /// request is not complete.
    ///
    /// # Errors
    /// The first rule that the request breaks. It is final, and [`Error::response`] answers it.
    /// Limits and the ends of lines are checked as they come, the rest when the head is complete.
    pub fn decode(input: &[u8], search: &mut HeadSearch) -> Result<Option<(Self, usize)>, Error> {
        let Some(head) = search.find(input)? else { return Ok(None) };
        search.restart();
        let (line, fields) = head.request()?;
        Ok(Some((Self::check(&line, &fields, head.offset())?, head.end())))
    }

    /// Checks a request that an HTTP implementation has parsed. The version is `(1, 1)` for
    /// HTTP/1.1; the headers are in their order, repeated ones included.
    ///
    /// ```
    /// use rtwire_websocket::handshake::Request;
    ///
    /// let request = Request::from_parts("GET", "/chat", (1, 1), [
    ///     ("host", &b"example.com"[..]),
    ///     ("connection", b"keep-alive, Upgrade"),
    ///     ("upgrade", b"websocket"),
    ///     ("origin", b"https://example.com"),
    ///     ("sec-websocket-version", b"13"),
    ///     ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    /// ])?;
    /// assert_eq!(request.origin(), Some("https://example.com"));
    /// assert_eq!(
    ///     request.accept().header("sec-websocket-accept"),
    ///     Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]),
    /// );
    /// # Ok::<(), rtwire_websocket::handshake::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`decode`](Self::decode), at offset 0.
    pub fn from_parts<'a>(
        method: &'a str,
        target: &'a str,
        version: (u8, u8),
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, Error> {
        let line = RequestLine { method, target, version };
        Self::check(&line, &Fields::from_parts(headers), 0)
    }

    /// The handshake has succeeded: the answer to send, without a subprotocol.
    #[must_use]
    pub fn accept(&self) -> Response {
        Response::to_request(self, None)
    }

    /// Like [`accept`](Self::accept), and chooses one of the [`protocols`](Self::protocols).
    ///
    /// # Errors
    /// [`BuildError::UnofferedProtocol`].
    pub fn accept_protocol(&self, protocol: &str) -> Result<Response, BuildError> {
        let offered = self.protocols.iter().find(|offer| **offer == protocol);
        let offered = offered.ok_or(BuildError::UnofferedProtocol)?;
        Ok(Response::to_request(self, Some(offered.clone())))
    }

    /// The items of §4.2.1 in their order, but that the version comes before the key: the drafts
    /// had other keys, and their clients are to learn which version would do.
    fn check(line: &RequestLine<'_>, fields: &Fields<'_>, start: usize) -> Result<Self, Error> {
        // HTTP/2 has no Upgrade (RFC 9113 §8.6), and another handshake (RFC 8441).
        if !matches!(line.version, (1, 1..)) {
            return Err(Error::new(Rule::HttpVersion, start));
        }
        if line.method != "GET" {
            return Err(Error::new(Rule::Method, start));
        }
        let (authority, target) = split_target(line.target);
        if !abnf::is_resource_name(target) {
            return Err(Error::new(Rule::Target, start));
        }

        let host = fields.only("Host", Rule::RepeatedHost)?;
        let host = host.ok_or_else(|| fields.breaks("Host", Rule::MissingHost))?;
        let host = host.text(abnf::is_host, Rule::InvalidHost)?;
        if authority.is_some_and(|authority| !host.eq_ignore_ascii_case(authority)) {
            return Err(fields.breaks("Host", Rule::HostMismatch));
        }

        // RFC 9110 §7.8 allows `name/version` here; RFC 6455 has no such version.
        if !fields.contains("Upgrade", "websocket") {
            return Err(fields.breaks("Upgrade", Rule::Upgrade));
        }
        if !fields.contains("Connection", "Upgrade") {
            return Err(fields.breaks("Connection", Rule::Connection));
        }
        check_version(fields)?;
        let key = fields.only("Sec-WebSocket-Key", Rule::RepeatedKey)?;
        let key = key.ok_or_else(|| fields.breaks("Sec-WebSocket-Key", Rule::MissingKey))?;
        let key = key.text(is_key, Rule::InvalidKey)?;
        Self::check_rest(Bootstrap::Upgrade { key: key.into() }, host, target, fields)
    }

    /// What remains when it is known to be for us, in any HTTP.
    pub(super) fn check_rest(
        bootstrap: Bootstrap,
        host: &str,
        target: &str,
        fields: &Fields<'_>,
    ) -> Result<Self, Error> {
        let origin = fields.only("Origin", Rule::RepeatedOrigin)?;
        let origin = origin.map(|origin| origin.text(abnf::is_origin, Rule::InvalidOrigin));
        let origin = origin.transpose()?;
        refuse_body(fields)?;

        Ok(Self {
            target: target.into(),
            host: host.into(),
            origin: origin.map(ByteString::from),
            protocols: offered_protocols(fields)?,
            headers: Headers::received(fields.as_slice(), bootstrap.is_connect()),
            bootstrap,
            #[cfg(feature = "deflate")]
            deflate: None,
        })
    }
}

/// What the request says.
impl Request {
    /// The resource name (§3): path and query, also if the request line has a whole URI.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The server's authority as the client knows it: `host [":" port]`, from `Host` or `:authority`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The origin of the script that asks (§10.2), such as `https://example.com` or `null`. A
    /// server must check it, or any page may act in its user's name; `None` is no browser.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The subprotocols on offer, the client's preferred one first.
    pub fn protocols(&self) -> impl Iterator<Item = &str> {
        self.protocols.iter().map(|protocol| &**protocol)
    }

    /// The value of the first header of that name, in any case: bytes, of which only the checked
    /// ones are known to be text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name)
    }

    /// All headers, in their order; those of an extended CONNECT without its
    /// [`pseudo_headers`](Self::pseudo_headers), and with names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter()
    }

    pub(super) fn offers(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|offer| *offer == protocol)
    }
}

/// Without key, origin and the values of headers: they belong in no log.
impl core::fmt::Debug for Request {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Request").field("headers", &self.headers).finish_non_exhaustive()
    }
}

/// §4.2.1, item 6.
pub(super) fn check_version(fields: &Fields<'_>) -> Result<(), Error> {
    let version = fields.only("Sec-WebSocket-Version", Rule::RepeatedVersion)?;
    match version.is_some_and(|version| version.value == b"13") {
        true => Ok(()),
        false => Err(fields.breaks("Sec-WebSocket-Version", Rule::Version)),
    }
}

/// §4.1, item 3: a target is a resource name, or an absolute URI that has one.
fn split_target(target: &str) -> (Option<&str>, &str) {
    let Some((scheme, rest)) = target.split_once("://") else { return (None, target) };
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return (None, target);
    }
    match rest.find(['/', '?', '#']) {
        // With an empty path before a query, what is left is no resource name.
        Some(end) => (Some(&rest[..end]), &rest[end..]),
        None => (Some(rest), "/"),
    }
}

/// §4.1, item 10: the elements "MUST be non-empty strings with characters in the range U+0021 to
/// U+007E not including separator characters […] and MUST all be unique strings".
fn offered_protocols(fields: &Fields<'_>) -> Result<Vec<ByteString>, Error> {
    let mut protocols = Vec::new();
    // A head has room for thousands: to compare each with each would be quadratic.
    let mut unique = BTreeSet::new();
    for field in fields.all("Sec-WebSocket-Protocol") {
        let known = protocols.len();
        for element in abnf::elements(field.value) {
            let protocol = str::from_utf8(element).ok().filter(|text| abnf::is_token(text));
            let protocol = protocol.ok_or_else(|| field.breaks(Rule::InvalidProtocol))?;
            if !unique.insert(protocol) {
                return Err(field.breaks(Rule::RepeatedProtocol));
            }
            protocols.push(protocol.into());
        }
        if protocols.len() == known {
            return Err(field.breaks(Rule::InvalidProtocol));
        }
    }
    Ok(protocols)
}

/// RFC 9112 §6: a body is announced by one of two fields.
fn refuse_body(fields: &Fields<'_>) -> Result<(), Error> {
    let mut announced = fields
        .all("Transfer-Encoding")
        .chain(fields.all("Content-Length").filter(|field| field.value != b"0"));
    announced.next().map_or(Ok(()), |field| Err(field.breaks(Rule::Body)))
}
