//! How the nodes of a cluster reach each other's sockets.
//!
//! ```text
//!  emit, sockets_join, …    Command ──▶ publish ─┬─▶ Members::apply       here
//!                                                └ ─▶ Members::apply      on each other node
//!  fetch_sockets,           Query ──┬─▶ Members::answer                   here
//!  emit_with_ack, …                 └─▶ ask ─ ─ ─ ─▶ Members::answer      on each other node
//!                                    ◀─ ─ ─ ─ ─ ─ ─ Reply, Reply, …
//! ```
//!
//! A [`Command`] is carried out and not answered, a [`Query`] is. Both, and a [`Reply`], are values
//! that serde writes and reads: an adapter moves them, or turns them into the messages of others.

mod log;
mod members;
mod memory;
mod message;
mod recovery;

use std::fmt;
use std::pin::Pin;

use futures_core::Stream;

pub(crate) use members::Asked;
pub use members::Members;
pub use memory::InMemoryAdapter;
pub use message::{Command, Flags, Query, Reply, Selection};
pub(crate) use recovery::Claim;
pub use recovery::{Recovery, Rejoin, Session};

pub use crate::socket_io::handshake::Handshake;
pub use crate::socket_io::remote::SocketData;

use crate::socket_io::error::EmitError;

/// A future that an adapter returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream that an adapter returns, or takes.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// Carries what is for many sockets to the nodes where they are. Rooms are never on the wire, and
/// each node knows those of its own sockets.
///
/// An adapter that reaches other nodes has a task that hears them: what they publish it gives to
/// [`Members::apply`], what they ask to [`Members::answer`]. What is refused there, or cannot be
/// read, is to be ignored: the other nodes are peers too.
///
/// What waits for other nodes returns a boxed future, so that the trait can be an object: that is
/// one allocation for each question. [`publish`](Self::publish) does not wait, so that what is
/// emitted in order goes out in order, from functions that are not async.
pub trait Adapter: fmt::Debug + Send + Sync + 'static {
    /// A namespace has opened on this node: `members` stands for its sockets here. No namespace may be
    /// opened or asked for meanwhile, nor in [`detach`](Self::detach): the table of them is locked.
    fn attach(&self, members: Members) {
        let _ = members;
    }

    /// The namespace has closed on this node: nobody is there, nor will be until it is attached
    /// again. Its [`Members`] are to be dropped.
    fn detach(&self, namespace: &str) {
        let _ = namespace;
    }

    /// A room, which is not that of a socket's id, has come to be on this node, or has gone. It is
    /// told after the event, by several threads, and perhaps again: [`Members::has_room`] says what holds now. It
    /// may only take note: [`Members::apply`] would wait for locks that are held meanwhile.
    fn room_changed(&self, room: &str, members: &Members) {
        let _ = (room, members);
    }

    /// Has `command` carried out here, by [`Members::apply`], and on the other nodes; returns how
    /// many sockets here it concerns. It does not wait: what is for other nodes is queued, in
    /// order, up to a limit of the adapter's.
    ///
    /// An adapter that hears what it has published may apply it then, instead of now, and return 0.
    /// [`Command::ServerSideEmit`] is for the other nodes alone.
    ///
    /// # Errors
    /// [`EmitError::Full`], if more would wait for the other nodes than the adapter allows; those of
    /// [`Members::apply`].
    fn publish(&self, command: Command, members: &Members) -> Result<usize, EmitError>;

    /// Asks the other nodes, without this one. It is given up, and the replies with it, when they
    /// are complete or late: an adapter that keeps a table of questions takes them out by that.
    fn ask<'a>(
        &'a self,
        query: Query,
        members: &'a Members,
    ) -> BoxFuture<'a, Result<Replies, AdapterError>>;

    /// How many nodes there are, with this one.
    fn node_count<'a>(&'a self, members: &'a Members)
    -> BoxFuture<'a, Result<usize, AdapterError>>;

    /// How clients find their state again: not at all, unless this says so. It must not change.
    ///
    /// With recovery, [`publish`](Self::publish) gives each event that is not volatile an offset as a
    /// further argument, a string, before anybody applies it; and keeps it so long.
    fn recovery(&self) -> Option<&Recovery> {
        None
    }

    /// Keeps what is left of a socket. It does not wait.
    fn persist(&self, session: Session, members: &Members) {
        let _ = (session, members);
    }

    /// Finds the session whose [`pid`](Rejoin::pid) a client shows, takes it out, and with what it has
    /// missed since [`offset`](Rejoin::offset) calls [`Rejoin::complete`]. If one or the other is
    /// unknown the client begins anew.
    fn restore(&self, rejoin: Rejoin) -> BoxFuture<'_, Result<(), AdapterError>> {
        drop(rejoin);
        Box::pin(async { Ok(()) })
    }

    /// Takes leave of the other nodes, when what is queued has been sent. Afterwards it reaches this
    /// node alone.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// What the other nodes reply to a [`Query`].
pub struct Replies {
    /// How many other nodes were asked.
    pub nodes: usize,
    /// What they say, in any order. How much is to come, [`Query`] tells.
    pub replies: BoxStream<Reply>,
}

impl Replies {
    /// For who reaches no other node.
    #[must_use]
    pub fn none() -> Self {
        Self { nodes: 0, replies: Box::pin(futures_util::stream::empty()) }
    }
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

/// Why an adapter cannot ask other nodes: what is between them says so.
#[derive(Debug, thiserror::Error)]
#[error("the other nodes cannot be asked: {0}")]
pub struct AdapterError(#[from] Box<dyn std::error::Error + Send + Sync>);

impl AdapterError {
    /// With what has happened, or what it says.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
