use std::fmt;
use std::sync::Arc;

use rtwire_socketio::{AckToken, Data};
use serde::Serialize;

use crate::socket_io::client::Client;
use crate::socket_io::error::EmitError;

/// The answer to an event, if the client wants one. Dropped, there is none.
///
/// ```
/// use rtwire_server::{Ack, Binary, SocketIo};
///
/// let io = SocketIo::new();
/// io.of("/", |ns| ns.on("upload", async |file: Binary, ack: Ack| ack.send(&file.len())));
/// ```
pub struct Ack {
    token: Option<(Arc<Client>, AckToken)>,
}

impl Ack {
    pub(crate) fn new(client: &Arc<Client>, token: Option<AckToken>) -> Self {
        Self { token: token.map(|token| (Arc::clone(client), token)) }
    }

    /// Of which nobody asks an answer.
    pub(crate) fn none() -> Self {
        Self { token: None }
    }

    /// Whether the client wants an answer.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        self.token.is_some()
    }

    /// Answers with `args`, a tuple if there are several. Does nothing if no answer is wanted.
    ///
    /// # Errors
    /// [`EmitError::Disconnected`], [`EmitError::Full`], [`EmitError::Payload`].
    pub fn send<T: Serialize + ?Sized>(self, args: &T) -> Result<(), EmitError> {
        match self.token {
            Some((client, token)) => client.send_ack(token, Data::ack(args)?),
            None => Ok(()),
        }
    }

    /// As [`send`](Self::send), with what is encoded already.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_data(self, data: Data) -> Result<(), EmitError> {
        match self.token {
            Some((client, token)) => client.send_ack(token, data),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ack").field("is_asked_for", &self.is_asked_for()).finish_non_exhaustive()
    }
}
