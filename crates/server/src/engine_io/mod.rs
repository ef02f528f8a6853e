//! Engine.IO sessions over HTTP and WebSockets.
//!
//! ```text
//!  GET ──────┐                                       ┌── handlers
//!  POST ─────┤  endpoint ──▶ SharedSession ◀── task ─┤
//!  handshake ┘     │         the protocol's    one a └── WebSocket
//!                  │         machine           session
//!               registry: sid ▶ session
//! ```

mod application;
mod cookie;
mod endpoint;
mod hooks;
mod registry;
mod server;
mod session;
mod socket;
mod task;

pub(crate) use application::Application;
pub use cookie::{EngineIoCookie, SameSite};
pub(crate) use endpoint::{Endpoint, Settings};
pub(crate) use hooks::Hooks;
pub(crate) use registry::Registry;
pub use server::{EngineIo, EngineIoHandler};
pub(crate) use session::{SharedSession, random_id};
pub use socket::EngineIoSocket;
