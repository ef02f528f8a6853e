use core::time::Duration;

/// What a [`Connection`](crate::Connection) puts up with. Lengths are in bytes.
///
/// ```
/// let limits = rtwire_socketio::Limits::default().max_attachments(10);
/// assert_eq!(limits.max_attachments, 10);
/// assert_eq!(limits.max_packet, 1_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest packet, its text and attachments together: 1 000 000 bytes, as Engine.IO's
    /// maxPayload. Over it, [`Rule::PacketTooBig`](crate::Rule::PacketTooBig).
    pub max_packet: usize,
    /// Most attachments of a packet: 64. Over it,
    /// [`Rule::TooManyAttachments`](crate::Rule::TooManyAttachments).
    pub max_attachments: usize,
    /// How long the attachments of a packet may take after its text: 10 s. Over it,
    /// [`Rule::AttachmentsTimeout`](crate::Rule::AttachmentsTimeout).
    pub attachments_timeout: Duration,
    /// Most arrays and objects around a value: 127, which is also the most that can be set, since
    /// serde_json reads no deeper. Over it, [`Rule::TooDeep`](crate::Rule::TooDeep).
    pub max_depth: u8,
    /// Most namespaces that one connection has asked for or joined: 64. As many that it was put out of last are
    /// remembered, to ignore what was on its way there. Over it,
    /// [`Rule::TooManyNamespaces`](crate::Rule::TooManyNamespaces); at the client's end
    /// [`SendError::TooManyNamespaces`](crate::SendError::TooManyNamespaces).
    pub max_namespaces: usize,
    /// Longest name of a namespace that a client may ask for, without a query: 256 bytes. A connection keeps the names
    /// of its namespaces. Over it, [`Rule::NamespaceTooLong`](crate::Rule::NamespaceTooLong).
    pub max_namespace: usize,
    /// Longest credentials that a client may ask for a namespace with, as JSON: 64 KiB. A server keeps those of each
    /// namespace. Over it, [`Rule::AuthTooLong`](crate::Rule::AuthTooLong).
    pub max_auth: usize,
    /// How long a client may take to join its first namespace: 45 s. Over it,
    /// [`Rule::ConnectTimeout`](crate::Rule::ConnectTimeout).
    pub connect_timeout: Duration,
    /// Most acks of the peer that are awaited at a time: 1024. Over it,
    /// [`SendError::TooManyAcks`](crate::SendError::TooManyAcks).
    pub max_acks: usize,
    /// Queued output at which the next packet is refused: 1 MiB. Each text and each attachment counts
    /// its bytes and [`MESSAGE_OVERHEAD`](Self::MESSAGE_OVERHEAD), so that small ones are bounded too. A packet that is let in may
    /// itself be longer. Over it, [`SendError::Full`](crate::SendError::Full).
    pub max_output: usize,
    /// Longest pid or offset that a client keeps of each namespace: 256 bytes. Over it, a text is no
    /// offset, and a session cannot be recovered. The reference's have 10 to 30.
    pub max_offset: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_packet: 1_000_000,
            max_attachments: 64,
            attachments_timeout: Duration::from_secs(10),
            max_depth: Self::MAX_DEPTH,
            max_namespaces: 64,
            max_namespace: 256,
            max_auth: 64 << 10,
            connect_timeout: Duration::from_secs(45),
            max_acks: 1024,
            max_output: 1 << 20,
            max_offset: 256,
        }
    }
}

impl Limits {
    /// serde_json counts down from 128 and refuses at 0.
    pub(crate) const MAX_DEPTH: u8 = 127;

    /// What a message of the output counts beyond its bytes.
    pub const MESSAGE_OVERHEAD: usize = 64;

    /// Sets [`max_packet`](#structfield.max_packet), in bytes.
    pub fn max_packet(mut self, bytes: usize) -> Self {
        self.max_packet = bytes;
        self
    }

    /// Sets [`max_attachments`](#structfield.max_attachments), in attachments.
    pub fn max_attachments(mut self, attachments: usize) -> Self {
        self.max_attachments = attachments;
        self
    }

    /// Sets [`attachments_timeout`](#structfield.attachments_timeout).
    pub fn attachments_timeout(mut self, timeout: Duration) -> Self {
        self.attachments_timeout = timeout;
        self
    }

    /// Sets [`max_depth`](#structfield.max_depth), in arrays and objects; 127 if it is more.
    pub fn max_depth(mut self, depth: u8) -> Self {
        self.max_depth = depth.min(Self::MAX_DEPTH);
        self
    }

    /// Sets [`max_namespaces`](#structfield.max_namespaces), in namespaces.
    pub fn max_namespaces(mut self, namespaces: usize) -> Self {
        self.max_namespaces = namespaces;
        self
    }

    /// Sets [`max_namespace`](#structfield.max_namespace), in bytes.
    pub fn max_namespace(mut self, bytes: usize) -> Self {
        self.max_namespace = bytes;
        self
    }

    /// Sets [`max_auth`](#structfield.max_auth), in bytes.
    pub fn max_auth(mut self, bytes: usize) -> Self {
        self.max_auth = bytes;
        self
    }

    /// Sets [`connect_timeout`](#structfield.connect_timeout).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`max_acks`](#structfield.max_acks), in acks.
    pub fn max_acks(mut self, acks: usize) -> Self {
        self.max_acks = acks;
        self
    }

    /// Sets [`max_output`](#structfield.max_output), in bytes.
    pub fn max_output(mut self, bytes: usize) -> Self {
        self.max_output = bytes;
        self
    }

    /// Sets [`max_offset`](#structfield.max_offset), in bytes.
    pub fn max_offset(mut self, bytes: usize) -> Self {
        self.max_offset = bytes;
        self
    }
}
