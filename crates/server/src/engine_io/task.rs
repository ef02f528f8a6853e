//! The task of a session: its time, its WebSocket, its application.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rtwire_engineio::{Frame, Session};
use rtwire_tokio::{Clock, Error};
use rtwire_websocket::{CloseCode, CloseReason, Message, SendError};

use crate::context::{self, Drain};
use crate::engine_io::registry::Registration;
use crate::engine_io::session::OpenWebSocket;
use crate::engine_io::{Application, SharedSession};

pub(crate) struct Task {
    session: Arc<SharedSession>,
    application: Box<dyn Application>,
    socket: Option<OpenWebSocket>,
    clock: Clock,
    server: Arc<context::Shared>,
    _registration: Registration,
}

impl Task {
    pub(crate) fn new(
        session: Arc<SharedSession>,
        application: Box<dyn Application>,
        server: Arc<context::Shared>,
        registration: Registration,
    ) -> Self {
        let clock = Clock::new(session.epoch());
        Self { session, application, socket: None, clock, server, _registration: registration }
    }

    /// Spawns it; `socket` is what the session begins on, if it does on a WebSocket.
    pub(crate) fn start(mut self, socket: Option<OpenWebSocket>) {
        self.socket = socket;
        let tracker = self.server.tracker.clone();
        tracker.spawn(self.run());
    }

    /// Runs until the session has ended, its last words are said, and no handler is at work; or
    /// until the end of the drain.
    async fn run(mut self) {
        let server = Arc::clone(&self.server);
        let mut drain = pin!(server.drain_over());
        let mut waits_for_drain = false;
        poll_fn(|cx| {
            match server.poll_drain(drain.as_mut(), &mut waits_for_drain, cx) {
                Drain::NotYet => {}
                Drain::Begun => self.application.shut_down(),
                Drain::Over => return Poll::Ready(()),
            }
            self.poll(cx)
        })
        .await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.session.resume();
        loop {
            self.tell_time(cx);
            if let Some(arrived) = self.session.take_arrived() {
                self.socket = Some(arrived);
            }
            self.application.poll(cx);
            self.queue_frames(cx);
            if self.receive(cx) {
                continue;
            }
            self.write(cx);
            if self.session.pause(cx) {
                break;
            }
        }
        if self.application.is_done() && self.session.read(Session::is_finished) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn tell_time(&mut self, cx: &mut Context<'_>) {
        loop {
            let session = self.session.read(Session::next_timeout);
            let next = session.into_iter().chain(self.application.next_timeout()).min();
            let Poll::Ready(now) = self.clock.poll(next, cx) else { return };
            self.session.update(|session| session.handle_timeout(now));
            self.application.handle_timeout(now);
        }
    }

    /// Takes one message from the WebSocket. False if there is none yet, or if the application
    /// has not taken those before.
    fn receive(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(OpenWebSocket { socket, .. }) = &mut self.socket else { return false };
        if self.session.read(Session::has_events) {
            return false;
        }
        let frame = match socket.poll_message(cx) {
            Poll::Pending => return false,
            Poll::Ready(Some(Ok(Message::Text(text)))) => Frame::Text(text),
            Poll::Ready(Some(Ok(Message::Binary(bytes)))) => Frame::Binary(bytes),
            Poll::Ready(None) => {
                self.socket = None;
                Frame::Close
            }
            Poll::Ready(Some(Err(error))) => {
                self.socket_failed(&error);
                return true;
            }
        };
        if let Err(error) = self.session.update(|session| session.receive(frame)) {
            self.session.log(&error);
        }
        true
    }

    /// Moves what the session has to say to the WebSocket, as far as that has room.
    fn queue_frames(&mut self, cx: &mut Context<'_>) {
        while let Some(OpenWebSocket { socket, .. }) = &mut self.socket {
            match socket.ready() {
                Ok(()) => {}
                Err(SendError::Full) => match socket.poll_output(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return self.socket_failed(&error),
                    Poll::Pending => return,
                },
                // The peer is closing; the end comes from reading.
                Err(_) => return,
            }
            let Some(frame) = self.session.next_frame() else { return };
            let queued = match frame {
                Frame::Text(text) => socket.queue(Message::Text(text)),
                Frame::Binary(bytes) => socket.queue(Message::Binary(bytes)),
                Frame::Close => return self.close_socket(),
            };
            if let Err(error) = queued {
                return self.socket_failed(&error);
            }
        }
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

    /// Leaves the closing handshake to a task of its own, which its deadline bounds: the session
    /// may go on without this WebSocket.
    fn close_socket(&mut self) {
        let Some(OpenWebSocket { mut socket, permit }) = self.socket.take() else { return };
        let draining = self.server.shutdown.is_cancelled();
        let code = if draining { CloseCode::GOING_AWAY } else { CloseCode::NORMAL };
        let peer = self.session.request().peer_addr();
        self.server.tracker.spawn(async move {
            if let Err(error) = socket.close(CloseReason::new(code)).await {
                tracing::debug!(?peer, %error, "WebSocket ended");
            }
            drop(permit);
        });
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
