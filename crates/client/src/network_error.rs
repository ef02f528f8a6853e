use std::io;
use std::time::Duration;

/// Why there was no response, or not all of it.
///
/// To an event source all of these are one, [`Failure::Network`](crate::event_source::Failure::Network), as
/// they are to a page, and to an Engine.IO session a "transport error"; this is for who has to find out
/// what is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The host has no address.
    #[error("no address for {host}: {error}")]
    Resolve {
        /// The host.
        host: String,
        /// What the resolver says.
        #[source]
        error: io::Error,
    },
    /// None of the host's addresses takes a connection; this is what the last of them said.
    #[error("no connection to {authority}: {error}")]
    Connect {
        /// Host, and port unless it is 80.
        authority: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The connection took longer than the builder's `connect_timeout`.
    #[error("no connection within {timeout:?}")]
    ConnectTimeout {
        /// So long was waited.
        timeout: Duration,
    },
    /// A redirect has led to an `https` URL, and there is no TLS here.
    #[error("an https URL, and TLS is not supported")]
    Https,
    /// The request cannot be expressed: its URL is over 65 534 bytes, or there are tens of thousands of
    /// headers.
    #[error("the request cannot be sent: {0}")]
    Request(#[source] http::Error),
    /// The connection broke or ended too early, or what came is no HTTP, or its head is over the
    /// builder's `max_head` or `max_head_fields`.
    #[error("HTTP: {0}")]
    Http(#[source] hyper::Error),
}
