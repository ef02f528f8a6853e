use alloc::collections::{BTreeMap, BTreeSet, btree_map::Entry};
use core::time::Duration;

use crate::namespace::Namespace;

/// The right to answer one event, once: [`Connection::send_ack`](crate::Connection::send_ack)
/// takes it. Dropped, the event stays without an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct AckToken {
    pub(crate) namespace: Namespace,
    pub(crate) join: u64,
    pub(crate) id: u64,
}

impl AckToken {
    /// Where the event came from.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}

/// The acks that are awaited from the peer, by the join of the namespace and their id there.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    awaited: BTreeMap<(u64, u64), Option<Duration>>,
    deadlines: BTreeSet<(Duration, u64, u64)>,
}

impl Acks {
    pub(crate) fn len(&self) -> usize {
        self.awaited.len()
    }

    /// False if an ack of this id is awaited already.
    pub(crate) fn insert(&mut self, join: u64, id: u64, deadline: Option<Duration>) -> bool {
        let Entry::Vacant(awaited) = self.awaited.entry((join, id)) else { return false };
        awaited.insert(deadline);
        self.deadlines.extend(deadline.map(|deadline| (deadline, join, id)));
        true
    }

    /// Whether this ack was awaited. It is no longer.
    pub(crate) fn remove(&mut self, join: u64, id: u64) -> bool {
        let Some(deadline) = self.awaited.remove(&(join, id)) else { return false };
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, join, id));
        }
        true
    }

    pub(crate) fn remove_join(&mut self, join: u64) {
        while let Some((&(_, id), _)) = self.awaited.range((join, 0)..=(join, u64::MAX)).next() {
            self.remove(join, id);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, ..)| *deadline)
    }

    /// The next ack whose time is over: its join and id. It is no longer awaited.
    pub(crate) fn expire(&mut self, now: Duration) -> Option<(u64, u64)> {
        let &(deadline, join, id) = self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.remove(join, id);
        Some((join, id))
    }
}
