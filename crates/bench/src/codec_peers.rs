//! Other libraries over memory: their own reading and writing is part of what is measured. Those that are
//! asynchronous are polled by hand, since memory is always ready.

use anyhow::{Context, Result};
use bytes::Bytes;
use fastwebsockets::{FragmentCollector, Frame, Payload};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_websockets::{Config, Limits, ServerBuilder, WebSocketStream};

use crate::codec::{Decode, Encode};
use crate::memory::{Memory, ready};

const MAX_MESSAGE: usize = 16 << 20;

/// A library with its connection over memory, set up as its echo server is.
#[derive(Debug)]
pub struct Peer<C> {
    connection: C,
    /// What it sends; as many messages as it receives at once.
    payloads: Vec<Bytes>,
}

/// tungstenite's, which blocks.
pub type Tungstenite = Peer<tungstenite::WebSocket<Memory>>;
/// tokio-websockets'.
pub type TokioWebsockets = Peer<WebSocketStream<Memory>>;
/// fastwebsockets'.
pub type Fastwebsockets = Peer<FragmentCollector<Memory>>;
/// yawc's.
pub type Yawc = Peer<yawc::WebSocket<Memory>>;

impl Tungstenite {
    /// Over `memory`.
    #[must_use]
    pub fn tungstenite(payloads: Vec<Bytes>, memory: Memory) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let role = tungstenite::protocol::Role::Server;
        let connection = tungstenite::WebSocket::from_raw_socket(memory, role, Some(config));
        Self { connection, payloads }
    }
}

impl Decode for Tungstenite {
    fn decode(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        for _ in 0..self.payloads.len() {
            see(&self.connection.read()?.into_data());
        }
        Ok(())
    }
}

impl Encode for Tungstenite {
    fn encode(&mut self) -> Result<()> {
        for payload in &self.payloads {
            self.connection.write(Message::Binary(payload.clone()))?;
        }
        Ok(self.connection.flush()?)
    }
}

impl TokioWebsockets {
    /// Over `memory`.
    #[must_use]
    pub fn tokio_websockets(payloads: Vec<Bytes>, memory: Memory) -> Self {
        let connection = ServerBuilder::new()
            .config(Config::default().frame_size(usize::MAX).flush_threshold(64 * 1024))
            .limits(Limits::default().max_payload_len(Some(MAX_MESSAGE)))
            .serve(memory);
        Self { connection, payloads }
    }
}

impl Decode for TokioWebsockets {
    fn decode(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        for _ in 0..self.payloads.len() {
            see(ready(self.connection.next())?.context("the end")??.as_payload());
        }
        Ok(())
    }
}

impl Encode for TokioWebsockets {
    fn encode(&mut self) -> Result<()> {
        for payload in &self.payloads {
            ready(self.connection.feed(tokio_websockets::Message::binary(payload.clone())))??;
        }
        Ok(ready(self.connection.flush())??)
    }
}

impl Fastwebsockets {
    /// Over `memory`.
    #[must_use]
    pub fn fastwebsockets(payloads: Vec<Bytes>, memory: Memory) -> Self {
        let role = fastwebsockets::Role::Server;
        let mut connection = fastwebsockets::WebSocket::after_handshake(memory, role);
        connection.set_max_message_size(MAX_MESSAGE);
        Self { connection: FragmentCollector::new(connection), payloads }
    }
}

impl Decode for Fastwebsockets {
    fn decode(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        for _ in 0..self.payloads.len() {
            see(&ready(self.connection.read_frame())??.payload);
        }
        Ok(())
    }
}

impl Encode for Fastwebsockets {
    fn encode(&mut self) -> Result<()> {
        for payload in &self.payloads {
            ready(self.connection.write_frame(Frame::binary(Payload::Borrowed(payload))))??;
        }
        Ok(())
    }
}

impl Yawc {
    /// Over `memory`.
    ///
    /// # Errors
    /// It refuses the options.
    pub fn yawc(payloads: Vec<Bytes>, memory: Memory) -> Result<Self> {
        let settings = yawc::Options::default()
            .with_max_payload_read(MAX_MESSAGE + 1)
            .with_utf8()
            .with_backpressure_boundary(64 * 1024);
        let connection = yawc::WebSocket::from_stream(memory, yawc::Role::Server, settings)?;
        Ok(Self { connection, payloads })
    }
}

impl Decode for Yawc {
    fn decode(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        for _ in 0..self.payloads.len() {
            see(ready(self.connection.next())?.context("the end")?.payload());
        }
        Ok(())
    }
}

impl Encode for Yawc {
    fn encode(&mut self) -> Result<()> {
        for payload in &self.payloads {
            ready(self.connection.feed(yawc::Frame::binary(payload.clone())))??;
        }
        Ok(ready(self.connection.flush())??)
    }
}
