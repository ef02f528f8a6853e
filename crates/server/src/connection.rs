use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::connections::Permit;
use crate::context::{Arrival, BeforeWebSocket, Drain, DrainWatch, UpgradeSlot};
use crate::limits::Limits;
use crate::service::{EndpointsService, ResponseFuture};
use crate::websocket_handler::WebSocketTask;
use crate::write_deadline::WriteDeadline;

/// How long an ended connection is read from, in the hope of the peer's FIN.
const LINGER: Duration = Duration::from_secs(1);

/// hyper, set to our limits.
pub(crate) fn http(limits: &Limits) -> http1::Builder {
    /// The least that hyper takes.
    const LEAST_BUFFER: usize = 8 * 1024;
    /// hyper adds the deadline to an `Instant`, which has an end.
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_deadline.min(LONGEST))
        .max_header_size(limits.max_head)
        .max_buf_size(limits.max_head.max(LEAST_BUFFER));
    // Setting it moves hyper's table of fields from the stack to the heap.
    if limits.max_head_fields != Limits::default().max_head_fields {
        // With more than what they hold the tables of the `http` crate would panic.
        const MOST: usize = 24_576;
        http.max_headers(limits.max_head_fields.min(MOST));
    }
    http
}

/// The task of one connection, from accept to its end.
///
/// It is no larger than what stays of a connection that is upgraded; what HTTP takes, several KiB
/// of state and buffers, stands beside it, from the first byte to the upgrade. A crowd that
/// connects at once and asks later would otherwise leave the heap full of holes.
pub(crate) enum ConnectionTask {
    Silent(Silent),
    Http(BeforeWebSocket),
    WebSocket(WebSocketTask),
}

impl Future for ConnectionTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let next = match &mut *self {
                Self::Silent(silent) => ready!(silent.poll_http(cx)).map(Self::Http),
                Self::Http(http) => ready!(http.as_mut().poll(cx)).map(Self::WebSocket),
                Self::WebSocket(task) => return Pin::new(task).poll(cx),
            };
            let Some(next) = next else { return Poll::Ready(()) };
            *self = next;
        }
    }
}

/// A connection on which nothing has arrived.
pub(crate) struct Silent {
    /// Until then.
    tcp: Option<TcpStream>,
    peer: SocketAddr,
    check_host: bool,
    permit: Option<Arc<Permit>>,
    http: Arc<http1::Builder>,
    service: EndpointsService,
    /// Made when nothing has arrived at first. Boxed, as the timer of a WebSocket is: that then
    /// takes its place in the heap.
    deadline: Option<Pin<Box<Sleep>>>,
    drain: DrainWatch,
}

impl Silent {
    pub(crate) fn new(
        tcp: TcpStream,
        peer: SocketAddr,
        check_host: bool,
        permit: Option<Arc<Permit>>,
        http: Arc<http1::Builder>,
        service: EndpointsService,
    ) -> Self {
        let (tcp, deadline, drain) = (Some(tcp), None, DrainWatch::default());
        Self { tcp, peer, check_host, permit, http, service, deadline, drain }
    }

    /// Waits for the first byte. `None` if none came by the deadline, or if the server shuts down.
    fn poll_http(&mut self, cx: &mut Context<'_>) -> Poll<Option<BeforeWebSocket>> {
        let Some(tcp) = &self.tcp else { return Poll::Ready(None) };
        // An error comes again with the first read.
        if tcp.poll_peek(cx, &mut ReadBuf::new(&mut [0])).is_ready() {
            return Poll::Ready(self.tcp.take().map(|tcp| self.http(tcp)));
        }
        let shared = self.service.shared();
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(shared.limits.head_deadline)));
        if deadline.as_mut().poll(cx).is_ready() {
            tracing::debug!(peer = %self.peer, rule = "silent since it connected", "closed");
            return Poll::Ready(None);
        }
        match self.drain.poll(shared, cx) {
            Drain::NotYet => Poll::Pending,
            Drain::Begun | Drain::Over => Poll::Ready(None),
        }
    }

    fn http(&self, tcp: TcpStream) -> BeforeWebSocket {
        let arrival = Arrival {
            peer: self.peer,
            check_host: self.check_host,
            permit: self.permit.clone(),
            upgrade: UpgradeSlot::default(),
        };
        Box::pin(serve_http(tcp, Arc::clone(&self.http), self.service.clone(), arrival))
    }
}

