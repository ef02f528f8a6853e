//! What a request to the path of Engine.IO is answered with ("Handshake", "HTTP long-polling",
//! "Upgrade").

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use http::{HeaderMap, HeaderValue, Response, header};
use rtwire_engineio as engine_io;
use rtwire_engineio::{Frame, Limits, Query, Rule, Session, Transport, jsonp};
use rtwire_websocket::permessage_deflate::Config as CompressionConfig;

use crate::body::Body;
use crate::content_coding::ContentCoding;
use crate::context::{ConnectionContext, UpgradeSlot};
use crate::engine_io::registry::Registry;
use crate::engine_io::session::OpenWebSocket;
use crate::engine_io::task::Task;
use crate::engine_io::{Application, Hooks, SharedSession, random_id};
use crate::error::Refusal;
use crate::post;
use crate::request::Request;
use crate::upgrade;
use crate::websocket_options::WebSocketOptions;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What an owner sets.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) path: String,
    pub(crate) limits: Limits,
    pub(crate) max_sessions: usize,
    /// What sessions may be on.
    pub(crate) transports: Vec<Transport>,
    /// Whether they may move from one to the other.
    pub(crate) allow_upgrades: bool,
    /// Version 3 and JSONP.
    pub(crate) allow_eio3: bool,
    pub(crate) hooks: Hooks,
    /// Of messages on WebSockets.
    pub(crate) compression: Option<CompressionConfig>,
    /// Of payloads from so many bytes on, over polling.
    pub(crate) http_compression: Option<usize>,
}

impl Settings {
    pub(crate) fn on(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            limits: Limits::default(),
            max_sessions: 100_000,
            transports: vec![Transport::Polling, Transport::WebSocket],
            allow_upgrades: true,
            allow_eio3: false,
            hooks: Hooks::default(),
            compression: None,
            http_compression: None,
        }
    }

    fn has(&self, transport: Transport) -> bool {
        self.transports.contains(&transport)
    }
}

/// One path's sessions.
pub(crate) struct Endpoint {
    settings: Settings,
    /// Those of the settings, as sessions share them.
    limits: Arc<Limits>,
    websocket_options: WebSocketOptions,
    websocket_limits: Arc<rtwire_websocket::Limits>,
    registry: Arc<Registry>,
    open: Box<Open>,
}

/// Makes the application of a new session.
type Open = dyn Fn(&Arc<SharedSession>) -> Box<dyn Application> + Send + Sync;

impl Endpoint {
    pub(crate) fn new(
        settings: Settings,
        registry: Arc<Registry>,
        open: impl Fn(&Arc<SharedSession>) -> Box<dyn Application> + Send + Sync + 'static,
    ) -> Self {
        let max_payload = settings.limits.max_payload as u64;
        let websocket_limits = rtwire_websocket::Limits::default()
            .max_frame(max_payload)
            .max_message(max_payload)
            // Engine.IO has a heartbeat of its own, whose pings go before what is queued there; so
            // little is queued here.
            .ping_interval(None)
            .max_output(64 << 10);
        Self {
            limits: Arc::new(settings.limits),
            websocket_options: WebSocketOptions {
                compression: settings.compression,
                // They mean nothing here, but browsers end a connection for which none is chosen.
                any_protocol: true,
                ..WebSocketOptions::default()
            },
            websocket_limits: Arc::new(websocket_limits),
            registry,
            open: Box::new(open),
            settings,
        }
    }

