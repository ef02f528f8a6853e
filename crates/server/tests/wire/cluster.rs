//! Nodes that reach each other over channels: each message may be late, overtake others, or be lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use rtwire_server::EmitError;
use rtwire_server::adapter::{
    Adapter, AdapterError, BoxFuture, Command, Members, Query, Replies, Reply,
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// What lies between the nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bus {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    nodes: Vec<mpsc::UnboundedSender<String>>,
    /// Who hears nothing any more, though nobody knows it.
    lost: Vec<usize>,
    /// How late each message is, one after the other.
    delays: Vec<Duration>,
    sent: usize,
}

#[derive(Serialize, Deserialize)]
enum Wire {
    Command { namespace: String, from: usize, command: Command },
    Query { namespace: String, from: usize, id: u64, query: Query },
    Reply { id: u64, reply: Reply },
}

/// A node of the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    bus: Bus,
    index: usize,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    members: Mutex<HashMap<String, Members>>,
    /// Questions that were asked, and who waits for the replies.
    asked: Mutex<HashMap<u64, mpsc::UnboundedSender<Reply>>>,
    next_id: AtomicU64,
    /// Commands that may still be sent.
    credit: AtomicUsize,
    attached: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bus {
    /// Messages are so late, in turns: those with a longer delay are overtaken.
    pub(crate) fn with_delays(millis: &[u64]) -> Self {
        let bus = Self::default();
        lock(&bus.state).delays = millis.iter().copied().map(Duration::from_millis).collect();
        bus
    }

    /// A new node, in the runtime of a test.
    pub(crate) fn node(&self) -> Node {
        let (sender, mut inbox) = mpsc::unbounded_channel::<String>();
        let mut state = lock(&self.state);
        let index = state.nodes.len();
        state.nodes.push(sender);
        drop(state);
        let shared = Arc::<Shared>::default();
        shared.credit.store(usize::MAX, Ordering::Relaxed);
        let node = Node { bus: self.clone(), index, shared };
        let hears = node.clone();
        tokio::spawn(async move {
            while let Some(message) = inbox.recv().await {
                hears.hear(&message);
            }
        });
        node
    }

    /// The node is gone, and nobody has noticed.
    pub(crate) fn lose(&self, node: &Node) {
        lock(&self.state).lost.push(node.index);
    }

    fn send(&self, from: usize, to: usize, message: &Wire) {
        let mut state = lock(&self.state);
        if state.lost.contains(&to) || state.lost.contains(&from) {
            return;
        }
        let (node, text) = (state.nodes[to].clone(), serde_json::to_string(message).unwrap());
        let delay = match state.delays.len() {
            0 => Duration::ZERO,
            count => state.delays[state.sent % count],
        };
        state.sent += 1;
        // The test may be over.
        if delay.is_zero() {
            drop(node.send(text));
            return;
        }
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            drop(node.send(text));
        });
    }
}

impl Node {
    /// So many commands may still be sent.
    pub(crate) fn set_credit(&self, commands: usize) {
        self.shared.credit.store(commands, Ordering::Relaxed);
    }

    /// How many namespaces are attached.
    pub(crate) fn attached(&self) -> usize {
        self.shared.attached.load(Ordering::Relaxed)
    }

    fn others(&self) -> Vec<usize> {
        let nodes = lock(&self.bus.state).nodes.len();
        (0..nodes).filter(|index| *index != self.index).collect()
    }

    fn members(&self, namespace: &str) -> Option<Members> {
        lock(&self.shared.members).get(namespace).cloned()
    }

    fn hear(&self, message: &str) {
        match serde_json::from_str(message).unwrap() {
            Wire::Command { namespace, from, command } => {
                // What is not ours was applied when it was sent.
                let applied = matches!(command, Command::Broadcast { .. });
                if let Some(members) = self.members(&namespace)
                    && !(applied && from == self.index)
                {
                    members.apply(command).unwrap();
                }
            }
            Wire::Query { namespace, from, id, query } => {
                let Some(members) = self.members(&namespace) else { return };
                let mut replies = members.answer(query).unwrap();
                let node = self.clone();
                tokio::spawn(async move {
                    while let Some(reply) = replies.next().await {
                        node.bus.send(node.index, from, &Wire::Reply { id, reply });
                    }
                });
            }
            Wire::Reply { id, reply } => {
                if let Some(asked) = lock(&self.shared.asked).get(&id) {
                    drop(asked.send(reply));
                }
            }
        }
    }
}

impl Adapter for Node {
    fn attach(&self, members: Members) {
        self.shared.attached.fetch_add(1, Ordering::Relaxed);
        lock(&self.shared.members).insert(members.namespace().to_owned(), members);
    }

    fn detach(&self, namespace: &str) {
        self.shared.attached.fetch_sub(1, Ordering::Relaxed);
        lock(&self.shared.members).remove(namespace);
    }

    fn publish(&self, command: Command, members: &Members) -> Result<usize, EmitError> {
        if matches!(command, Command::Broadcast { flags, .. } if flags.local) {
            return members.apply(command);
        }
        let credit = &self.shared.credit;
        let spend = |credit: usize| credit.checked_sub(1);
        credit
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend)
            .map_err(|_| EmitError::Full)?;
        let (namespace, from) = (members.namespace().to_owned(), self.index);
        let message = Wire::Command { namespace, from, command: command.clone() };
        self.others().into_iter().for_each(|to| self.bus.send(from, to, &message));
        match command {
            Command::Broadcast { .. } => members.apply(command),
            Command::ServerSideEmit { .. } => Ok(0),
            // As in Redis, where a node hears itself.
            _ => {
                self.bus.send(from, from, &message);
                Ok(0)
            }
        }
    }

    fn ask<'a>(
        &'a self,
        query: Query,
        members: &'a Members,
    ) -> BoxFuture<'a, Result<Replies, AdapterError>> {
        Box::pin(async {
            let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
            let (sender, replies) = mpsc::unbounded_channel();
            lock(&self.shared.asked).insert(id, sender);
            let (namespace, from) = (members.namespace().to_owned(), self.index);
            let message = Wire::Query { namespace, from, id, query };
            let others = self.others();
            others.iter().for_each(|to| self.bus.send(from, *to, &message));
            let replies = Asked { id, replies, shared: Arc::clone(&self.shared) };
            Ok(Replies { nodes: others.len(), replies: Box::pin(replies) })
        })
    }

    fn node_count<'a>(&'a self, _: &'a Members) -> BoxFuture<'a, Result<usize, AdapterError>> {
        Box::pin(async { Ok(lock(&self.bus.state).nodes.len()) })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        // The others are told: the last node has the last index.
        lock(&self.bus.state).nodes.truncate(self.index);
        Box::pin(async {})
    }
}

/// A question that is forgotten with its replies.
struct Asked {
    id: u64,
    replies: mpsc::UnboundedReceiver<Reply>,
    shared: Arc<Shared>,
}

impl Stream for Asked {
    type Item = Reply;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        self.replies.poll_recv(cx)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        lock(&self.shared.asked).remove(&self.id);
    }
}

impl Node {
    /// Questions that have not been forgotten.
    pub(crate) fn open_questions(&self) -> usize {
        lock(&self.shared.asked).len()
    }
}
