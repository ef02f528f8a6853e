use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::slice;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use rtwire_engineio::client::Request;
use rtwire_engineio::{ClientSession, PreparedMessage};
use rtwire_tokio::Clock;
use tokio::task::coop;
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::lane::Lane;
use super::websocket::{self, WebSocket};
use super::{EngineIoBuilder, Error, Event, Limits, Message, SendError, Transport};
use crate::NetworkError;

/// The client's end of an Engine.IO session: over polling, over a WebSocket, and from the one to the other
/// without losing, doubling or reordering what is said.
///
/// [`next`](Self::next) does all of it, connecting included, while it is waited for; [`send`](Self::send) and
/// [`flush`](Self::flush) do as well. A dropped future loses nothing: what has been begun goes on with the one
/// after it. Time does not stop in between: who waits nowhere for longer than the server's
/// `pingInterval` and `pingTimeout` answers no ping, and has lost the session.
///
/// Dropping it closes its connections without a word. [`close`](Self::close) says goodbye.
///
/// It is a [`Stream`] of its events as well.
///
/// ```
/// use rtwire_client::EngineIoSocket;
/// use rtwire_client::engine_io::{CloseReason, Event, Message, SendError};
/// # use rtwire_server::{Endpoints, EngineIo, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # async fn echo(mut socket: rtwire_server::EngineIoSocket) -> Result<(), SendError> {
/// #     while let Some(message) = socket.next().await {
/// #         socket.send(message).await?;
/// #     }
/// #     Ok(())
/// # }
/// # let server = Server::bind("127.0.0.1:0").await?;
/// # let address = server.local_addr();
/// # tokio::spawn(async move { server.serve(Endpoints::new().engine_io(EngineIo::new(echo))).await });
/// let mut socket = EngineIoSocket::builder(&format!("http://{address}/engine.io/")).build()?;
/// socket.send("hello").await?; // as soon as it is open
/// while let Some(event) = socket.next().await {
///     match event {
///         Event::Message(message) => {
///             assert_eq!(message, Message::from("hello"));
///             socket.close(); // then comes `Close`, and `None`
///         }
///         Event::Close(reason) => assert_eq!(reason, CloseReason::ForcedClose),
///         _ => {} // `Open`, `Upgraded`
///     }
/// }
/// assert!(socket.error().is_none());
/// # Ok(())
/// # }
/// ```
pub struct EngineIoSocket {
    session: ClientSession,
    endpoint: Endpoint,
    get: Lane,
    post: Lane,
    websocket: WebSocket,
    websocket_limits: Arc<rtwire_websocket::Limits>,
    /// Made with the first poll, which may be the first in a runtime.
    clock: Option<Clock>,
    error: Option<Error>,
    upgrade_error: Option<Error>,
}

impl EngineIoSocket {
    /// Of an `http` URL, with the path of the server's Engine.IO: `http://127.0.0.1:3000/engine.io/`,
    /// or `/socket.io/` at its end. Parameters of its query go into each request.
    pub fn builder(url: &str) -> EngineIoBuilder {
        EngineIoBuilder::new(url)
    }

    pub(super) fn new(
        session: ClientSession,
        endpoint: Endpoint,
        limits: &Limits,
        keep_alive: Duration,
    ) -> Self {
        // One byte more tells that an answer is too long. Of the answer to a POST only the status counts.
        let get = Lane::new(keep_alive, limits.max_payload.saturating_add(1));
        let post = Lane::new(keep_alive, 1024);
        Self {
            session,
            endpoint,
            get,
            post,
            websocket: WebSocket::Absent,
            websocket_limits: Arc::new(websocket::limits(limits)),
            clock: None,
            error: None,
            upgrade_error: None,
        }
    }

