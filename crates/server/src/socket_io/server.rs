use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use rtwire_engineio::Transport;
use rtwire_socketio::{Json, Limits, Namespace, Parser};
use rtwire_websocket::permessage_deflate::Config as CompressionConfig;
use serde::Serialize;

use crate::content::Content;
use crate::engine_io::{Endpoint, EngineIoCookie, Registry, Settings};
use crate::request::Request;
use crate::socket_io::adapter::{Adapter, AdapterError, InMemoryAdapter, Members};
use crate::socket_io::broadcast::Broadcast;
use crate::socket_io::dynamic::{Accepts, Dynamic};
use crate::socket_io::error::EmitError;
use crate::socket_io::handlers::NamespaceHandlers;
use crate::socket_io::namespaces::Io;
use crate::socket_io::task::ClientTask;

/// A Socket.IO server: its namespaces, what answers in them, and who is there. Clones share all of
/// it: one goes to [`Endpoints::socket_io`](crate::Endpoints::socket_io), others may broadcast from
/// anywhere.
///
/// ```
/// use rtwire_server::{DisconnectReason, Endpoints, Socket, SocketIo};
///
/// let io = SocketIo::new();
/// io.of("/", |ns| {
///     ns.on("message", async |socket: Socket, text: String| {
///         socket.emit("message", &format!("You said: {text}"))
///     })
///     .on_disconnect(async |socket: Socket, reason: DisconnectReason| {
///         println!("{} has gone: {reason}", socket.id());
///     })
/// });
/// let app = Endpoints::new().socket_io(io.clone());
/// io.emit("news", &("hello", 1))?; // to everybody in `/`
/// # Ok::<(), rtwire_server::EmitError>(())
/// ```
#[derive(Clone)]
pub struct SocketIo {
    io: Arc<Io>,
    registry: Arc<Registry>,
    engine: Settings,
    rules: Rules,
    /// By their names.
    client_bundles: Vec<(String, Content)>,
}

/// What an owner sets.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) parser: Parser,
    pub(crate) limits: Arc<Limits>,
    pub(crate) max_handlers: usize,
    pub(crate) max_rooms: usize,
    pub(crate) max_room: usize,
    pub(crate) ack_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) max_dynamic_namespaces: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            parser: Parser::Text,
            limits: Arc::default(),
            max_handlers: 256,
            max_rooms: 1024,
            max_room: 1024,
            ack_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(5),
            max_dynamic_namespaces: 10_000,
        }
    }
}

impl Default for SocketIo {
    fn default() -> Self {
        Self::new()
    }
}

impl SocketIo {
    /// On the path `/socket.io/`, without a namespace yet.
    #[must_use]
    pub fn new() -> Self {
        Self::with_adapter(InMemoryAdapter::new())
    }

    /// As [`new`](Self::new), with `adapter` between this node and others, or with
    /// [recovery](InMemoryAdapter::with_recovery).
    #[must_use]
    pub fn with_adapter(adapter: impl Adapter) -> Self {
        Self {
            io: Arc::new(Io::new(adapter)),
            registry: Arc::default(),
            engine: Settings::on("/socket.io/"),
            rules: Rules::default(),
            client_bundles: Vec::new(),
        }
    }

    /// Opens the namespace `name`, and sets what answers in it. As in Node, a `/` in front may be
    /// left out. Doing so again replaces the handlers, for who is there as well.
    ///
    /// A comma ends a namespace on the wire: what follows one in `name` is left away.
    pub fn of(&self, name: &str, set: impl FnOnce(NamespaceHandlers) -> NamespaceHandlers) {
        let Some(name) = namespace(name) else { return };
        // First, for clients may come as soon as the namespace is there.
        let handlers = set(NamespaceHandlers::default());
        self.io.set(name, handlers);
    }

