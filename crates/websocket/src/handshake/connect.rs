//! The opening handshake in HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220), where an extended CONNECT makes
//! a tunnel of one stream.

use alloc::vec::Vec;

use super::fields::{Field, Fields};
use super::headers::Headers;
use super::request::{Bootstrap, check_version};
use super::{BuildError, Error, Request, Response, Rule, abnf};

/// RFC 9113 §8.3.1, and RFC 8441 §4 for the second.
const PSEUDO_HEADERS: [&str; 5] = [":method", ":protocol", ":scheme", ":authority", ":path"];

impl Request {
    /// A request for HTTP/2 or HTTP/3: an extended CONNECT. The scheme is `https` for a wss URI, and
    /// `http` for a ws one (RFC 8441 §5); host and target are those of [`new`](Self::new). There is no
    /// key.
    ///
    /// The HTTP implementation sends the [`pseudo_headers`](Self::pseudo_headers) and then the
    /// [`headers`](Self::headers), once the server's SETTINGS have said
    /// `SETTINGS_ENABLE_CONNECT_PROTOCOL = 1` (§3).
    ///
    /// ```
    /// use rtwire_websocket::handshake::Request;
    ///
    /// // The example of RFC 8441 §5.1, without its extension.
    /// let request = Request::connect("https", "server.example.com", "/chat")?
    ///     .with_protocol("chat")?
    ///     .with_protocol("superchat")?
    ///     .with_origin("http://www.example.com")?;
    /// assert!(request.pseudo_headers().chain(request.headers()).eq([
    ///     (":method", &b"CONNECT"[..]),
    ///     (":protocol", b"websocket"),
    ///     (":scheme", b"https"),
    ///     (":authority", b"server.example.com"),
    ///     (":path", b"/chat"),
    ///     ("sec-websocket-version", b"13"),
    ///     ("sec-websocket-protocol", b"chat, superchat"),
    ///     ("origin", b"http://www.example.com"),
    /// ]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BuildError::Scheme`], [`BuildError::Host`], [`BuildError::Target`].
    pub fn connect(scheme: &str, host: &str, target: &str) -> Result<Self, BuildError> {
        let scheme = known_scheme(scheme.as_bytes()).ok_or(BuildError::Scheme)?;
        Self::build(Bootstrap::Connect { scheme }, host, target)
    }

    /// Checks an extended CONNECT that an HTTP/2 or HTTP/3 implementation has received: its
    /// pseudo-headers, in any order, and behind them its headers, in their order. What that
    /// implementation has to know of any request, such as names in lower case, is not checked again.
    ///
    /// ```
    /// use rtwire_websocket::handshake::{Request, Rule};
    ///
    /// let pseudo_headers = |protocol| [
    ///     (":method", &b"CONNECT"[..]),
    ///     (":protocol", protocol),
    ///     (":scheme", b"https"),
    ///     (":authority", b"example.com"),
    ///     (":path", b"/chat"),
    /// ];
    /// let headers = [("sec-websocket-version", &b"13"[..]), ("origin", b"https://example.com")];
    ///
    /// let request = Request::from_connect(pseudo_headers(b"websocket").into_iter().chain(headers))?;
    /// assert_eq!((request.host(), request.target()), ("example.com", "/chat"));
    /// assert_eq!(request.origin(), Some("https://example.com"));
    /// let response = request.accept();
    /// assert_eq!((response.status(), response.headers().count()), (200, 0));
    ///
    /// let other = pseudo_headers(b"connect-udp").into_iter().chain(headers);
    /// let error = Request::from_connect(other).unwrap_err();
    /// assert_eq!((error.rule(), error.response().status()), (Rule::ConnectProtocol, 501));
    /// # Ok::<(), rtwire_websocket::handshake::Error>(())
    /// ```
    ///
    /// # Errors
    /// The first rule that the request breaks, at offset 0. [`Error::response`] answers it.
    pub fn from_connect<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, Error> {
        Self::check_connect(fields).map_err(|error| error.in_http2(true))
    }

