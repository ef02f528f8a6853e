use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

use crate::content::Content;
use crate::context::Shared;
use crate::engine_io::{self, EngineIo};
use crate::limits::Limits;
use crate::origin::OriginPolicy;
use crate::request::Request;
use crate::routes::{Get, Route, Routes};
use crate::service::EndpointsService;
use crate::socket_io::SocketIo;
use crate::sse::Sse;
use crate::websocket_handler::{WebSocketHandler, WebSocketRoute};
use crate::websocket_options::WebSocketOptions;

/// The paths that are served, and what each answers: an event stream, a WebSocket, a POST, or
/// fixed content. Paths are compared exactly, byte for byte; `"*"` stands for every path that is not
/// named.
///
/// A path may have several of them: `/` may be a page and a WebSocket, `/events` an event stream
/// that takes POSTs. Registering the same again replaces it; a page and an event stream both
/// answer GET, so of these two the later one stays.
///
/// The whole is a `tower` service: [`Server::serve`](crate::Server::serve) runs it, or another
/// server mounts [`into_service`](Self::into_service).
///
/// ```
/// use bytes::Bytes;
/// use http::StatusCode;
/// use rtwire_server::{Content, Endpoints, EventLog, Fields, Request, Sse};
///
/// let log = EventLog::new(256);
/// let (events, posted) = (log.clone(), log);
/// let app = Endpoints::new()
///     .get("/", Content::new("text/plain", "an event stream is at /events\n"))
///     .sse("/events", move |request: Request| {
///         let events = events.clone();
///         async move { Sse::new(events.subscribe(request.last_event_id().as_deref())) }
///     })
///     .post("/events", move |_: Request, body: Bytes| {
///         let posted = posted.clone();
///         async move {
///             let Ok(data) = str::from_utf8(&body) else { return StatusCode::BAD_REQUEST };
///             match posted.publish(Fields::new().data(data)) {
///                 Ok(_) => StatusCode::NO_CONTENT,
///                 Err(_) => StatusCode::PAYLOAD_TOO_LARGE,
///             }
///         }
///     });
/// ```
#[derive(Debug, Default)]
pub struct Endpoints {
    routes: Routes,
    origin_policy: OriginPolicy,
    limits: Limits,
}

impl Endpoints {
    /// No paths yet; the same origin only; the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets which pages may open event streams and WebSockets, and POST.
    #[must_use]
    pub fn origin_policy(mut self, policy: OriginPolicy) -> Self {
        self.origin_policy = policy;
        self
    }

    /// Sets what peers may cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Answers GET (and HEAD) on `path` with an event stream. The handler is an async function of
    /// a [`Request`] that returns an [`Sse`], or a `Result<Sse, StatusCode>` to refuse.
    ///
    /// HEAD is answered without calling the handler. The stream ends when the server shuts down,
    /// and is dropped when the client goes.
    #[must_use]
    pub fn sse<H, F>(mut self, path: &str, handler: H) -> Self
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output: Into<Result<Sse, StatusCode>>> + Send + 'static,
    {
        self.route(path).get = Some(Get::EventStream(Box::new(move |request| {
            let answer = handler(request);
            Box::pin(async move { answer.await.into() })
        })));
        self
    }

    /// Answers the opening handshake on `path`, and gives the open [`WebSocket`](crate::WebSocket)
    /// to the handler: an async function of it, or of it and the [`Request`], that returns nothing
    /// or a `Result`.
    ///
    /// The origin is checked before the upgrade ([`origin_policy`](Self::origin_policy)): a page
    /// of another site would be heard with the cookies of its visitor otherwise (RFC 6455 §10.2).
    #[must_use]
    pub fn websocket<Shape>(self, path: &str, handler: impl WebSocketHandler<Shape>) -> Self {
        self.websocket_with(path, WebSocketOptions::default(), handler)
    }

    /// As [`websocket`](Self::websocket), with subprotocols, limits and an origin policy of its own.
    #[must_use]
    pub fn websocket_with<Shape>(
        mut self,
        path: &str,
        options: WebSocketOptions,
        handler: impl WebSocketHandler<Shape>,
    ) -> Self {
        let route = WebSocketRoute { handler: handler.erase().0, options };
        self.route(path).websocket = Some(Arc::new(route));
        self
    }

    /// Answers on the path of these Engine.IO sessions, with and without a slash at its end: GET and
    /// POST of long-polling, and the opening handshake of WebSockets. The origin is checked first
    /// ([`origin_policy`](Self::origin_policy)). Nothing else can be on that path.
    #[must_use]
    pub fn engine_io(self, engine_io: EngineIo) -> Self {
        let (path, endpoint) = engine_io.into_endpoint();
        self.route_engine_io(&path, endpoint)
    }

    /// Answers on the path of this Socket.IO server, as [`engine_io`](Self::engine_io) does.
    #[must_use]
    pub fn socket_io(mut self, socket_io: SocketIo) -> Self {
        for (path, bundle) in socket_io.client_bundles() {
            self = self.get(&path, bundle);
        }
        let (path, endpoint) = socket_io.into_endpoint();
        self.route_engine_io(&path, endpoint)
    }

    fn route_engine_io(mut self, path: &str, endpoint: engine_io::Endpoint) -> Self {
        let (endpoint, path) = (Arc::new(endpoint), path.trim_end_matches('/'));
        self.route(&format!("{path}/")).engine_io = Some(Arc::clone(&endpoint));
        self.route(if path.is_empty() { "/" } else { path }).engine_io = Some(endpoint);
        self
    }

    /// Answers POST on `path`. The handler is an async function of a [`Request`] and the whole
    /// body, which [`Limits::max_body`] and [`Limits::body_deadline`] bound; it returns the status.
    #[must_use]
    pub fn post<H, F>(mut self, path: &str, handler: H) -> Self
    where
        H: Fn(Request, Bytes) -> F + Send + Sync + 'static,
        F: Future<Output = StatusCode> + Send + 'static,
    {
        self.route(path).post =
            Some(Box::new(move |request, body| Box::pin(handler(request, body))));
        self
    }

    /// Answers GET (and HEAD) on `path` with fixed content, whatever page or site asks.
    #[must_use]
    pub fn get(mut self, path: &str, content: Content) -> Self {
        self.route(path).get = Some(Get::Content(content));
        self
    }

    /// A cloneable `tower_service::Service` over any request body, to be mounted in another
    /// server, such as with axum's `Router::fallback_service`.
    #[must_use]
    pub fn into_service(self) -> EndpointsService {
        let websocket_limits = Arc::new(self.limits.websocket);
        let shared = Shared { limits: self.limits, websocket_limits, ..Shared::default() };
        EndpointsService::new(self.routes, self.origin_policy, Arc::new(shared))
    }

    fn route(&mut self, path: &str) -> &mut Route {
        self.routes.entry(path.to_owned()).or_default()
    }
}
