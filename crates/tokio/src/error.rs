use std::io;

use rtwire_websocket::SendError;

/// Why a [`WebSocket`](crate::WebSocket) could not go on. A clean end is none of these: the
/// stream ends, and [`close_reason`](crate::WebSocket::close_reason) tells what the peer said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke a rule: it was told by a Close frame, and the stream ends after this.
    #[error("the peer broke the protocol: {0}")]
    Protocol(#[from] rtwire_websocket::Error),
    /// The transport failed.
    #[error("the transport failed: {0}")]
    Io(#[from] io::Error),
    /// The caller asked for what cannot be sent.
    #[error("cannot send: {0}")]
    Send(#[from] SendError),
}