    /// Has namespaces opened when a client asks for one that is not there, if `accepts`, an async
    /// function of the name and the client's `auth` (an object, `{}` if there is none), says so. Those
    /// that were added before are asked first. All have the handlers that `set` sets. A name has at most
    /// [`max_namespace`](Limits::max_namespace) bytes.
    ///
    /// A namespace that was opened so closes when the last socket has left it
    /// ([`cleanup_empty_namespaces`](Self::cleanup_empty_namespaces)).
    ///
    /// ```
    /// use rtwire_server::{Json, Socket, SocketIo};
    ///
    /// let io = SocketIo::new();
    /// io.of_dynamic(
    ///     async |name: String, _auth: Json| name.strip_prefix("/room-").is_some_and(|n| n.len() == 3),
    ///     |ns| ns.on("hello", async |socket: Socket| socket.emit("hello from", socket.namespace())),
    /// );
    /// ```
    pub fn of_dynamic<A, F>(
        &self,
        accepts: A,
        set: impl FnOnce(NamespaceHandlers) -> NamespaceHandlers,
    ) where
        A: Fn(String, Json) -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        let handlers = Arc::new(set(NamespaceHandlers::default()));
        let accepts: Accepts = Box::new(move |name, auth| Box::pin(accepts(name, auth)));
        self.io.add_dynamic(Dynamic { accepts, handlers });
    }

    /// Whether a namespace that [`of_dynamic`](Self::of_dynamic) has opened closes when the last
    /// socket has left it: yes, unlike Node's `cleanupEmptyChildNamespaces`. What is kept for
    /// [recovery](InMemoryAdapter::with_recovery) goes with it.
    #[must_use]
    pub fn cleanup_empty_namespaces(self, cleanup: bool) -> Self {
        self.io.keep_empty.store(!cleanup, Ordering::Relaxed);
        self
    }

    /// Sets how many namespaces [`of_dynamic`](Self::of_dynamic) may have open at a time: 10 000. Over
    /// it a client is told that there is no such namespace.
    #[must_use]
    pub fn max_dynamic_namespaces(mut self, namespaces: usize) -> Self {
        self.rules.max_dynamic_namespaces = namespaces;
        self
    }

    /// Everybody in the namespace `name`; nobody if there is none of that name.
    pub fn namespace(&self, name: &str) -> Broadcast {
        Broadcast::new(namespace(name).and_then(|name| self.io.space(&name)), &self.rules)
    }

    /// Everybody in this room of `/`.
    pub fn to(&self, room: &str) -> Broadcast {
        self.namespace("/").to(room)
    }

    /// Everybody in `/` but who is in this room.
    pub fn except(&self, room: &str) -> Broadcast {
        self.namespace("/").except(room)
    }

    /// Everybody in `/` on this node.
    pub fn local(&self) -> Broadcast {
        self.namespace("/").local()
    }

    /// Sends an event to everybody in `/`, as [`Broadcast::emit`].
    ///
    /// # Errors
    /// [`EmitError::Payload`].
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<usize, EmitError> {
        self.namespace("/").emit(event, args)
    }

    /// How many Engine.IO sessions are open.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.registry.len()
    }

    /// Sets the path: `/socket.io/`. It is answered with and without a slash at its end.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.engine.path);
        self
    }

    /// Sets how packets travel: as text, with attachments behind it. Clients must have the same. For handlers there
    /// is no difference, so one server may have clients of both, on two paths.
    ///
    /// ```
    /// use rtwire_server::{Endpoints, SocketIo, SocketIoParser};
    ///
    /// let io = SocketIo::new();
    /// let msgpack = io.clone().path("/msgpack/").parser(SocketIoParser::Msgpack);
    /// let app = Endpoints::new().socket_io(io).socket_io(msgpack);
    /// ```
    #[must_use]
    pub fn parser(mut self, parser: Parser) -> Self {
        self.rules.parser = parser;
        self
    }

    /// Sets what one connection may cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.rules.limits = Arc::new(limits);
        self
    }

    /// Sets what the session under a connection may cost, and its heartbeat.
    #[must_use]
    pub fn engine_limits(mut self, limits: rtwire_engineio::Limits) -> Self {
        self.engine.limits = limits;
        self
    }

    /// Sets how many sessions may be open: 100 000. A session over polling needs no open connection,
    /// so that a limit of connections does not bound it. Over it, a handshake gets 503.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.engine.max_sessions = sessions;
        self
    }

    /// Sets on which transports sessions may be, as [`EngineIo::transports`](crate::EngineIo::transports):
    /// polling and WebSocket.
    ///
    /// ```
    /// use rtwire_server::{EngineIoTransport, SocketIo};
    ///
    /// let io = SocketIo::new().transports([EngineIoTransport::WebSocket]);
    /// ```
    #[must_use]
    pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.engine.transports = transports.into_iter().collect();
        self
    }

    /// Whether a session may move from polling to a WebSocket, as
    /// [`EngineIo::allow_upgrades`](crate::EngineIo::allow_upgrades): yes.
    #[must_use]
    pub fn allow_upgrades(mut self, allow: bool) -> Self {
        self.engine.allow_upgrades = allow;
        self
    }

    /// Whether clients of before 2021 may come, which speak Engine.IO 3, and JSONP, as
    /// [`EngineIo::allow_eio3`](crate::EngineIo::allow_eio3): no. They join `/` by connecting, if its middlewares
    /// let them, and what they have in the query of another namespace is their
    /// [`auth`](crate::Socket::auth) there.
    ///
    /// They know nothing of [recovery](InMemoryAdapter::with_recovery). Where others are recovered, an event's offset
    /// is one more argument to them, as at Node's server.
    ///
    /// Nobody tells them their ids: they make them of the session's sid, and so does the server. Who knows one can
    /// speak for its client, so other clients are not to be told it.
    #[must_use]
    pub fn allow_eio3(mut self, allow: bool) -> Self {
        self.engine.allow_eio3 = allow;
        self
    }

    /// Asks `hook` before a session opens, as [`EngineIo::allow_request`](crate::EngineIo::allow_request).
    /// Whether a client may enter a namespace is a matter of that namespace's middlewares
    /// ([`NamespaceHandlers::middleware`]).
    #[must_use]
    pub fn allow_request<H, F, M>(mut self, hook: H) -> Self
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), M>> + Send + 'static,
        M: Into<Cow<'static, str>>,
    {
        self.engine.hooks.set_allow_request(hook);
        self
    }

    /// Has `hook` add header fields to the answer to the handshake of a session, as
    /// [`EngineIo::initial_headers`](crate::EngineIo::initial_headers).
    #[must_use]
    pub fn initial_headers(
        mut self,
        hook: impl Fn(&Request, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.engine.hooks.set_initial_headers(hook);
        self
    }

    /// Has `hook` add header fields to each answer, as [`EngineIo::headers`](crate::EngineIo::headers).
    #[must_use]
    pub fn headers(
        mut self,
        hook: impl Fn(&Request, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.engine.hooks.set_headers(hook);
        self
    }

    /// Sets a cookie with the sid when a session opens, for a load balancer that keeps a client at one
    /// server by it: none.
    #[must_use]
    pub fn cookie(mut self, cookie: EngineIoCookie) -> Self {
        self.engine.hooks.set_cookie(cookie);
        self
    }

    /// Agrees to compress messages on WebSockets, as
    /// [`EngineIo::compression`](crate::EngineIo::compression): no.
    #[must_use]
    pub fn compression(mut self, config: CompressionConfig) -> Self {
        self.engine.compression = Some(config);
        self
    }

    /// Compresses answers to GETs from `threshold` bytes on, as
    /// [`EngineIo::http_compression`](crate::EngineIo::http_compression): no.
    #[must_use]
    pub fn http_compression(mut self, threshold: usize) -> Self {
        self.engine.http_compression = Some(threshold);
        self
    }

    /// Sets how many handlers of one connection may wait for something at a time: 256. At it, further
    /// events wait until one of them is done, acks go on; and when
    /// [`max_unread`](rtwire_engineio::Limits::max_unread) bytes wait, no more is read from the client.
    #[must_use]
    pub fn max_handlers(mut self, handlers: usize) -> Self {
        self.rules.max_handlers = handlers.max(1);
        self
    }

    /// Sets how many rooms a socket may be in beside its own: 1024. Over it, [`JoinError::TooManyRooms`](crate::JoinError).
    /// A client that would be recovered into more, those included that middlewares join, begins anew.
    #[must_use]
    pub fn max_rooms(mut self, rooms: usize) -> Self {
        self.rules.max_rooms = rooms;
        self
    }

    /// Sets how long the name of a room may be that a socket joins: 1024 bytes. Over it,
    /// [`JoinError::RoomTooLong`](crate::JoinError).
    #[must_use]
    pub fn max_room(mut self, bytes: usize) -> Self {
        self.rules.max_room = bytes;
        self
    }

    /// Sets how long an ack of the client is waited for: 30 s. It bounds what waits for a client
    /// that never answers; [`Socket::timeout`](crate::Socket::timeout) sets it for one event.
    #[must_use]
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.rules.ack_timeout = timeout;
        self
    }

    /// Sets how long the answers of other nodes are waited for: 5 s.
    /// [`Broadcast::timeout`](crate::Broadcast::timeout) sets it for one question.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.rules.request_timeout = timeout;
        self
    }

    /// How many nodes there are that have the namespace `name`, with this one; 0 if it is not open here.
    ///
    /// # Errors
    /// The [`Adapter`] cannot tell, or not within [`request_timeout`](Self::request_timeout).
    pub async fn node_count(&self, name: &str) -> Result<usize, AdapterError> {
        let Some(space) = namespace(name).and_then(|name| self.io.space(&name)) else {
            return Ok(0);
        };
        let members = Members::of(&space);
        let counted = space.adapter.node_count(&members);
        tokio::time::timeout(self.rules.request_timeout, counted)
            .await
            .unwrap_or_else(|_| Err(AdapterError::new("no answer in time")))
    }

    /// Has the [`Adapter`] take leave of the other nodes, within
    /// [`request_timeout`](Self::request_timeout). Clients of this one stay connected, until its server
    /// ends.
    pub async fn close_adapter(&self) {
        let closed = self.io.adapter.close();
        if tokio::time::timeout(self.rules.request_timeout, closed).await.is_err() {
            tracing::info!("the adapter of a Socket.IO server was not closed in time");
        }
    }

    /// Serves a file of a client's distribution beside the [path](Self::path), as Node's server does: as
    /// `socket.io.js`, a page finds it by `<script src="/socket.io/socket.io.js">`. We have none of our own to give; npm's
    /// `socket.io-client` has some in its folder `dist`. What a name ends with says what it is: `.map` is a
    /// source map, all else JavaScript.
    ///
    /// ```no_run
    /// use rtwire_server::SocketIo;
    ///
    /// let bundle = std::fs::read("node_modules/socket.io-client/dist/socket.io.min.js")?;
    /// let io = SocketIo::new().client_bundle("socket.io.js", bundle);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn client_bundle(mut self, name: &str, content: impl Into<Bytes>) -> Self {
        let content_type = match name.ends_with(".map") {
            true => "application/json",
            false => "text/javascript; charset=utf-8",
        };
        let content: Bytes = content.into();
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let mut bundle = Content::new(content_type, content)
            .header(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
        if let Ok(tag) = HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish())) {
            bundle = bundle.header(header::ETAG, tag);
        }
        self.client_bundles.push((name.to_owned(), bundle));
        self
    }

    /// With their paths.
    pub(crate) fn client_bundles(&self) -> impl Iterator<Item = (String, Content)> + use<> {
        let folder = format!("{}/", self.engine.path.trim_end_matches('/'));
        let bundles = self.client_bundles.clone();
        bundles.into_iter().map(move |(name, content)| (format!("{folder}{name}"), content))
    }

    /// The path, and what answers there.
    pub(crate) fn into_endpoint(self) -> (String, Endpoint) {
        let (io, rules, path) = (self.io, Arc::new(self.rules), self.engine.path.clone());
        let endpoint = Endpoint::new(self.engine, self.registry, move |session| {
            Box::new(ClientTask::new(session, &io, &rules))
        });
        (path, endpoint)
    }
}

fn namespace(name: &str) -> Option<Namespace> {
    let name = name.split(',').next().unwrap_or_default();
    if name.starts_with('/') {
        Namespace::try_from(name).ok()
    } else {
        Namespace::try_from(format!("/{name}").as_str()).ok()
    }
}

impl fmt::Debug for SocketIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketIo")
            .field("engine", &self.engine)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
