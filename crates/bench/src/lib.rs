//! What the benches of rtwire are made of: a load generator of WebSockets, Engine.IO and Socket.IO that shares
//! no code with any measured implementation, the echo servers' common parts, codecs and decoders driven alike, what they
//! are given, and the means to measure a process.
//!
//! The programs are in `src/bin`: each `bench-*` measures and prints tables, `ws-load` drives any
//! echo server of these, each `peer-*` is a server over another library, and `sse-heap` counts for
//! `bench-sse`.

pub mod batch;
pub mod codec;
pub mod codec_peers;
mod connection;
pub mod event_decoders;
pub mod event_scenarios;
pub mod event_stream;
pub mod handshake;
pub mod idle;
pub mod load;
pub mod machine;
pub mod memory;
pub mod node;
pub mod opening;
pub mod peer;
pub mod polling;
pub mod report;
pub mod server;
pub mod turns;
