use core::time::Duration;

/// What a [`Session`](crate::Session) puts up with. Lengths are in bytes.
///
/// ```
/// let limits = rtwire_engineio::Limits::default().max_payload(100);
/// assert_eq!((limits.max_payload, limits.max_packets), (100, 16_384));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest body of a POST and longest message of a WebSocket: 1 000 000. Over it,
    /// [`Rule::PayloadTooBig`](crate::Rule::PayloadTooBig): a POST gets 413 and its session goes
    /// on, a WebSocket ends.
    pub max_payload: usize,
    /// Most packets in the payload of a POST: 16 384. A client sends all that it has in one, such as
    /// what it kept while it was offline. Over it,
    /// [`Rule::TooManyPackets`](crate::Rule::TooManyPackets).
    pub max_packets: usize,
    /// Most packets in the answer to a GET: 16, for that is what Python's `python-engineio` takes
    /// unless it is told otherwise. What is over it waits for the next GET. Where no such client comes,
    /// more save round trips.
    pub max_packets_sent: usize,
    /// Queued packets at which [`send`](crate::Session::send) refuses the next message: 1 MiB. Each
    /// counts its bytes and [`PACKET_OVERHEAD`](Self::PACKET_OVERHEAD), so that empty ones are
    /// bounded too. A message that is let in may itself be longer.
    pub max_queue: usize,
    /// Messages that arrived and were not taken by [`next_event`](crate::Session::next_event), at
    /// which no more is to be read ([`can_receive`](crate::Session::can_receive)): 256 KiB, counted
    /// as for `max_queue`. What one payload brings may be more.
    pub max_unread: usize,
    /// Between opening, or a pong, and the next ping: 25 s.
    pub ping_interval: Duration,
    /// How long a pong may take: 20 s, and from the first packet that comes in its place as long again. Over it,
    /// [`CloseReason::PingTimeout`](crate::CloseReason::PingTimeout). Also how long a session that
    /// was closed waits for a GET to say so.
    pub ping_timeout: Duration,
    /// How long an upgrade may take: 10 s. Over it, the new WebSocket is closed.
    pub upgrade_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_payload: 1_000_000,
            max_packets: 16_384,
            max_packets_sent: 16,
            max_queue: 1 << 20,
            max_unread: 256 << 10,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// What a packet counts beyond its bytes while it is queued or not taken.
    pub const PACKET_OVERHEAD: usize = 64;

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

    /// Sets [`ping_interval`](#structfield.ping_interval).
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval;
        self
    }

    /// Sets [`ping_timeout`](#structfield.ping_timeout).
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.ping_timeout = timeout;
        self
    }

    /// Sets [`upgrade_timeout`](#structfield.upgrade_timeout).
    pub fn upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.upgrade_timeout = timeout;
        self
    }
}
