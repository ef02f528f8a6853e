use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use rtwire_engineio::{Limits, Session, Transport};
use rtwire_websocket::permessage_deflate::Config as CompressionConfig;

use crate::engine_io::{
    Application, Endpoint, EngineIoCookie, EngineIoSocket, Settings, SharedSession,
};
use crate::outcome::{IntoOutcome, Served};
use crate::request::Request;

/// Engine.IO sessions on one path, each served by an async function of an [`EngineIoSocket`].
///
/// Of the subprotocols that a client offers with a WebSocket the first is chosen, as by Node's server: they
/// mean nothing here, but who offers some wants one.
///
/// ```
/// use std::time::Duration;
/// use rtwire_server::{Endpoints, EngineIo, EngineIoLimits, EngineIoSocket};
///
/// let limits = EngineIoLimits::default().ping_interval(Duration::from_secs(10));
/// let ticker = EngineIo::new(async |socket: EngineIoSocket| socket.try_send("hello"))
///     .path("/ticker/")
///     .limits(limits);
/// let app = Endpoints::new().engine_io(ticker);
/// ```
pub struct EngineIo {
    settings: Settings,
    handler: Box<Handler>,
}

type Handler = dyn Fn(EngineIoSocket) -> Served + Send + Sync;

/// An async function of an [`EngineIoSocket`] that returns nothing or a `Result`. The session is
/// closed when it returns.
pub trait EngineIoHandler: Send + Sync + 'static {
    #[doc(hidden)]
    fn erase(self) -> ErasedEngineIoHandler;
}

/// A handler as the endpoints keep it.
#[doc(hidden)]
pub struct ErasedEngineIoHandler(Box<Handler>);

impl<H, F> EngineIoHandler for H
where
    H: Fn(EngineIoSocket) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    fn erase(self) -> ErasedEngineIoHandler {
        ErasedEngineIoHandler(Box::new(move |socket| Box::pin(self(socket))))
    }
}

impl EngineIo {
    /// On the path `/engine.io/`, with the default limits.
    #[must_use]
    pub fn new(handler: impl EngineIoHandler) -> Self {
        let settings = Settings::on("/engine.io/");
        Self { settings, handler: handler.erase().0 }
    }

