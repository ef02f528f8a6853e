use std::time::Duration;

use http::uri::{InvalidUri, PathAndQuery};
use rtwire_sse::event_source::{self, Options};

use super::EventSource;
use crate::exchange::ExchangeLimits;

/// Says what an [`EventSource`] asks for, and what that may cost.
///
/// ```
/// use rtwire_client::EventSource;
/// use rtwire_client::event_source::{Limits, Options};
/// use std::time::Duration;
///
/// let limits = Limits::default().idle_timeout(Some(Duration::from_secs(40)));
/// let source = EventSource::builder("http://127.0.0.1:3000/events")
///     .options(Options::get().header("Authorization", "Bearer …").limits(limits))
///     .connect_timeout(Duration::from_secs(3))
///     .build()?;
/// # Ok::<(), rtwire_client::event_source::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EventSourceBuilder {
    url: String,
    options: Options,
    exchange: ExchangeLimits,
}

/// What is wrong with a URL or with [`Options`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The URL or a header is none.
    #[error(transparent)]
    Invalid(#[from] event_source::BuildError),
    /// It is an `https` URL, and there is no TLS here.
    #[error("an https URL, and TLS is not supported")]
    Https,
    /// The URL is over 65 534 bytes.
    #[error("a URL that is too long: {0}")]
    TooLong(#[source] InvalidUri),
}

impl EventSourceBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), options: Options::get(), exchange: ExchangeLimits::default() }
    }

    /// What to ask for, and what to do when it ends: [`Options::get`], which is what a browser does.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// How long the host's name and a connection may take together, over all of its addresses: 10 s.
    /// Over it, [`NetworkError::ConnectTimeout`](crate::NetworkError::ConnectTimeout).
    ///
    /// How long a server may think is [`Limits::idle_timeout`](super::Limits::idle_timeout).
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.exchange.connect_timeout = timeout;
        self
    }

    /// The status line and header fields of a response together, with their line ends and the empty
    /// line: 16 KiB. Over it, [`NetworkError::Http`](crate::NetworkError::Http).
    ///
    /// It is also what is read of a body at a time, or 8 KiB if that is more.
    pub const fn max_head(mut self, bytes: usize) -> Self {
        self.exchange.max_head = bytes;
        self
    }

    /// Header fields of a response: 100, and at most 24 576, which a table of the `http` crate holds.
    /// Over it, [`NetworkError::Http`](crate::NetworkError::Http).
    pub const fn max_head_fields(mut self, count: usize) -> Self {
        self.exchange.set_max_head_fields(count);
        self
    }

    /// An event source that connects when it is first polled. It needs tokio, with I/O and time, from
    /// then on.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(self) -> Result<EventSource, BuildError> {
        // Without random numbers those who lose the same server come back all at once: no worse.
        let random = || getrandom::u64().unwrap_or_default();
        let machine = rtwire_sse::EventSource::new(&self.url, self.options, random)?;
        if machine.url().scheme() != "http" {
            return Err(BuildError::Https);
        }
        PathAndQuery::try_from(machine.url().target()).map_err(BuildError::TooLong)?;
        Ok(EventSource::new(machine, self.exchange))
    }
}
