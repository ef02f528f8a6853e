use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use bytestring::ByteString;
use rtwire_engineio::{
    CloseReason, Event, Message, PreparedMessage, SendError, Session, Transport,
};
use tokio::task::coop::cooperative;

use crate::engine_io::SharedSession;
use crate::request::Request;

/// An open Engine.IO session, in the hands of its handler; the transport under it may change from
/// polling to a WebSocket, and nothing of what is said gets lost or changes its order. The session
/// is closed when the handler returns.
///
/// ```
/// use rtwire_server::{Endpoints, EngineIo, EngineIoSendError, EngineIoSocket};
///
/// async fn echo(mut socket: EngineIoSocket) -> Result<(), EngineIoSendError> {
///     while let Some(message) = socket.next().await {
///         socket.send(message).await?;
///     }
///     Ok(())
/// }
/// let app = Endpoints::new().engine_io(EngineIo::new(echo));
/// ```
pub struct EngineIoSocket {
    session: Arc<SharedSession>,
}

impl EngineIoSocket {
    pub(crate) fn new(session: Arc<SharedSession>) -> Self {
        Self { session }
    }

    /// The next message; `None` once the session has ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            if self.session.close_reason().is_some() {
                return None;
            }
            // One payload may bring thousands: others have their turn in between.
            let event = cooperative(poll_fn(|cx| self.session.poll_event(cx)));
            if let Event::Message(message) = event.await {
                return Some(message);
            }
        }
    }

    /// Queues a message, waiting only while the queue is full
    /// ([`max_queue`](rtwire_engineio::Limits::max_queue)). Dropping the future has queued the
    /// message whole or not at all.
    ///
    /// A [`PreparedMessage`] is one that was encoded before, or has Node's option `compress`:
    ///
    /// ```
    /// use rtwire_server::{EngineIoPreparedMessage, EngineIoSendError, EngineIoSocket};
    ///
    /// # async fn handler(mut socket: EngineIoSocket) -> Result<(), EngineIoSendError> {
    /// socket.send("may be compressed, where that is agreed").await?;
    /// socket.send(EngineIoPreparedMessage::new("is not").compress(false)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::RecordSeparator`].
    pub async fn send(&mut self, message: impl Into<PreparedMessage>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        poll_fn(|cx| self.session.poll_send(&mut message, cx)).await
    }

    /// Queues a message without waiting.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`SendError::Full`].
    pub fn try_send(&self, message: impl Into<PreparedMessage>) -> Result<(), SendError> {
        let message = message.into();
        self.session.update(|session| session.send_prepared(message))
    }

    /// Closes the session, after what is queued; [`next`](Self::next) still gives what came before.
    pub fn close(&mut self) {
        self.session.update(Session::close);
    }

    /// Why the session ended; `None` until [`next`](Self::next) has returned `None`.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.session.close_reason()
    }

    /// The transport that the session is on now.
    pub fn transport(&self) -> Transport {
        self.session.read(Session::transport)
    }

    /// The name of the session, which its requests carry as `sid`: so that what an
    /// [`EngineIo::headers`](crate::EngineIo::headers) hook saw can be found by the handler. It is a secret:
    /// who knows it can be the client.
    pub fn sid(&self) -> ByteString {
        self.session.sid()
    }

    /// The request that opened the session, without the header fields that are about its connection (RFC 9110
    /// §7.6.1) or the handshake of a WebSocket on it.
    pub fn request(&self) -> &Request {
        self.session.request()
    }
}

impl fmt::Debug for EngineIoSocket {
    /// Without the sid, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = self.session.request().peer_addr();
        f.debug_struct("EngineIoSocket").field("peer", &peer).finish_non_exhaustive()
    }
}
