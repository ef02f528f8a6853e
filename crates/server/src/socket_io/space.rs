use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rtwire_socketio::Namespace;

use crate::socket_io::adapter::Adapter;
use crate::socket_io::handlers::NamespaceHandlers;
use crate::socket_io::rooms::Rooms;

/// A namespace that exists: what answers in it, and who is there.
pub(crate) struct Space {
    pub(crate) name: Namespace,
    pub(crate) rooms: Rooms,
    pub(crate) adapter: Arc<dyn Adapter>,
    handlers: RwLock<Arc<NamespaceHandlers>>,
    next_ack_id: AtomicU64,
}

impl Space {
    pub(crate) fn new(
        name: Namespace,
        adapter: Arc<dyn Adapter>,
        handlers: NamespaceHandlers,
    ) -> Self {
        let handlers = RwLock::new(Arc::new(handlers));
        Self { name, rooms: Rooms::default(), adapter, handlers, next_ack_id: AtomicU64::new(0) }
    }

    /// One that no client was asked with before: an answer may come late, over another connection.
    pub(crate) fn next_ack_id(&self) -> u64 {
        self.next_ack_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn handlers(&self) -> Arc<NamespaceHandlers> {
        Arc::clone(&self.handlers.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_handlers(&self, handlers: NamespaceHandlers) {
        *self.handlers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(handlers);
    }
}
