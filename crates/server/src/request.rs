use std::fmt;
use std::net::SocketAddr;

use bytes::{BufMut as _, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

/// The head of a request, as a handler sees it. Its accessors, but for [`headers`](Self::headers),
/// return owned values, so that what a handler makes of them need not borrow the request.
///
/// `Debug` shows the path and the peer: queries and header fields carry secrets.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: Option<SocketAddr>,
}

impl Request {
    pub(crate) fn of(parts: http::request::Parts, peer: Option<SocketAddr>) -> Self {
        Self { method: parts.method, uri: parts.uri, headers: parts.headers, peer }
    }

    /// The same for who outlives its connection: without the header fields that are about that. And in a
    /// buffer of its own, for the one that hyper read it into has 8 KiB, and lives as long as a part of it.
    pub(crate) fn detached(&self) -> Self {
        let fields = || self.headers.iter().filter(|(name, _)| !is_of_connection(name));
        let target = self.uri.to_string();
        let len = target.len() + fields().map(|(_, value)| value.len()).sum::<usize>();
        let mut bytes = BytesMut::with_capacity(len);
        bytes.put_slice(target.as_bytes());
        fields().for_each(|(_, value)| bytes.put_slice(value.as_bytes()));
        let mut bytes = bytes.freeze();
        // The names alone, for a map takes so many and any number of values: more is a panic.
        let names = self.headers.keys().filter(|name| !is_of_connection(name)).count();
        let mut headers = HeaderMap::with_capacity(names);
        // What was valid is valid.
        let uri = Uri::from_maybe_shared(bytes.split_to(target.len()));
        for (name, value) in fields() {
            let detached = HeaderValue::from_maybe_shared(bytes.split_to(value.len()));
            headers.append(name, detached.unwrap_or_else(|_| value.clone()));
        }
        let uri = uri.unwrap_or_else(|_| self.uri.clone());
        Self { method: self.method.clone(), uri, headers, peer: self.peer }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method.clone()
    }

    /// The path, percent-encoded as it came.
    #[must_use]
    pub fn path(&self) -> String {
        self.uri.path().to_owned()
    }

    /// The query, percent-encoded as it came, without the `?`.
    #[must_use]
    pub fn query(&self) -> Option<String> {
        self.uri.query().map(str::to_owned)
    }

    /// The first header field of that name, if it is UTF-8.
    #[must_use]
    pub fn header(&self, name: HeaderName) -> Option<String> {
        let value = self.headers.get(name)?;
        str::from_utf8(value.as_bytes()).ok().map(str::to_owned)
    }

    /// All header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The origin of the page that asks; `None` if it is no browser, or a page of this server.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        self.header(header::ORIGIN)
    }

    /// The last event ID string of an `EventSource` that comes back (HTML #last-event-id): the id
    /// of the last event that it saw. `None` on its first request.
    #[must_use]
    pub fn last_event_id(&self) -> Option<String> {
        self.header(HeaderName::from_static("last-event-id")).filter(|id| !id.is_empty())
    }

    /// The address of the peer; `None` when another server accepted the connection.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }
}

/// RFC 9110 §7.6.1: fields for the next hop alone; and those of a WebSocket's handshake.
fn is_of_connection(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "connection" | "upgrade" | "keep-alive" | "te" | "transfer-encoding")
        || name.starts_with("sec-websocket-")
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("path", &self.uri.path())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_7_6_1_what_is_about_the_connection_does_not_outlive_it() {
        let request = http::Request::get("/engine.io/?EIO=4&transport=websocket")
            .header("host", "localhost")
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("cookie", "a=1")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("cookie", "b=2")
            .header("x-empty", "")
            .header("x-bytes", HeaderValue::from_bytes(b"\xff").unwrap());
        let parts = request.body(()).unwrap().into_parts().0;
        let detached = Request::of(parts.clone(), None).detached();
        assert_eq!((detached.method(), &detached.uri), (Method::GET, &parts.uri));
        let mut expected = parts.headers;
        for name in ["connection", "upgrade", "sec-websocket-key"] {
            expected.remove(name);
        }
        assert_eq!(detached.headers, expected);
        assert_eq!(detached.headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    }

    #[test]
    fn as_many_fields_as_a_map_takes_are_copied() {
        // The http crate's map has at most 24 576 names, and more values.
        let mut parts = http::Request::new(()).into_parts().0;
        for number in 0..20_000 {
            parts.headers.append("x-0", HeaderValue::from(number));
        }
        for number in 1..24_576 {
            let name = HeaderName::try_from(format!("x-{number}")).unwrap();
            parts.headers.append(name, HeaderValue::from(number));
        }
        let request = Request::of(parts, None);
        assert_eq!(request.detached().headers, request.headers);
    }
}
