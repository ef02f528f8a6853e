//! A request and its response, on a connection of its own or on one that has been kept.
//!
//! ```text
//!   Requesting ────────────────────────────────▶ Receiving ──────────▶ Ended
//!   name, TCP; timed out · request · head        Chunk, Chunk … End    the connection may be kept
//! ```
//!
//! There is no task: hyper's connection is polled together with what it brings, and dropping an
//! exchange in any state closes its connection.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use rtwire_sse::event_source::Url;
use tokio::net::TcpStream;

use crate::NetworkError;
use crate::connect::connect;

/// What a connection and the head of a response may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExchangeLimits {
    pub(crate) connect_timeout: Duration,
    /// In bytes, with the status line and all line ends.
    pub(crate) max_head: usize,
    pub(crate) max_head_fields: usize,
}

impl Default for ExchangeLimits {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(10), max_head: 16 * 1024, max_head_fields: 100 }
    }
}

impl ExchangeLimits {
    /// As many as a table of the `http` crate holds, at most.
    pub(crate) const fn set_max_head_fields(&mut self, count: usize) {
        const MOST: usize = 24_576;
        self.max_head_fields = if count < MOST { count } else { MOST };
    }
}

pub(crate) type Request = http::Request<Full<Bytes>>;
type Response = http::Response<Incoming>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

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

enum State {
    Requesting(BoxFuture<Result<(Connection, Response), NetworkError>>),
    Receiving { connection: Connection, body: Incoming },
    Ended(Connection),
    Over,
}

impl Exchange {
    /// Sends `request` to the host of `url`: on `kept`, unless the server has closed that.
    pub(crate) fn new(
        url: &Url,
        request: Request,
        kept: Option<Connection>,
        limits: ExchangeLimits,
    ) -> Self {
        let requesting = Box::pin(send(kept, url.clone(), request, limits));
        Self { state: State::Requesting(requesting) }
    }

    /// Waits for what comes next.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Progress> {
        let progress = ready!(self.poll_state(cx)).unwrap_or_else(Progress::Failed);
        match (&progress, mem::replace(&mut self.state, State::Over)) {
            (Progress::End, State::Receiving { connection, .. }) => {
                self.state = State::Ended(connection);
            }
            (Progress::End | Progress::Failed(_), _) => {}
            (Progress::Head(_) | Progress::Chunk(_), state) => self.state = state,
        }
        Poll::Ready(progress)
    }

    /// The connection for another exchange with the same host, after `End`.
    pub(crate) fn into_connection(self) -> Option<Connection> {
        match self.state {
            State::Ended(connection) => Some(connection),
            State::Requesting(_) | State::Receiving { .. } | State::Over => None,
        }
    }

    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Result<Progress, NetworkError>> {
        match &mut self.state {
            State::Requesting(requesting) => {
                let (connection, response) = ready!(requesting.as_mut().poll(cx))?;
                let (head, body) = response.into_parts();
                self.state = State::Receiving { connection, body };
                Poll::Ready(Ok(Progress::Head(head)))
            }
            State::Receiving { connection, body } => loop {
                connection.poll(cx);
                let frame = ready!(Pin::new(&mut *body).poll_frame(cx)).transpose();
                match frame.map_err(NetworkError::Http)?.map(Frame::into_data) {
                    Some(Ok(chunk)) => return Poll::Ready(Ok(Progress::Chunk(chunk))),
                    Some(Err(_)) => {} // trailers, which say nothing here
                    None => return Poll::Ready(Ok(Progress::End)),
                }
            },
            State::Ended(_) | State::Over => Poll::Pending,
        }
    }
}

/// hyper's two ends of a connection.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` when it has ended.
    driver: Option<Box<Driver>>,
}

type Driver = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

impl Connection {
    async fn open(url: &Url, limits: ExchangeLimits) -> Result<Self, NetworkError> {
        /// The least that hyper takes.
        const LEAST_BUFFER: usize = 8 * 1024;
        let tcp = connect(url, limits.connect_timeout).await?;
        let (sender, driver) = http1::Builder::new()
            .max_header_size(limits.max_head)
            .max_headers(limits.max_head_fields)
            .max_buf_size(limits.max_head.max(LEAST_BUFFER))
            .handshake(TokioIo::new(tcp))
            .await
            .map_err(NetworkError::Http)?;
        Ok(Self { sender, driver: Some(Box::new(driver)) })
    }

    /// Waits until the response before is over and done with. False if the server has closed.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            self.poll(cx);
            self.sender.poll_ready(cx)
        })
        .await
        .is_ok()
    }

    async fn send(&mut self, request: Request) -> Result<Response, TrySendError<Request>> {
        let mut response = pin!(self.sender.try_send_request(request));
        poll_fn(|cx| {
            drive(&mut self.driver, cx);
            response.as_mut().poll(cx)
        })
        .await
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        drive(&mut self.driver, cx);
    }
}

/// Reads and writes. Its errors are those of the response or of the body as well, which tell them.
fn drive(driver: &mut Option<Box<Driver>>, cx: &mut Context<'_>) {
    if driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(cx).is_ready()) {
        *driver = None;
    }
}

/// Has the head of the response, and the connection that it came on.
async fn send(
    kept: Option<Connection>,
    url: Url,
    mut request: Request,
    limits: ExchangeLimits,
) -> Result<(Connection, Response), NetworkError> {
    if let Some(mut connection) = kept
        && connection.is_ready().await
    {
        match connection.send(request).await {
            Ok(response) => return Ok((connection, response)),
            Err(mut error) => match error.take_message() {
                // It has been closed, and of the request not a byte was sent.
                Some(unsent) => request = unsent,
                None => return Err(NetworkError::Http(error.into_error())),
            },
        }
    }
    let mut connection = Connection::open(&url, limits).await?;
    let response = connection.send(request).await;
    Ok((connection, response.map_err(|error| NetworkError::Http(error.into_error()))?))
}
