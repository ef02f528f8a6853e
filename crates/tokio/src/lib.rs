//! Tokio drivers for rtwire's protocol crates: they move bytes and tell the time, and leave the
//! protocol to the machines.
//!
//! [`WebSocket`] drives [`rtwire_websocket::Connection`] over any `AsyncRead + AsyncWrite`;
//! [`accept`] and [`connect`] do the opening handshake over a plain transport.
#![forbid(unsafe_code)]

mod clock;
mod error;
mod handshake;
mod masking_key;
mod scratch;
mod websocket;

pub use error::Error;
pub use handshake::{HandshakeError, accept, connect, random_key};
pub use websocket::WebSocket;
