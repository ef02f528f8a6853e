//! Tokio drivers for rtwire's protocol crates: they move bytes and tell the time, and leave the
//! protocol to the machines.
//!
//! ```text
//!            rtwire_websocket                             rtwire_sse
//!               Connection                                  Decoder
//!        bytes ▲│        │▲ messages                 bytes ▲      │ events
//!              │▼        ▼│                                │      ▼
//!  AsyncRead + AsyncWrite ── WebSocket     Stream of chunks ── EventStream
//! ```
//!
//! [`WebSocket`] drives [`rtwire_websocket::Connection`] over any `AsyncRead + AsyncWrite`;
//! [`accept`] and [`connect`] do the opening handshake over a plain transport. [`EventStream`]
//! drives [`rtwire_sse::Decoder`] over the body of a response, be it a `Stream` of chunks or an
//! `AsyncRead`. [`WebSocket::split`] gives a [`Reader`] and a [`Writer`] for two tasks.
//!
//! Each thread has one read buffer of 64 KiB, lent to whichever WebSocket reads, so that an idle one
//! holds none. Every future is safe to drop, and each type says what that means.
#![forbid(unsafe_code)]

mod clock;
mod error;
mod event_stream;
mod handshake;
mod masking_key;
mod scratch;
mod split;
mod unread;
mod websocket;

pub use clock::Clock;
pub use error::Error;
pub use event_stream::{EventStream, EventStreamError};
pub use handshake::{HandshakeError, accept, connect, random_key};
pub use split::{Reader, Writer};
pub use websocket::WebSocket;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
