use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use rtwire_tokio::Error;
use rtwire_websocket::{
    CloseCode, CloseReason, Connection, Event, Message, PreparedMessage, SendError,
};

use crate::transport::Transport;

/// An open WebSocket, in the hands of its handler. The connection is closed when the handler
/// returns: with 1000, or with 1011 after an error.
///
/// What a handler sends is queued, and written as soon as the handler waits for anything. All
/// replies to one read thus leave in one write, also from a loop as plain as this:
///
/// ```
/// use rtwire_server::{Endpoints, WebSocket, WebSocketError};
///
/// async fn echo(mut ws: WebSocket) -> Result<(), WebSocketError> {
///     while let Some(message) = ws.next().await {
///         ws.send(message?).await?;
///     }
///     Ok(())
/// }
/// let app = Endpoints::new().websocket("/ws", echo);
/// ```
pub struct WebSocket {
    shared: Arc<Shared>,
}

/// Sends to one WebSocket from anywhere, such as to all members of a room. It does not keep the
/// connection open.
#[derive(Clone)]
pub struct WebSocketSender {
    shared: Arc<Shared>,
}

/// One connection: its handler, the task that drives it, and senders all reach it through here.
pub(crate) struct Shared {
    peer: Option<SocketAddr>,
    state: Mutex<Driven>,
}

pub(crate) struct Driven {
    pub(crate) socket: rtwire_tokio::WebSocket<Transport>,
    /// Wakes the task that drives the connection.
    task: Option<Waker>,
}

impl Driven {
    pub(crate) fn set_task(&mut self, task: &Waker) {
        if !self.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            self.task = Some(task.clone());
        }
    }
}

impl Shared {
    pub(crate) fn new(
        socket: rtwire_tokio::WebSocket<Transport>,
        peer: Option<SocketAddr>,
    ) -> Arc<Self> {
        Arc::new(Self { peer, state: Mutex::new(Driven { socket, task: None }) })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Driven> {
        // What a panic may leave behind is a message that was not queued.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Unless the connection is closing already.
    pub(crate) fn start_close(&self, code: CloseCode) {
        if let Err(error) = self.lock().socket.start_close(&CloseReason::new(code)) {
            tracing::debug!(peer = ?self.peer, %error, "no Close frame");
        }
    }
}

impl WebSocket {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The next message; `None` once the connection is closed. Pings are answered meanwhile.
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// The peer broke the protocol (it has been told so), or the transport failed; then `None`.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Handles every event where it lies in the read buffer, until the connection is closed: for
    /// who echoes, parses or forwards, and needs no message of its own. `handle` may send on the
    /// connection that it is given, but not through a [`WebSocketSender`] of the same connection,
    /// which would wait for itself; while the output is full, it is not called.
    ///
    /// # Errors
    /// As [`next`](Self::next), and what `handle` returns.
    pub async fn for_each(
        &mut self,
        mut handle: impl FnMut(Event<'_>, &mut Connection) -> Result<(), SendError>,
    ) -> Result<(), Error> {
        let ended = poll_fn(|cx| self.shared.lock().socket.poll_for_each(cx, &mut handle)).await;
        ended.inspect_err(|error| log(self.shared.peer, error))
    }

    /// Queues a message, waiting only while the output is full
    /// ([`max_output`](rtwire_websocket::Limits::max_output)). Dropping the future has queued the
    /// message whole or not at all.
    ///
    /// # Errors
    /// The connection is closing, or the transport failed.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        let mut message = Some(message.into());
        poll_fn(|cx| {
            let mut driven = self.shared.lock();
            std::task::ready!(driven.socket.poll_can_send(cx))?;
            Poll::Ready(message.take().map_or(Ok(()), |message| driven.socket.queue(message)))
        })
        .await
    }

    /// Waits until everything queued has been handed to the system.
    ///
    /// # Errors
    /// The transport failed.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.shared.lock().socket.poll_write(cx)).await
    }

    /// Closes the connection, and waits for the peer's answer and for the end of the transport.
    /// Messages that arrive meanwhile are dropped.
    ///
    /// # Errors
    /// The reason must not be sent, the peer broke the protocol, or the transport failed.
    pub async fn close(&mut self, reason: CloseReason) -> Result<(), Error> {
        self.shared.lock().socket.start_close(&reason)?;
        poll_fn(|cx| self.shared.lock().socket.poll_closed(cx)).await
    }

    /// What the peer's Close frame said; `None` until then.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.shared.lock().socket.close_reason().cloned()
    }

    /// The address of the peer; `None` when another server accepted the connection.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.shared.peer
    }

    /// A handle to send from other tasks.
    pub fn sender(&self) -> WebSocketSender {
        WebSocketSender { shared: Arc::clone(&self.shared) }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let polled = self.shared.lock().socket.poll_message(cx);
        if let Poll::Ready(Some(Err(error))) = &polled {
            log(self.shared.peer, error);
        }
        polled
    }
}

fn log(peer: Option<SocketAddr>, error: &Error) {
    match error {
        Error::Protocol(fault) => {
            let (rule, section) = (fault.rule(), fault.rule().section());
            let (offset, code) = (fault.offset(), rule.close_code().get());
            tracing::info!(?peer, %rule, section, offset, code, "WebSocket refused");
        }
        error => tracing::debug!(?peer, %error, "WebSocket ended"),
    }
}

impl WebSocketSender {
    /// Queues a message, and writes what the transport takes at once. It never waits: what to do
    /// about a slow peer is the caller's choice.
    ///
    /// # Errors
    /// [`SendError::Full`] when the peer is too slow, [`SendError::Closing`].
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.queue(|socket| socket.queue(message))
    }

    /// Queues a message that was encoded once for many, and writes what the transport takes at
    /// once.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.queue(|socket| socket.queue_prepared(message))
    }

    /// Starts the closing handshake, which the handler's next call completes.
    ///
    /// # Errors
    /// The reason must not be sent.
    pub fn close(&self, reason: &CloseReason) -> Result<(), Error> {
        self.queue(|socket| socket.start_close(reason))
    }

    fn queue(
        &self,
        queue: impl FnOnce(&mut rtwire_tokio::WebSocket<Transport>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut driven = self.shared.lock();
        let Driven { socket, task } = &mut *driven;
        // `Full` is only said while what is queued waits for the peer.
        if matches!(socket.state(), rtwire_websocket::State::Closed) {
            return Err(SendError::Closing.into());
        }
        queue(socket)?;
        let Some(task) = task else { return Ok(()) };
        // In the name of the task that drives the connection: it is woken for the rest.
        match socket.poll_write(&mut Context::from_waker(task)) {
            Poll::Ready(Ok(())) if socket.state() == rtwire_websocket::State::Open => {}
            // The task has something to do: the end of a transport, a closing handshake.
            Poll::Ready(_) => task.wake_by_ref(),
            Poll::Pending => {}
        }
        Ok(())
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("peer", &self.shared.peer).finish_non_exhaustive()
    }
}

impl fmt::Debug for WebSocketSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketSender").field("peer", &self.shared.peer).finish_non_exhaustive()
    }
}
