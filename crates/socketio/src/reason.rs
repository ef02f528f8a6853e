use core::fmt;

/// Why a client left a namespace, in the words of Node's Socket.IO.
///
/// ```
/// use rtwire_socketio::{DisconnectReason, Rule};
///
/// assert_eq!(DisconnectReason::PingTimeout.to_string(), "ping timeout");
/// assert_eq!(Rule::InvalidJson.disconnect_reason(), DisconnectReason::ParseError);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The transport failed.
    TransportError,
    /// The transport was closed: the user has left the page, or has lost the network.
    TransportClose,
    /// The server has closed the Engine.IO session, such as for a packet out of place.
    ForcedClose,
    /// No answer to a ping.
    PingTimeout,
    /// The client sent what is no packet.
    ParseError,
    /// The server is going down.
    ServerShuttingDown,
    /// The server has closed the connection: no CONNECT in time, or more than its limits allow.
    ForcedServerClose,
    /// The client has left the namespace.
    ClientNamespaceDisconnect,
    /// The server has put the client out of the namespace.
    ServerNamespaceDisconnect,
    /// At the client's end: the server has put it out of the namespace.
    IoServerDisconnect,
    /// At the client's end: it has left the namespace.
    IoClientDisconnect,
}

impl DisconnectReason {
    /// The reason as Node writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportError => "transport error",
            Self::TransportClose => "transport close",
            Self::ForcedClose => "forced close",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ServerShuttingDown => "server shutting down",
            Self::ForcedServerClose => "forced server close",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::IoServerDisconnect => "io server disconnect",
            Self::IoClientDisconnect => "io client disconnect",
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
