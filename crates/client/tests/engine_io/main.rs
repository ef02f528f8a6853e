//! `EngineIoSocket` at rtwire-server's Engine.IO, and at a server that says byte for byte what it is told to.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod closing;
mod heartbeat;
#[path = "../http/mod.rs"]
mod http;
mod limits;
mod messages;
mod network;
mod peer;
mod requests;
mod server;
