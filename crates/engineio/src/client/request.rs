use alloc::string::String;
use core::fmt;

use bytestring::ByteString;

/// A request to be made, at once: what stands behind the `?` of its target, to which parameters of the
/// caller's own may be added. It names the session, which is secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// A GET. Its answer is [`finish_get`](crate::ClientSession::finish_get)'s.
    Get {
        /// Such as `EIO=4&transport=polling`.
        query: String,
    },
    /// A POST, `text/plain; charset=UTF-8`. Its answer is
    /// [`finish_post`](crate::ClientSession::finish_post)'s.
    Post {
        /// As for a GET.
        query: String,
        /// A payload.
        body: ByteString,
    },
    /// A WebSocket. Once it is open: [`websocket_opened`](crate::ClientSession::websocket_opened).
    WebSocket {
        /// Such as `EIO=4&transport=websocket`.
        query: String,
    },
}

impl Request {
    /// What stands behind the `?`.
    pub fn query(&self) -> &str {
        match self {
            Self::Get { query } | Self::Post { query, .. } | Self::WebSocket { query } => query,
        }
    }
}

impl fmt::Debug for Request {
    /// Without the session's name, and without what is said in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get { .. } => f.write_str("Get"),
            Self::Post { body, .. } => f.debug_tuple("Post").field(&body.len()).finish(),
            Self::WebSocket { .. } => f.write_str("WebSocket"),
        }
    }
}
