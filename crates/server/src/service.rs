use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};

use crate::body::Body;
use rtwire_engineio::Rule;

use crate::context::{Arrival, ConnectionContext, Shared, UpgradeSlot};
use crate::error::{Error, Refusal};
use crate::host;
use crate::origin::{Cors, OriginPolicy};
use crate::post;
use crate::request::Request;
use crate::routes::{ANY_PATH, Get, Route, Routes};
use crate::sse;
use crate::upgrade;
use crate::websocket_handler;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The endpoints as a `tower_service::Service` over any request body. Clones share everything.
///
/// It never fails: what is refused gets a status. To drain it under another server, call
/// [`shutdown`](Self::shutdown) when that server begins to drain.
#[derive(Clone)]
pub struct EndpointsService {
    endpoints: Arc<Inner>,
}

struct Inner {
    routes: Routes,
    origin_policy: OriginPolicy,
    shared: Arc<Shared>,
}

impl EndpointsService {
    pub(crate) fn new(routes: Routes, origin_policy: OriginPolicy, shared: Arc<Shared>) -> Self {
        Self { endpoints: Arc::new(Inner { routes, origin_policy, shared }) }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.endpoints.shared
    }

    /// Ends all event streams, closes all WebSockets, and waits until they have ended. Later
    /// event streams end at once. [`Server`](crate::Server) calls it by itself.
    ///
    /// # Errors
    /// [`Error::Drain`] if handlers go on past [`Limits::drain_deadline`](crate::Limits).
    pub async fn shutdown(&self) -> Result<(), Error> {
        self.endpoints.shared.drain().await.map_err(|tasks| Error::Drain { tasks })
    }
}

impl fmt::Debug for EndpointsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointsService")
            .field("routes", &self.endpoints.routes)
            .field("origin_policy", &self.endpoints.origin_policy)
            .finish_non_exhaustive()
    }
}

/// The answer of an [`EndpointsService`] in the making.
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Response<Body>> + Send>>);

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<B> tower_service::Service<http::Request<B>> for EndpointsService
where
    B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> ResponseFuture {
        self.respond(request)
    }
}

impl EndpointsService {
    pub(crate) fn respond<B>(&self, request: http::Request<B>) -> ResponseFuture
    where
        B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let endpoints = Arc::clone(&self.endpoints);
        ResponseFuture(Box::pin(async move { endpoints.respond(request).await }))
    }
}

impl Inner {
    fn route(&self, path: &str) -> Option<&Route> {
        self.routes.get(path).or_else(|| self.routes.get(ANY_PATH))
    }

    async fn respond<B>(&self, mut request: http::Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let arrival = request.extensions_mut().remove::<Arrival>();
        let (method, uri, version) =
            (request.method().clone(), request.uri().clone(), request.version());
        let peer = arrival.as_ref().map(|arrival| arrival.peer);
        let mut cors = Cors::Own;
        let (mut response, refusal) = match self.answer(request, arrival, &mut cors).await {
            Ok(response) => (response, None),
            Err(refusal) => (refused(&refusal), Some(refusal)),
        };
        if let Some(refusal) = refusal {
            // The path without its query: that is where tokens are.
            let (status, path) = (refusal.status().as_u16(), uri.path());
            let peer = peer.map(tracing::field::display);
            tracing::info!(peer, %method, path, status, rule = %refusal, "refused");
            if refusal == Refusal::Method
                && let Some(route) = self.route(path)
            {
                response.headers_mut().insert(header::ALLOW, route.allow());
            }
            if refusal.leaves_body_unread() && version < Version::HTTP_2 {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
        }
        cors.apply(response.headers_mut());
        response
    }

    /// What outlives a request, and where it goes on after an upgrade.
    fn context(&self, arrival: Option<Arrival>) -> (ConnectionContext, Option<UpgradeSlot>) {
        let shared = Arc::clone(&self.shared);
        match arrival {
            None => (ConnectionContext { shared, peer: None, permit: None }, None),
            Some(Arrival { peer, permit, upgrade, .. }) => {
                (ConnectionContext { shared, peer: Some(peer), permit }, Some(upgrade))
            }
        }
    }

    async fn answer<B>(
        &self,
        request: http::Request<B>,
        arrival: Option<Arrival>,
        cors: &mut Cors,
    ) -> Result<Response<Body>, Refusal>
    where
        B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let host = host::host(request.version(), request.uri(), request.headers())?;
        if arrival.as_ref().is_some_and(|arrival| arrival.check_host)
            && !host.as_ref().is_some_and(host::is_loopback)
        {
            return Err(Refusal::HostNotLoopback);
        }
        let route = self.route(request.uri().path()).ok_or(Refusal::Path)?;
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let websocket = route.websocket.as_ref().filter(|_| {
            *request.method() == Method::GET
                && (route.get.is_none() || upgrade::is_asked_for(request.headers()))
        });
        if reads
            && websocket.is_none()
            && let Some(Get::Content(content)) = &route.get
        {
            // It is for everybody; but a page of another origin needs CORS to load it as a module.
            if let Ok(allowed) = self.origin_policy.check(request.headers(), host.as_ref()) {
                *cors = allowed;
            }
            return Ok(content.response(request.headers()));
        }
        let own = websocket.and_then(|route| route.options.origin_policy.as_ref());
        let policy = own.unwrap_or(&self.origin_policy);
        *cors = policy.check(request.headers(), host.as_ref()).map_err(|refusal| {
            // Its clients know the number of this one.
            if route.engine_io.is_some() { Rule::Forbidden.into() } else { refusal }
        })?;
        if let Some(endpoint) = &route.engine_io
            && *request.method() != Method::OPTIONS
        {
            let (context, slot) = self.context(arrival);
            let script = |headers: &HeaderMap| policy.allows_script(headers, host.as_ref());
            return endpoint.respond(request, script, context, slot).await;
        }
        if let Some(route) = websocket {
            let (context, slot) = self.context(arrival);
            return websocket_handler::serve(request, route, context, slot)
                .map_err(Refusal::Handshake);
        }

        let (parts, body) = request.into_parts();
        let peer = arrival.map(|arrival| arrival.peer);
        let method = parts.method.clone();
        let request = Request::of(parts, peer);
        match (method, &route.get, &route.post) {
            (Method::GET | Method::HEAD, Some(Get::EventStream(_)), _)
                if !accepts_event_stream(&request.headers) =>
            {
                Err(Refusal::Accept)
            }
            (Method::HEAD, Some(Get::EventStream(_)), _) => {
                let mut response = Response::new(Body::unsized_stream());
                *response.headers_mut() = sse::headers();
                Ok(response)
            }
            (Method::GET, Some(Get::EventStream(handler)), _) => {
                let sse = handler(request).await.map_err(Refusal::Handler)?;
                let sse = sse.until(self.shared.shutdown.clone().cancelled_owned());
                let tracked = self.shared.tracker.token();
                Ok(sse.into_response().map(|sse| Body::events(sse, tracked)))
            }
            (Method::POST, _, Some(handler)) => {
                let limits = &self.shared.limits;
                let body = post::read_body(body, limits.max_body, limits.body_deadline).await?;
                let status = handler(request, body).await;
                if status.is_client_error() || status.is_server_error() {
                    return Err(Refusal::Handler(status));
                }
                let mut response = Response::new(Body::empty());
                *response.status_mut() = status;
                Ok(response)
            }
            (Method::OPTIONS, _, _) => Ok(options(route, request.headers())),
            _ => Err(Refusal::Method),
        }
    }
}

