//! Socket.IO: namespaces, rooms and handlers over Engine.IO sessions.
//!
//! ```text
//!  session ◀─▶ Client ──┬── Socket "/"      ─▶ Space "/"      handlers, rooms
//!  (Engine.IO)          └── Socket "/chat"  ─▶ Space "/chat"  handlers, rooms ◀─▶ adapter
//! ```
//!
//! Locks are taken in this order, and none is held across a handler: the table of namespaces; what an
//! adapter has of its own; client; then session, rooms, or what a socket keeps.

mod ack;
pub mod adapter;
mod answers;
mod broadcast;
mod client;
mod dynamic;
mod error;
mod gather;
mod handler;
mod handlers;
mod handling;
mod handshake;
mod namespaces;
mod prepared;
mod remote;
mod rooms;
mod server;
mod server_side;
mod socket;
mod space;
mod task;

pub use ack::Ack;
pub use answers::{Answers, Missing};
pub use broadcast::Broadcast;
pub use error::{AckError, ConnectError, EmitError, JoinError};
pub use gather::ClusterError;
pub use handler::{
    ConnectHandler, DisconnectHandler, EventHandler, FromArgs, Middleware, PacketMiddleware,
    ServerSideHandler,
};
pub use handlers::NamespaceHandlers;
pub use remote::RemoteSocket;
pub use server::SocketIo;
pub use server_side::ServerSideAck;
pub use socket::{Answer, Socket};
