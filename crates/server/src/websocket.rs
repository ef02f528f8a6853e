use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use rtwire_tokio::Error;
use rtwire_websocket::{CloseCode, CloseReason, Connection, Event, Message, Part, PreparedMessage};

use crate::sender::{Inbox, WebSocketSender};
use crate::transport::Transport;

/// An open WebSocket, in the hands of its handler. The connection is closed when the handler
/// returns: with 1000, or with 1011 after an error.
///
/// What a handler sends is queued, and written as soon as the handler waits for anything. All
/// replies to one read thus leave in one write, also from a loop as plain as this one. A handler
/// that does something else as well waits for that and for [`next`](Self::next) together
/// (`tokio::select!`; dropping `next` loses nothing): Pings are sent and answered, and a silent or
/// closing peer is noticed, while somebody waits there.
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

/// One connection: its handler, and the task that drives it, reach it through here.
pub(crate) struct Shared {
    peer: Option<SocketAddr>,
    protocol: Option<Arc<str>>,
    state: Mutex<Driven>,
}

pub(crate) struct Driven {
    pub(crate) socket: rtwire_tokio::WebSocket<Transport>,
    inbox: Option<Arc<Inbox>>,
}

impl Driven {
    pub(crate) fn has_senders(&self) -> bool {
        self.inbox.is_some()
    }

    /// Takes in what senders left.
    pub(crate) fn deliver(&mut self, cx: &mut Context<'_>) {
        if let Some(inbox) = &self.inbox {
            inbox.deliver(&mut self.socket, cx);
        }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        if let Some(inbox) = &self.inbox {
            inbox.end();
        }
    }
}

impl Shared {
    pub(crate) fn new(
        socket: rtwire_tokio::WebSocket<Transport>,
        peer: Option<SocketAddr>,
        protocol: Option<Arc<str>>,
    ) -> Arc<Self> {
        Arc::new(Self { peer, protocol, state: Mutex::new(Driven { socket, inbox: None }) })
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

    /// The next part of a message, as far as it has arrived: for messages that are not to be held in
    /// memory as a whole, such as large files. The limits hold for the sum of a message's parts. Otherwise
    /// as [`next`](Self::next).
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_part(&mut self) -> Option<Result<Part<'static>, Error>> {
        let part = poll_fn(|cx| self.shared.lock().socket.poll_part(cx)).await;
        if let Some(Err(error)) = &part {
            log(self.shared.peer, error);
        }
        part
    }

    /// Handles every event where it lies in the read buffer, until the connection is closed: for
    /// who echoes, parses or forwards, and needs no message of its own. `handle` may send on the
    /// connection that it is given, and through any [`WebSocketSender`]; while the output is full,
    /// it is not called.
    ///
    /// # Errors
    /// As [`next`](Self::next), and what `handle` returns.
    pub async fn for_each<E: From<Error>>(
        &mut self,
        mut handle: impl FnMut(Event<'_>, &mut Connection) -> Result<(), E>,
    ) -> Result<(), E> {
        let peer = self.shared.peer;
        let mut handle = |event: Event<'_>, connection: &mut Connection| {
            handle(event, connection).map_err(Stopped::ByHandler)
        };
        let ended = poll_fn(|cx| self.shared.lock().socket.poll_for_each(cx, &mut handle)).await;
        ended.map_err(|stopped| match stopped {
            Stopped::ByHandler(error) => error,
            Stopped::ByPeer(error) => {
                log(peer, &error);
                error.into()
            }
        })
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

    /// As [`send`](Self::send), of a message that was encoded once for many connections.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        poll_fn(|cx| {
            let mut driven = self.shared.lock();
            std::task::ready!(driven.socket.poll_can_send(cx))?;
            Poll::Ready(driven.socket.queue_prepared(message))
        })
        .await
    }

    /// Queues a fragment of a message that is not to be held in memory as a whole, waiting only while
    /// the output is full. `fin` marks the last; until then no other message may be sent, and those of
    /// senders wait.
    ///
    /// # Errors
    /// The connection is closing, the fragment is of another type than the first, or the transport
    /// failed.
    pub async fn send_fragment(
        &mut self,
        fragment: impl Into<Message>,
        fin: bool,
    ) -> Result<(), Error> {
        let mut fragment = Some(fragment.into());
        poll_fn(|cx| self.shared.lock().socket.poll_feed_fragment(cx, &mut fragment, fin)).await
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

    /// The subprotocol that was chosen
    /// ([`WebSocketOptions::protocols`](crate::WebSocketOptions::protocols)).
    pub fn protocol(&self) -> Option<&str> {
        self.shared.protocol.as_deref()
    }

    /// The address of the peer; `None` when another server accepted the connection.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.shared.peer
    }

    /// A handle to send from other tasks.
    pub fn sender(&self) -> WebSocketSender {
        let mut driven = self.shared.lock();
        let max_output = driven.socket.limits().max_output;
        let inbox = driven.inbox.get_or_insert_with(|| Inbox::new(max_output));
        WebSocketSender::new(Arc::clone(inbox))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let polled = self.shared.lock().socket.poll_message(cx);
        if let Poll::Ready(Some(Err(error))) = &polled {
            log(self.shared.peer, error);
        }
        polled
    }
}

/// Whose error ended a [`WebSocket::for_each`]: only the peer's are logged.
enum Stopped<E> {
    ByHandler(E),
    ByPeer(Error),
}

impl<E> From<Error> for Stopped<E> {
    fn from(error: Error) -> Self {
        Self::ByPeer(error)
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

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("peer", &self.shared.peer).finish_non_exhaustive()
    }
}