    /// Answers a request whose origin was checked, as far as it states one: `is_script_allowed` tells of
    /// those that are made by loading a script.
    pub(crate) async fn respond<B>(
        &self,
        request: http::Request<B>,
        is_script_allowed: impl FnOnce(&HeaderMap) -> bool,
        context: ConnectionContext,
        slot: Option<UpgradeSlot>,
    ) -> Result<Response<Body>, Refusal>
    where
        B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
    {
        let query = request.uri().query().unwrap_or_default();
        let query =
            if self.settings.allow_eio3 { Query::parse_v3(query)? } else { Query::parse(query)? };
        if !self.settings.has(query.transport) {
            return Err(Rule::UnknownTransport.into());
        }
        if query.jsonp.is_some() && !is_script_allowed(request.headers()) {
            return Err(Rule::Forbidden.into());
        }
        let session = match &query.sid {
            Some(sid) => Some(self.registry.get(sid).ok_or(Rule::UnknownSession)?),
            None => None,
        };
        if session.as_ref().is_some_and(|session| session.read(Session::version) != query.version) {
            return Err(Rule::VersionMismatch.into());
        }
        let upgrade = upgrade::is_asked_for(request.headers());
        match (query.request(request.method().as_str().into(), upgrade)?, session) {
            (engine_io::Request::Handshake(Transport::WebSocket), _) => {
                self.open_on_websocket(request, &query, context, slot).await
            }
            (engine_io::Request::Upgrade, Some(session)) => {
                self.upgrade(request, session, context, slot)
            }
            (engine_io::Request::Poll, Some(session)) => {
                let head = head(request, &context);
                let headers = self.settings.hooks.headers(&head);
                let coding = self.coding(&head);
                drop(head); // hyper's buffer is part of it, and a GET waits long.
                self.poll(&session, query.jsonp, coding, headers).await
            }
            (engine_io::Request::Post, Some(session)) => self
                .post(request, &session, &query, &context)
                .await
                .map_err(|refusal| match refusal {
                    Refusal::EngineIo(error) => Refusal::EngineIoBody(error),
                    refusal => refusal,
                }),
            (engine_io::Request::Handshake(Transport::Polling), _) => {
                let head = head(request, &context);
                self.settings.hooks.allow(&head).await?;
                let (session, task) = self.open(&head, &query, &context)?;
                let headers = self.settings.hooks.handshake_headers(&head, &session.sid());
                task.start(None);
                let coding = self.coding(&head);
                drop(head); // hyper's buffer is part of it, and a GET waits long.
                self.poll(&session, query.jsonp, coding, headers).await
            }
            // A request without a sid is a handshake.
            (_, None) => Err(Rule::UnknownSession.into()),
        }
    }

    fn open(
        &self,
        head: &Request,
        query: &Query,
        context: &ConnectionContext,
    ) -> Result<(Arc<SharedSession>, Task), Refusal> {
        let sid = random_id().map_err(|error| {
            tracing::error!(%error, "no random source");
            Refusal::Unavailable
        })?;
        let mut session = match query.version {
            3 => Session::new_v3(sid, query.transport, *self.limits),
            _ => Session::new(sid, query.transport, *self.limits),
        };
        session.set_base64(query.base64);
        session
            .set_upgrade(self.settings.allow_upgrades && self.settings.has(Transport::WebSocket));
        // That it is open is known to the application from the first.
        session.next_event();
        let session = SharedSession::new(session, Arc::clone(&self.limits), head.detached());
        let registration = self
            .registry
            .register(&session, self.settings.max_sessions)
            .ok_or(Refusal::TooManySessions)?;
        let application = (self.open)(&session);
        let server = Arc::clone(&context.shared);
        let task = Task::new(Arc::clone(&session), application, server, registration);
        Ok((session, task))
    }

    async fn open_on_websocket<B>(
        &self,
        mut request: http::Request<B>,
        query: &Query,
        context: ConnectionContext,
        slot: Option<UpgradeSlot>,
    ) -> Result<Response<Body>, Refusal> {
        let (answer, _) =
            upgrade::accept(&request, &self.websocket_options).map_err(Refusal::Handshake)?;
        let on_upgrade = hyper::upgrade::on(&mut request);
        let head = head(request, &context);
        self.settings.hooks.allow(&head).await?;
        let (session, task) = self.open(&head, query, &context)?;
        let headers = self.settings.hooks.handshake_headers(&head, &session.sid());
        let connection = upgrade::connection(&answer, Arc::clone(&self.websocket_limits));
        upgrade::begin(on_upgrade, connection, context, slot, move |socket, context| {
            task.start(Some(OpenWebSocket { socket, permit: context.permit }));
            None
        });
        Ok(with(upgrade::response(&answer), headers))
    }

    fn upgrade<B>(
        &self,
        mut request: http::Request<B>,
        session: Arc<SharedSession>,
        context: ConnectionContext,
        slot: Option<UpgradeSlot>,
    ) -> Result<Response<Body>, Refusal> {
        let (answer, _) =
            upgrade::accept(&request, &self.websocket_options).map_err(Refusal::Handshake)?;
        session.update(Session::start_upgrade)?;
        let arriving = Unless::new(session, Session::websocket_failed);
        let on_upgrade = hyper::upgrade::on(&mut request);
        let headers = self.settings.hooks.headers(&head(request, &context));
        let connection = upgrade::connection(&answer, Arc::clone(&self.websocket_limits));
        upgrade::begin(on_upgrade, connection, context, slot, move |socket, context| {
            arriving.done().arrive(OpenWebSocket { socket, permit: context.permit });
            None
        });
        Ok(with(upgrade::response(&answer), headers))
    }

