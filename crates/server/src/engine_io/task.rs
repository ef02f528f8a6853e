//! The task of a session: its time, its WebSocket, its application.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rtwire_engineio::{Frame, Session};
use rtwire_tokio::{Clock, Error};
use rtwire_websocket::{CloseCode, CloseReason, Message, SendError};

use crate::context::{self, Drain, DrainWatch};
use crate::engine_io::registry::Registration;
use crate::engine_io::session::OpenWebSocket;
use crate::engine_io::{Application, SharedSession};

/// Messages of a WebSocket that are handled before others have their turn.
const TURN: usize = 128;

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

#[derive(PartialEq, Eq)]
enum Received {
    /// Or the end.
    Message,
    Nothing,
    /// It is not asked for one.
    HasNoRoom,
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
        self.session.resume();
        if draining && !self.draining {
            self.draining = true;
            self.application.shut_down();
        }
        if let Some(arrived) = self.session.take_arrived() {
            self.socket = Some(*arrived);
        }
        self.work(cx);
        self.write(cx);
        // Last, for deadlines may be new. What time brings about is seen to in another turn.
        if self.tell_time(cx) {
            cx.waker().wake_by_ref();
        }
        self.session.pause(cx);
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
            if received != Received::Nothing {
                received = self.receive(cx);
            }
            if received != Received::Message && !made_room {
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
        let Poll::Ready(now) = self.clock.poll(next, cx) else { return false };
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

    /// Takes one message from the WebSocket.
    fn receive(&mut self, cx: &mut Context<'_>) -> Received {
        let Some(OpenWebSocket { socket, .. }) = &mut self.socket else { return Received::Nothing };
        if !self.session.can_receive() {
            return Received::HasNoRoom;
        }
        let frame = match socket.poll_message(cx) {
            Poll::Pending => return Received::Nothing,
            Poll::Ready(Some(Ok(Message::Text(text)))) => Frame::Text(text),
            Poll::Ready(Some(Ok(Message::Binary(bytes)))) => Frame::Binary(bytes),
            Poll::Ready(None) => {
                self.socket = None;
                Frame::Close
            }
            Poll::Ready(Some(Err(error))) => {
                self.socket_failed(&error);
                return Received::Message;
            }
        };
        if let Err(error) = self.session.update(|session| session.receive(frame)) {
            self.session.log(&error);
        }
        Received::Message
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
            let Some(frame) = self.session.next_frame() else { break };
            queued_some = true;
            let queued = match frame {
                Frame::Text(text) => socket.queue(Message::Text(text)),
                Frame::Binary(bytes) => socket.queue(Message::Binary(bytes)),
                Frame::Close => {
                    self.close_socket();
                    break;
                }
            };
            if let Err(error) = queued {
                self.socket_failed(&error);
                break;
            }
        }
        queued_some
    }

    fn write(&mut self, cx: &mut Context<'_>) {
        if let Some(OpenWebSocket { socket, .. }) = &mut self.socket
            && let Poll::Ready(Err(error)) = socket.poll_output(cx)
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
        self.session.update(Session::websocket_failed);
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
