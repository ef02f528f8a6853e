use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytestring::ByteString;
use rtwire_socketio::Namespace;

use crate::socket_io::adapter::{Adapter, Members};
use crate::socket_io::handlers::NamespaceHandlers;
use crate::socket_io::rooms::Rooms;
use crate::socket_io::socket::Socket;

/// A namespace that exists: what answers in it, and who is there.
pub(crate) struct Space {
    pub(crate) name: Namespace,
    pub(crate) rooms: Rooms,
    pub(crate) adapter: Arc<dyn Adapter>,
    handlers: RwLock<Arc<NamespaceHandlers>>,
    next_ack_id: AtomicU64,
    /// The sockets by what their clients find them again, if there is recovery.
    recoverable: Mutex<HashMap<ByteString, Socket>>,
    /// It is there as long as somebody is.
    pub(crate) is_dynamic: AtomicBool,
    /// Clients that are on their way into it.
    pub(crate) entering: AtomicUsize,
    /// Handlers of server-side events that wait for something.
    server_side: Arc<AtomicUsize>,
}

impl Space {
    pub(crate) fn new(
        name: Namespace,
        adapter: Arc<dyn Adapter>,
        handlers: Arc<NamespaceHandlers>,
        is_dynamic: bool,
        first_ack_id: u64,
    ) -> Self {
        let handlers = RwLock::new(handlers);
        Self {
            name,
            rooms: Rooms::default(),
            adapter,
            handlers,
            next_ack_id: AtomicU64::new(first_ack_id),
            recoverable: Mutex::default(),
            is_dynamic: AtomicBool::new(is_dynamic),
            entering: AtomicUsize::new(0),
            server_side: Arc::default(),
        }
    }

    /// One that no client was asked with before: an answer may come late, over another connection.
    pub(crate) fn next_ack_id(&self) -> u64 {
        self.next_ack_id.fetch_add(1, Ordering::Relaxed)
    }

    /// No ack id of it is as large as this one.
    pub(crate) fn ack_ids_end(&self) -> u64 {
        self.next_ack_id.load(Ordering::Relaxed)
    }

    fn sockets_by_pid(&self) -> MutexGuard<'_, HashMap<ByteString, Socket>> {
        // Nothing in here panics.
        self.recoverable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket has joined.
    pub(crate) fn begin(&self, socket: &Socket) {
        if let Some(pid) = socket.pid() {
            self.sockets_by_pid().insert(pid.clone(), socket.clone());
        }
    }

    /// A socket has left, and has been told so.
    pub(crate) fn end(&self, socket: &Socket) {
        if let Some(pid) = socket.pid() {
            // First, for its client may come back in between.
            socket.persist();
            let mut sockets = self.sockets_by_pid();
            // It may be back.
            let ended = sockets.get(pid).is_some_and(|begun| begun == socket);
            let ended = ended.then(|| sockets.remove(pid));
            drop(sockets);
            drop(ended);
        }
    }

    /// The socket that is here, or was until just now.
    pub(crate) fn find(&self, pid: &str) -> Option<Socket> {
        self.sockets_by_pid().get(pid).cloned()
    }

    /// `None` if so many are at work already.
    pub(crate) fn begin_server_side(&self, max: usize) -> Option<AtWork> {
        let begin = |at_work: usize| (at_work < max).then_some(at_work + 1);
        let begun = self.server_side.fetch_update(Ordering::Relaxed, Ordering::Relaxed, begin);
        begun.ok().map(|_| AtWork(Arc::clone(&self.server_side)))
    }

    /// Tells the adapter of rooms that have come to be or have gone.
    pub(crate) fn rooms_changed<'r>(
        self: &Arc<Self>,
        rooms: impl IntoIterator<Item = &'r ByteString>,
    ) {
        for room in rooms {
            self.adapter.room_changed(room, &Members::of(self));
        }
    }

    pub(crate) fn handlers(&self) -> Arc<NamespaceHandlers> {
        Arc::clone(&self.handlers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the handlers, and returns those that there were.
    pub(crate) fn set_handlers(&self, handlers: Arc<NamespaceHandlers>) -> Arc<NamespaceHandlers> {
        mem::replace(&mut *self.handlers.write().unwrap_or_else(PoisonError::into_inner), handlers)
    }
}

/// Counts a handler until it is dropped.
pub(crate) struct AtWork(Arc<AtomicUsize>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
