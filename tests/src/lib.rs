//! Whole-system tests of rtwire against software written by others.
//!
//! The tests in `tests/` start rtwire's own programs ([`programs`]) and clients and servers that
//! others wrote ([`foreign`]), each as a [`Process`] or, if it listens, as a [`Server`]. Nothing
//! waits for ever, and nothing outlives its test.
#![forbid(unsafe_code)]

mod curl;
pub mod foreign;
mod nginx;
mod process;
pub mod programs;
mod server;

pub use curl::{Curl, Event};
pub use nginx::{Nginx, Request};
pub use process::{LONG, Process};
pub use server::Server;
