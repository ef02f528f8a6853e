//! One request and its response, over a connection of its own.
//!
//! ```text
//!   Connecting ──────────▶ Requesting ───▶ Receiving ───▶ dropped
//!   name, TCP; timed out   request, head   Chunk, Chunk … End
//! ```
//!
//! There is no task: hyper's connection is polled together with what it brings, and dropping an
//! exchange in any state closes its connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http_body::{Body, Frame};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rtwire_sse::event_source::{self, Url};
use tokio::net::TcpStream;

use crate::NetworkError;
use crate::connect::connect;

/// What a response head may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    /// In bytes, with the status line and all line ends.
    pub(crate) max_head: usize,
    pub(crate) max_head_fields: usize,
}

pub(crate) struct Exchange {
    state: State,
}

/// What came next. After `End` and `Failed` nothing does.
pub(crate) enum Progress {
    Head(http::response::Parts),
    Chunk(Bytes),
    End,
    Failed(NetworkError),
}

type Request = http::Request<Full<Bytes>>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum State {
    Connecting {
        requesting: BoxFuture<Result<State, NetworkError>>,
        /// On the caller's clock.
        deadline: Duration,
    },
    Requesting {
        connection: Connection,
        response: BoxFuture<hyper::Result<http::Response<Incoming>>>,
    },
    Receiving {
        connection: Connection,
        body: Incoming,
    },
    Over,
}

/// hyper's side of it; `None` when it has ended.
struct Connection(Option<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>);

impl Exchange {
    /// An exchange that is to be connected by `deadline`, which the caller looks after.
    pub(crate) fn new(
        request: &event_source::Request,
        deadline: Duration,
        limits: HeadLimits,
    ) -> Result<Self, NetworkError> {
        let url = request.url.clone();
        let request = http_request(request).map_err(NetworkError::Request)?;
        let requesting = Box::pin(start(url, request, limits));
        Ok(Self { state: State::Connecting { requesting, deadline } })
    }

    /// By when it has to be connected, while it is not.
    pub(crate) const fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Connecting { deadline, .. } => Some(deadline),
            State::Requesting { .. } | State::Receiving { .. } | State::Over => None,
        }
    }

    /// Waits for what comes next.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Progress> {
        let progress = ready!(self.poll_state(cx)).unwrap_or_else(Progress::Failed);
        if matches!(progress, Progress::End | Progress::Failed(_)) {
            self.state = State::Over;
        }
        Poll::Ready(progress)
    }

    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Result<Progress, NetworkError>> {
        loop {
            match &mut self.state {
                State::Connecting { requesting, .. } => {
                    self.state = ready!(requesting.as_mut().poll(cx))?;
                }
                State::Requesting { connection, response } => {
                    connection.poll(cx);
                    let response = ready!(response.as_mut().poll(cx));
                    let (head, body) = response.map_err(NetworkError::Http)?.into_parts();
                    let connection = Connection(connection.0.take());
                    self.state = State::Receiving { connection, body };
                    return Poll::Ready(Ok(Progress::Head(head)));
                }
                State::Receiving { connection, body } => {
                    connection.poll(cx);
                    let frame = ready!(Pin::new(body).poll_frame(cx)).transpose();
                    match frame.map_err(NetworkError::Http)?.map(Frame::into_data) {
                        Some(Ok(chunk)) => return Poll::Ready(Ok(Progress::Chunk(chunk))),
                        Some(Err(_)) => {} // trailers, which say nothing about an event stream
                        None => return Poll::Ready(Ok(Progress::End)),
                    }
                }
                State::Over => return Poll::Pending,
            }
        }
    }
}

impl Connection {
    /// Reads and writes. Its errors are those of the response or of the body as well, which tell them.
    fn poll(&mut self, cx: &mut Context<'_>) {
        if self.0.as_mut().is_some_and(|connection| Pin::new(connection).poll(cx).is_ready()) {
            self.0 = None;
        }
    }
}

/// Connects, and hands the request over; it is sent when the connection is polled.
async fn start(url: Url, request: Request, limits: HeadLimits) -> Result<State, NetworkError> {
    /// The least that hyper takes.
    const LEAST_BUFFER: usize = 8 * 1024;
    let tcp = connect(url).await?;
    let (mut sender, connection) = http1::Builder::new()
        .max_header_size(limits.max_head)
        .max_headers(limits.max_head_fields)
        .max_buf_size(limits.max_head.max(LEAST_BUFFER))
        .handshake(TokioIo::new(tcp))
        .await
        .map_err(NetworkError::Http)?;
    let response = Box::pin(sender.send_request(request));
    Ok(State::Requesting { connection: Connection(Some(connection)), response })
}

fn http_request(request: &event_source::Request) -> Result<Request, http::Error> {
    let body = Full::new(request.body.clone().unwrap_or_default());
    let mut builder = http::Request::builder().method(request.method).uri(request.url.target());
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        builder = builder.header(HOST, request.url.authority());
    }
    for (name, value) in &request.headers {
        builder = builder.header(&**name, &value.as_bytes()[..]);
    }
    let length = request.body.as_ref().map(Bytes::len);
    let mut request = builder.body(body)?;
    // Where the body ends is not the caller's to say. RFC 9110 §8.6: of a POST it is said "even when the
    // value is 0", which hyper leaves out.
    let headers = request.headers_mut();
    headers.remove(TRANSFER_ENCODING);
    headers.remove(CONTENT_LENGTH);
    if let Some(length) = length {
        headers.try_insert(CONTENT_LENGTH, length.into())?;
    }
    Ok(request)
}
