//! The handler of a WebSocket, and the task that drives it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};

use http::Response;
use rtwire_websocket::{CloseCode, handshake};

use crate::body::Body;
use crate::connections::Permit;
use crate::context::{self, ConnectionContext, Drain, DrainWatch, UpgradeSlot};
use crate::outcome::{IntoOutcome, Outcome, Served};
use crate::request::Request;
use crate::transport;
use crate::upgrade;
use crate::websocket::{Shared, WebSocket};
use crate::websocket_options::WebSocketOptions;

/// A route's handler, with its type erased.
pub(crate) enum Handler {
    Socket(Box<dyn Fn(WebSocket) -> Served + Send + Sync>),
    SocketAndRequest(Box<dyn Fn(WebSocket, Request) -> Served + Send + Sync>),
}

/// A handler, and what its path has of its own.
pub(crate) struct WebSocketRoute {
    pub(crate) handler: Handler,
    pub(crate) options: WebSocketOptions,
}

/// An async function that serves a WebSocket: of a [`WebSocket`], or of a `WebSocket` and its
/// [`Request`], returning nothing or a `Result<(), E>`. `Shape` only tells these apart.
pub trait WebSocketHandler<Shape>: Send + Sync + 'static {
    #[doc(hidden)]
    fn erase(self) -> ErasedHandler;
}

/// A handler as the endpoints keep it.
#[doc(hidden)]
pub struct ErasedHandler(pub(crate) Handler);

impl fmt::Debug for ErasedHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErasedHandler").finish_non_exhaustive()
    }
}

impl<H, F> WebSocketHandler<(WebSocket,)> for H
where
    H: Fn(WebSocket) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    fn erase(self) -> ErasedHandler {
        ErasedHandler(Handler::Socket(Box::new(move |socket| Box::pin(self(socket)))))
    }
}

impl<H, F> WebSocketHandler<(WebSocket, Request)> for H
where
    H: Fn(WebSocket, Request) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    fn erase(self) -> ErasedHandler {
        ErasedHandler(Handler::SocketAndRequest(Box::new(move |socket, request| {
            Box::pin(self(socket, request))
        })))
    }
}

/// Answers an opening handshake whose origin was checked, and has the handler serve what follows.
pub(crate) fn serve<B>(
    mut request: http::Request<B>,
    route: &Arc<WebSocketRoute>,
    context: ConnectionContext,
    slot: Option<UpgradeSlot>,
) -> Result<Response<Body>, handshake::Error> {
    let (answer, protocol) = upgrade::accept(&request, &route.options)?;
    let on_upgrade = hyper::upgrade::on(&mut request);
    let head = match route.handler {
        Handler::Socket(_) => None,
        Handler::SocketAndRequest(_) => Some(Request::of(request.into_parts().0, context.peer)),
    };
    let route = Arc::clone(route);
    let limits = route.options.limits.as_ref().unwrap_or(&context.shared.websocket_limits);
    let connection = upgrade::connection(&answer, Arc::clone(limits));
    upgrade::begin(on_upgrade, connection, context, slot, move |socket, context| {
        let shared = Shared::new(socket, context.peer, protocol);
        let socket = WebSocket::new(Arc::clone(&shared));
        let served = match (&route.handler, head) {
            (Handler::Socket(handler), _) => handler(socket),
            (Handler::SocketAndRequest(handler), Some(head)) => handler(socket, head),
            (Handler::SocketAndRequest(_), None) => return None,
        };
        Some(WebSocketTask {
            served: Some(served),
            shared,
            server: context.shared,
            drain: DrainWatch::default(),
            handler_wake: None,
            _permit: context.permit,
        })
    });
    Ok(upgrade::response(&answer))
}

/// Drives a connection to its end, which the drain deadline bounds. Every byte of it is held by
/// every idle connection.
pub(crate) struct WebSocketTask {
    /// Until it has returned.
    served: Option<Served>,
    shared: Arc<Shared>,
    server: Arc<context::Shared>,
    drain: DrainWatch,
    /// Once there are senders.
    handler_wake: Option<Arc<HandlerWake>>,
    _permit: Option<Arc<Permit>>,
}

/// Tells wake-ups of the handler from those of senders. Most members of a broadcast have nothing else to do than
/// to write: their handlers are not asked.
struct HandlerWake {
    task: Waker,
    /// The handler is to be polled.
    is_due: AtomicBool,
}

impl HandlerWake {
    fn new(task: &Waker) -> Arc<Self> {
        Arc::new(Self { task: task.clone(), is_due: AtomicBool::new(true) })
    }
}

impl Wake for HandlerWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_due.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl Future for WebSocketTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { served, shared, server, drain, handler_wake, .. } = &mut *self;
        match drain.poll(server, cx) {
            Drain::NotYet => {}
            Drain::Begun => shared.start_close(CloseCode::GOING_AWAY),
            Drain::Over => return Poll::Ready(()),
        }
        if let Some(handler) = served {
            let outcome = ready!(poll_handler(handler, shared, handler_wake, cx));
            *served = None;
            shared.start_close(match outcome {
                Ok(()) => CloseCode::NORMAL,
                Err(error) => {
                    tracing::debug!(peer = ?shared.peer(), %error, "a WebSocket's handler failed");
                    CloseCode::INTERNAL_ERROR
                }
            });
        }
        shared.lock().socket.poll_closed(cx).map(drop)
    }
}

/// Polls the handler, unless only senders have something, then writes what it and they queued.
fn poll_handler(
    handler: &mut Served,
    shared: &Shared,
    handler_wake: &mut Option<Arc<HandlerWake>>,
    cx: &mut Context<'_>,
) -> Poll<Outcome> {
    handler_wake.take_if(|wake| !wake.task.will_wake(cx.waker()));
    loop {
        let wake = handler_wake.as_ref();
        let waker = wake.map(|wake| Waker::from(Arc::clone(wake)));
        let handler_cx = &mut Context::from_waker(waker.as_ref().unwrap_or(cx.waker()));
        if wake.is_none_or(|wake| wake.is_due.swap(false, Ordering::AcqRel))
            && let Poll::Ready(outcome) = handler.as_mut().poll_outcome(handler_cx)
        {
            shared.lock().deliver(cx);
            return Poll::Ready(outcome);
        }
        let mut driven = shared.lock();
        if wake.is_none() && driven.has_senders() {
            // All that the handler waits for has to wake it, and no longer the task alone.
            *handler_wake = Some(HandlerWake::new(cx.waker()));
            continue;
        }
        driven.deliver(cx);
        // A transport that failed is news for the handler. All else comes with a wake-up; closing
        // ends in time also if the handler does not read.
        if !matches!(transport::poll_output(&mut driven.socket, cx), Poll::Ready(Err(_))) {
            let _ = driven.socket.poll_deadline(handler_cx);
            return Poll::Pending;
        }
        if let Some(wake) = wake {
            wake.is_due.store(true, Ordering::Release);
        }
    }
}
