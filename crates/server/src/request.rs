use std::fmt;
use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, Method, Uri, header};

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

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("path", &self.uri.path())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