    /// What happened next. `None` once the session has ended and its connections are closed.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Queues a message, waiting until the session is open and while its queue is full
    /// ([`Limits::max_queue`]); and writes what can be written at once. The rest leaves while somebody
    /// waits in [`next`](Self::next) or [`flush`](Self::flush). A dropped `send` has queued its message whole
    /// or not at all.
    ///
    /// What comes meanwhile is kept, up to [`Limits::max_unread`], and then not read: who only ever sends
    /// comes to a stop at a server that waits for its messages to be taken.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::TooBig`], [`SendError::RecordSeparator`].
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let message = PreparedMessage::new(message);
        poll_fn(|cx| self.poll_send(&message, cx)).await
    }

    /// Queues a message, to be written by whoever waits next: so several leave in one request.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`SendError::NotOpen`], [`SendError::Full`].
    pub fn try_send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.session.send(message)
    }

    /// Waits until what is queued has left: answered over polling, written on a WebSocket.
    ///
    /// # Errors
    /// [`SendError::Closed`]: the session has ended, and it is not known what of it has arrived.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Ends the session. [`next`](Self::next) sends what is queued, tells the server, and gives what has come
    /// before, then `Close`, then `None`: within [`Limits::close_timeout`] for what is queued, and 5 s
    /// for the closing handshake of a WebSocket.
    pub fn close(&mut self) {
        self.session.close();
    }

    /// The transport that it is on, or was when it ended.
    pub fn transport(&self) -> Transport {
        self.session.transport()
    }

    /// Whether messages can be sent: it is open.
    pub fn is_open(&self) -> bool {
        self.session.is_open()
    }

    /// What was wrong when the session ended, or with the last POST of one that was closed; `None` if it
    /// ended as it should, or by the time.
    pub const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Why the session has stayed on polling, if an upgrade has failed otherwise than by taking too long.
    pub const fn upgrade_error(&self) -> Option<&Error> {
        self.upgrade_error.as_ref()
    }

    /// [`next`](Self::next) as a poll function.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            // A peer that sends without end is left alone now and then, for others to have their turn.
            let coop = ready!(coop::poll_proceed(cx));
            if let Some(event) = self.session.next_event() {
                coop.made_progress();
                return Poll::Ready(Some(event));
            }
            if self.session.is_finished() && self.websocket.is_absent() {
                return Poll::Ready(None);
            }
            ready!(self.poll_work(cx));
            coop.made_progress();
        }
    }

    fn poll_send(
        &mut self,
        message: &PreparedMessage,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        loop {
            match self.session.send_all_prepared(slice::from_ref(message)) {
                Err(SendError::NotOpen | SendError::Full) => ready!(self.poll_step(cx)),
                Err(error) => return Poll::Ready(Err(error)),
                Ok(()) => break,
            }
        }
        while self.session.queued() > 0 && self.poll_step(cx).is_ready() {}
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        loop {
            if self.session.is_closed() {
                return Poll::Ready(Err(SendError::Closed));
            }
            let left = self.session.queued() == 0 && !self.post.is_asking();
            if left && self.websocket.poll_written(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_step(cx));
        }
    }

    /// [`poll_work`](Self::poll_work), now and then leaving others their turn.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let coop = ready!(coop::poll_proceed(cx));
        ready!(self.poll_work(cx));
        coop.made_progress();
        Poll::Ready(())
    }

    /// Does the first of what there is to do. Ready: there may be more.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(request) = self.session.next_request() {
            self.ask(request);
        }
        self.close_lanes();
        // What has arrived comes before the time: it is no silence if nobody has listened.
        if let Poll::Ready(answer) = self.get.poll(cx) {
            let was_closed = self.session.is_closed();
            let outcome = match answer {
                Ok(answer) => {
                    self.session.finish_get(answer.status, answer.body).map_err(Error::Protocol)
                }
                Err(error) => {
                    self.session.get_failed();
                    Err(error.into())
                }
            };
            // Of a session that had ended, no answer was expected.
            if !was_closed {
                self.note(outcome);
            }
            return Poll::Ready(());
        }
        if let Poll::Ready(answer) = self.post.poll(cx) {
            let outcome = match answer {
                Ok(answer) => {
                    self.session.finish_post(answer.status, answer.body).map_err(Error::Protocol)
                }
                Err(error) => {
                    self.session.post_failed();
                    Err(error.into())
                }
            };
            self.note(outcome);
            return Poll::Ready(());
        }
        if let Poll::Ready(outcome) = self.websocket.poll(&mut self.session, cx) {
            self.note(outcome);
            return Poll::Ready(());
        }
        let clock = self.clock.get_or_insert_with(|| Clock::new(Instant::now()));
        let now = ready!(clock.poll(self.session.next_timeout(), cx));
        self.session.handle_timeout(now);
        Poll::Ready(())
    }

    fn ask(&mut self, request: Request) {
        let Endpoint { url, limits, .. } = &self.endpoint;
        match request {
            Request::Get { query } => match self.endpoint.get(&query) {
                Ok(request) => self.get.ask(url, request, *limits),
                Err(error) => {
                    self.session.get_failed();
                    self.note(Err(NetworkError::Request(error).into()));
                }
            },
            Request::Post { query, body } => match self.endpoint.post(&query, body.into_bytes()) {
                Ok(request) => self.post.ask(url, request, *limits),
                Err(error) => {
                    self.session.post_failed();
                    self.note(Err(NetworkError::Request(error).into()));
                }
            },
            Request::WebSocket { query } => {
                self.websocket = WebSocket::open(&self.endpoint, query, &self.websocket_limits);
            }
        }
    }

    /// Closes connections that are of no more use.
    fn close_lanes(&mut self) {
        let finished = self.session.is_finished();
        let idle = finished || self.session.transport() == Transport::WebSocket;
        for lane in [&mut self.get, &mut self.post] {
            if finished || idle && !lane.is_asking() {
                lane.close();
            }
        }
    }

    /// Keeps the first of what was wrong.
    fn note(&mut self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            let kept =
                if self.session.is_closed() { &mut self.error } else { &mut self.upgrade_error };
            kept.get_or_insert(error);
        }
    }
}

impl Stream for EngineIoSocket {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll_event(cx)
    }
}

impl fmt::Debug for EngineIoSocket {
    /// Without headers and the sid, which are secret, and without what peers say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineIoSocket")
            .field("session", &self.session)
            .field("endpoint", &self.endpoint)
            .field("error", &self.error)
            .field("upgrade_error", &self.upgrade_error)
            .finish_non_exhaustive()
    }
}
