use core::time::Duration;

/// What a [`Connection`](crate::Connection) puts up with. Lengths are in bytes of payload.
///
/// ```
/// let limits = rtwire_websocket::Limits::default().max_message(1 << 20).ping_interval(None);
/// assert_eq!(limits.max_message, 1 << 20);
/// assert_eq!(limits.max_frame, 16 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest frame: 16 MiB. Over it, [`Rule::FrameTooBig`](crate::Rule::FrameTooBig). A frame of a
    /// compressed message counts as it arrives, and may be longer by an eighth and 16 bytes: what a message
    /// within the limits can become by being compressed.
    pub max_frame: u64,
    /// Longest message, all fragments together: 64 MiB. Over it,
    /// [`Rule::MessageTooBig`](crate::Rule::MessageTooBig). A compressed message counts as it is inflated,
    /// while it is.
    pub max_message: u64,
    /// Most fragments of a message: 16 384. Empty ones are legal (§5.4), so their number needs a
    /// limit as much as their bytes. Over it,
    /// [`Rule::TooManyFragments`](crate::Rule::TooManyFragments).
    pub max_fragments: u32,
    /// Queued output at which [`send`](crate::Connection::send) refuses the next message: 1 MiB.
    /// A message that is let in may itself be longer; 0 is taken as 1.
    pub max_output: usize,
    /// Time between Pings: 20 s; `None` sends none.
    pub ping_interval: Option<Duration>,
    /// How long after a Ping the peer may be silent: 20 s. Over it,
    /// [`Rule::PongTimeout`](crate::Rule::PongTimeout).
    pub pong_timeout: Duration,
    /// How long closing may take, from the first Close frame to the end of the transport: 5 s.
    pub close_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame: 16 << 20,
            max_message: 64 << 20,
            max_fragments: 16_384,
            max_output: 1 << 20,
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// Sets [`max_frame`](#structfield.max_frame), in bytes.
    pub fn max_frame(mut self, bytes: u64) -> Self {
        self.max_frame = bytes;
        self
    }

    /// Sets [`max_message`](#structfield.max_message), in bytes.
    pub fn max_message(mut self, bytes: u64) -> Self {
        self.max_message = bytes;
        self
    }

    /// Sets [`max_fragments`](#structfield.max_fragments), in frames.
    pub fn max_fragments(mut self, frames: u32) -> Self {
        self.max_fragments = frames;
        self
    }

    /// Sets [`max_output`](#structfield.max_output), in bytes.
    pub fn max_output(mut self, bytes: usize) -> Self {
        self.max_output = bytes;
        self
    }

    /// Sets [`ping_interval`](#structfield.ping_interval).
    pub fn ping_interval(mut self, interval: Option<Duration>) -> Self {
        self.ping_interval = interval;
        self
    }

    /// Sets [`pong_timeout`](#structfield.pong_timeout).
    pub fn pong_timeout(mut self, timeout: Duration) -> Self {
        self.pong_timeout = timeout;
        self
    }

    /// Sets [`close_timeout`](#structfield.close_timeout).
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }
}
