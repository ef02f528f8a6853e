use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytestring::ByteString;
use rtwire_engineio::{CloseReason, Error, Event, Frame, Limits, Session};
use tokio::time::Instant;

use crate::connections::Permit;
use crate::request::Request;
use crate::transport::Transport;

/// A session, where its requests, its task and its senders meet. What is locked is the protocol's
/// machine alone, never across I/O or a handler.
pub(crate) struct SharedSession {
    epoch: Instant,
    limits: Limits,
    request: Request,
    sid: ByteString,
    state: Mutex<State>,
}

struct State {
    session: Session,
    /// A WebSocket that has come for the session, for its task to take.
    arrived: Option<OpenWebSocket>,
    close_reason: Option<CloseReason>,
    task: Option<Waker>,
    /// The task is being polled, so that it need not be woken,
    running: bool,
    /// but has to look again.
    changed: bool,
    /// Who waits for a payload, for the inbox to be empty, for an event, for room in the queue.
    get: Option<Waker>,
    post: Option<Waker>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// A WebSocket, and what counts its connection.
pub(crate) struct OpenWebSocket {
    pub(crate) socket: rtwire_tokio::WebSocket<Transport>,
    pub(crate) permit: Option<Arc<Permit>>,
}

/// 20 characters of base64url, from 120 random bits: hard to guess.
///
/// # Errors
/// The system has no random source.
pub(crate) fn random_id() -> Result<ByteString, getrandom::Error> {
    let mut bytes = [0; 15];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes).into())
}

impl SharedSession {
    pub(crate) fn new(session: Session, limits: Limits, request: Request) -> Arc<Self> {
        let sid = session.sid().clone();
        let state = State {
            session,
            arrived: None,
            close_reason: None,
            task: None,
            running: false,
            changed: false,
            get: None,
            post: None,
            reader: None,
            writer: None,
        };
        Arc::new(Self { epoch: Instant::now(), limits, request, sid, state: Mutex::new(state) })
    }

    pub(crate) fn sid(&self) -> ByteString {
        self.sid.clone()
    }

    /// The request of the handshake.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The zero of the session's clock.
    pub(crate) fn epoch(&self) -> Instant {
        self.epoch
    }

    /// What the session's clock shows.
    pub(crate) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        self.lock().close_reason
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The machine does not panic; if it did, nothing of ours would be half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the machine something.
    pub(crate) fn read<T>(&self, ask: impl FnOnce(&Session) -> T) -> T {
        ask(&self.lock().session)
    }

    /// Changes the machine, and wakes whom that may concern.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Session) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state.session);
        self.wake(state);
        result
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let state = &mut *state;
        if state.session.has_payload() {
            state.get.take().into_iter().for_each(Waker::wake);
        }
        if state.session.is_closed() {
            state.post.take().into_iter().for_each(Waker::wake);
        }
        if state.session.has_events() {
            // A handler in the task itself is polled after this.
            let own = |reader: &Waker| {
                state.running && state.task.as_ref().is_some_and(|task| task.will_wake(reader))
            };
            state.reader.take().filter(|reader| !own(reader)).into_iter().for_each(Waker::wake);
        }
        self.wake_writer(state);
        if state.running {
            state.changed = true;
        } else if let Some(task) = &state.task {
            task.wake_by_ref();
        }
    }

    fn wake_writer(&self, state: &mut State) {
        if state.session.is_closed() || state.session.queued() < self.limits.max_queue {
            state.writer.take().into_iter().for_each(Waker::wake);
        }
    }

    /// What to write on the WebSocket next.
    pub(crate) fn next_frame(&self) -> Option<Frame> {
        let mut state = self.lock();
        let frame = state.session.next_frame();
        self.wake_writer(&mut state);
        frame
    }

    /// The next event; the inbox being empty is what a POST waits for.
    pub(crate) fn next_event(&self) -> Option<Event> {
        let mut state = self.lock();
        let event = state.session.next_event();
        if let Some(Event::Close(reason)) = event {
            state.close_reason = Some(reason);
        }
        let post = if state.session.has_events() { None } else { state.post.take() };
        drop(state);
        post.into_iter().for_each(Waker::wake);
        event
    }

    /// [`next_event`](Self::next_event), waiting for it.
    pub(crate) fn poll_event(&self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Some(event) = self.next_event() {
            return Poll::Ready(event);
        }
        let mut state = self.lock();
        if state.session.has_events() {
            cx.waker().wake_by_ref();
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Waits for room in the queue, or for the end.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.session.is_closed() || state.session.queued() < self.limits.max_queue {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The answer to the GET that waits.
    pub(crate) fn poll_payload(&self, cx: &mut Context<'_>) -> Poll<ByteString> {
        let mut state = self.lock();
        match state.session.payload() {
            Some(payload) => {
                // The queue has room again, and the session may have ended with its last words.
                self.wake(state);
                Poll::Ready(payload)
            }
            None => {
                state.get = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Waits until the application has taken what came before.
    pub(crate) fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.session.is_closed() || !state.session.has_events() {
            return Poll::Ready(());
        }
        state.post = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Gives the session's task a WebSocket.
    pub(crate) fn arrive(&self, socket: OpenWebSocket) {
        let mut state = self.lock();
        state.arrived = Some(socket);
        self.wake(state);
    }

    pub(crate) fn take_arrived(&self) -> Option<OpenWebSocket> {
        self.lock().arrived.take()
    }

    /// The task begins to work: it sees all that has changed until [`pause`](Self::pause).
    pub(crate) fn resume(&self) {
        let mut state = self.lock();
        state.running = true;
        state.changed = false;
    }

    /// The task has nothing to do, and is woken when something changes. False if something has.
    pub(crate) fn pause(&self, cx: &Context<'_>) -> bool {
        let mut state = self.lock();
        if std::mem::take(&mut state.changed) {
            return false;
        }
        state.running = false;
        if !state.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            state.task = Some(cx.waker().clone());
        }
        true
    }

    /// The task has ended, and the session with it.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.session.close();
        state.session.websocket_failed();
        state.running = false;
        state.task = None;
        state.arrived = None;
        self.wake(state);
    }

    /// Logs what the peer did wrong.
    pub(crate) fn log(&self, error: &Error) {
        let (rule, section, offset) = (error.rule(), error.rule().section(), error.offset());
        let peer = self.request.peer_addr();
        tracing::info!(?peer, %rule, section, offset, "Engine.IO refused");
    }
}