    /// The pseudo-headers of an extended CONNECT. A request of HTTP/1.1 has none.
    pub fn pseudo_headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let scheme = match self.bootstrap {
            Bootstrap::Connect { scheme } => Some(scheme),
            Bootstrap::Upgrade { .. } => None,
        };
        scheme.into_iter().flat_map(|scheme| {
            let (host, target) = (self.host.as_bytes(), self.target.as_bytes());
            let values = [b"CONNECT", &b"websocket"[..], scheme.as_bytes(), host, target];
            PSEUDO_HEADERS.into_iter().zip(values)
        })
    }

    /// A refusal with a status of the server's choice, like [`Response::refuse`], in the HTTP of this
    /// request.
    ///
    /// # Errors
    /// [`BuildError::Status`] if it is not from 200 to 599; or a 2xx for an extended CONNECT, which
    /// would accept it.
    pub fn refuse(&self, status: u16) -> Result<Response, BuildError> {
        if self.is_accepted_by(status) {
            return Err(BuildError::Status);
        }
        let headers = Headers::new(self.is_connect());
        Response::refuse(status).map(|refusal| Response { headers, ..refusal })
    }

    pub(super) fn is_connect(&self) -> bool {
        self.bootstrap.is_connect()
    }

    /// Whether frames follow an answer of this status.
    pub(super) fn is_accepted_by(&self, status: u16) -> bool {
        match self.bootstrap {
            Bootstrap::Upgrade { .. } => status == 101,
            // RFC 8441 §5.1 shows a 200; but RFC 9110 §9.3.6 (and RFC 9113 §8.5): "Any 2xx
            // (Successful) response indicates that the sender […] will switch to tunnel mode".
            Bootstrap::Connect { .. } => matches!(status, 200..=299),
        }
    }

    fn check_connect<'a>(
        all: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, Error> {
        let (mut pseudo_headers, mut fields) = (Vec::new(), Vec::new());
        for (name, value) in all {
            let field = Field { name, value, offset: 0 };
            if !name.starts_with(':') {
                fields.push(field);
            } else if fields.is_empty() && PSEUDO_HEADERS.contains(&name) {
                pseudo_headers.push(field);
            } else {
                // RFC 9113 §8.3: malformed are those "undefined or invalid", and those behind a
                // regular field.
                return Err(field.breaks(Rule::PseudoHeader));
            }
        }
        let (pseudo_headers, fields) = (Fields::new(pseudo_headers, 0), Fields::new(fields, 0));
        // RFC 9113 §8.3: "The same pseudo-header field name MUST NOT appear more than once".
        let optional = |name| pseudo_headers.only(name, Rule::PseudoHeader);
        let required =
            |name| optional(name)?.ok_or_else(|| pseudo_headers.breaks(name, Rule::PseudoHeader));

        let method = required(":method")?;
        if method.value != b"CONNECT" {
            return Err(method.breaks(Rule::ConnectMethod));
        }
        // RFC 8441 §5: "it MUST have a value of "websocket"". A CONNECT without it asks for a tunnel
        // to any host (RFC 9113 §8.5), which is as little supported.
        if optional(":protocol")?.is_none_or(|protocol| protocol.value != b"websocket") {
            return Err(pseudo_headers.breaks(":protocol", Rule::ConnectProtocol));
        }
        // RFC 8441 §4: these two "MUST also be included"; §5: the third "is required on every HTTP/2
        // transaction", as `Host` is not.
        let (scheme, path) = (required(":scheme")?, required(":path")?);
        let authority = required(":authority")?;
        let scheme = known_scheme(scheme.value).ok_or_else(|| scheme.breaks(Rule::Scheme))?;
        let target = path.text(abnf::is_resource_name, Rule::Target)?;
        let host = authority.text(abnf::is_host, Rule::Authority)?;

        refuse_connection_specific(&fields)?;
        // RFC 9113 §8.3.1: malformed is a `Host` "that identifies a different entity".
        if let Some(field) = fields.only("Host", Rule::RepeatedHost)?
            && !field.value.eq_ignore_ascii_case(host.as_bytes())
        {
            return Err(field.breaks(Rule::HostMismatch));
        }
        // RFC 8441 §5: the version is "used […] in the same way"; of `Sec-WebSocket-Key` no
        // processing is done, so that one is nothing to look at.
        check_version(&fields)?;
        Self::check_rest(Bootstrap::Connect { scheme }, host, target, &fields)
    }
}

/// RFC 9113 §8.2.2: "Any message containing connection-specific header fields MUST be treated as
/// malformed", and RFC 8441 §5 names `Connection` and `Upgrade` once more.
pub(super) fn refuse_connection_specific(fields: &Fields<'_>) -> Result<(), Error> {
    let is_one = |field: &&Field<'_>| is_connection_specific(field.name, field.value);
    let field = fields.as_slice().iter().find(is_one);
    field.map_or(Ok(()), |field| Err(field.breaks(Rule::ConnectionSpecific)))
}

/// Those of RFC 9110 §7.6.1; and `TE`, which "MUST NOT contain any value other than "trailers"".
pub(super) fn is_connection_specific(name: &str, value: &[u8]) -> bool {
    let names = ["Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade"];
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
        || name.eq_ignore_ascii_case("TE") && !value.eq_ignore_ascii_case(b"trailers")
}

/// RFC 3986 §3.1: a scheme is known in any case, and written in lower case.
fn known_scheme(scheme: &[u8]) -> Option<&'static str> {
    ["http", "https"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known.as_bytes()))
}
