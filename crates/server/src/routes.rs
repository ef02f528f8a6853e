use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use crate::content::Content;
use crate::engine_io;
use crate::request::Request;
use crate::sse::Sse;
use crate::websocket_handler::WebSocketRoute;

/// The table of exact paths, and [`ANY_PATH`].
pub(crate) type Routes = HashMap<String, Route>;

/// What answers a path that is not in the table. No path is spelled so: they start with `/`.
pub(crate) const ANY_PATH: &str = "*";

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(crate) type SseHandler =
    Box<dyn Fn(Request) -> BoxFuture<Result<Sse, StatusCode>> + Send + Sync>;
pub(crate) type PostHandler = Box<dyn Fn(Request, Bytes) -> BoxFuture<StatusCode> + Send + Sync>;

/// What one path answers. Several techniques may share a path: GET, POST and the WebSocket
/// handshake are told apart by method and `Upgrade`.
#[derive(Default)]
pub(crate) struct Route {
    pub(crate) get: Option<Get>,
    pub(crate) post: Option<PostHandler>,
    pub(crate) websocket: Option<Arc<WebSocketRoute>>,
    /// It answers everything but OPTIONS, so that nothing else is beside it.
    pub(crate) engine_io: Option<Arc<engine_io::Endpoint>>,
}

/// What a path answers to GET and HEAD.
pub(crate) enum Get {
    Content(Content),
    EventStream(SseHandler),
}

impl Route {
    /// RFC 9110 §10.2.1.
    pub(crate) fn allow(&self) -> HeaderValue {
        if self.engine_io.is_some() {
            return HeaderValue::from_static("GET, POST, OPTIONS");
        }
        HeaderValue::from_static(match (self.answers_get(), self.post.is_some()) {
            (true, true) => "GET, HEAD, POST, OPTIONS",
            (true, false) => "GET, HEAD, OPTIONS",
            (false, true) => "POST, OPTIONS",
            (false, false) => "OPTIONS",
        })
    }

    fn answers_get(&self) -> bool {
        self.get.is_some() || self.websocket.is_some()
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let get = match &self.get {
            None => "nothing",
            Some(Get::Content(_)) => "content",
            Some(Get::EventStream(_)) => "event stream",
        };
        f.debug_struct("Route")
            .field("get", &get)
            .field("post", &self.post.is_some())
            .field("websocket", &self.websocket.is_some())
            .field("engine_io", &self.engine_io.is_some())
            .finish()
    }
}
