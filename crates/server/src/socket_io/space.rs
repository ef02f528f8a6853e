use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytestring::ByteString;
use rtwire_socketio::Namespace;

use crate::socket_io::adapter::{Adapter, Members};
use crate::socket_io::handlers::NamespaceHandlers;
use crate::socket_io::rooms::Rooms;

/// A namespace that exists: what answers in it, and who is there.
pub(crate) struct Space {
    pub(crate) name: Namespace,
    pub(crate) rooms: Rooms,
    pub(crate) adapter: Arc<dyn Adapter>,
    handlers: RwLock<Arc<NamespaceHandlers>>,
    next_ack_id: AtomicU64,
    /// Handlers of server-side events that wait for something.
    server_side: Arc<AtomicUsize>,
}

impl Space {
    pub(crate) fn new(
        name: Namespace,
        adapter: Arc<dyn Adapter>,
        handlers: NamespaceHandlers,
    ) -> Self {
        let handlers = RwLock::new(Arc::new(handlers));
        Self {
            name,
            rooms: Rooms::default(),
            adapter,
            handlers,
            next_ack_id: AtomicU64::new(0),
            server_side: Arc::default(),
        }
    }

    /// One that no client was asked with before: an answer may come late, over another connection.
    pub(crate) fn next_ack_id(&self) -> u64 {
        self.next_ack_id.fetch_add(1, Ordering::Relaxed)
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

    pub(crate) fn set_handlers(&self, handlers: NamespaceHandlers) {
        *self.handlers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(handlers);
    }
}

/// Counts a handler until it is dropped.
pub(crate) struct AtWork(Arc<AtomicUsize>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
