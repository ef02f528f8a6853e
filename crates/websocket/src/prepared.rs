use alloc::{sync::Arc, vec::Vec};

use bytes::Bytes;

use crate::{header::FrameHeader, message::Message, opcode::Opcode};

/// A message encoded once, to be sent to many: a broadcast costs each member a reference, not an
/// encoding.
///
/// ```
/// use rtwire_websocket::{Connection, Limits, PreparedMessage, Role};
///
/// let tick = PreparedMessage::new("tick".into());
/// for _ in 0..3 {
///     let mut member = Connection::new(Role::Server, Limits::default());
///     member.send_prepared(&tick)?;
///     assert_eq!(bytes::Buf::chunk(member.output()), b"\x81\x04tick");
/// }
/// # Ok::<(), rtwire_websocket::SendError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PreparedMessage(Arc<Prepared>);

#[derive(Debug)]
struct Prepared {
    opcode: Opcode,
    /// The unmasked frame, as a server sends it.
    frame: Bytes,
    header_len: usize,
    may_compress: bool,
    #[cfg(feature = "deflate")]
    compressed: crate::deflate::PreparedFrames,
}

impl PreparedMessage {
    /// Encodes the frame.
    pub fn new(message: Message) -> Self {
        Self::encode(message, true)
    }

    /// As [`new`](Self::new), for a message that no connection compresses: one that would not get shorter, as
    /// a picture, or that holds a secret beside what an attacker has chosen.
    pub fn uncompressed(message: Message) -> Self {
        Self::encode(message, false)
    }

    fn encode(message: Message, may_compress: bool) -> Self {
        let opcode = match message {
            Message::Text(_) => Opcode::Text,
            Message::Binary(_) => Opcode::Binary,
        };
        let header = FrameHeader::new(opcode, message.len() as u64);
        let header_len = header.encoded_len();
        let mut frame = Vec::with_capacity(header_len + message.len());
        header.encode(&mut frame);
        frame.extend_from_slice(message.as_bytes());
        Self(Arc::new(Prepared {
            opcode,
            frame: frame.into(),
            header_len,
            may_compress,
            #[cfg(feature = "deflate")]
            compressed: crate::deflate::PreparedFrames::default(),
        }))
    }

    /// Length of the payload in bytes.
    pub fn len(&self) -> usize {
        self.payload().len()
    }

    /// Whether the payload is empty, which is a message all the same.
    pub fn is_empty(&self) -> bool {
        self.payload().is_empty()
    }

    pub(crate) fn opcode(&self) -> Opcode {
        self.0.opcode
    }

    pub(crate) fn may_compress(&self) -> bool {
        self.0.may_compress
    }

    pub(crate) fn frame(&self) -> &Bytes {
        &self.0.frame
    }

    /// What a client masks for itself.
    pub(crate) fn payload(&self) -> &[u8] {
        self.0.frame.get(self.0.header_len..).unwrap_or_default()
    }

    #[cfg(feature = "deflate")]
    pub(crate) fn compressed(&self) -> &crate::deflate::PreparedFrames {
        &self.0.compressed
    }
}
