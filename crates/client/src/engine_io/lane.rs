//! Requests of one kind, one after another: a session has a lane of GETs and one of POSTs.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtwire_sse::event_source::Url;
use tokio::time::Instant;

use crate::NetworkError;
use crate::exchange::{Connection, Exchange, ExchangeLimits, Progress, Request};

pub(super) struct Lane {
    state: State,
    /// How long a connection is kept for the next request.
    keep_alive: Duration,
    /// What is read of an answer, in bytes: of one with status 200.
    max_body: usize,
}

enum State {
    Idle,
    Kept { connection: Connection, since: Instant },
    Asking(Pin<Box<dyn Future<Output = Answered> + Send>>),
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// And the connection, if it may be kept.
type Answered = (Result<Answer, NetworkError>, Option<Connection>);

impl Lane {
    pub(super) fn new(keep_alive: Duration, max_body: usize) -> Self {
        Self { state: State::Idle, keep_alive, max_body }
    }

    /// Makes a request; the one before has been answered.
    pub(super) fn ask(&mut self, url: &Url, request: Request, limits: ExchangeLimits) {
        let kept = match std::mem::replace(&mut self.state, State::Idle) {
            // The longer it has been quiet, the likelier the server closes it just when it is used.
            State::Kept { connection, since } if since.elapsed() < self.keep_alive => {
                Some(connection)
            }
            State::Idle | State::Kept { .. } | State::Asking(_) => None,
        };
        let exchange = Exchange::new(url, request, kept, limits);
        self.state = State::Asking(Box::pin(answer(exchange, self.max_body)));
    }

    pub(super) fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking(_))
    }

    /// Waits for the answer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, NetworkError>> {
        let State::Asking(asking) = &mut self.state else { return Poll::Pending };
        let (answer, connection) = ready!(asking.as_mut().poll(cx));
        self.state = match connection {
            Some(connection) => State::Kept { connection, since: Instant::now() },
            None => State::Idle,
        };
        Poll::Ready(answer)
    }

    /// Closes the connection.
    pub(super) fn close(&mut self) {
        self.state = State::Idle;
    }
}

/// Reads the answer, and of a refusal as much as says why. What is longer has its connection closed.
async fn answer(mut exchange: Exchange, max_body: usize) -> Answered {
    /// Above any of the reference server's refusals, in bytes.
    const REFUSAL: usize = 1024;
    let (mut status, mut most) = (0, max_body);
    let mut body = BytesMut::new();
    let complete = loop {
        match poll_fn(|cx| exchange.poll(cx)).await {
            Progress::Head(head) => {
                status = head.status.as_u16();
                if status != 200 {
                    most = REFUSAL;
                }
            }
            Progress::Chunk(chunk) => {
                let room = most.saturating_sub(body.len());
                body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                if chunk.len() > room {
                    break false;
                }
            }
            Progress::End => break true,
            Progress::Failed(error) => return (Err(error), None),
        }
    };
    let connection = if complete { exchange.into_connection() } else { None };
    (Ok(Answer { status, body: body.freeze() }), connection)
}
