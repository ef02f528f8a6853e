use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt::{self, Write};

use bytestring::ByteString;

use crate::{error::Error, jsonp, rule::Rule};

/// How packets travel ("Transports").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long-polling: GETs bring the server's packets, POSTs the client's.
    Polling,
    /// A WebSocket.
    WebSocket,
}

impl Transport {
    /// The word of the query: `polling`, `websocket`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The methods that mean something here. (OPTIONS, for CORS, is the server's own.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// Any other.
    Other,
}

impl From<&str> for Method {
    /// Methods are case-sensitive (RFC 9110 §9.1).
    fn from(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "POST" => Self::Post,
            _ => Self::Other,
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// A new session on this transport.
    Handshake(Transport),
    /// The server's packets.
    Poll,
    /// To take the client's packets.
    Post,
    /// To move the session to this WebSocket.
    Upgrade,
}

/// The parameters of a request ("Handshake"). Others, such as `t`, are ignored.
///
/// ```
/// use rtwire_engineio::{Method, Query, Request, Rule, Transport};
///
/// let query = Query::parse("EIO=4&transport=polling&t=PcQ1x")?;
/// assert_eq!(query.sid, None);
/// assert_eq!(query.request(Method::Get, false), Ok(Request::Handshake(Transport::Polling)));
///
/// let error = query.request(Method::Post, false).unwrap_err();
/// assert_eq!(error.rule(), Rule::HandshakeMethod);
/// # Ok::<(), rtwire_engineio::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// `EIO`: 3 or 4. [`request`](Self::request) takes 3 after [`parse_v3`](Self::parse_v3) only. A session
    /// keeps to the version of its handshake: [`Rule::VersionMismatch`].
    pub version: u8,
    /// `transport`.
    pub transport: Transport,
    /// `sid`: the session; `None` in a handshake. An empty one is none, as for the reference
    /// server.
    pub sid: Option<ByteString>,
    /// `b64`, if it is given and neither empty nor `0`: binary is to be base64 on a WebSocket too.
    pub base64: bool,
    /// `j`, after [`parse_v3`](Self::parse_v3): the request is one of JSONP.
    pub jsonp: Option<jsonp::Index>,
    v3: bool,
}

impl Query {
    /// Parses what stands behind the `?` of the request's target.
    ///
    /// # Errors
    /// [`Rule::RepeatedParameter`], [`Rule::UnknownTransport`], [`Rule::UnsupportedVersion`] if
    /// `EIO` is missing or unknown.
    pub fn parse(query: &str) -> Result<Self, Error> {
        Self::parse_versions(query, false)
    }

    /// The same for a server that speaks [version 3](crate::v3) and [JSONP](jsonp) too. A missing `EIO` is 3
    /// then.
    ///
    /// ```
    /// use rtwire_engineio::{Method, Query, Request, Transport};
    ///
    /// let query = Query::parse_v3("transport=polling&j=0")?;
    /// assert_eq!((query.version, query.jsonp), (3, Some("0".parse()?)));
    /// assert_eq!(query.request(Method::Get, false), Ok(Request::Handshake(Transport::Polling)));
    /// # Ok::<(), rtwire_engineio::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Rule::InvalidCallback`], and those of [`parse`](Self::parse).
    pub fn parse_v3(query: &str) -> Result<Self, Error> {
        Self::parse_versions(query, true)
    }

    fn parse_versions(query: &str, v3: bool) -> Result<Self, Error> {
        let (mut version, mut transport, mut sid) = (None, None, None);
        let (mut base64, mut jsonp) = (None, None);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let parameter = match &*percent_decode(name) {
                "EIO" => &mut version,
                "transport" => &mut transport,
                "sid" => &mut sid,
                "b64" => &mut base64,
                "j" if v3 => &mut jsonp,
                _ => continue,
            };
            // Whichever of two a proxy or a log believed, it could be the other.
            if parameter.replace(percent_decode(value)).is_some() {
                return Err(Rule::RepeatedParameter.into());
            }
        }
        let transport = match transport.as_deref() {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(Rule::UnknownTransport.into()),
        };
        let version = match version.as_deref() {
            Some("3") => 3,
            Some("4") => 4,
            None if v3 => 3,
            _ => return Err(Rule::UnsupportedVersion.into()),
        };
        let sid = sid.filter(|sid| !sid.is_empty()).map(|sid| ByteString::from(sid.into_owned()));
        let base64 = base64.is_some_and(|value| !matches!(&*value, "" | "0"));
        let jsonp = jsonp.map(|index| index.parse()).transpose()?;
        Ok(Self { version, transport, sid, base64, jsonp, v3 })
    }

    /// What the request asks for; `upgrade` tells whether it is the opening handshake of a
    /// WebSocket. Look up [`sid`](Self::sid) before: [`Rule::UnknownSession`] comes first.
    ///
    /// # Errors
    /// Without a sid: [`Rule::HandshakeMethod`], [`Rule::UnsupportedVersion`]. With one:
    /// [`Rule::VersionMismatch`], [`Rule::Method`]. Both: [`Rule::TransportMismatch`].
    pub fn request(&self, method: Method, upgrade: bool) -> Result<Request, Error> {
        let handshake = self.sid.is_none();
        if handshake && method != Method::Get {
            return Err(Rule::HandshakeMethod.into());
        }
        if self.version != 4 && !self.v3 {
            let rule = if handshake { Rule::UnsupportedVersion } else { Rule::VersionMismatch };
            return Err(rule.into());
        }
        if upgrade != (self.transport == Transport::WebSocket) {
            return Err(Rule::TransportMismatch.into());
        }
        match (handshake, method, upgrade) {
            (true, _, _) => Ok(Request::Handshake(self.transport)),
            (false, Method::Get, false) => Ok(Request::Poll),
            (false, Method::Get, true) => Ok(Request::Upgrade),
            (false, Method::Post, false) => Ok(Request::Post),
            (false, Method::Post, true) | (false, Method::Other, _) => Err(Rule::Method.into()),
        }
    }
}

/// The query of a client's request. A sid is the server's, and whatever it is, it stays the value of
/// one parameter.
pub(crate) fn encode_query(transport: Transport, sid: Option<&str>) -> String {
    let mut query = String::from("EIO=4&transport=");
    query.push_str(transport.as_str());
    if let Some(sid) = sid {
        query.push_str("&sid=");
        for byte in sid.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    query.push(byte.into());
                }
                // Writing to a String does not fail.
                _ => {
                    let _ = write!(query, "%{byte:02X}");
                }
            }
        }
    }
    query
}

/// Undoes the percent-encoding of forms. What is not UTF-8 becomes U+FFFD, which no name or value of ours
/// has.
fn percent_decode(text: &str) -> Cow<'_, str> {
    match percent_decode_bytes(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Undoes the percent-encoding of forms. `%` without two hex digits stands for itself.
pub(crate) fn percent_decode_bytes(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        bytes.push(match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (b'+', _) => b' ',
            (&byte, _) => byte,
        });
    }
    Cow::Owned(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
