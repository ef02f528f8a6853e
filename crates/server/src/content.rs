use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Fixed bytes that a path answers to GET with, such as an embedded page.
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
}
