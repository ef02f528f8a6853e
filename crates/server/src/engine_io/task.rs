//! The task of a session: its time, its WebSocket, its application.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rtwire_engineio::{Frame, Session};
use rtwire_tokio::{Clock, Error};
use rtwire_websocket::{CloseCode, CloseReason, Message, SendError};
use tokio::task::coop::unconstrained;

use crate::context::{self, Drain, DrainWatch};
use crate::engine_io::registry::Registration;
use crate::engine_io::session::OpenWebSocket;
use crate::engine_io::{Application, SharedSession};
use crate::transport;

/// Messages of a WebSocket that the application is given at once, so that it is polled less often than messages
/// come. More would not make it faster: so many the queues hold that are made with the first message, and
/// so many the allocator has at hand.
const BATCH: usize = 4;

/// Batches before others have their turn.
const TURN: usize = 32;

/// It is a future by hand: an async function would have room for it twice, as its argument and as what it
/// works on.
pub(crate) struct Task {
    session: Arc<SharedSession>,
    application: Box<dyn Application>,
    socket: Option<OpenWebSocket>,
    clock: Clock,
    /// When the WebSocket of a session that has ended is given up.
    last_words: Option<Duration>,
    draining: bool,
    drain: DrainWatch,
    server: Arc<context::Shared>,
    /// Until the session has ended; handlers may go on after that.
    registration: Option<Registration>,
}

/// What the WebSocket has brought.
#[derive(PartialEq, Eq)]
enum Received {
    /// Messages, or the end; there may be more.
    Some,
    /// The same, and there is no more.
    Last,
    Nothing,
    /// It is not asked for any.
    HasNoRoom,
}

/// How far the session's frames have been moved to the WebSocket.
enum Moved {
    All,
    /// There may be more.
    UntilFull,
    /// And the session says that it is to be closed.
    Close,
}

impl Task {
    pub(crate) fn new(
        session: Arc<SharedSession>,
        application: Box<dyn Application>,
        server: Arc<context::Shared>,
        registration: Registration,
    ) -> Self {
        let clock = Clock::new(session.epoch());
        Self {
            session,
            application,
            socket: None,
            clock,
            last_words: None,
            draining: false,
            drain: DrainWatch::default(),
            server,
            registration: Some(registration),
        }
    }

    /// Spawns it; `socket` is what the session begins on, if it does on a WebSocket.
    pub(crate) fn start(mut self, socket: Option<OpenWebSocket>) {
        self.socket = socket;
        let tracker = self.server.tracker.clone();
        tracker.spawn(self);
    }