/// Serves the requests of one connection until it ends or is upgraded; after an upgrade nothing
/// of this is left.
async fn serve_http(
    tcp: TcpStream,
    http: Arc<http1::Builder>,
    service: EndpointsService,
    arrival: Arrival,
) -> Option<WebSocketTask> {
    let shared = Arc::clone(service.shared());
    let Arrival { peer, permit, upgrade, .. } = arrival.clone();
    let io = TokioIo::new(WriteDeadline::new(tcp, shared.limits.write_deadline));
    let mut connection =
        http.serve_connection(io, WithArrival { service, arrival }).with_upgrades();
    let outcome = tokio::select! {
        biased;
        outcome = &mut connection => outcome,
        () = shared.shutdown.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            let deadline = shared.limits.drain_deadline;
            let Ok(outcome) = tokio::time::timeout(deadline, &mut connection).await else {
                tracing::info!(%peer, "cut at the drain deadline");
                return None;
            };
            outcome
        }
    };
    if let Some(next) = upgrade.take() {
        // If the 101 could not be written, it is this that ends the wait for the upgrade.
        drop(connection);
        return next.await;
    }
    match outcome {
        Ok(()) => {}
        Err(error) if error.is_parse_too_large() => {
            tracing::info!(%peer, status = 431, rule = "request head over its limit", "refused");
        }
        Err(error) if error.is_timeout() => {
            tracing::debug!(%peer, rule = "no request head by the deadline", "closed");
        }
        Err(error) => tracing::debug!(%peer, %error, "closed"),
    }
    if let Some(parts) = connection.into_parts()
        && !shared.shutdown.is_cancelled()
    {
        linger(parts.io.into_inner().into_inner()).await;
    }
    drop(permit);
    None
}

/// Says that the connection is over and reads what is still on its way. Closing a socket with
/// unread bytes resets it, and the peer might lose the answer that told it why (RFC 9112 §9.6).
async fn linger(mut tcp: TcpStream) {
    let until_end = async {
        tcp.shutdown().await?;
        loop {
            tcp.readable().await?;
            match tcp.try_read(&mut [0; 4096]) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    };
    if let Ok(Err(error)) = tokio::time::timeout(LINGER, until_end).await {
        tracing::trace!(%error, "the peer closed first");
    }
}

/// Answers 503 to a connection beyond the limits, without reading a request from it.
pub(crate) async fn refuse(mut tcp: TcpStream) {
    const FULL: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // The buffer of a fresh socket has room for it, so this does not wait for the peer.
    if tcp.write_all(FULL).await.is_ok() {
        linger(tcp).await;
    }
}

/// The stream under an upgraded connection of ours, and the bytes that came behind the request.
///
/// # Errors
/// The argument, if another server accepted the connection.
pub(crate) fn into_tcp(upgraded: Upgraded) -> Result<(TcpStream, Bytes), Upgraded> {
    let parts = upgraded.downcast::<TokioIo<WriteDeadline>>()?;
    Ok((parts.io.into_inner().into_inner(), parts.read_buf))
}

/// Tells the endpoints which connection a request came on.
struct WithArrival {
    service: EndpointsService,
    arrival: Arrival,
}

impl Service<http::Request<Incoming>> for WithArrival {
    type Response = http::Response<crate::Body>;
    type Error = std::convert::Infallible;
    type Future = ResponseFuture;

    fn call(&self, mut request: http::Request<Incoming>) -> ResponseFuture {
        request.extensions_mut().insert(self.arrival.clone());
        self.service.respond(request)
    }
}
