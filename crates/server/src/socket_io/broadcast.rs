use std::fmt;
use std::sync::Arc;

use rtwire_socketio::Data;
use serde::Serialize;

use crate::socket_io::adapter::{Command, Flags, Members, Selection};
use crate::socket_io::error::EmitError;
use crate::socket_io::socket::Socket;
use crate::socket_io::space::Space;

/// Whom an event is for: a namespace, narrowed to rooms.
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
/// # Ok::<(), rtwire_server::EmitError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is sent without `emit`"]
pub struct Broadcast {
    space: Option<Arc<Space>>,
    to: Selection,
    flags: Flags,
    local: bool,
}

impl Broadcast {
    /// `None` is a namespace where nobody can be.
    pub(crate) fn new(space: Option<Arc<Space>>) -> Self {
        Self { space, to: Selection::default(), flags: Flags::default(), local: false }
    }

    /// Adds a room: the event is for who is in any of those added. Each socket is in the room of
    /// its own id.
    pub fn to(mut self, room: &str) -> Self {
        self.to.rooms.push(room.into());
        self
    }

    /// Leaves out who is in this room.
    pub fn except(mut self, room: &str) -> Self {
        self.to.except.push(room.into());
        self
    }

    /// Only the sockets of this node, whatever the [`Adapter`](crate::adapter::Adapter) reaches.
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Sends an event, a tuple of arguments if there are several, and returns how many sockets of
    /// this node it goes to. Who takes less than it is sent is disconnected.
    ///
    /// # Errors
    /// [`EmitError::Payload`].
    pub fn emit<T: Serialize + ?Sized>(self, event: &str, args: &T) -> Result<usize, EmitError> {
        let data = Data::event(event, args)?;
        self.emit_data(data)
    }

    /// As [`emit`](Self::emit), with what is encoded already.
    ///
    /// # Errors
    /// [`EmitError::NotAnEvent`].
    pub fn emit_data(self, data: Data) -> Result<usize, EmitError> {
        let Self { space, to, flags, local } = self;
        publish(space, local, Command::Broadcast { data, to, flags })
    }

    /// The sockets of this node whom an event would go to.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        let members = |space: &Arc<Space>| Members::of(space).select(&self.to);
        self.space.as_ref().map(members).unwrap_or_default()
    }
}

fn publish(space: Option<Arc<Space>>, local: bool, command: Command) -> Result<usize, EmitError> {
    let Some(space) = space else { return Ok(0) };
    let members = Members::of(&space);
    if local { members.apply(command) } else { space.adapter.publish(command, &members) }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("namespace", &self.space.as_ref().map(|space| &*space.name))
            .field("to", &self.to)
            .field("flags", &self.flags)
            .field("local", &self.local)
            .finish()
    }
}
