use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{mem, ptr};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytestring::ByteString;
use rtwire_engineio::{
    self as engine_io, CloseReason, Error, Event, Frame, Limits, PreparedMessage, SendError,
    Session,
};
use tokio::time::Instant;

use crate::connections::Permit;
use crate::request::Request;
use crate::transport::Transport;

/// A session, where its requests, its task and its senders meet. What is locked is the protocol's
/// machine alone, never across I/O or a handler.
pub(crate) struct SharedSession {
    epoch: Instant,
    limits: Arc<Limits>,
    request: Request,
    /// Why the session has ended, once the application has been told so.
    close_reason: OnceLock<CloseReason>,
    state: Mutex<State>,
}

struct State {
    session: Session,
    /// A WebSocket that has come for the session, for its task to take. Boxed, for most of the time there
    /// is none.
    arrived: Option<Box<OpenWebSocket>>,
    task: Option<Waker>,
    at_work: AtWork,
    /// Somebody else has changed something since the application began to work: the task has to look
    /// again.
    changed: bool,
    /// Nothing is read from the WebSocket until the application has taken some of what came.
    holds_back: bool,
    /// The WebSocket had no room for more when the task had written what it could.
    is_clogged: bool,
    /// The task has ended.
    abandoned: bool,
    /// Who waits for a payload, to bring more, for an event, for room in the queue.
    get: Option<Waker>,
    post: Option<Waker>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Who is being polled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AtWork {
    Nobody,
    /// The task need not be woken, but told.
    Task,
    /// What the application changes, on this thread, the task sees to afterwards.
    Application(ThreadMark),
}

/// Tells a thread from all others that live: where its own byte lies.
type ThreadMark = usize;

/// It takes less than asking for the thread's id, which counts a reference to the thread.
fn this_thread() -> ThreadMark {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| ptr::from_ref(here).addr())
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
    pub(crate) fn new(session: Session, limits: Arc<Limits>, request: Request) -> Arc<Self> {
        let state = State {
            session,
            arrived: None,
            task: None,
            at_work: AtWork::Nobody,
            changed: false,
            holds_back: false,
            is_clogged: false,
            abandoned: false,
            get: None,
            post: None,
            reader: None,
            writer: None,
        };
        let (epoch, close_reason, state) = (Instant::now(), OnceLock::new(), Mutex::new(state));
        Arc::new(Self { epoch, limits, request, close_reason, state })
    }

    pub(crate) fn sid(&self) -> ByteString {
        self.read(|session| session.sid().clone())
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
        self.close_reason.get().copied()
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

    /// The same, if `change` says that it has changed something.
    pub(crate) fn update_some<T>(
        &self,
        change: impl FnOnce(&mut Session) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        let result = change(&mut state.session);
        if result.is_some() {
            self.wake(state);
        }
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
            // A handler in the task itself is polled after this, and may go on waiting with the same waker.
            let is_polled = |reader: &mut Waker| {
                state.at_work == AtWork::Task
                    && state.task.as_ref().is_some_and(|task| task.will_wake(reader))
            };
            let reader = state.reader.take_if(|reader| !is_polled(reader));
            reader.into_iter().for_each(Waker::wake);
        }
        self.wake_writer(state);
        state.wake_task();
    }

    /// Tells the time. What the application holds back from being read is not the peer's silence.
    pub(crate) fn tell_time(&self, now: Duration) {
        let mut state = self.lock();
        if state.holds_back || state.post.is_some() {
            state.session.excuse_silence();
        }
        state.session.handle_timeout(now);
        self.wake(state);
    }

