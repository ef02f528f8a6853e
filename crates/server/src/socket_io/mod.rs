//! Socket.IO: namespaces, rooms and handlers over Engine.IO sessions.
//!
//! ```text
//!  session ◀─▶ Client ──┬── Socket "/"      ─▶ Space "/"      handlers, rooms
//!  (Engine.IO)          └── Socket "/chat"  ─▶ Space "/chat"  handlers, rooms ◀─▶ adapter
//! ```
//!
//! Locks are taken in this order, and none is held across a handler: client, then session or rooms.

mod ack;
mod adapter;
mod broadcast;
mod client;
mod error;
mod handler;
mod handlers;
mod rooms;
mod server;
mod socket;
mod space;
mod task;

pub use ack::Ack;
pub use adapter::{Adapter, BroadcastPacket, InMemoryAdapter, Members};
pub use broadcast::Broadcast;
pub use error::{AckError, ConnectError, EmitError, JoinError};
pub use handler::{ConnectHandler, DisconnectHandler, EventHandler, FromArgs, Middleware};
pub use handlers::NamespaceHandlers;
pub use server::SocketIo;
pub use socket::{Answer, Socket};
