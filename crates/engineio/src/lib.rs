//! Engine.IO 4 without I/O: the server's end of a session ([`Session`]), the [client's](ClientSession), and
//! their packets. And what older clients speak: [version 3](v3), and [JSONP](jsonp).
//!
//! Neither end holds a socket, task, clock or random source, or knows HTTP types. What GET, POST and
//! WebSocket bring goes in, as does the time; [`Event`]s come out, and what to answer or to ask for.
//!
//! ```
//! use rtwire_engineio::{Event, Limits, Message, Session, Transport};
//!
//! let mut session = Session::new("Tt_5GnLcFkzmbIVQbLqR", Transport::Polling, Limits::default());
//! session.poll()?; // the GET of the handshake
//! assert!(session.payload().unwrap().as_text().unwrap().starts_with(r#"0{"sid":"Tt_5GnLcFkzmbIVQbLqR","#));
//!
//! session.poll()?; // the next GET waits,
//! assert_eq!(session.payload(), None);
//! session.start_post()?; // and a POST arrives.
//! session.finish_post("4hello\x1ebAQID")?;
//! while let Some(event) = session.next_event() {
//!     if let Event::Message(message) = event {
//!         session.send(message)?; // echo
//!     }
//! }
//! assert_eq!(session.payload().unwrap().as_text(), Some("4hello\x1ebAQID"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | a request | what a server does with it |
//! |---|---|
//! | any | [`Query::parse`], or [`Query::parse_v3`]; looks up [`Query::sid`] ([`Rule::UnknownSession`]); [`Query::request`] |
//! | [`Request::Handshake`] | [`Session::new`], [`Session::new_v3`], then as below |
//! | [`Request::Poll`] | [`Session::poll`]; answers when [`Session::payload`] is there |
//! | [`Request::Post`] | [`Session::start_post`], reads the body, [`Session::finish_post`] |
//! | [`Request::Upgrade`] | [`Session::start_upgrade`], then the 101 |
//! | a WebSocket | [`Session::receive`] for what arrives, [`Session::next_frame`] for what to write |
//!
//! After each call: [`Session::next_event`] until `None`, then [`Session::payload`] or
//! [`Session::next_frame`], then [`Session::next_timeout`].
//!
//! | a client makes | and tells what came of it |
//! |---|---|
//! | a [`client::Request::Get`] | [`ClientSession::finish_get`], [`ClientSession::get_failed`] |
//! | a [`client::Request::Post`] | [`ClientSession::finish_post`], [`ClientSession::post_failed`] |
//! | a [`client::Request::WebSocket`] | [`ClientSession::websocket_opened`], then [`ClientSession::receive`], [`ClientSession::websocket_failed`] |
//!
//! | what goes wrong | how it shows |
//! |---|---|
//! | the peer breaks a rule | [`Error`], for the answer or the log; a `Close` event if the session ends by it |
//! | the session ends | a `Close` event, once, with its [`CloseReason`] |
//! | the caller sends what it must not | [`SendError`]; nothing ends |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod client;
mod close_reason;
mod error;
mod event;
mod frame;
pub mod jsonp;
mod limits;
mod message;
mod open;
mod packet;
mod payload;
mod prepared;
mod query;
mod queue;
mod rule;
mod session;
mod timer;
pub mod v3;

pub use client::ClientSession;
pub use close_reason::CloseReason;
pub use error::{Error, SendError};
pub use event::Event;
pub use frame::Frame;
pub use limits::Limits;
pub use message::Message;
pub use open::OpenPacket;
pub use packet::Packet;
pub use payload::Payload;
pub use prepared::PreparedMessage;
pub use query::{Method, Query, Request, Transport};
pub use rule::Rule;
pub use session::Session;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
