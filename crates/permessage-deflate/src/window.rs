use core::fmt;

/// The base-2 logarithm of an LZ77 sliding window, from 8 (256 bytes) to 15 (32 768 bytes): the
/// value of `server_max_window_bits` and `client_max_window_bits` (RFC 7692 §7.1.2).
///
/// ```
/// use rtwire_permessage_deflate::WindowBits;
///
/// assert_eq!(WindowBits::new(10).map(WindowBits::get), Some(10));
/// assert_eq!(WindowBits::new(16), None);
/// assert_eq!(WindowBits::default(), WindowBits::MAX);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 8, a window of 256 bytes. DEFLATE as zlib does it cannot compress with so small a window.
    pub const MIN: Self = Self(8);
    /// 15, a window of 32 768 bytes: what holds where nothing else is agreed.
    pub const MAX: Self = Self(15);
    /// 9, the smallest window that a [`Compressor`](crate::Compressor) compresses with.
    pub(crate) const COMPRESSED_MIN: Self = Self(9);

    /// `None` if `bits` is not from 8 to 15.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// From 8 to 15.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The value of a parameter, "a decimal integer value without leading zeroes between 8 to 15,
    /// inclusive" (§7.1.2.1).
    pub(crate) fn decode(value: &str) -> Option<Self> {
        match value {
            "8" => Some(Self(8)),
            "9" => Some(Self(9)),
            "10" => Some(Self(10)),
            "11" => Some(Self(11)),
            "12" => Some(Self(12)),
            "13" => Some(Self(13)),
            "14" => Some(Self(14)),
            "15" => Some(Self(15)),
            _ => None,
        }
    }
}

impl Default for WindowBits {
    fn default() -> Self {
        Self::MAX
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The LZ77 sliding window of one direction, as it was agreed
/// ([`Params::window`](crate::negotiation::Params::window)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Window {
    /// How far back the sender may refer.
    pub bits: WindowBits,
    /// Whether it may refer to earlier messages (§7.1.1). Without, each message stands alone, and
    /// neither end has to keep anything from one to the next.
    pub context_takeover: bool,
}
