//! A session of Engine.IO, and what it tells.
//!
//! What is asked for when, what is sent over which transport, and what ends a session, is the machine's:
//! [`rtwire_engineio::ClientSession`] draws it in a table at the top of its file. Its types are here as they are.
//!
//! ```text
//!                                  rtwire_engineio::ClientSession
//!                    answers, frames, ▲│ requests,         │ Open, Upgraded,
//!                  failures, the time ││ frames, when      │ Message, Close
//!                                     │▼                   ▼
//!    TCP ── hyper ── Lane of GETs ──┬── EngineIoSocket ── your task
//!    TCP ── hyper ── Lane of POSTs ─┤
//!    TCP ── rtwire_tokio::WebSocket ┘
//! ```

mod builder;
mod endpoint;
mod error;
mod lane;
mod socket;
mod websocket;

pub use builder::{BuildError, EngineIoBuilder};
pub use error::Error;
pub use rtwire_engineio::client::{Event, Limits};
pub use rtwire_engineio::{CloseReason, Message, OpenPacket, Rule, SendError, Transport};
pub use socket::EngineIoSocket;
