use crate::window::WindowBits;

/// What an endpoint wants of compression.
///
/// ```
/// use rtwire_permessage_deflate::Config;
///
/// let config = Config::default().server_no_context_takeover(false).threshold(256);
/// assert!(config.should_compress(256) && !config.should_compress(255));
/// ```
///
/// By default no context is taken over, in either direction: an idle connection then needs neither
/// a [`Compressor`](crate::Compressor) nor a [`Decompressor`](crate::Decompressor), which are large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The server starts each message with an empty window (RFC 7692 §7.1.1.1): true.
    pub server_no_context_takeover: bool,
    /// The client starts each message with an empty window (§7.1.1.2): true.
    pub client_no_context_takeover: bool,
    /// The largest window of the server (§7.1.2.1): 15 bits.
    pub server_max_window_bits: WindowBits,
    /// The largest window of the client (§7.1.2.2): 15 bits. Below it, a server declines offers of
    /// clients that cannot be told.
    pub client_max_window_bits: WindowBits,
    /// How hard to compress, from 1 (fast) to 9 (small): 6. 0 only stores.
    pub level: u8,
    /// How much memory a compressor takes beside its window, from 1 to 9: 5. The README has the
    /// bytes.
    pub memory_level: u8,
    /// Messages shorter than this are better sent as they are: 1 024 bytes. With 0 all are compressed, also
    /// those that get longer by it.
    pub threshold: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: WindowBits::MAX,
            client_max_window_bits: WindowBits::MAX,
            level: 6,
            memory_level: 5,
            threshold: 1024,
        }
    }
}

impl Config {
    /// Sets [`server_no_context_takeover`](#structfield.server_no_context_takeover).
    #[must_use]
    pub fn server_no_context_takeover(mut self, yes: bool) -> Self {
        self.server_no_context_takeover = yes;
        self
    }

    /// Sets [`client_no_context_takeover`](#structfield.client_no_context_takeover).
    #[must_use]
    pub fn client_no_context_takeover(mut self, yes: bool) -> Self {
        self.client_no_context_takeover = yes;
        self
    }

    /// Sets [`server_max_window_bits`](#structfield.server_max_window_bits). 8 is taken as 9.
    #[must_use]
    pub fn server_max_window_bits(mut self, bits: WindowBits) -> Self {
        self.server_max_window_bits = bits.max(WindowBits::COMPRESSED_MIN);
        self
    }

    /// Sets [`client_max_window_bits`](#structfield.client_max_window_bits). 8 is taken as 9.
    #[must_use]
    pub fn client_max_window_bits(mut self, bits: WindowBits) -> Self {
        self.client_max_window_bits = bits.max(WindowBits::COMPRESSED_MIN);
        self
    }

    /// Sets [`level`](#structfield.level). More than 9 is taken as 9.
    #[must_use]
    pub fn level(mut self, level: u8) -> Self {
        self.level = level.min(9);
        self
    }

    /// Sets [`memory_level`](#structfield.memory_level). 0 is taken as 1, more than 9 as 9.
    #[must_use]
    pub fn memory_level(mut self, level: u8) -> Self {
        self.memory_level = level.clamp(1, 9);
        self
    }

    /// Sets [`threshold`](#structfield.threshold), in bytes.
    #[must_use]
    pub fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// Whether a message of `len` bytes is worth compressing. Advice only: a sender may leave any
    /// message as it is (§6), and say so by RSV1.
    #[must_use]
    pub fn should_compress(&self, len: usize) -> bool {
        len >= self.threshold
    }

    /// The fields are public, so that the setters are no guarantee.
    pub(crate) fn server_max(&self) -> WindowBits {
        self.server_max_window_bits.max(WindowBits::COMPRESSED_MIN)
    }

    pub(crate) fn client_max(&self) -> WindowBits {
        self.client_max_window_bits.max(WindowBits::COMPRESSED_MIN)
    }
}
