//! The server as its peers see it: raw bytes over TCP, written and read by hand.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

mod bad_input;
mod body_limits;
mod client_gone;
mod cluster;
mod connection_limits;
mod content;
mod engine_io;
mod engine_io_3;
mod engine_io_compression;
mod engine_io_hooks;
mod engine_io_peer;
mod engine_io_upgrades;
mod event_log;
mod event_stream;
mod head_limits;
mod host;
mod methods;
mod origin;
mod peer;
mod senders;
mod service;
mod shutdown;
mod socket_io;
mod socket_io_adapter;
mod socket_io_cluster;
mod socket_io_dynamic;
mod socket_io_flow;
mod socket_io_msgpack;
mod socket_io_peer;
mod socket_io_protocol_4;
mod socket_io_recovery;
mod websocket;
