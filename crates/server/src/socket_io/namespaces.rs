use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rtwire_socketio::Namespace;

use crate::socket_io::adapter::{Adapter, Members};
use crate::socket_io::dynamic::Dynamic;
use crate::socket_io::handlers::NamespaceHandlers;
use crate::socket_io::space::Space;

/// The namespaces that there are, and that there may be.
pub(crate) struct Io {
    pub(crate) adapter: Arc<dyn Adapter>,
    /// Dynamic namespaces stay when the last socket has left.
    pub(crate) keep_empty: AtomicBool,
    spaces: RwLock<Spaces>,
    dynamic: RwLock<Vec<Arc<Dynamic>>>,
}

#[derive(Default)]
struct Spaces {
    by_name: HashMap<Namespace, Arc<Space>>,
    /// How many of them are dynamic.
    dynamic: usize,
    /// Where the ack ids of a new one begin: behind those of all that have closed, to whose questions
    /// clients may still answer.
    first_ack_id: u64,
}

/// A namespace that a client is on its way into. It does not close meanwhile.
pub(crate) struct Entered {
    io: Arc<Io>,
    space: Arc<Space>,
}

impl Io {
    pub(crate) fn new(adapter: impl Adapter) -> Self {
        Self {
            adapter: Arc::new(adapter),
            keep_empty: AtomicBool::new(false),
            spaces: RwLock::default(),
            dynamic: RwLock::default(),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Spaces> {
        // A panic of an adapter comes after our own changes.
        self.spaces.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Spaces> {
        self.spaces.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn space(&self, name: &Namespace) -> Option<Arc<Space>> {
        self.read().by_name.get(name).map(Arc::clone)
    }

    /// Opens a namespace for good, or gives it other handlers.
    pub(crate) fn set(&self, name: Namespace, handlers: NamespaceHandlers) {
        let handlers = Arc::new(handlers);
        let mut spaces = self.write();
        if let Some(space) = spaces.by_name.get(&name).map(Arc::clone) {
            let replaced = space.set_handlers(handlers);
            if space.is_dynamic.swap(false, Ordering::Relaxed) {
                spaces.dynamic -= 1;
            }
            // Without the lock: what handlers hold may ask for namespaces as it is dropped.
            drop(spaces);
            drop(replaced);
            return;
        }
        self.insert(&mut spaces, name, handlers, false);
    }

    fn insert(
        &self,
        spaces: &mut Spaces,
        name: Namespace,
        handlers: Arc<NamespaceHandlers>,
        is_dynamic: bool,
    ) -> Arc<Space> {
        let adapter = Arc::clone(&self.adapter);
        let space = Space::new(name, adapter, handlers, is_dynamic, spaces.first_ack_id);
        let space = Arc::new(space);
        spaces.by_name.insert(space.name.clone(), Arc::clone(&space));
        spaces.dynamic += usize::from(is_dynamic);
        // Under the lock, for somebody may be closing one of that name.
        self.adapter.attach(Members::of(&space));
        space
    }

    pub(crate) fn add_dynamic(&self, dynamic: Dynamic) {
        let mut all = self.dynamic.write().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::new(dynamic));
    }

    pub(crate) fn dynamic(&self) -> Vec<Arc<Dynamic>> {
        self.dynamic.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The namespace for a client that wants to join it.
    pub(crate) fn enter(self: &Arc<Self>, name: &Namespace) -> Option<Entered> {
        let spaces = self.read();
        Some(self.entered(spaces.by_name.get(name)?))
    }

    fn entered(self: &Arc<Self>, space: &Arc<Space>) -> Entered {
        // With the lock, so that it is not just being closed.
        space.entering.fetch_add(1, Ordering::Relaxed);
        Entered { io: Arc::clone(self), space: Arc::clone(space) }
    }

    /// Opens a namespace for a client, unless it is there by now. `None` if there are too many.
    pub(crate) fn open(
        self: &Arc<Self>,
        name: &Namespace,
        dynamic: &Dynamic,
        max: usize,
    ) -> Option<Entered> {
        let mut spaces = self.write();
        if let Some(space) = spaces.by_name.get(name) {
            return Some(self.entered(space));
        }
        if spaces.dynamic >= max {
            return None;
        }
        // A copy, for the client's may be a part of a large packet.
        let name = Namespace::try_from(&**name).ok()?;
        let space = self.insert(&mut spaces, name, Arc::clone(&dynamic.handlers), true);
        Some(self.entered(&space))
    }

    /// Closes a dynamic namespace, if nobody is in it or on the way there.
    pub(crate) fn clean_up(&self, space: &Arc<Space>) {
        let may_close = || {
            space.is_dynamic.load(Ordering::Relaxed)
                && space.entering.load(Ordering::Relaxed) == 0
                && space.rooms.is_empty()
        };
        if self.keep_empty.load(Ordering::Relaxed) || !may_close() {
            return;
        }
        let mut spaces = self.write();
        // Nobody enters while it is locked.
        let is_open = spaces.by_name.get(&space.name).is_some_and(|open| Arc::ptr_eq(open, space));
        if is_open && may_close() {
            spaces.by_name.remove(&space.name);
            spaces.dynamic -= 1;
            spaces.first_ack_id = spaces.first_ack_id.max(space.ack_ids_end());
            self.adapter.detach(&space.name);
        }
    }
}

impl Entered {
    pub(crate) fn space(&self) -> &Arc<Space> {
        &self.space
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.space.entering.fetch_sub(1, Ordering::Relaxed);
        self.io.clean_up(&self.space);
    }
}