    fn wake_writer(&self, state: &mut State) {
        if state.session.is_closed() || state.session.queued() < self.limits.max_queue {
            state.writer.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Takes what the WebSocket brought, and tells whether more is to be read from it, as
    /// [`can_receive`](Self::can_receive) does.
    pub(crate) fn receive(&self, frame: Frame) -> Result<bool, Error> {
        let mut state = self.lock();
        let received = state.session.receive(frame);
        state.holds_back = !state.session.can_receive();
        let has_room = !state.holds_back;
        self.wake(state);
        received.map(|()| has_room)
    }

    /// Has `take` take what is to be written on the WebSocket next, and next; each with whether it may be
    /// compressed.
    pub(crate) fn take_frames<T>(
        &self,
        take: impl FnOnce(&mut dyn FnMut() -> Option<(Frame, bool)>) -> T,
    ) -> T {
        let mut state = self.lock();
        let session = &mut state.session;
        let taken = take(&mut || session.next_frame().map(|frame| (frame, session.may_compress())));
        self.wake_writer(&mut state);
        taken
    }

    /// The next event. More is read once there is room for it.
    pub(crate) fn next_event(&self) -> Option<Event> {
        self.take_event(&mut self.lock())
    }

    fn take_event(&self, state: &mut State) -> Option<Event> {
        let event = state.session.next_event();
        if let Some(Event::Close(reason)) = event {
            self.close_reason.get_or_init(|| reason);
        }
        if state.session.can_receive() {
            state.post.take().into_iter().for_each(Waker::wake);
            if mem::take(&mut state.holds_back) {
                state.wake_task();
            }
        }
        event
    }

    /// Whether more is to be read from the WebSocket. If not, the task is woken when it is.
    pub(crate) fn can_receive(&self) -> bool {
        let mut state = self.lock();
        state.holds_back = !state.session.can_receive();
        !state.holds_back
    }

    /// [`next_event`](Self::next_event), waiting for it.
    pub(crate) fn poll_event(&self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut state = self.lock();
        if let Some(event) = self.take_event(&mut state) {
            return Poll::Ready(event);
        }
        // It was taken before.
        if let Some(reason) = self.close_reason() {
            return Poll::Ready(Event::Close(reason));
        }
        if !state.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            state.reader = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Queues a message, which is taken then, or waits for room in the queue.
    pub(crate) fn poll_send(
        &self,
        message: &mut Option<PreparedMessage>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        if !state.session.is_closed() && state.session.queued() >= self.limits.max_queue {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let sent = message.take().map_or(Ok(()), |message| state.session.send_prepared(message));
        self.wake(state);
        Poll::Ready(sent)
    }

    /// The answer to the GET that waits, and whether it may be compressed.
    pub(crate) fn poll_payload(&self, cx: &mut Context<'_>) -> Poll<(Frame, bool)> {
        let mut state = self.lock();
        match state.session.payload() {
            Some(payload) => {
                let may_compress = state.session.may_compress();
                // The queue has room again, and the session may have ended with its last words.
                self.wake(state);
                Poll::Ready((payload, may_compress))
            }
            None => {
                state.get = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Waits until there is room for the messages of one more payload.
    pub(crate) fn poll_can_receive(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.session.is_closed() || state.session.can_receive() {
            return Poll::Ready(());
        }
        state.post = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Gives the session's task a WebSocket.
    pub(crate) fn arrive(&self, socket: OpenWebSocket) {
        let mut state = self.lock();
        if !state.abandoned {
            state.arrived = Some(Box::new(socket));
            self.wake(state);
        }
    }

    /// The task works. It is given the WebSocket that has arrived.
    pub(crate) fn resume(&self) -> Option<Box<OpenWebSocket>> {
        let mut state = self.lock();
        state.at_work = AtWork::Task;
        state.arrived.take()
    }

    /// Has the application work, which sees all that has changed until now.
    pub(crate) fn with_application<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut state = self.lock();
        state.changed = false;
        state.at_work = AtWork::Application(this_thread());
        drop(state);
        let result = work();
        self.lock().at_work = AtWork::Task;
        result
    }

    /// Whether what is sent now leaves at once: over polling, a GET waits for it; on a WebSocket, there
    /// is room.
    pub(crate) fn is_writable(&self) -> bool {
        let state = self.lock();
        let is_heard = match state.session.transport() {
            engine_io::Transport::Polling => state.session.is_polled(),
            engine_io::Transport::WebSocket => !state.is_clogged,
        };
        is_heard && state.session.queued() < self.limits.max_queue
    }

    /// The task has done what there was to do. It is woken when something changes, or at once if
    /// something has.
    pub(crate) fn pause(&self, is_clogged: bool, cx: &Context<'_>) {
        let mut state = self.lock();
        state.at_work = AtWork::Nobody;
        state.is_clogged = is_clogged;
        if !state.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            state.task = Some(cx.waker().clone());
        }
        if mem::take(&mut state.changed) || state.arrived.is_some() {
            cx.waker().wake_by_ref();
        }
    }

    /// The task has ended, and the session with it.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.session.close();
        state.session.websocket_failed();
        state.at_work = AtWork::Nobody;
        state.task = None;
        state.abandoned = true;
        let arrived = state.arrived.take();
        self.wake(state);
        drop(arrived);
    }

    /// Logs what the peer did wrong.
    pub(crate) fn log(&self, error: &Error) {
        let (rule, section, offset) = (error.rule(), error.rule().section(), error.offset());
        let peer = self.request.peer_addr();
        tracing::info!(?peer, %rule, section, offset, "Engine.IO refused");
    }
}

impl State {
    fn wake_task(&mut self) {
        match self.at_work {
            AtWork::Nobody => self.task.iter().for_each(Waker::wake_by_ref),
            AtWork::Application(thread) if thread == this_thread() => {}
            AtWork::Task | AtWork::Application(_) => self.changed = true,
        }
    }
}
