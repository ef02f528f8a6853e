//! Clients on tokio for rtwire's protocols: [`EventSource`], and [`EngineIoSocket`].
//!
//! ```text
//!     rtwire_sse::EventSource, rtwire_engineio::ClientSession: the machines
//!       what has come, the time ▲│ what to ask for, and when  │ events
//!                               │▼                            ▼
//!      TCP ── hyper, WebSocket ── EventSource, EngineIoSocket ── your task
//! ```
//!
//! Both are driven by whoever waits in their `next`: there is no task behind them, so that nothing goes
//! on without you, and dropping them closes their connections.
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
pub mod engine_io;
pub mod event_source;
mod exchange;
mod network_error;

pub use engine_io::EngineIoSocket;
pub use event_source::EventSource;
pub use network_error::NetworkError;
