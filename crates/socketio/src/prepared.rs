use bytestring::ByteString;

use crate::{
    data::Data,
    error::SendError,
    namespace::Namespace,
    output,
    packet::{Body, Packet},
};

/// An event that was encoded once and goes to many connections, without an ack.
///
/// ```
/// use rtwire_socketio::{Data, Namespace, PreparedEvent};
///
/// let data = Data::from_parts(r#"["news",1]"#.into(), vec![])?;
/// let prepared = PreparedEvent::new(&Namespace::default(), data).unwrap();
/// assert_eq!(prepared.text(), r#"2["news",1]"#);
/// # Ok::<(), rtwire_socketio::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PreparedEvent {
    pub(crate) namespace: Namespace,
    text: ByteString,
    pub(crate) data: Data,
}

impl PreparedEvent {
    /// Encodes the event.
    ///
    /// # Errors
    /// [`SendError::NotAnEvent`], [`SendError::Incomplete`].
    pub fn new(namespace: &Namespace, data: Data) -> Result<Self, SendError> {
        data.ready_as_event()?;
        let body = Body::Event { id: None, data: data.clone() };
        let text = Packet { namespace: namespace.clone(), body }.encode();
        Ok(Self { namespace: namespace.clone(), text, data })
    }

    /// What it counts in an output.
    pub(crate) fn cost(&self) -> usize {
        let attachments = self.data.attachments().iter().map(|attachment| attachment.len());
        let lengths = core::iter::once(self.text.len()).chain(attachments);
        lengths.map(output::cost).fold(0, usize::saturating_add)
    }

    /// The data of the event.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The text of the packet; the attachments of its data follow it.
    pub fn text(&self) -> &ByteString {
        &self.text
    }
}
