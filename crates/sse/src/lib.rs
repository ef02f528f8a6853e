//! Server-sent events: an exact event stream decoder and encoder, and `EventSource`, without I/O.
//!
//! An event stream is UTF-8 text: lines that are fields, and empty lines that end events
//! (WHATWG HTML, [server-sent events](https://html.spec.whatwg.org/#server-sent-events)).
//!
//! ```text
//!  what is sent              what it means                          what is delivered
//! ┌───────────────────────┬──────────────────────────────────────┬──────────────────────────┐
//! │ : hello               │ comment                              │                          │
//! │ retry: 3000           │ reconnection time, in milliseconds   │                          │
//! │ event: tick           │ event type                           │                          │
//! │ id: 7                 │ last event ID                        │                          │
//! │ data: one             │ data buffer                          │ event_type      tick     │
//! │ data: two             │ data buffer, behind an LF            │ data            one⏎two  │
//! │                       │ dispatch                           ─▶│ last_event_id   7        │
//! └───────────────────────┴──────────────────────────────────────┴──────────────────────────┘
//! ```
//!
//! # Decoding
//!
//! Chunks go in as they arrive, cut anywhere; an event comes out with the byte that ends it, and
//! borrows the chunk when it lies within it.
//!
//! ```
//! use rtwire_sse::Decoder;
//!
//! let mut decoder = Decoder::new();
//! let mut input: &[u8] = b"event: tick\nid: 7\ndata: one\ndata: two\n\ndata: cut he";
//! while let Some(event) = decoder.next_event(&mut input)? {
//!     assert_eq!(event.event_type, "tick");
//!     assert_eq!(event.data, "one\ntwo");
//! }
//! assert!(input.is_empty());
//! assert_eq!(decoder.last_event_id(), "7");
//!
//! let mut input: &[u8] = b"re\r\n\r\n";
//! let event = decoder.next_event(&mut input)?.expect("the empty line has come");
//! assert_eq!((&*event.event_type, &*event.data), ("message", "cut here"));
//! # Ok::<(), rtwire_sse::Error>(())
//! ```
//!
//! [`next_owned`](Decoder::next_owned) gives events that outlive their chunk, and
//! [`next_item`](Decoder::next_item) also the comments, ignored fields and blocks without data.
//!
//! # Encoding
//!
//! ```
//! use rtwire_sse::{EncodeError, Fields};
//!
//! let event = Fields::new().event("tick").id("7").data("one\ntwo").to_bytes()?;
//! assert_eq!(event, "event: tick\nid: 7\ndata: one\ndata: two\n\n");
//!
//! let hostile = Fields::new().event("tick\ndata: injected").to_bytes();
//! assert_eq!(hostile, Err(EncodeError::LineBreakInEvent));
//! # Ok::<(), rtwire_sse::EncodeError>(())
//! ```
//!
//! # Requesting, again and again
//!
//! [`EventSource`] is the machine around the decoder: it says what to send and when, follows redirects,
//! and reconnects. [`event_source`] draws it, and runs it.
//!
//! # Features
//!
//! Both are on by default; without them the crate needs `alloc` only.
//!
//! - `std`: the dependencies' own `std` features.
//! - `simd`: UTF-8 is checked by simdutf8.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod block;
mod cut;
mod data;
mod decoder;
mod encoder;
mod error;
mod event;
pub mod event_source;
mod field;
mod item;
mod limits;
mod line;
mod text;
mod utf8;

pub use decoder::Decoder;
pub use encoder::{Fields, KEEP_ALIVE};
pub use error::{EncodeError, Error, Rule};
pub use event::Event;
pub use event_source::EventSource;
pub use item::Item;
pub use limits::{Limits, Oversize};
pub use text::Text;
