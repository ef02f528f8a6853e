use bytestring::ByteString;

use crate::{frame::Frame, message::Message, packet::Packet, queue::Queued};

/// A message encoded once, for many sessions: each queues a clone that shares its bytes.
///
/// ```
/// use rtwire_engineio::{Frame, Limits, PreparedMessage, Session, Transport};
///
/// let news = PreparedMessage::new("news");
/// let mut session = Session::new("sid", Transport::WebSocket, Limits::default());
/// session.next_frame(); // the open packet
/// session.send_prepared(news.clone())?;
/// assert_eq!(session.next_frame(), Some(Frame::Text("4news".into())));
/// # Ok::<(), rtwire_engineio::SendError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedMessage {
    pub(crate) queued: Queued,
}

impl PreparedMessage {
    /// Encodes `message`.
    pub fn new(message: impl Into<Message>) -> Self {
        let frame = match message.into() {
            // As it is: no clone, for which bytes of one owner would have to be made shared.
            Message::Binary(bytes) => Frame::Binary(bytes),
            text @ Message::Text(_) => Packet::Message(text).encode(),
        };
        Self { queued: frame.into() }
    }

    /// A message of text that has its packet's type, the `4`, in front already; `None` if it has another. Who
    /// encodes the text can put it there without a copy.
    ///
    /// ```
    /// use rtwire_engineio::PreparedMessage;
    ///
    /// assert_eq!(PreparedMessage::from_packet("4news".into()), Some(PreparedMessage::new("news")));
    /// assert_eq!(PreparedMessage::from_packet("2".into()), None);
    /// ```
    pub fn from_packet(text: ByteString) -> Option<Self> {
        text.starts_with('4').then(|| Self { queued: Frame::Text(text).into() })
    }

    /// Whether it may be compressed where the transport does that: yes. [`Session::may_compress`] tells
    /// who moves it there.
    ///
    /// ```
    /// use rtwire_engineio::{Frame, Limits, PreparedMessage, Session, Transport};
    ///
    /// let mut session = Session::new("sid", Transport::WebSocket, Limits::default());
    /// session.next_frame(); // the open packet
    /// session.send_prepared(PreparedMessage::new("a secret").compress(false))?;
    /// assert_eq!(session.next_frame(), Some(Frame::Text("4a secret".into())));
    /// assert!(!session.may_compress());
    /// # Ok::<(), rtwire_engineio::SendError>(())
    /// ```
    ///
    /// [`Session::may_compress`]: crate::Session::may_compress
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Self {
        self.queued.may_compress = compress;
        self
    }
}

impl<M: Into<Message>> From<M> for PreparedMessage {
    fn from(message: M) -> Self {
        Self::new(message)
    }
}
