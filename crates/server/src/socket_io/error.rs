use crate::socket_io::adapter::AdapterError;
use crate::socket_io::answers::Missing;
use rtwire_socketio::{Json, PayloadError, SendError};
use serde::Serialize;

/// An event, or an ack, was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The socket is not connected: not yet, or no longer.
    #[error("the socket is not connected")]
    Disconnected,
    /// The client takes less than it is sent: what waits for it is at
    /// [`max_output`](rtwire_socketio::Limits::max_output). Or what is between the nodes does:
    /// [`Adapter::publish`](crate::adapter::Adapter::publish).
    #[error("the queue is full")]
    Full,
    /// The event is volatile, wants an answer, and the client cannot take it at once.
    #[error("the client cannot take it at once")]
    Volatile,
    /// As many acks are awaited as [`max_acks`](rtwire_socketio::Limits::max_acks) allows.
    #[error("too many acks awaited")]
    TooManyAcks,
    /// The arguments cannot be encoded, or the event's name is reserved.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The data is not that of an event.
    #[error("not the data of an event")]
    NotAnEvent,
}

impl From<SendError> for EmitError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Full => Self::Full,
            SendError::TooManyAcks | SendError::AckId => Self::TooManyAcks,
            SendError::NotAnEvent | SendError::Incomplete => Self::NotAnEvent,
            _ => Self::Disconnected,
        }
    }
}

/// There is no answer to an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The event was not sent.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// No answer came in time.
    #[error("no answer in time")]
    Timeout,
    /// The socket was disconnected before it answered.
    #[error("disconnected before the answer")]
    Disconnected,
    /// The answer is not what was asked for.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// These did not answer a broadcast: not in time, or because they were disconnected.
    #[error("no answer of {0}")]
    Missing(Missing),
    /// Clients of other nodes were not asked.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
}

/// A room was not joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The socket is not connected any more, or was not let in.
    #[error("the socket is not connected")]
    Disconnected,
    /// It is in [`max_rooms`](crate::SocketIo::max_rooms) already.
    #[error("too many rooms")]
    TooManyRooms,
    /// The name of the room is longer than [`max_room`](crate::SocketIo::max_room).
    #[error("the name of the room is too long")]
    RoomTooLong,
}

/// Why a client may not connect to a namespace: what its `connect_error` says.
///
/// ```
/// use rtwire_server::ConnectError;
///
/// let error = ConnectError::new("not authorized").data(&("retry", 30))?;
/// assert_eq!(error.to_string(), "not authorized");
/// # Ok::<(), rtwire_server::PayloadError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConnectError {
    pub(crate) message: String,
    pub(crate) data: Option<Json>,
}

impl ConnectError {
    /// The `message` of the error.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None }
    }

    /// Adds `data` to the error.
    ///
    /// # Errors
    /// The value cannot be encoded.
    pub fn data<T: Serialize + ?Sized>(mut self, data: &T) -> Result<Self, PayloadError> {
        self.data = Some(Json::from_serialize(data)?);
        Ok(self)
    }
}
