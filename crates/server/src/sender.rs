use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use rtwire_websocket::{CloseReason, Message, PreparedMessage, SendError};

use crate::transport::Transport;

/// Sends to one WebSocket from anywhere, such as to all members of a room. It does not keep the
/// connection open.
///
/// What is sent waits in an inbox of the connection, whose own task is woken to write it: a slow
/// peer, or a busy handler, delays nobody who sends. The inbox takes up to
/// [`max_output`](rtwire_websocket::Limits::max_output) bytes, and one more message; each message
/// counts 64 bytes more than its payload, so that empty ones are bounded as well.
#[derive(Clone)]
pub struct WebSocketSender {
    inbox: Arc<Inbox>,
}

/// What senders left for one connection. It is made with the first sender.
pub(crate) struct Inbox {
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// What `items` count.
    bytes: usize,
    /// Nothing is taken any more: a Close is among the items, or the connection has ended.
    ended: bool,
    /// Wakes the task that drives the connection.
    task: Option<Waker>,
}

enum Item {
    Message(Message),
    Prepared(PreparedMessage),
    Close(CloseReason),
}

impl Item {
    /// An item takes memory beside its payload.
    const OVERHEAD: usize = 64;

    fn cost(&self) -> usize {
        let payload = match self {
            Self::Message(message) => message.len(),
            Self::Prepared(message) => message.len(),
            Self::Close(_) => 0,
        };
        payload.saturating_add(Self::OVERHEAD)
    }
}

impl WebSocketSender {
    pub(crate) fn new(inbox: Arc<Inbox>) -> Self {
        Self { inbox }
    }

    /// Leaves a message for the connection. It never waits: what to do about a slow peer is the
    /// caller's choice.
    ///
    /// # Errors
    /// [`SendError::Full`] when the peer is too slow, [`SendError::Closing`].
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.inbox.push(Item::Message(message.into()))
    }

    /// Leaves a message that was encoded once for many connections.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_send_prepared(&self, message: &PreparedMessage) -> Result<(), SendError> {
        self.inbox.push(Item::Prepared(message.clone()))
    }

    /// Closes the connection, after what was sent before; what the peer was too slow for
    /// ([`SendError::Full`]) is dropped.
    ///
    /// # Errors
    /// [`SendError::CloseCode`] and [`SendError::TooLong`] for a reason that must not be sent,
    /// [`SendError::Closing`].
    pub fn close(&self, reason: &CloseReason) -> Result<(), SendError> {
        reason.encode()?;
        self.inbox.push(Item::Close(reason.clone()))
    }
}

impl fmt::Debug for WebSocketSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketSender").finish_non_exhaustive()
    }
}

impl Inbox {
    pub(crate) fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self { max_bytes: max_bytes.max(1), state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one push or pop: there is no half of it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, item: Item) -> Result<(), SendError> {
        let mut state = self.lock();
        if state.ended {
            return Err(SendError::Closing);
        }
        let full = state.bytes >= self.max_bytes;
        // The task that was woken for the first takes all; what it leaves there it will be woken for.
        let is_awaited = state.items.is_empty() || matches!(item, Item::Close(_));
        match item {
            Item::Close(_) => {
                // The peer was too slow for what waits, and would be for the Close behind it.
                if full {
                    state.items.clear();
                    state.bytes = 0;
                }
                state.ended = true;
            }
            _ if full => return Err(SendError::Full),
            _ => {}
        }
        state.bytes = state.bytes.saturating_add(item.cost());
        state.items.push_back(item);
        let task = if is_awaited { state.task.clone() } else { None };
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
        Ok(())
    }

    /// Queues on the connection what it has room for; the task of `cx` is woken for the rest.
    pub(crate) fn deliver(
        &self,
        socket: &mut rtwire_tokio::WebSocket<Transport>,
        cx: &mut Context<'_>,
    ) {
        let mut state = self.lock();
        if !state.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            state.task = Some(cx.waker().clone());
        }
        while let Some(item) = state.items.pop_front() {
            // A room opens in the output, or the transport fails and ends it.
            let full = matches!(socket.ready(), Err(SendError::Full));
            if full && !matches!(item, Item::Close(_)) && socket.poll_output(cx).is_pending() {
                state.items.push_front(item);
                return;
            }
            // The handler goes on with its message, and this is asked again after it.
            if socket.ready() == Err(SendError::UnfinishedMessage)
                && !matches!(item, Item::Close(_))
            {
                state.items.push_front(item);
                return;
            }
            state.bytes = state.bytes.saturating_sub(item.cost());
            let queued = match item {
                Item::Message(message) => socket.queue(message),
                Item::Prepared(message) => socket.queue_prepared(&message),
                Item::Close(reason) => socket.start_close(&reason),
            };
            if queued.is_err() {
                // Closing, which nothing is sent after.
                state.end();
            }
        }
    }

    /// Nothing is taken any more.
    pub(crate) fn end(&self) {
        self.lock().end();
    }
}

impl State {
    fn end(&mut self) {
        self.items.clear();
        self.bytes = 0;
        self.ended = true;
        self.task = None;
    }
}
