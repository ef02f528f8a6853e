use core::time::Duration;

/// What a peer may cost an [`EventSource`](super::EventSource). Lengths are in bytes.
///
/// ```
/// let limits = rtwire_sse::event_source::Limits::default().max_redirects(5);
/// assert_eq!((limits.max_redirects, limits.idle_timeout), (5, None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Of a line and an event. Over them the source fails for good, unless events are skipped: the
    /// next connection would bring the same.
    pub stream: crate::Limits,
    /// Most redirects in a row: 20, which is Fetch's number. Over it,
    /// [`Failure::TooManyRedirects`](super::Failure::TooManyRedirects).
    pub max_redirects: u32,
    /// How long neither the head of a response nor a byte of a stream may come; a comment is enough.
    /// Over it, [`Failure::Silence`](super::Failure::Silence). `None`, as in browsers: for ever, so
    /// that a peer that vanished is never missed. [`Limits::post`] has 5 min.
    pub idle_timeout: Option<Duration>,
    /// Most that is kept of the body of a failed response: 16 KiB. What is over it is left off.
    pub max_failed_body: usize,
    /// How long that body may take in all: 5 s. Then the failure is told with what has come.
    pub failed_body_timeout: Duration,
    /// Most requests after a failure, in a row, without progress: `None`, for ever, as in browsers.
    /// Over it, the last failure is for good. [`Limits::post`] has 4.
    pub max_retries: Option<u32>,
    /// Longest random wait in addition to the reconnection time: 30 s. It doubles up to this.
    pub max_backoff: Duration,
    /// Longest `Retry-After` that is waited for: 5 min. Over it, the failure is for good, for to come
    /// earlier is not what was asked for.
    pub max_retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stream: crate::Limits::default(),
            max_redirects: 20,
            idle_timeout: None,
            max_failed_body: 16 << 10,
            failed_body_timeout: Duration::from_secs(5),
            max_retries: None,
            max_backoff: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(300),
        }
    }
}

impl Limits {
    /// The defaults of a POST: silence is a failure after 5 min, and the fourth retry in a row without
    /// progress is the last.
    #[must_use]
    pub fn post() -> Self {
        let idle_timeout = Some(Duration::from_secs(300));
        Self { idle_timeout, max_retries: Some(4), ..Self::default() }
    }

    /// Sets [`stream`](#structfield.stream).
    #[must_use]
    pub const fn stream(mut self, limits: crate::Limits) -> Self {
        self.stream = limits;
        self
    }

    /// Sets [`max_redirects`](#structfield.max_redirects).
    #[must_use]
    pub const fn max_redirects(mut self, count: u32) -> Self {
        self.max_redirects = count;
        self
    }

    /// Sets [`idle_timeout`](#structfield.idle_timeout).
    #[must_use]
    pub const fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets [`max_failed_body`](#structfield.max_failed_body), in bytes.
    #[must_use]
    pub const fn max_failed_body(mut self, bytes: usize) -> Self {
        self.max_failed_body = bytes;
        self
    }

    /// Sets [`failed_body_timeout`](#structfield.failed_body_timeout).
    #[must_use]
    pub const fn failed_body_timeout(mut self, timeout: Duration) -> Self {
        self.failed_body_timeout = timeout;
        self
    }

    /// Sets [`max_retries`](#structfield.max_retries).
    #[must_use]
    pub const fn max_retries(mut self, count: Option<u32>) -> Self {
        self.max_retries = count;
        self
    }

    /// Sets [`max_backoff`](#structfield.max_backoff); zero waits the reconnection time, no more.
    #[must_use]
    pub const fn max_backoff(mut self, time: Duration) -> Self {
        self.max_backoff = time;
        self
    }

    /// Sets [`max_retry_after`](#structfield.max_retry_after).
    #[must_use]
    pub const fn max_retry_after(mut self, time: Duration) -> Self {
        self.max_retry_after = time;
        self
    }
}
