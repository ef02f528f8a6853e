use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use crate::context::{Arrival, Shared};
use crate::limits::Limits;
use crate::service::{EndpointsService, ResponseFuture};
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
        http.max_headers(limits.max_head_fields);
    }
    http
}

/// Serves one connection from accept on.
///
/// What HTTP takes, several KiB of state and buffers, is only taken when there is something to
/// read: a crowd that connects at once and asks later would leave the heap full of holes, among
/// what little stays of each connection that is upgraded.
#[expect(clippy::manual_async_fn, reason = "an async fn would keep each argument twice")]
pub(crate) fn serve(
    tcp: TcpStream,
    http: Arc<http1::Builder>,
    service: EndpointsService,
    arrival: Arrival,
) -> impl Future<Output = ()> {
    async move {
        if says_something(&tcp, service.shared(), arrival.peer).await {
            Box::pin(serve_http(tcp, http, service, arrival)).await;
        }
    }
}

/// Waits for the first byte. False if none came by the deadline, or if the server shuts down.
async fn says_something(tcp: &TcpStream, shared: &Shared, peer: SocketAddr) -> bool {
    // Boxed, as the timer of a WebSocket is: that then takes its place in the heap.
    let mut deadline = Box::pin(tokio::time::sleep(shared.limits.head_deadline));
    let mut shutdown = pin!(shared.shutdown.cancelled());
    poll_fn(|cx| {
        // An error comes again with the first read.
        if tcp.poll_peek(cx, &mut ReadBuf::new(&mut [0])).is_ready() {
            return Poll::Ready(true);
        }
        if deadline.as_mut().poll(cx).is_ready() {
            tracing::debug!(%peer, rule = "silent since it connected", "closed");
            return Poll::Ready(false);
        }
        shutdown.as_mut().poll(cx).map(|()| false)
    })
    .await
}

/// Serves the requests of one connection until it ends or is upgraded; after an upgrade nothing
/// of this is left.
async fn serve_http(
    tcp: TcpStream,
    http: Arc<http1::Builder>,
    service: EndpointsService,
    arrival: Arrival,
) {
    let shared = Arc::clone(service.shared());
    let Arrival { peer, permit, upgrade, .. } = arrival.clone();
    let io = TokioIo::new(WriteDeadline::new(tcp, shared.limits.write_deadline));
    let mut connection =
        http.serve_connection(io, WithArrival { service, arrival }).with_upgrades();
    let outcome = tokio::select! {
        biased;
        outcome = &mut connection => outcome,
        () = shared.shutdown.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            let deadline = shared.limits.drain_deadline;
            let Ok(outcome) = tokio::time::timeout(deadline, &mut connection).await else {
                tracing::info!(%peer, "cut at the drain deadline");
                return;
            };
            outcome
        }
    };
    if let Some(next) = upgrade.take() {
        // If the 101 could not be written, it is this that ends the wait for the upgrade.
        drop(connection);
        next.await;
        return;
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
