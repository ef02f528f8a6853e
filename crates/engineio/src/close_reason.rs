use core::fmt;

/// Why a session ended, in the words that Engine.IO's own server uses.
///
/// ```
/// assert_eq!(rtwire_engineio::CloseReason::PingTimeout.to_string(), "ping timeout");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer closed: a close packet, or the end of its WebSocket.
    TransportClose,
    /// A request or a WebSocket broke off, or did what its transport must not.
    TransportError,
    /// At a server: no pong within the ping timeout. At a client: no ping within interval and timeout.
    PingTimeout,
    /// A packet was not understood.
    ParseError,
    /// [`Session::close`](crate::Session::close), [`ClientSession::close`](crate::ClientSession::close).
    ForcedClose,
}

impl CloseReason {
    /// The words, such as `"ping timeout"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
