//! `EventSource` over TCP, against a server that says byte for byte what it is told to.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod closing;
mod disconnects;
#[path = "../http/mod.rs"]
mod http;
mod limits;
mod network;
mod peer;
mod reconnection;
mod requests;
mod responses;
