//! What the benches of rtwire are made of: a WebSocket load generator that shares no code with any
//! measured implementation, the echo servers' common parts, and the means to measure a process.
//!
//! The programs are in `src/bin`: each `bench-*` measures and prints tables, `ws-load` drives any
//! WebSocket echo server, and each `peer-*` is a server over another library.

pub mod batch;
pub mod codec;
pub mod codec_peers;
mod connection;
pub mod handshake;
pub mod load;
pub mod machine;
pub mod memory;
pub mod opening;
pub mod peer;
pub mod report;
pub mod server;
pub mod token_stream;