fn refused(refusal: &Refusal) -> Response<Body> {
    if let Refusal::Handshake(error) = refusal {
        return upgrade::response(&error.response());
    }
    let (body, content_type) = match refusal {
        Refusal::EngineIo(error) | Refusal::EngineIoBody(error) => {
            (Body::from(error.rule().body()), "application/json")
        }
        Refusal::EngineIoClient(message) => {
            let (code, message) = (Rule::Forbidden.code(), serde_json::Value::from(&**message));
            let body = format!(r#"{{"code":{code},"message":{message}}}"#);
            (Body::from(body), "application/json")
        }
        _ => (Body::from(format!("{refusal}\n")), "text/plain; charset=utf-8"),
    };
    let mut response = Response::new(body);
    *response.status_mut() = refusal.status();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// RFC 9110 §9.3.7, and the answer to a CORS preflight (WHATWG Fetch #cors-preflight-fetch). A page that may
/// ask at all may add what it likes: it has no credentials, or its origin is trusted.
fn options(route: &Route, request: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, route.allow());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, route.allow());
    let asked = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let usual = || HeaderValue::from_static("content-type, last-event-id");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or_else(usual));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// RFC 9110 §12.5.1: the most specific range that matches decides; weight zero excludes.
fn accepts_event_stream(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = fields.flat_map(|field| field.split(',')).filter(|range| !range.trim().is_empty());
    let mut any = true;
    let mut best: Option<(u8, bool)> = None;
    for range in ranges {
        any = false;
        let mut parts = range.split(';').map(str::trim);
        let specific = match parts.next().map(str::to_ascii_lowercase).as_deref() {
            Some("text/event-stream") => 2,
            Some("text/*") => 1,
            Some("*/*") => 0,
            _ => continue,
        };
        let excluded = parts.any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("q")
                    && value.trim().bytes().all(|b| b == b'0' || b == b'.')
            })
        });
        if best.is_none_or(|(known, _)| specific >= known) {
            best = Some((specific, !excluded));
        }
    }
    any || best.is_some_and(|(_, accepted)| accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_12_5_1_accept() {
        for (accept, expected) in [
            (None, true),
            (Some("*/*"), true),
            (Some("text/event-stream"), true),
            (Some("Text/Event-Stream;q=0.1"), true),
            (Some("text/*, application/json"), true),
            (Some("application/json"), false),
            (Some("application/json, text/event-stream"), true),
            (Some("text/event-stream;q=0, */*"), false),
            (Some("*/*;q=0.0"), false),
            (Some(" , "), true),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            assert_eq!(accepts_event_stream(&headers), expected, "{accept:?}");
        }
    }
}
