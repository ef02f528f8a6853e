use bytes::Bytes;
use rtwire_sse::{EncodeError, Fields};

/// One event as it goes over the wire. Cloning it copies nothing, so an event for many is encoded
/// once.
///
/// ```
/// use rtwire_server::{EncodedEvent, Fields};
///
/// let event = EncodedEvent::new(&Fields::new().event("tick").data("1"))?;
/// assert!(EncodedEvent::new(&Fields::new().id("1\ndata: injected")).is_err());
/// # Ok::<(), rtwire_server::EncodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedEvent(Bytes);

impl EncodedEvent {
    /// Encodes the fields of an event.
    ///
    /// # Errors
    /// A field holds what the format cannot carry: a line break, or a NUL in the id.
    pub fn new(fields: &Fields<'_>) -> Result<Self, EncodeError> {
        fields.to_bytes().map(Self)
    }

    /// The event in the format of an event stream.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// In bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
