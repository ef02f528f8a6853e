use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};
use rtwire_socketio::Data;

use crate::socket_io::adapter::{BoxFuture, BoxStream, Command, Flags, Query, Reply, Selection};
use crate::socket_io::error::{AckError, EmitError};
use crate::socket_io::prepared::PreparedPacket;
use crate::socket_io::remote::SocketData;
use crate::socket_io::server_side;
use crate::socket_io::socket::Socket;
use crate::socket_io::space::Space;

/// The sockets of a namespace that are connected to this node.
#[derive(Clone)]
pub struct Members {
    space: Arc<Space>,
}

impl Members {
    pub(crate) fn of(space: &Arc<Space>) -> Self {
        Self { space: Arc::clone(space) }
    }

    /// The name of the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.space.name
    }

    /// Whether a socket of this node is in the room, be it that of its own id.
    #[must_use]
    pub fn has_room(&self, room: &str) -> bool {
        self.space.rooms.has(room)
    }

    /// Carries out `command` for those of them whom it is for, and returns how many they are. An
    /// event is encoded once for all. It waits for nobody: who takes less than it is sent is
    /// disconnected, rather than left with a gap, unless the event is volatile.
    ///
    /// A server-side event is handled on the runtime in whose context this is called.
    ///
    /// A socket that leaves meanwhile may be dropped here, with what the application keeps with it, which may emit as it
    /// is dropped: an adapter holds no lock that [`Adapter::publish`](crate::adapter::Adapter::publish) takes.
    ///
    /// # Errors
    /// [`EmitError::NotAnEvent`].
    pub fn apply(&self, command: Command) -> Result<usize, EmitError> {
        match command {
            Command::Broadcast { data, to, flags } => {
                self.broadcast(data, &to, flags).map(|(count, _)| count)
            }
            Command::Join { to, rooms } => Ok(self.for_each(&to, |socket| {
                for room in &rooms {
                    if let Err(error) = socket.join(room) {
                        tracing::debug!(%error, "a socket did not join a room");
                    }
                }
            })),
            Command::Leave { to, rooms } => Ok(self.for_each(&to, |socket| {
                rooms.iter().for_each(|room| socket.leave(room));
            })),
            Command::Disconnect { to, close: false } => Ok(self.for_each(&to, Socket::disconnect)),
            Command::Disconnect { to, close: true } => {
                Ok(self.for_each(&to, Socket::close_connection))
            }
            Command::ServerSideEmit { data } => {
                data.event_name().ok_or(EmitError::NotAnEvent)?;
                drop(server_side::handle(&self.space, data));
                Ok(0)
            }
        }
    }

    /// Answers `query` for this node. What is asked of clients is sent at once; who drops the stream
    /// waits for nobody any more.
    ///
    /// A server-side event is handled on the runtime in whose context this is called.
    ///
    /// # Errors
    /// [`EmitError::NotAnEvent`].
    pub fn answer(&self, query: Query) -> Result<BoxStream<Reply>, EmitError> {
        let once = |reply| -> BoxStream<Reply> { Box::pin(stream::iter([reply])) };
        Ok(match query {
            Query::Sockets { to } => {
                let sockets = self.select(&to);
                once(Reply::Sockets(sockets.iter().map(|socket| socket.id().clone()).collect()))
            }
            Query::Rooms => once(Reply::Rooms(self.space.rooms.names())),
            Query::Fetch { to } => once(Reply::Fetched(self.fetch(&to))),
            Query::Broadcast { data, to, flags, timeout } => {
                let (ids, asked) = self.broadcast_with_ack(data, &to, flags, timeout)?;
                let count = stream::iter([Reply::ClientCount(ids.len())]);
                let acks = asked.filter_map(|(_, answer)| async { answer.ok().map(Reply::Ack) });
                Box::pin(count.chain(acks))
            }
            Query::ServerSideEmit { data } => {
                data.event_name().ok_or(EmitError::NotAnEvent)?;
                let answer = server_side::handle(&self.space, data);
                let answer = async { answer.await.ok().map(Reply::ServerSideAck) };
                Box::pin(stream::once(answer).filter_map(|reply| async { reply }))
            }
        })
    }

    pub(crate) fn select(&self, to: &Selection) -> Vec<Socket> {
        self.space.rooms.members(&to.rooms, &to.except)
    }

    pub(crate) fn fetch(&self, to: &Selection) -> Vec<SocketData> {
        self.select(to).iter().map(SocketData::of).collect()
    }

    fn for_each(&self, to: &Selection, act: impl Fn(&Socket)) -> usize {
        let sockets = self.select(to);
        sockets.iter().for_each(act);
        sockets.len()
    }

    /// How many it went to, and whom it was for, to be dropped without a lock: who has left meanwhile takes along what
    /// the application keeps with it, and as that is dropped it may emit in turn.
    pub(crate) fn broadcast(
        &self,
        data: Data,
        to: &Selection,
        flags: Flags,
    ) -> Result<(usize, Vec<Socket>), EmitError> {
        data.event_name().ok_or(EmitError::NotAnEvent)?;
        let members = self.select(to);
        let Some(first) = members.first() else { return Ok((0, members)) };
        let prepared = PreparedPacket::new(first.parser(), &self.space.name, None, data, flags)?;
        let count = members.iter().filter(|member| member.deliver(&prepared, flags)).count();
        Ok((count, members))
    }

    /// Sends an event to those whom it is for, and returns their ids. Each will have its answer, or
    /// the reason why there is none; who takes less than it is sent is disconnected.
    pub(crate) fn broadcast_with_ack(
        &self,
        data: Data,
        to: &Selection,
        flags: Flags,
        timeout: Duration,
    ) -> Result<(BTreeSet<ByteString>, Asked), EmitError> {
        data.event_name().ok_or(EmitError::NotAnEvent)?;
        let members = self.select(to);
        let Some(first) = members.first() else { return Ok(Default::default()) };
        // One id for all: it is each client's own.
        let id = self.space.next_ack_id();
        let (parser, namespace) = (first.parser(), &self.space.name);
        let prepared = PreparedPacket::new(parser, namespace, Some(id), data, flags)?;
        let ask = |socket: &Socket| -> (ByteString, Asking) {
            let answer = socket.deliver_with_ack(id, &prepared, timeout, flags);
            let id = socket.id().clone();
            (id.clone(), Box::pin(async { (id, answer.await) }))
        };
        Ok(members.iter().map(ask).unzip())
    }
}

/// Who was asked, as they answer.
pub(crate) type Asked = FuturesUnordered<Asking>;

type Asking = BoxFuture<'static, (ByteString, Result<Data, AckError>)>;

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("namespace", &self.namespace()).finish_non_exhaustive()
    }
}
