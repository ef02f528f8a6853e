//! Socket.IO, protocols 5 and 4, without I/O.
//!
//! A [`Connection`] is one end of an Engine.IO connection, the server's or [the
//! client's](ClientConnection). Engine.IO messages and the time come in; [`Event`]s and Engine.IO
//! messages come out. Any transport drives it the same way:
//!
#![cfg_attr(feature = "std", doc = "```")]
#![cfg_attr(not(feature = "std"), doc = "```ignore")]
//! use core::time::Duration;
//! use rtwire_socketio::{Connection, Data, Event, Limits};
//!
//! let now = Duration::ZERO;
//! let mut connection = Connection::new(Limits::default(), now);
//! for message in ["0", r#"21["greet","Ann"]"#] {
//!     match connection.next_event(message.into(), now)? {
//!         Some(Event::Connect { namespace, .. }) => connection.accept(&namespace, "id-1")?,
//!         Some(Event::Event { data, ack: Some(ack), .. }) => {
//!             let name: String = data.into_args()?;
//!             connection.send_ack(ack, Data::ack(&format!("Hello, {name}"))?)?;
//!         }
//!         other => panic!("{other:?}"),
//!     }
//! }
//! // Always, also after an error. Engine.IO puts its own `4` before each text.
//! assert_eq!(connection.output().pop(), Some(r#"0{"sid":"id-1"}"#.into()));
//! assert_eq!(connection.output().pop(), Some(r#"31["Hello, Ann"]"#.into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! By layer: [`Packet`] is one packet's text, [`Decoder`] puts a text and the attachments after it
//! together, [`Data`] carries the arguments of an event or an acknowledgement, [`Connection`]
//! knows who has joined what. A room is a server's grouping and never on the wire.
//!
//! | what ends a connection | how it shows |
//! |---|---|
//! | the peer breaks a rule | [`Error`], once; its [`Rule`] names the [`DisconnectReason`] |
//! | the transport ends | the caller drops the [`Connection`] |
//! | the caller sends what it must not | [`SendError`]; nothing ends |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod acks;
mod connection;
mod data;
mod decoder;
mod error;
mod event;
mod json;
mod limits;
mod message;
mod msgpack;
mod namespace;
mod namespace_map;
mod output;
mod packet;
mod parser;
#[cfg(feature = "std")]
mod payload;
mod prepared;
mod query;
mod reason;
mod recovery;

/// Which end of the connection a [`Connection`] is.
pub mod role {
    pub use crate::connection::{Client, Server};
}

pub use acks::AckToken;
pub use connection::{ClientConnection, Connection};
pub use data::Data;
pub use decoder::Decoder;
pub use error::{Error, Rule, SendError};
pub use event::Event;
pub use json::Json;
pub use limits::Limits;
pub use message::Message;
pub use namespace::{InvalidNamespace, Namespace};
pub use namespace_map::NamespaceMap;
pub use output::Output;
pub use packet::{Body, Packet};
pub use parser::Parser;
#[cfg(feature = "std")]
pub use payload::{Binary, PayloadError, Varargs};
pub use prepared::PreparedEvent;
pub use reason::DisconnectReason;
pub use recovery::Recovery;

#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;
