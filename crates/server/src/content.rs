use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::body::Body;

/// Fixed bytes that a path answers to GET with, such as an embedded page. If it has an `ETag` among its
/// [headers](Self::header), who has it already gets 304.
///
/// ```
/// use http::{HeaderValue, header};
/// use rtwire_server::Content;
///
/// let page = Content::new("text/html; charset=utf-8", "<!doctype html><title>Hello</title>")
///     .header(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
/// ```
#[derive(Clone, Debug)]
pub struct Content {
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Content {
    /// `content_type` is the value of `Content-Type`; browsers are told not to guess another.
    #[must_use]
    pub fn new(content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Self { headers, bytes: bytes.into() }
    }

    /// Adds a header field, or replaces it.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The answer to GET, or to HEAD whose content is left out later: 304 if the client says that it has what is
    /// named by our `ETag` (RFC 9110 §13.1.2).
    pub(crate) fn response(&self, request: &HeaderMap) -> Response<Body> {
        let etag = self.headers.get(header::ETAG).map(|tag| opaque(tag.as_bytes()));
        let tags = request.get_all(header::IF_NONE_MATCH).iter();
        let mut tags = tags.flat_map(|tags| tags.as_bytes().split(|&byte| byte == b','));
        let is_there = etag
            .is_some_and(|etag| tags.any(|tag| tag.trim_ascii() == b"*" || opaque(tag) == etag));
        let body = if is_there { Body::empty() } else { Body::from(self.bytes.clone()) };
        let mut response = Response::new(body);
        *response.headers_mut() = self.headers.clone();
        if is_there {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        response
    }
}

/// An entity tag for the weak comparison (§8.8.3.2).
fn opaque(tag: &[u8]) -> &[u8] {
    let tag = tag.trim_ascii();
    tag.strip_prefix(b"W/").unwrap_or(tag)
}
