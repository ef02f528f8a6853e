use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rtwire_engineio::{Limits, Session};

use crate::engine_io::{Application, Endpoint, EngineIoSocket, Settings, SharedSession};
use crate::outcome::{IntoOutcome, Served};

/// Engine.IO sessions on one path, each served by an async function of an [`EngineIoSocket`].
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

    /// Whether clients of Engine.IO 3 may come, which were made before 2021, and JSONP, by which pages
    /// without CORS load scripts: no. Such pages have to be allowed by the
    /// [origin policy](crate::OriginPolicy), as all others; their browser must tell by `Referer` which they are,
    /// for a script is asked for without `Origin`.
    #[must_use]
    pub fn allow_eio3(mut self, allow: bool) -> Self {
        self.settings.allow_eio3 = allow;
        self
    }

    /// The path, and what answers there.
    pub(crate) fn into_endpoint(self) -> (String, Endpoint) {
        let handler = self.handler;
        let endpoint = Endpoint::new(&self.settings, Arc::default(), move |session| {
            let served = handler(EngineIoSocket::new(Arc::clone(session)));
            Box::new(Handled { session: Arc::clone(session), served: Some(served) })
        });
        (self.settings.path, endpoint)
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
