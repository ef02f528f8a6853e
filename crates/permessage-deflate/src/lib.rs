//! permessage-deflate, the compression of WebSocket messages (RFC 7692), for any WebSocket library.
//!
//! This crate knows neither sockets nor frames. [`negotiation`] reads and writes the values of
//! `Sec-WebSocket-Extensions`; a [`Compressor`] and a [`Decompressor`] turn messages into payloads
//! and back. What remains for the library is RSV1: set on the first frame of a compressed message,
//! on no other (§6).
//!
//! ```
//! use bytes::BytesMut;
//! use rtwire_permessage_deflate::negotiation::{Offer, Params, Role};
//! use rtwire_permessage_deflate::{Compressor, Config, Decompressor};
//!
//! // The client offers, with two fall-backs in one field.
//! let config = Config::default();
//! let offers = [Offer::default().server_no_context_takeover(true), Offer::default()];
//! let request = Offer::encode(&offers);
//!
//! // The server takes the first offer that it can agree to, or none.
//! let agreed = Params::negotiate([request.as_bytes()], &config)?.expect("an offer to agree to");
//! let response = agreed.encode();
//!
//! // The client checks the response against what it offered.
//! let params = Params::from_response([response.as_bytes()], &offers)?.expect("an answer");
//!
//! // Client to server: a message in two pieces, to a payload in two pieces.
//! let mut compressor = Compressor::new(params.window(Role::Client), &config);
//! let mut payload = BytesMut::new();
//! compressor.compress(b"Hello, ", false, &mut payload);
//! compressor.compress(b"Hello", true, &mut payload);
//!
//! let mut decompressor = Decompressor::new(agreed.window(Role::Client), 1 << 20);
//! let mut message = BytesMut::new();
//! let (front, back) = payload.split_at(3);
//! decompressor.decompress(front, false, &mut message)?;
//! decompressor.decompress(back, true, &mut message)?;
//! assert_eq!(message, "Hello, Hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what goes wrong | how it shows |
//! |---|---|
//! | the peer's header breaks a rule | [`negotiation::Error`]: the handshake fails |
//! | an offer cannot be agreed to | it is passed over; the connection is not compressed |
//! | the peer's payload breaks a rule | [`Error`], with the code to close with |
//!
//! The negotiation needs `alloc` only. Compressor and decompressor need the feature `std`, which is
//! on by default.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(feature = "std")]
mod compressor;
mod config;
#[cfg(feature = "std")]
mod decompressor;
#[cfg(feature = "std")]
mod error;
pub mod negotiation;
#[cfg(feature = "std")]
mod room;
mod window;

#[cfg(feature = "std")]
pub use compressor::Compressor;
pub use config::Config;
#[cfg(feature = "std")]
pub use decompressor::Decompressor;
#[cfg(feature = "std")]
pub use error::{Error, Rule};
pub use window::{Window, WindowBits};

#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;
