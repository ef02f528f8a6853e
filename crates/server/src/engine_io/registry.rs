use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytestring::ByteString;

use crate::engine_io::SharedSession;

/// The sessions that are open, by their sid.
#[derive(Default)]
pub(crate) struct Registry {
    sessions: Mutex<HashMap<ByteString, Arc<SharedSession>>>,
}

impl Registry {
    /// Adds a session for as long as the registration lives. `None` if there are `max` already.
    pub(crate) fn register(
        self: &Arc<Self>,
        session: &Arc<SharedSession>,
        max: usize,
    ) -> Option<Registration> {
        let sid = session.sid();
        let mut sessions = self.lock();
        if sessions.len() >= max {
            return None;
        }
        sessions.insert(sid.clone(), Arc::clone(session));
        drop(sessions);
        Some(Registration { registry: Arc::clone(self), sid })
    }

    pub(crate) fn get(&self, sid: &str) -> Option<Arc<SharedSession>> {
        self.lock().get(sid).map(Arc::clone)
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ByteString, Arc<SharedSession>>> {
        // Each change is one insertion or removal: there is no half of it.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a session in the registry.
pub(crate) struct Registration {
    registry: Arc<Registry>,
    sid: ByteString,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut sessions = self.registry.lock();
        let session = sessions.remove(&self.sid);
        // A crowd that has gone gives back its room.
        if sessions.capacity() > 1024 && sessions.len() < sessions.capacity() / 4 {
            let twice = sessions.len() * 2;
            sessions.shrink_to(twice);
        }
        drop(sessions);
        drop(session);
    }
}
