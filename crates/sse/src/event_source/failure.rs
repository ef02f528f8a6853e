use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// Why there is an `error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A network error: no connection, or it broke.
    #[error("network error")]
    Network,
    /// The body has ended.
    #[error("end of the stream")]
    EndOfStream,
    /// Nothing came for [`Limits::idle_timeout`](super::Limits::idle_timeout).
    #[error("nothing came for {timeout:?}")]
    Silence {
        /// For so long.
        timeout: Duration,
    },
    /// More than [`Limits::max_redirects`](super::Limits::max_redirects): to Fetch, a network error.
    #[error("over {limit} redirects")]
    TooManyRedirects {
        /// So many were followed.
        limit: u32,
    },
    /// A redirect to what is no http(s) URL, or to several: to Fetch, a network error.
    #[error("redirect without a usable Location")]
    Location,
    /// A status other than 200.
    #[error("status {}", .0.status)]
    Status(Box<FailedResponse>),
    /// A 200 that is no `text/event-stream`.
    #[error("not an event stream")]
    ContentType(Box<FailedResponse>),
    /// A limit on lines and events.
    #[error(transparent)]
    Stream(crate::Error),
}

impl Failure {
    /// The section that states it, as an anchor of the HTML or Fetch standards.
    #[must_use]
    pub const fn section(&self) -> &'static str {
        match self {
            Self::Network | Self::EndOfStream | Self::Silence { .. } => {
                "HTML #reestablish-the-connection"
            }
            Self::TooManyRedirects { .. } | Self::Location => "Fetch #http-redirect-fetch",
            Self::Status(_) | Self::ContentType(_) => "HTML #fail-the-connection",
            Self::Stream(error) => error.rule().section(),
        }
    }

    /// The response, if it was one that failed.
    #[must_use]
    pub fn response(&self) -> Option<&FailedResponse> {
        match self {
            Self::Status(response) | Self::ContentType(response) => Some(response),
            Self::Network
            | Self::EndOfStream
            | Self::Silence { .. }
            | Self::TooManyRedirects { .. }
            | Self::Location
            | Self::Stream(_) => None,
        }
    }
}

/// A response that is no event stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedResponse {
    /// The status.
    pub status: u16,
    /// Its headers, in their order, as many as the HTTP client let through.
    pub headers: Vec<(String, Bytes)>,
    /// The beginning of its body, or all of it.
    pub body: Vec<u8>,
    /// Whether the body is [all there](super::Limits::max_failed_body).
    pub complete: bool,
}

impl FailedResponse {
    /// The values of the headers of this name.
    pub(super) fn values<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r [u8]> {
        let named = move |(other, _): &&(String, Bytes)| other.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, value)| super::abnf::trim(value))
    }

    /// The value of the first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(super::abnf::trim(value))
    }
}
