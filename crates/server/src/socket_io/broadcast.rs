use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use rtwire_socketio::{Data, PayloadError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::socket_io::adapter::{Command, Flags, Members, Query, Reply, Selection};
use crate::socket_io::answers::Answers;
use crate::socket_io::error::EmitError;
use crate::socket_io::gather::{ClusterError, gather};
use crate::socket_io::remote::RemoteSocket;
use crate::socket_io::server::Rules;
use crate::socket_io::socket::Socket;
use crate::socket_io::space::Space;

/// Whom something is for: a namespace, narrowed to rooms, on all nodes that the
/// [`Adapter`](crate::adapter::Adapter) reaches.
///
/// ```
/// use rtwire_server::{Socket, SocketIo};
///
/// let io = SocketIo::new();
/// io.of("/", |ns| {
///     ns.on("room message", async |socket: Socket, (room, text): (String, String)| {
///         socket.to(&room).except("muted").emit("room message", &(room, text))
///     })
/// });
/// // From outside of any handler.
/// io.to("news").emit("headline", "hello")?;
/// io.to("news").sockets_join(["archive"])?;
/// # Ok::<(), rtwire_server::EmitError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is done without `emit`, or another of the last words"]
pub struct Broadcast {
    space: Option<Arc<Space>>,
    to: Selection,
    flags: Flags,
    ack_timeout: Duration,
    request_timeout: Duration,
}

impl Broadcast {
    /// `None` is a namespace where nobody can be.
    pub(crate) fn new(space: Option<Arc<Space>>, rules: &Rules) -> Self {
        Self {
            space,
            to: Selection::default(),
            flags: Flags::default(),
            ack_timeout: rules.ack_timeout,
            request_timeout: rules.request_timeout,
        }
    }

    pub(crate) fn with_flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    /// Adds a room: it is for who is in any of those added. Each socket is in the room of its own id.
    pub fn to(mut self, room: &str) -> Self {
        self.to.rooms.push(room.into());
        self
    }

    /// The same as [`to`](Self::to), Node's `in`.
    pub fn within(self, room: &str) -> Self {
        self.to(room)
    }

    /// Leaves out who is in this room.
    pub fn except(mut self, room: &str) -> Self {
        self.to.except.push(room.into());
        self
    }

    /// Only the sockets of this node, whatever the [`Adapter`](crate::adapter::Adapter) reaches.
    pub fn local(mut self) -> Self {
        self.flags.local = true;
        self
    }

    /// Who cannot take the event at once goes without: over polling, when no GET waits; otherwise,
    /// when what was sent before still waits for room.
    pub fn volatile(mut self) -> Self {
        self.flags.volatile = true;
        self
    }

    /// Whether the event may be compressed where clients have agreed to that, from the threshold on: yes.
    /// Some would not get shorter, and a secret beside what an attacker has chosen can be guessed from
    /// how short they get together. Over polling an answer is compressed for the sake of one event in it.
    pub fn compress(mut self, compress: bool) -> Self {
        self.flags.compress = compress;
        self
    }

    /// Waits so long for answers: of clients, instead of
    /// [`ack_timeout`](crate::SocketIo::ack_timeout); of nodes, instead of
    /// [`request_timeout`](crate::SocketIo::request_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.ack_timeout = timeout;
        self.request_timeout = timeout;
        self
    }

    /// Sends an event, a tuple of arguments if there are several, and returns how many sockets of
    /// this node it goes to. Who takes less than it is sent is disconnected.
    ///
    /// # Errors
    /// [`EmitError::Payload`]; [`EmitError::Full`], if the adapter cannot send more to other nodes.
    pub fn emit<T: Serialize + ?Sized>(self, event: &str, args: &T) -> Result<usize, EmitError> {
        let data = Data::event(event, args)?;
        self.emit_data(data)
    }

    /// As [`emit`](Self::emit), with bytes for arguments, none of which are copied.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_binary(self, event: &str, args: Vec<Bytes>) -> Result<usize, EmitError> {
        self.emit_data(Data::binary_event(event, args).ok_or(PayloadError::ReservedEvent)?)
    }

    /// As [`emit`](Self::emit), with what is encoded already.
    ///
    /// # Errors
    /// [`EmitError::NotAnEvent`], [`EmitError::Full`].
    pub fn emit_data(self, data: Data) -> Result<usize, EmitError> {
        let Self { space: Some(space), to, flags, .. } = self else { return Ok(0) };
        space.adapter.publish(Command::Broadcast { data, to, flags }, &Members::of(&space))
    }

    /// Sends an event that each client is to answer, and returns the answers as they come: the first
    /// argument of each, or a tuple of several. It goes to the other nodes when the answers are
    /// asked for.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use rtwire_server::{AckError, SocketIo};
    ///
    /// # async fn ask(io: SocketIo) {
    /// let mut answers = io.to("players").emit_with_ack::<u32>("how many?", &());
    /// while let Some(answer) = answers.next().await {
    ///     match answer {
    ///         Ok(count) => println!("{count}"),
    ///         Err(AckError::Missing(who)) => println!("no answer of {who}"),
    ///         Err(error) => println!("{error}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn emit_with_ack<T: DeserializeOwned>(
        self,
        event: &str,
        args: &(impl Serialize + ?Sized),
    ) -> Answers<T> {
        let Self { space: Some(space), to, flags, ack_timeout, .. } = self else {
            return Answers::none();
        };
        match Data::event(event, args) {
            Ok(data) => Answers::ask(&space, data, to, flags, ack_timeout),
            Err(error) => Answers::failed(EmitError::from(error).into()),
        }
    }

    /// The sockets of this node whom it is for.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        let members = |space: &Arc<Space>| Members::of(space).select(&self.to);
        self.space.as_ref().map(members).unwrap_or_default()
    }

    /// The sockets whom it is for, on every node.
    ///
    /// # Errors
    /// [`ClusterError::Incomplete`], with those of the nodes that have answered in time;
    /// [`ClusterError::Adapter`].
    pub async fn fetch_sockets(self) -> Result<Vec<RemoteSocket>, ClusterError<RemoteSocket>> {
        let Some(space) = &self.space else { return Ok(Vec::new()) };
        let only = |data| RemoteSocket::new(data, &self);
        let here = Members::of(space).fetch(&self.to).into_iter().map(only).collect();
        if self.flags.local {
            return Ok(here);
        }
        let query = Query::Fetch { to: self.to.clone() };
        gather(space, query, self.request_timeout, here, |reply| match reply {
            Reply::Fetched(sockets) => Ok(sockets.into_iter().map(only).collect()),
            _ => Ok(Vec::new()),
        })
        .await
    }

    /// Has the sockets join these rooms. One that would be in more than
    /// [`max_rooms`](crate::SocketIo::max_rooms) does not, nor is one joined whose name is longer than
    /// [`max_room`](crate::SocketIo::max_room).
    ///
    /// # Errors
    /// [`EmitError::Full`], if the adapter cannot send more to other nodes.
    pub fn sockets_join(
        self,
        rooms: impl IntoIterator<Item = impl Into<ByteString>>,
    ) -> Result<(), EmitError> {
        let rooms = rooms.into_iter().map(Into::into).collect();
        self.publish(|to| Command::Join { to, rooms })
    }

    /// Has the sockets leave these rooms.
    ///
    /// # Errors
    /// As [`sockets_join`](Self::sockets_join).
    pub fn sockets_leave(
        self,
        rooms: impl IntoIterator<Item = impl Into<ByteString>>,
    ) -> Result<(), EmitError> {
        let rooms = rooms.into_iter().map(Into::into).collect();
        self.publish(|to| Command::Leave { to, rooms })
    }

    /// Puts the sockets out of the namespace, and with `close` closes their connections.
    ///
    /// # Errors
    /// As [`sockets_join`](Self::sockets_join).
    pub fn disconnect_sockets(self, close: bool) -> Result<(), EmitError> {
        self.publish(|to| Command::Disconnect { to, close })
    }

    fn publish(self, command: impl FnOnce(Selection) -> Command) -> Result<(), EmitError> {
        let Some(space) = self.space else { return Ok(()) };
        let (members, command) = (Members::of(&space), command(self.to));
        if self.flags.local {
            members.apply(command)?;
        } else {
            space.adapter.publish(command, &members)?;
        }
        Ok(())
    }

    /// Sends an event to the other nodes, where
    /// [`on_server_side`](crate::NamespaceHandlers::on_server_side) handles it; rooms do not matter.
    /// On a node alone nothing happens.
    ///
    /// # Errors
    /// [`EmitError::Payload`], [`EmitError::Full`].
    pub fn server_side_emit<T: Serialize + ?Sized>(
        self,
        event: &str,
        args: &T,
    ) -> Result<(), EmitError> {
        let data = Data::event(event, args)?;
        if self.flags.local {
            return Ok(());
        }
        self.publish(|_| Command::ServerSideEmit { data })
    }

    /// As [`server_side_emit`](Self::server_side_emit), and waits for the answer of each other node.
    ///
    /// # Errors
    /// [`ClusterError::Incomplete`], with the answers of the others, if a node has not answered in
    /// time, be it that it has no handler; [`ClusterError::Adapter`]; [`ClusterError::Payload`] for an event that cannot be encoded, or
    /// an answer that is not a `T`.
    pub async fn server_side_emit_with_ack<T: DeserializeOwned>(
        self,
        event: &str,
        args: &(impl Serialize + ?Sized),
    ) -> Result<Vec<T>, ClusterError<T>> {
        let query = Query::ServerSideEmit { data: Data::event(event, args)? };
        let Some(space) = self.space.filter(|_| !self.flags.local) else {
            return Ok(Vec::new());
        };
        gather(&space, query, self.request_timeout, Vec::new(), |reply| match reply {
            Reply::ServerSideAck(data) => Ok(vec![data.into_ack_args()?]),
            _ => Ok(Vec::new()),
        })
        .await
    }

    /// The same for one socket alone.
    pub(crate) fn only(&self, id: ByteString) -> Self {
        let to = Selection { rooms: vec![id], except: Vec::new() };
        Self { to, ..self.clone() }
    }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("namespace", &self.space.as_ref().map(|space| &*space.name))
            .field("to", &self.to)
            .field("flags", &self.flags)
            .finish()
    }
}
