use crate::{frame::Frame, message::Message, packet::Packet};

/// A message encoded once, for many sessions: each queues a clone that shares its bytes.
///
/// ```
/// use rtwire_engineio::{Frame, Limits, PreparedMessage, Session, Transport};
///
/// let news = PreparedMessage::new("news");
/// let mut session = Session::new("sid", Transport::WebSocket, Limits::default());
/// session.next_frame(); // the open packet
/// session.send_prepared(&news)?;
/// assert_eq!(session.next_frame(), Some(Frame::Text("4news".into())));
/// # Ok::<(), rtwire_engineio::SendError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedMessage {
    pub(crate) frame: Frame,
}

impl PreparedMessage {
    /// Encodes `message`.
    pub fn new(message: impl Into<Message>) -> Self {
        let frame = match message.into() {
            // As it is: no clone, for which bytes of one owner would have to be made shared.
            Message::Binary(bytes) => Frame::Binary(bytes),
            text @ Message::Text(_) => Packet::Message(text).encode(),
        };
        Self { frame }
    }
}
