use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytestring::ByteString;

use crate::engine_io::SharedSession;

/// In how many parts the sessions are kept, a power of two.
const SHARDS: usize = 16;

/// From so many places on a part gives back room that it does not need.
const ROOMY: usize = 128;

type Shard = HashMap<ByteString, Arc<SharedSession>>;

/// The sessions that are open, by their sid.
///
/// Each request over polling asks here first, on whatever core it is served, and a session's requests
/// come on several connections: so the sessions can't belong to cores. In parts, each with a lock of its own
/// that is held for one look, they hardly ever wait for each other, and making one part's table larger
/// holds up a sixteenth.
#[derive(Default)]
pub(crate) struct Registry {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    count: AtomicUsize,
}

impl Registry {
    /// Adds a session for as long as the registration lives. `None` if there are `max` already.
    pub(crate) fn register(
        self: &Arc<Self>,
        session: &Arc<SharedSession>,
        max: usize,
    ) -> Option<Registration> {
        let sid = session.sid();
        let one_more = |count| (count < max).then_some(count + 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        self.shard(&sid).insert(sid.clone(), Arc::clone(session));
        Some(Registration { registry: Arc::clone(self), sid })
    }

    pub(crate) fn get(&self, sid: &str) -> Option<Arc<SharedSession>> {
        self.shard(sid).get(sid).map(Arc::clone)
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn shard(&self, sid: &str) -> MutexGuard<'_, Shard> {
        // The low bits are the table's own; these are others of the same quality.
        let index = (self.hasher.hash_one(sid) >> 32) as usize % SHARDS;
        // Each change is one insertion or removal: there is no half of it.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a session in the registry.
pub(crate) struct Registration {
    registry: Arc<Registry>,
    sid: ByteString,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut shard = self.registry.shard(&self.sid);
        let session = shard.remove(&self.sid);
        // A crowd that has gone gives back its room.
        if shard.capacity() > ROOMY && shard.len() < shard.capacity() / 4 {
            let twice = shard.len() * 2;
            shard.shrink_to(twice);
        }
        // Before anybody can see that it has gone.
        self.registry.count.fetch_sub(1, Ordering::Relaxed);
        drop(shard);
        drop(session);
    }
}
