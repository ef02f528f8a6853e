use core::time::Duration;

/// What a [`ClientSession`](crate::ClientSession) puts up with. Lengths are in bytes.
///
/// How long the server may be silent, and how much it takes at once, is what its
/// [`OpenPacket`](crate::OpenPacket) says.
///
/// ```
/// let limits = rtwire_engineio::client::Limits::default().max_queue(1000);
/// assert_eq!((limits.max_queue, limits.max_packets), (1000, 16_384));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest answer to a GET and longest message of a WebSocket: 16 MiB. The body of an answer need
    /// not be read further than a byte more. Over it,
    /// [`Rule::PayloadTooBig`](crate::Rule::PayloadTooBig), and the session has ended.
    pub max_payload: usize,
    /// Most packets in the answer to a GET: 16 384. Over it,
    /// [`Rule::TooManyPackets`](crate::Rule::TooManyPackets).
    pub max_packets: usize,
    /// Most packets in a POST: 16, for that is what servers with Python's `python-engineio` take unless
    /// they are told otherwise. What is over it waits for the next POST, as does what the server's
    /// `maxPayload` has no room for.
    pub max_packets_sent: usize,
    /// Queued packets at which [`send`](crate::ClientSession::send) refuses the next message: 1 MiB.
    /// Each counts its bytes and [`PACKET_OVERHEAD`](crate::Limits::PACKET_OVERHEAD).
    pub max_queue: usize,
    /// Messages that arrived and were not taken by [`next_event`](crate::ClientSession::next_event),
    /// at which no more is to be read ([`can_receive`](crate::ClientSession::can_receive)): 256 KiB,
    /// counted as for `max_queue`. What one payload brings may be more.
    pub max_unread: usize,
    /// How long the open packet may take: 20 s. Over it,
    /// [`CloseReason::TransportError`](crate::CloseReason::TransportError).
    pub open_timeout: Duration,
    /// How long an upgrade may take: 10 s. Over it, the new WebSocket is closed and the session goes on
    /// over polling.
    pub upgrade_timeout: Duration,
    /// How long a session that was closed has to send what is queued: 20 s. Over it, that is dropped.
    pub close_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_payload: 16 << 20,
            max_packets: 16_384,
            max_packets_sent: 16,
            max_queue: 1 << 20,
            max_unread: 256 << 10,
            open_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(20),
        }
    }
}

impl Limits {
    /// Sets [`max_payload`](#structfield.max_payload), in bytes.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Sets [`max_packets`](#structfield.max_packets), in packets; at least 1.
    pub fn max_packets(mut self, packets: usize) -> Self {
        self.max_packets = packets.max(1);
        self
    }

    /// Sets [`max_packets_sent`](#structfield.max_packets_sent), in packets; at least 1.
    pub fn max_packets_sent(mut self, packets: usize) -> Self {
        self.max_packets_sent = packets.max(1);
        self
    }

    /// Sets [`max_queue`](#structfield.max_queue), in bytes.
    pub fn max_queue(mut self, bytes: usize) -> Self {
        self.max_queue = bytes;
        self
    }

    /// Sets [`max_unread`](#structfield.max_unread), in bytes; at least 1.
    pub fn max_unread(mut self, bytes: usize) -> Self {
        self.max_unread = bytes.max(1);
        self
    }

    /// Sets [`open_timeout`](#structfield.open_timeout).
    pub fn open_timeout(mut self, timeout: Duration) -> Self {
        self.open_timeout = timeout;
        self
    }

    /// Sets [`upgrade_timeout`](#structfield.upgrade_timeout).
    pub fn upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.upgrade_timeout = timeout;
        self
    }

    /// Sets [`close_timeout`](#structfield.close_timeout).
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }
}