    /// Sets the path: `/engine.io/`. It is answered with and without a slash at its end.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.settings.path);
        self
    }

    /// Sets what one session may cost, and its heartbeat.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Sets how many sessions may be open: 100 000. A session over polling needs no open connection,
    /// so that a limit of connections does not bound it. Over it, a handshake gets 503.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.settings.max_sessions = sessions;
        self
    }

    /// Sets on which transports sessions may be: polling and WebSocket. A request over another one gets 400 and
    /// number 0, "Transport unknown", as by Node's server.
    ///
    /// A session on a WebSocket is on one connection, so that a load balancer need not keep its client at one
    /// server.
    ///
    /// ```
    /// use rtwire_server::{EngineIo, EngineIoSocket, EngineIoTransport};
    ///
    /// let app = EngineIo::new(async |socket: EngineIoSocket| socket.try_send("hello"))
    ///     .transports([EngineIoTransport::WebSocket]);
    /// ```
    #[must_use]
    pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.settings.transports = transports.into_iter().collect();
        self
    }

    /// Whether a session may move from polling to a WebSocket, where there are both: yes. If not, its client is told
    /// of no upgrade, and one that tries gets 400 and number 3, "Bad request"; Node's server lets it through.
    #[must_use]
    pub fn allow_upgrades(mut self, allow: bool) -> Self {
        self.settings.allow_upgrades = allow;
        self
    }

    /// Whether clients of Engine.IO 3 may come, which were made before 2021, and JSONP, by which pages
    /// without CORS load scripts: no. Such pages have to be allowed by the
    /// [origin policy](crate::OriginPolicy), as all others; their browser must tell by `Referer` which they are,
    /// for a script is asked for without `Origin`.
    #[must_use]
    pub fn allow_eio3(mut self, allow: bool) -> Self {
        self.settings.allow_eio3 = allow;
        self
    }

    /// Asks `hook`, an async function of the handshake's [`Request`], before a session opens. What it returns
    /// as an error the client is told, with status 403 and number 4: `{"code":4,"message":"…"}`. The
    /// [origin](crate::OriginPolicy) has been checked before. Node's server calls it `allowRequest`.
    ///
    /// ```
    /// use http::header;
    /// use rtwire_server::{EngineIo, EngineIoSocket, Request};
    ///
    /// let members = EngineIo::new(async |socket: EngineIoSocket| socket.try_send("welcome"))
    ///     .allow_request(async |request: Request| match request.header(header::AUTHORIZATION) {
    ///         Some(token) if token == "Bearer of good news" => Ok(()),
    ///         Some(_) => Err("unknown token"),
    ///         None => Err("token required"),
    ///     });
    /// ```
    #[must_use]
    pub fn allow_request<H, F, M>(mut self, hook: H) -> Self
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), M>> + Send + 'static,
        M: Into<Cow<'static, str>>,
    {
        self.settings.hooks.set_allow_request(hook);
        self
    }

    /// Has `hook` add header fields to the answer to a handshake, over polling or with the 101, before
    /// [`headers`](Self::headers) does. A refusal has none of them. Node's server calls it
    /// `initial_headers`.
    ///
    /// ```
    /// use http::{HeaderValue, header};
    /// use rtwire_server::{EngineIo, EngineIoSocket};
    ///
    /// let app = EngineIo::new(async |socket: EngineIoSocket| socket.try_send("hello"))
    ///     .initial_headers(|_request, headers| {
    ///         headers.append(header::SET_COOKIE, HeaderValue::from_static("seen=1; Path=/"));
    ///     });
    /// ```
    #[must_use]
    pub fn initial_headers(
        mut self,
        hook: impl Fn(&Request, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.settings.hooks.set_initial_headers(hook);
        self
    }

    /// Has `hook` add header fields to each answer: to a handshake, a GET, a POST, and to a WebSocket's with
    /// its 101. They take the place of ours with the same name. The hook is called when the request has
    /// come, for a POST before its messages are there: what it sees of the request,
    /// the handler may look up by the [`sid`](EngineIoSocket::sid). Node's server calls it `headers`.
    ///
    /// ```
    /// use http::HeaderValue;
    /// use rtwire_server::{EngineIo, EngineIoSocket};
    ///
    /// let app = EngineIo::new(async |socket: EngineIoSocket| socket.try_send("hello"))
    ///     .headers(|_request, headers| {
    ///         headers.insert("served-by", HeaderValue::from_static("node 7"));
    ///     });
    /// ```
    #[must_use]
    pub fn headers(
        mut self,
        hook: impl Fn(&Request, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.settings.hooks.set_headers(hook);
        self
    }

    /// Sets a cookie with the sid when a session opens: none.
    #[must_use]
    pub fn cookie(mut self, cookie: EngineIoCookie) -> Self {
        self.settings.hooks.set_cookie(cookie);
        self
    }

    /// Agrees to compress messages on WebSockets, as
    /// [`WebSocketOptions::compression`](crate::WebSocketOptions::compression), where it is said what that costs:
    /// no. What a message inflates to counts for [`max_payload`](Limits::max_payload).
    ///
    /// ```
    /// use rtwire_server::{CompressionConfig, EngineIo, EngineIoSocket};
    ///
    /// let app = EngineIo::new(async |socket: EngineIoSocket| socket.try_send("hello"))
    ///     .compression(CompressionConfig::default().threshold(1024))
    ///     .http_compression(1024);
    /// ```
    #[must_use]
    pub fn compression(mut self, config: CompressionConfig) -> Self {
        self.settings.compression = Some(config);
        self
    }

    /// Compresses answers to GETs from `threshold` bytes on, by gzip or deflate, if the client accepts that
    /// (RFC 9110 §12.5.3) and they get shorter: no. 1024 is Node's threshold. Compression of what an attacker
    /// can choose together with a secret tells the secret's length and more (BREACH).
    #[must_use]
    pub fn http_compression(mut self, threshold: usize) -> Self {
        self.settings.http_compression = Some(threshold);
        self
    }

    /// The path, and what answers there.
    pub(crate) fn into_endpoint(self) -> (String, Endpoint) {
        let (handler, path) = (self.handler, self.settings.path.clone());
        let endpoint = Endpoint::new(self.settings, Arc::default(), move |session| {
            let served = handler(EngineIoSocket::new(Arc::clone(session)));
            Box::new(Handled { session: Arc::clone(session), served: Some(served) })
        });
        (path, endpoint)
    }
}

impl fmt::Debug for EngineIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineIo").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A session in the hands of a handler.
struct Handled {
    session: Arc<SharedSession>,
    served: Option<Served>,
}

impl Application for Handled {
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Some(served) = &mut self.served
            && let Poll::Ready(outcome) = served.as_mut().poll_outcome(cx)
        {
            self.served = None;
            if let Err(error) = outcome {
                let peer = self.session.request().peer_addr();
                tracing::debug!(?peer, %error, "the handler of an Engine.IO session failed");
            }
            self.session.update(Session::close);
        }
        // Nobody is interested any more, and what comes must not be waited for.
        if self.served.is_none() {
            while self.session.next_event().is_some() {}
        }
    }

    fn holds_back(&self) -> bool {
        // Who waits for room is woken.
        false
    }

    fn is_done(&self) -> bool {
        self.served.is_none()
    }

    fn next_timeout(&self) -> Option<Duration> {
        None
    }

    fn handle_timeout(&mut self, _: Duration) {}

    fn shut_down(&mut self) {
        self.session.update(Session::close);
    }
}
