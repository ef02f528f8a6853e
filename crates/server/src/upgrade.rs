//! From the opening handshake (RFC 6455 §4.2) to the task that drives a WebSocket.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderName, HeaderValue, Response, Version, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use rtwire_websocket::handshake;
use rtwire_websocket::{CloseCode, Connection, Role};

use crate::body::Body;
use crate::connection::into_tcp;
use crate::connections::Permit;
use crate::context::{self, ConnectionContext, UpgradeSlot};
use crate::request::Request;
use crate::transport::Transport;
use crate::websocket::{Shared, WebSocket};
use crate::write_deadline::WriteDeadline;

/// What a handler's return means for the connection: `Ok` closes it with 1000, `Err` with 1011.
type Outcome = Result<(), Box<dyn fmt::Display + Send>>;

/// A route's handler, with its type erased.
pub(crate) enum Handler {
    Socket(Box<dyn Fn(WebSocket) -> Served + Send + Sync>),
    SocketAndRequest(Box<dyn Fn(WebSocket, Request) -> Served + Send + Sync>),
}

/// A handler at work. Its future is kept as it is: wrapped in another one to convert what it
/// returns, it would take twice the memory.
type Served = Pin<Box<dyn Serve>>;

pub(crate) trait Serve: Send {
    fn poll_outcome(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome>;
}

impl<F: Future<Output: IntoOutcome> + Send> Serve for F {
    fn poll_outcome(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.poll(cx).map(IntoOutcome::into_outcome)
    }
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

/// What a handler may return.
pub trait IntoOutcome {
    #[doc(hidden)]
    fn into_outcome(self) -> Result<(), Box<dyn fmt::Display + Send>>;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Outcome {
        Ok(())
    }
}

impl<E: fmt::Display + Send + 'static> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> Outcome {
        self.map_err(|error| Box::new(error) as _)
    }
}

/// Whether a request is an opening handshake, rather than one for the page on the same path.
pub(crate) fn is_asked_for(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::UPGRADE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("websocket"))
}

/// Answers an opening handshake whose origin was checked. What follows goes into the `slot`, or
/// to a task when another server has the connection.
pub(crate) fn upgrade<B>(
    mut request: http::Request<B>,
    handler: &Arc<Handler>,
    context: ConnectionContext,
    slot: Option<UpgradeSlot>,
) -> Result<Response<Body>, handshake::Error> {
    let version = match request.version() {
        Version::HTTP_10 => (1, 0),
        Version::HTTP_11 => (1, 1),
        // RFC 8441's extended CONNECT is another handshake; this one is not for HTTP/2.
        _ => (2, 0),
    };
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let target = request.uri().to_string();
    let answer =
        handshake::Request::from_parts(request.method().as_str(), &target, version, headers)?
            .accept();
    let on_upgrade = hyper::upgrade::on(&mut request);
    let head = match **handler {
        Handler::Socket(_) => None,
        Handler::SocketAndRequest(_) => {
            let (parts, _) = request.into_parts();
            Some(Request { uri: parts.uri, headers: parts.headers, peer: context.peer })
        }
    };
    let tracker = context.shared.tracker.clone();
    let begin = begin(on_upgrade, Arc::clone(handler), head, context);
    match slot {
        Some(slot) => slot.put(Box::pin(begin)),
        None => drop(tracker.spawn(begin)),
    }
    Ok(response(&answer))
}

/// An answer of the handshake, for hyper to write.
pub(crate) fn response(answer: &handshake::Response) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    // Both were checked when the answer was made.
    if let Ok(status) = http::StatusCode::from_u16(answer.status()) {
        *response.status_mut() = status;
    }
    for (name, value) in answer.headers() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Waits for the transport, and starts a fresh task on it: what the handshake took is given back.
