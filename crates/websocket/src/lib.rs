//! The WebSocket protocol (RFC 6455) without I/O.
//!
//! A [`Connection`] holds no socket, task, clock or random source. Bytes, the time and masking
//! keys come in; [`Event`]s and bytes come out. Any transport drives it the same way:
//!
//! ```
//! use bytes::Buf;
//! use rtwire_websocket::{Connection, Event, Limits, Role};
//!
//! // A client's masked "Hello" (RFC 6455 §5.7), as it would lie in a read buffer.
//! let mut scratch = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
//!
//! let mut connection = Connection::new(Role::Server, Limits::default());
//! let mut input = &mut scratch[..];
//! while let Some(event) = connection.next_event(&mut input)? {
//!     if let Event::Text(text) = event {
//!         connection.send_text(&text)?; // echo
//!     }
//! }
//! // Always, also after an error: the Close frame is in there.
//! assert_eq!(connection.output().chunk(), b"\x81\x05Hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules follow the RFC: [`handshake`] is §4, [`FrameHeader`] and [`Opcode`] §5.2,
//! [`apply_mask`] §5.3, [`Message`] §5.4 and §5.6, [`CloseReason`] §5.5.1 and §7, [`Connection`]
//! ties them together.
//!
//! | what ends a connection | how it shows |
//! |---|---|
//! | the peer breaks a rule | [`Error`], once, with the Close frame in the output |
//! | the closing handshake | [`Event::Close`], then [`State::Closed`] |
//! | the transport ends | [`Connection::handle_eof`], then [`CloseCode::ABNORMAL`] |
//! | the caller sends what it must not | [`SendError`]; nothing ends |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod close;
mod connection;
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(not(feature = "deflate"))]
#[path = "no_deflate.rs"]
mod deflate;
mod error;
mod event;
pub mod handshake;
mod header;
mod incoming;
mod limits;
mod mask;
mod message;
mod opcode;
mod output;
mod parts;
mod prepared;
mod timer;
mod utf8;

pub use close::{CloseCode, CloseReason};
pub use connection::{Connection, Role, State};
#[cfg(feature = "deflate")]
pub use deflate::Deflate;
pub use error::{Error, Rule, SendError};
pub use event::{Event, Payload, Text};
pub use header::FrameHeader;
pub use limits::Limits;
pub use mask::apply_mask;
pub use message::Message;
pub use opcode::Opcode;
pub use output::Output;
pub use parts::Part;
pub use prepared::PreparedMessage;
/// The crate of permessage-deflate, whose types [`Deflate`] has.
#[cfg(feature = "deflate")]
pub use rtwire_permessage_deflate as permessage_deflate;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
