use std::fmt;
use std::sync::Arc;

use bytestring::ByteString;
use rtwire_engineio as engine_io;
use rtwire_socketio::{Data, PreparedEvent};

use crate::socket_io::error::EmitError;
use crate::socket_io::space::Space;

/// Carries broadcasts to where their members are: to this node, and to others if there are any.
/// Rooms are never on the wire, and each node knows those of its own sockets.
///
/// An adapter that reaches other nodes publishes the packet for them, delivers it to the
/// [`Members`] here, and delivers what the others publish.
pub trait Adapter: fmt::Debug + Send + Sync + 'static {
    /// A namespace is there: `members` stands for its sockets on this node.
    fn attach(&self, members: Members) {
        let _ = members;
    }

    /// Sends `packet` to all whom it is for, here and elsewhere, and returns to how many here.
    ///
    /// # Errors
    /// [`EmitError::Payload`] and [`EmitError::NotAnEvent`] for data that is not an event's.
    fn broadcast(&self, packet: BroadcastPacket, members: &Members) -> Result<usize, EmitError>;
}

/// The adapter of a single node.
#[derive(Clone, Copy, Debug, Default)]
pub struct InMemoryAdapter;

impl Adapter for InMemoryAdapter {
    fn broadcast(&self, packet: BroadcastPacket, members: &Members) -> Result<usize, EmitError> {
        members.deliver(packet)
    }
}

/// An event for many.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BroadcastPacket {
    /// The event's name and arguments.
    pub data: Data,
    /// It is for who is in any of these rooms; for the whole namespace if there are none.
    pub rooms: Vec<ByteString>,
    /// It is not for who is in any of these.
    pub except: Vec<ByteString>,
}

impl BroadcastPacket {
    /// An event for the whole namespace.
    #[must_use]
    pub fn new(data: Data) -> Self {
        Self { data, rooms: Vec::new(), except: Vec::new() }
    }
}

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

    /// Sends `packet` to those of them whom it is for, and returns how many they are. It is encoded
    /// once for all, and waits for nobody: who takes less than it is sent is disconnected, rather
    /// than left with a gap.
    ///
    /// # Errors
    /// [`EmitError::NotAnEvent`].
    pub fn deliver(&self, packet: BroadcastPacket) -> Result<usize, EmitError> {
        let members = self.space.rooms.members(&packet.rooms, &packet.except);
        if members.is_empty() {
            return packet.data.event_name().map(|_| 0).ok_or(EmitError::NotAnEvent);
        }
        let prepared = PreparedPacket::new(PreparedEvent::new(&self.space.name, packet.data)?);
        Ok(members.iter().filter(|member| member.deliver(&prepared)).count())
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("namespace", &self.namespace()).finish_non_exhaustive()
    }
}

/// An event, and what Engine.IO makes of its text and its attachments.
pub(crate) struct PreparedPacket {
    pub(crate) event: PreparedEvent,
    pub(crate) messages: Vec<engine_io::PreparedMessage>,
}

impl PreparedPacket {
    fn new(event: PreparedEvent) -> Self {
        let text = engine_io::PreparedMessage::new(event.text().clone());
        let attachments = event.data().attachments().iter().cloned();
        let attachments = attachments.map(engine_io::PreparedMessage::new);
        let messages = std::iter::once(text).chain(attachments).collect();
        Self { event, messages }
    }
}
