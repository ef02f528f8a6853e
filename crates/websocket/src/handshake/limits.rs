//! Limits on the head of the opening handshake.

/// What the head of the peer's handshake may take; interim answers count with the final one's
/// bytes.
///
/// ```
/// let limits = rtwire_websocket::handshake::Limits::default().max_head(4096);
/// assert_eq!((limits.max_head, limits.max_headers), (4096, 100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest head, in bytes, its empty line included: 16 KiB. Over it,
    /// [`Rule::HeadTooLarge`](super::Rule::HeadTooLarge).
    pub max_head: usize,
    /// Most header field lines: 100. Over it, [`Rule::TooManyHeaders`](super::Rule::TooManyHeaders).
    pub max_headers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_head: 16 << 10, max_headers: 100 }
    }
}

impl Limits {
    /// Sets [`max_head`](#structfield.max_head), in bytes.
    #[must_use]
    pub fn max_head(mut self, bytes: usize) -> Self {
        self.max_head = bytes;
        self
    }

    /// Sets [`max_headers`](#structfield.max_headers).
    #[must_use]
    pub fn max_headers(mut self, count: usize) -> Self {
        self.max_headers = count;
        self
    }
}
