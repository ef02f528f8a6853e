use rtwire_tokio::HandshakeError;

use crate::NetworkError;

/// What was wrong with a session, or with its upgrade.
///
/// To the protocol most of these are one,
/// [`CloseReason::TransportError`](super::CloseReason::TransportError); this is for who has to find out more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A GET, a POST or the connection of a WebSocket failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The server refused a request, or broke a rule of Engine.IO.
    #[error("Engine.IO: {0}")]
    Protocol(#[from] rtwire_engineio::Error),
    /// The WebSocket was refused, or its opening handshake failed.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The WebSocket broke off, or the server broke a rule of it.
    #[error("WebSocket: {0}")]
    WebSocket(#[from] rtwire_tokio::Error),
}
