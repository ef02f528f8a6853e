use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use crate::engine_io::random_id;
use crate::socket_io::adapter::log::Log;
use crate::socket_io::adapter::{
    Adapter, AdapterError, BoxFuture, Command, Members, Query, Recovery, Rejoin, Replies, Session,
};
use crate::socket_io::error::EmitError;

/// The adapter of a single node.
pub struct InMemoryAdapter {
    recovery: Option<Recovery>,
    /// Of each namespace, if there is to be recovery.
    logs: RwLock<HashMap<String, Arc<Mutex<Log>>>>,
    epoch: Instant,
}

impl Default for InMemoryAdapter {
    fn default() -> Self {
        Self::new()
    }
}

impl InMemoryAdapter {
    /// Without recovery.
    #[must_use]
    pub fn new() -> Self {
        Self { recovery: None, logs: RwLock::default(), epoch: Instant::now() }
    }

    /// One that keeps what clients miss that lose their connection. Each event that is neither
    /// volatile nor wants an answer has an argument more then, by which clients tell how far they got.
    #[must_use]
    pub fn with_recovery(recovery: Recovery) -> Self {
        Self { recovery: Some(recovery), ..Self::new() }
    }

    fn log(&self, namespace: &str) -> Option<Arc<Mutex<Log>>> {
        self.recovery?;
        self.logs.read().unwrap_or_else(PoisonError::into_inner).get(namespace).cloned()
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    // Nothing panics between two changes to a log.
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Adapter for InMemoryAdapter {
    fn attach(&self, members: Members) {
        let Some(recovery) = self.recovery else { return };
        match random_id() {
            Ok(tag) => {
                let log = Arc::new(Mutex::new(Log::new(recovery, tag)));
                let mut logs = self.logs.write().unwrap_or_else(PoisonError::into_inner);
                logs.insert(members.namespace().to_owned(), log);
            }
            Err(error) => tracing::error!(%error, "no random source: nothing is recovered"),
        }
    }

    fn detach(&self, namespace: &str) {
        self.logs.write().unwrap_or_else(PoisonError::into_inner).remove(namespace);
    }

    fn publish(&self, command: Command, members: &Members) -> Result<usize, EmitError> {
        match command {
            // There is no other node.
            Command::ServerSideEmit { .. } => Ok(0),
            Command::Broadcast { data, to, flags } if !flags.volatile => {
                let Some(log) = self.log(members.namespace()) else {
                    return members.apply(Command::Broadcast { data, to, flags });
                };
                // Until it is in the queues of all, so that each gets it in the order of the log, and
                // that nobody comes back in between.
                let mut log = lock(&log);
                let data = log.push(&data, &to, self.epoch.elapsed());
                let data = data.ok_or(EmitError::NotAnEvent)?;
                let (count, sockets) = members.broadcast(data, &to, flags)?;
                drop(log);
                drop(sockets);
                Ok(count)
            }
            command => members.apply(command),
        }
    }

    fn ask<'a>(&'a self, _: Query, _: &'a Members) -> BoxFuture<'a, Result<Replies, AdapterError>> {
        Box::pin(async { Ok(Replies::none()) })
    }

    fn node_count<'a>(&'a self, _: &'a Members) -> BoxFuture<'a, Result<usize, AdapterError>> {
        Box::pin(async { Ok(1) })
    }

    fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref()
    }

    fn persist(&self, session: Session, members: &Members) {
        if let Some(log) = self.log(members.namespace()) {
            lock(&log).leave(session, self.epoch.elapsed());
        }
    }

    fn restore(&self, rejoin: Rejoin) -> BoxFuture<'_, Result<(), AdapterError>> {
        Box::pin(async move {
            if let Some(log) = self.log(rejoin.namespace()) {
                // As in `publish`.
                let mut log = lock(&log);
                let now = self.epoch.elapsed();
                if let Some((session, missed)) = log.come_back(rejoin.pid(), rejoin.offset(), now)
                    && let Err(session) = rejoin.complete(session, missed)
                {
                    log.leave(session, now);
                }
            }
            Ok(())
        })
    }
}

impl fmt::Debug for InMemoryAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryAdapter").field("recovery", &self.recovery).finish_non_exhaustive()
    }
}