async fn begin(
    on_upgrade: OnUpgrade,
    handler: Arc<Handler>,
    head: Option<Request>,
    context: ConnectionContext,
) {
    let upgraded = tokio::select! {
        upgraded = on_upgrade => upgraded,
        () = context.shared.shutdown.cancelled() => return,
    };
    let upgraded = match upgraded {
        Ok(upgraded) => upgraded,
        Err(error) => {
            let peer = context.peer;
            return tracing::debug!(?peer, %error, "the connection ended during its upgrade");
        }
    };
    let shared = Shared::new(socket(upgraded, &context), context.peer);
    let served = match (&*handler, head) {
        (Handler::Socket(handler), _) => handler(WebSocket::new(Arc::clone(&shared))),
        (Handler::SocketAndRequest(handler), Some(head)) => {
            handler(WebSocket::new(Arc::clone(&shared)), head)
        }
        (Handler::SocketAndRequest(_), None) => return,
    };
    let tracker = context.shared.tracker.clone();
    tracker.spawn(drive(Some(served), shared, context.shared, context.permit));
}

fn socket(upgraded: Upgraded, context: &ConnectionContext) -> rtwire_tokio::WebSocket<Transport> {
    let limits = &context.shared.limits;
    let connection = Connection::new(Role::Server, Arc::clone(&context.shared.websocket_limits));
    let (transport, read_ahead) = match into_tcp(upgraded) {
        Ok((tcp, read_ahead)) => {
            (Transport::Tcp(WriteDeadline::new(tcp, limits.write_deadline)), read_ahead)
        }
        Err(upgraded) => {
            (Transport::Upgraded(Box::new(TokioIo::new(upgraded))), Default::default())
        }
    };
    rtwire_tokio::WebSocket::from_connection(transport, connection, &read_ahead)
}

/// Drives a connection to its end, which the drain deadline bounds. Every byte of this future is
/// held by every idle connection.
#[expect(clippy::manual_async_fn, reason = "an async fn would keep each argument twice")]
fn drive(
    mut served: Option<Served>,
    shared: Arc<Shared>,
    server: Arc<context::Shared>,
    permit: Option<Arc<Permit>>,
) -> impl Future<Output = ()> {
    async move {
        let mut drain_over = pin!(async {
            server.shutdown.cancelled().await;
            // Boxed: until then no connection has room for it.
            Box::pin(tokio::time::sleep_until(server.drain_ends())).await;
        });
        let mut waits_for_drain = false;
        poll_fn(|cx| {
            // Polled once, to be woken when draining begins, and from then on: the flag is cheaper to
            // read, on each wake-up, than the token that all connections share.
            let draining = || server.draining.load(Ordering::Acquire);
            if draining() || !mem::replace(&mut waits_for_drain, true) {
                if drain_over.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                // Read again: it may have begun between the two, and this was its wake-up.
                if draining() {
                    shared.start_close(CloseCode::GOING_AWAY);
                }
            }
            if let Some(handler) = &mut served {
                let outcome = ready!(poll_handler(handler, &shared, cx));
                served = None;
                shared.start_close(match outcome {
                    Ok(()) => CloseCode::NORMAL,
                    Err(error) => {
                        tracing::debug!(peer = ?shared.peer(), %error, "a WebSocket's handler failed");
                        CloseCode::INTERNAL_ERROR
                    }
                });
            }
            shared.lock().socket.poll_closed(cx).map(drop)
        })
        .await;
        drop(permit);
    }
}

/// Polls the handler, then writes what it and senders queued.
fn poll_handler(handler: &mut Served, shared: &Shared, cx: &mut Context<'_>) -> Poll<Outcome> {
    loop {
        if let Poll::Ready(outcome) = handler.as_mut().poll_outcome(cx) {
            shared.lock().deliver(cx);
            return Poll::Ready(outcome);
        }
        let mut driven = shared.lock();
        driven.deliver(cx);
        // A transport that failed is news for the handler. All else comes with a wake-up; closing
        // ends in time also if the handler does not read.
        if !matches!(driven.socket.poll_output(cx), Poll::Ready(Err(_))) {
            let _ = driven.socket.poll_deadline(cx);
            return Poll::Pending;
        }
    }
}
