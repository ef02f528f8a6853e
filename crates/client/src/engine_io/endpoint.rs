//! Where a session lives, and how requests to it are written.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http_body_util::Full;
use rtwire_sse::event_source::Url;
use rtwire_websocket::handshake;

use crate::exchange::{ExchangeLimits, Request};

#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) url: Url,
    /// The caller's, checked by [`websocket`](Self::websocket).
    pub(super) headers: Vec<(String, String)>,
    pub(super) limits: ExchangeLimits,
}

impl Endpoint {
    pub(super) fn get(&self, query: &str) -> Result<Request, http::Error> {
        self.request(http::Method::GET, query, Bytes::new())
    }

    pub(super) fn post(&self, query: &str, body: Bytes) -> Result<Request, http::Error> {
        // "HTTP long-polling": as the reference client has it, and what some servers insist on.
        let content_type = HeaderValue::from_static("text/plain; charset=UTF-8");
        let length = body.len().into();
        let mut request = self.request(http::Method::POST, query, body)?;
        request.headers_mut().try_insert(CONTENT_TYPE, content_type)?;
        request.headers_mut().try_insert(CONTENT_LENGTH, length)?;
        Ok(request)
    }

    /// The opening handshake of a WebSocket.
    ///
    /// # Errors
    /// If the URL or a header is none.
    pub(super) fn websocket(
        &self,
        query: &str,
        key: [u8; 16],
    ) -> Result<handshake::Request, handshake::BuildError> {
        let request = handshake::Request::new(self.url.authority(), &self.target(query), key)?;
        self.headers.iter().try_fold(request, |request, (name, value)| {
            if name.eq_ignore_ascii_case("origin") {
                request.with_origin(value)
            } else {
                request.with_header(name, value)
            }
        })
    }

    fn request(
        &self,
        method: http::Method,
        query: &str,
        body: Bytes,
    ) -> Result<Request, http::Error> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(self.target(query))
            .header(HOST, self.url.authority());
        for (name, value) in &self.headers {
            request = request.header(&**name, value.as_bytes());
        }
        let mut request = request.body(Full::new(body))?;
        if !request.headers().contains_key(ACCEPT) {
            request.headers_mut().try_insert(ACCEPT, HeaderValue::from_static("*/*"))?;
        }
        Ok(request)
    }

    /// The URL's own parameters come first.
    fn target(&self, query: &str) -> String {
        let target = self.url.target();
        let separator = match target.find('?') {
            None => "?",
            Some(at) if at + 1 == target.len() => "",
            Some(_) => "&",
        };
        [target, separator, query].concat()
    }
}

impl fmt::Debug for Endpoint {
    /// Without the query and headers, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("origin", &self.url.origin())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