    fn go_on(&mut self, draining: bool, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(arrived) = self.session.resume() {
            self.socket = Some(*arrived);
        }
        if draining && !self.draining {
            self.draining = true;
            self.application.shut_down();
        }
        self.work(cx);
        self.write(cx);
        // Last, for deadlines may be new. What time brings about is seen to in another turn.
        if self.tell_time(cx) {
            cx.waker().wake_by_ref();
        }
        let is_full = |open: &OpenWebSocket| open.socket.ready() == Err(SendError::Full);
        self.session.pause(self.socket.as_ref().is_some_and(is_full), cx);
        if self.has_ended() {
            self.registration = None;
            if self.application.is_done() && !self.session.read(Session::has_events) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Has the application handle what comes, and the WebSocket take what it sends.
    fn work(&mut self, cx: &mut Context<'_>) {
        let mut received = self.receive(cx);
        for _ in 0..TURN {
            self.session.with_application(|| self.application.poll(cx));
            let made_room = self.queue_frames(cx) && self.application.holds_back();
            received = match received {
                Received::Some | Received::HasNoRoom => self.receive(cx),
                Received::Last | Received::Nothing => Received::Nothing,
            };
            if matches!(received, Received::Nothing | Received::HasNoRoom) && !made_room {
                return;
            }
        }
        // What one read has brought is decoded without asking anybody whether others wait.
        cx.waker().wake_by_ref();
    }

    fn has_ended(&self) -> bool {
        self.session.read(|session| {
            // Nobody can come any more to hear that it is over.
            let unheard = self.draining && self.socket.is_none() && !session.is_polled();
            session.is_finished() || session.is_closed() && unheard
        })
    }

    /// False if it is not time for anything.
    fn tell_time(&mut self, cx: &mut Context<'_>) -> bool {
        let (timeout, closed) =
            self.session.read(|session| (session.next_timeout(), session.is_closed()));
        if !closed || self.socket.is_none() {
            self.last_words = None;
        } else if self.last_words.is_none() {
            // As long as a GET has to come for them, over polling.
            let ping_timeout = self.session.limits().ping_timeout;
            self.last_words = Some(self.clock.now().saturating_add(ping_timeout));
        }
        let deadlines = [timeout, self.application.next_timeout(), self.last_words];
        let next = deadlines.into_iter().flatten().min();
        // As for the output: a timer too takes part in what tokio allows for one turn.
        let clock = pin!(unconstrained(poll_fn(|cx| self.clock.poll(next, cx))));
        let Poll::Ready(now) = clock.poll(cx) else { return false };
        self.session.tell_time(now);
        self.application.handle_timeout(now);
        if self.last_words.is_some_and(|deadline| deadline <= now) {
            let peer = self.session.request().peer_addr();
            tracing::debug!(?peer, "the last words of a session were not taken");
            self.session.update(Session::websocket_failed);
            self.socket = None;
        }
        true
    }

    /// Takes messages from the WebSocket: a batch, or as many as there are and the session has room for.
    fn receive(&mut self, cx: &mut Context<'_>) -> Received {
        let Some(OpenWebSocket { socket, .. }) = &mut self.socket else { return Received::Nothing };
        if !self.session.can_receive() {
            return Received::HasNoRoom;
        }
        for taken in 0..BATCH {
            let frame = match socket.poll_message(cx) {
                Poll::Pending if taken == 0 => return Received::Nothing,
                Poll::Pending => return Received::Last,
                Poll::Ready(Some(Ok(Message::Text(text)))) => Frame::Text(text),
                Poll::Ready(Some(Ok(Message::Binary(bytes)))) => Frame::Binary(bytes),
                Poll::Ready(None) => Frame::Close,
                Poll::Ready(Some(Err(error))) => {
                    self.socket_failed(&error);
                    return Received::Last;
                }
            };
            let is_end = frame == Frame::Close;
            let has_room = self.session.receive(frame).unwrap_or_else(|error| {
                self.session.log(&error);
                false
            });
            if is_end {
                self.socket = None;
                break;
            }
            if !has_room {
                break;
            }
        }
        Received::Some
    }

    /// Moves what the session has to say to the WebSocket, as far as that has room. True if there was
    /// something.
    fn queue_frames(&mut self, cx: &mut Context<'_>) -> bool {
        let mut queued_some = false;
        while let Some(OpenWebSocket { socket, .. }) = &mut self.socket {
            match socket.ready() {
                Ok(()) => {}
                Err(SendError::Full) => match socket.poll_output(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => {
                        self.socket_failed(&error);
                        break;
                    }
                    Poll::Pending => break,
                },
                // The peer is closing; the end comes from reading.
                Err(_) => break,
            }
            let moved = self.session.take_frames(|next_frame| {
                // It is queued in memory: nothing is written.
                while socket.ready().is_ok() {
                    let Some((frame, may_compress)) = next_frame() else { return Ok(Moved::All) };
                    let message = match frame {
                        Frame::Text(text) => Message::Text(text),
                        Frame::Binary(bytes) => Message::Binary(bytes),
                        Frame::Close => return Ok(Moved::Close),
                    };
                    if may_compress {
                        socket.queue(message)?;
                    } else {
                        socket.queue_uncompressed(message)?;
                    }
                    queued_some = true;
                }
                Ok(Moved::UntilFull)
            });
            match moved {
                Ok(Moved::UntilFull) => {}
                Ok(Moved::All) => break,
                Ok(Moved::Close) => {
                    self.close_socket();
                    return true;
                }
                Err(error) => {
                    self.socket_failed(&error);
                    return true;
                }
            }
        }
        queued_some
    }

    fn write(&mut self, cx: &mut Context<'_>) {
        if let Some(OpenWebSocket { socket, .. }) = &mut self.socket
            && let Poll::Ready(Err(error)) = transport::poll_output(socket, cx)
        {
            self.socket_failed(&error);
        }
    }

    fn socket_failed(&mut self, error: &Error) {
        let peer = self.session.request().peer_addr();
        match error {
            Error::Protocol(fault) => {
                let (rule, section) = (fault.rule(), fault.rule().section());
                let (offset, code) = (fault.offset(), rule.close_code().get());
                tracing::info!(?peer, %rule, section, offset, code, "WebSocket refused");
            }
            error => tracing::debug!(?peer, %error, "WebSocket ended"),
        }
        if let Error::Io(_) = error {
            // As in Node: whoever is lost has gone, and an error is what somebody did.
            if let Err(error) = self.session.receive(Frame::Close) {
                self.session.log(&error);
            }
        } else {
            self.session.update(Session::websocket_failed);
        }
        self.close_socket();
    }

    /// Leaves the closing handshake to a task of its own, which its deadline and that of the drain
    /// bound: the session may go on without this WebSocket.
    fn close_socket(&mut self) {
        let Some(OpenWebSocket { mut socket, permit }) = self.socket.take() else { return };
        let code = if std::thread::panicking() {
            CloseCode::INTERNAL_ERROR
        } else if self.draining {
            CloseCode::GOING_AWAY
        } else {
            CloseCode::NORMAL
        };
        let peer = self.session.request().peer_addr();
        let server = Arc::clone(&self.server);
        self.server.tracker.spawn(async move {
            tokio::select! {
                biased;
                closed = socket.close(CloseReason::new(code)) => {
                    if let Err(error) = closed {
                        tracing::debug!(?peer, %error, "WebSocket ended");
                    }
                }
                () = server.drain_over() => {}
            }
            drop(permit);
        });
    }
}

impl Future for Task {
    type Output = ();

    /// Until the session has ended, its last words are said, and no handler is at work; or until the end of
    /// the drain.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = &mut *self;
        match task.drain.poll(&task.server, cx) {
            Drain::NotYet => task.go_on(false, cx),
            Drain::Begun => task.go_on(true, cx),
            Drain::Over => Poll::Ready(()),
        }
    }
}

impl Drop for Task {
    /// Also after a handler's panic, and when the drain has taken too long.
    fn drop(&mut self) {
        self.session.abandon();
        if tokio::runtime::Handle::try_current().is_ok() {
            self.close_socket();
        }
    }
}