    async fn post<B>(
        &self,
        request: http::Request<B>,
        session: &Arc<SharedSession>,
        query: &Query,
        context: &ConnectionContext,
    ) -> Result<Response<Body>, Refusal>
    where
        B: http_body::Body<Error: Into<BoxError>>,
    {
        session.update(Session::start_post)?;
        let posting = Unless::new(Arc::clone(session), Session::abort_post);
        let (parts, body) = request.into_parts();
        let binary = is_octet_stream(&parts.headers);
        if binary && query.version != 3 {
            return Err(Rule::InvalidUtf8.into());
        }
        // Before the messages of the POST are there, so that who handles them may know what it saw.
        let headers = self.settings.hooks.headers(&Request::of(parts, context.peer));
        let deadline = context.shared.limits.body_deadline;
        let body = match post::read_body(body, self.limits.max_payload, deadline).await {
            Ok(body) => body,
            Err(Refusal::BodyTooLarge) => {
                return Err(Refusal::EngineIoBody(posting.done().update(Session::refuse_post)));
            }
            Err(refusal) => return Err(refusal),
        };
        // Of a handler that falls behind, the peer's next messages wait here, in one body.
        poll_fn(|cx| session.poll_can_receive(cx)).await;
        let body = match query.jsonp {
            Some(_) => jsonp::decode_form(body)?,
            None => body,
        };
        posting.done().update(|session| match binary {
            true => session.finish_binary_post(body),
            false => session.finish_post(body),
        })?;
        let mut response = Response::new(Body::from("ok"));
        set_headers(response.headers_mut(), "text/html");
        Ok(with(response, headers))
    }

    /// How the answer to a GET is to be coded, once it is long enough.
    fn coding(&self, head: &Request) -> Option<ContentCoding> {
        self.settings.http_compression.and_then(|_| ContentCoding::accepted(&head.headers))
    }

    async fn poll(
        &self,
        session: &Arc<SharedSession>,
        jsonp: Option<jsonp::Index>,
        coding: Option<ContentCoding>,
        headers: HeaderMap,
    ) -> Result<Response<Body>, Refusal> {
        session.update(|session| {
            if jsonp.is_some() {
                session.set_base64(true); // A script is text.
            }
            session.poll()
        })?;
        let polling = Unless::new(Arc::clone(session), Session::abort_poll);
        let (payload, may_compress) = poll_fn(|cx| session.poll_payload(cx)).await;
        polling.done();
        let (body, content_type) = match (payload, jsonp) {
            (Frame::Text(payload), Some(index)) => {
                (index.encode(&payload).into(), "text/javascript; charset=UTF-8")
            }
            (Frame::Text(payload), None) => {
                (ByteString::into_bytes(payload), "text/plain; charset=UTF-8")
            }
            (Frame::Binary(payload), _) => (payload, "application/octet-stream"),
            (Frame::Close, _) => (Bytes::new(), "text/plain; charset=UTF-8"),
        };
        let coded = coding
            .filter(|_| {
                may_compress
                    && self
                        .settings
                        .http_compression
                        .is_some_and(|threshold| body.len() >= threshold)
            })
            .and_then(|coding| Some((coding, coding.encode(&body)?)));
        let mut response = match coded {
            Some((coding, coded)) => {
                let mut response = Response::new(Body::from(coded));
                response.headers_mut().insert(header::CONTENT_ENCODING, coding.name());
                response
            }
            None => Response::new(Body::from(body)),
        };
        set_headers(response.headers_mut(), content_type);
        if self.settings.http_compression.is_some() {
            let vary = HeaderValue::from_static("Accept-Encoding");
            response.headers_mut().append(header::VARY, vary);
        }
        Ok(with(response, headers))
    }
}

fn head<B>(request: http::Request<B>, context: &ConnectionContext) -> Request {
    Request::of(request.into_parts().0, context.peer)
}

/// The response with its owner's fields: in place of those of ours that have the same name.
fn with(mut response: Response<Body>, headers: HeaderMap) -> Response<Body> {
    response.headers_mut().extend(headers);
    response
}

fn set_headers(headers: &mut HeaderMap, content_type: &'static str) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn is_octet_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.and_then(|value| value.split(';').next()).is_some_and(|media_type| {
        media_type.trim().eq_ignore_ascii_case("application/octet-stream")
    })
}

/// Tells the session if a request is dropped before it is done: its client has gone.
struct Unless {
    session: Arc<SharedSession>,
    tell: fn(&mut Session),
    done: bool,
}

impl Unless {
    fn new(session: Arc<SharedSession>, tell: fn(&mut Session)) -> Self {
        Self { session, tell, done: false }
    }

    fn done(mut self) -> Arc<SharedSession> {
        self.done = true;
        Arc::clone(&self.session)
    }
}

impl Drop for Unless {
    fn drop(&mut self) {
        if !self.done {
            self.session.update(self.tell);
        }
    }
}
