//! Clients on tokio for rtwire's protocols: [`EventSource`] for now.
//!
//! ```text
//!                      rtwire_sse::EventSource
//!            what to send, when ▲│ requests         ▲│ Open, Message,
//!      heads, bytes, errors,    ││                  ││ Error, End
//!                  the time     │▼                  │▼
//!        TCP ── hyper, one connection a request ── EventSource ── your task
//! ```
//!
//! An event source is driven by whoever waits in its [`next`](EventSource::next): there is no task behind
//! it, so that nothing goes on without you, and dropping it closes its connection.
//!
//! ```no_run
//! use rtwire_client::EventSource;
//! use rtwire_client::event_source::Event;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut source = EventSource::builder("http://127.0.0.1:3000/events").build()?;
//! while let Some(event) = source.next().await {
//!     match event {
//!         Event::Open => println!("open, from {}", source.current_url().origin()),
//!         Event::Message(event) => println!("{}: {}", event.event_type, event.data),
//!         Event::Error { failure, ready_state } => println!("{failure}: {ready_state:?}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Plain HTTP only: an `https` URL is refused.

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod connect;
pub mod event_source;
mod exchange;
mod network_error;

pub use event_source::EventSource;
pub use network_error::NetworkError;
