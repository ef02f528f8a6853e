use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use bytestring::ByteString;
use core::fmt;
use core::time::Duration;

use super::{Limits, abnf};

/// What to ask for, and what to do when it ends.
///
/// ```
/// use rtwire_sse::event_source::{Options, Reconnect};
///
/// // What a browser does.
/// let browser = Options::get();
///
/// // The answer of a language model: asked for once, and again only if the server is busy.
/// let model = Options::post("application/json", r#"{"stream":true}"#)
///     .header("Authorization", "Bearer …")
///     .end_mark("[DONE]")
///     .retry_statuses(true);
///
/// // MCP: a stream that a POST began goes on with a GET.
/// let mcp = Options::post("application/json", r#"{"jsonrpc":"2.0"}"#)
///     .header("Accept", "application/json, text/event-stream")
///     .reconnect(Reconnect::Get);
/// ```
#[derive(Clone)]
pub struct Options {
    pub(super) headers: Vec<(ByteString, ByteString)>,
    pub(super) body: Option<Bytes>,
    pub(super) last_event_id: String,
    pub(super) reconnection_time: Duration,
    pub(super) reconnect: Reconnect,
    pub(super) retry_statuses: bool,
    pub(super) end_mark: Option<ByteString>,
    pub(super) limits: Limits,
}

/// What is asked for when a stream has ended, or the network has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reconnect {
    /// The same again. For a POST: only if the server can tell that it has had it.
    Repeat,
    /// A GET to the same URL, without body, for what follows the last event ID. Without one, or with
    /// one that no header can hold, there is nothing to go on with, and the failure is for good. So it
    /// is in MCP's streamable HTTP, however the stream was begun.
    Get,
    /// Nothing: the failure is for good.
    Never,
}

/// What is wrong with a URL or with [`Options`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// RFC 3986: no absolute `http` or `https` URL, or one with a user name.
    #[error("not an absolute http or https URL")]
    Url,
    /// RFC 9110 §5.1: the name of a header is no token.
    #[error("not a header name")]
    HeaderName,
    /// RFC 9110 §5.5: the value of a header has a control character, or a blank at one of its ends.
    #[error("not a header value")]
    HeaderValue,
    /// `Last-Event-ID` among the headers: it is [`Options::last_event_id`], which moves on.
    #[error("Last-Event-ID is not one of the caller's headers")]
    LastEventId,
}

impl Options {
    /// A GET, repeated for ever: what a browser does.
    #[must_use]
    pub fn get() -> Self {
        Self {
            headers: Vec::new(),
            body: None,
            last_event_id: String::new(),
            reconnection_time: Duration::from_secs(3),
            reconnect: Reconnect::Repeat,
            retry_statuses: false,
            end_mark: None,
            limits: Limits::default(),
        }
    }

    /// A POST, never repeated unless that is asked for, with [`Limits::post`]: what language models and
    /// MCP servers want.
    #[must_use]
    pub fn post(content_type: impl Into<ByteString>, body: impl Into<Bytes>) -> Self {
        Self {
            body: Some(body.into()),
            reconnect: Reconnect::Never,
            limits: Limits::post(),
            ..Self::get().header("Content-Type", content_type)
        }
    }

    /// Adds a header. `Accept` and `Cache-Control` take the place of what is sent without.
    ///
    /// After a redirect to another origin only `Accept`, `Accept-Language`, `Content-Language` and
    /// `Content-Type` are sent. The others may be secret, and a browser would ask that origin first. A
    /// body goes along where 307 and 308 lead, as in browsers.
    #[must_use]
    pub fn header(mut self, name: impl Into<ByteString>, value: impl Into<ByteString>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The last event ID string to begin with, such as one from an earlier time: empty.
    #[must_use]
    pub fn last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = id.into();
        self
    }

    /// The reconnection time until the stream sets it: 3 s.
    #[must_use]
    pub fn reconnection_time(mut self, time: Duration) -> Self {
        self.reconnection_time = time;
        self
    }

    /// What to ask for when a stream has ended, or the network has failed.
    #[must_use]
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Whether the same request is made again after a 429 or a 5xx, not before its `Retry-After`. That
    /// goes for a POST too: it is said to have failed. By itself any status other than 200 is for good.
    #[must_use]
    pub fn retry_statuses(mut self, retry: bool) -> Self {
        self.retry_statuses = retry;
        self
    }

    /// The data of an event that ends the stream for good, such as `[DONE]`. It is not delivered.
    #[must_use]
    pub fn end_mark(mut self, data: impl Into<ByteString>) -> Self {
        self.end_mark = Some(data.into());
        self
    }

    /// What the peer may cost. It takes the place of all limits, so that for a POST one begins with
    /// [`Limits::post`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub(super) fn check(&self) -> Result<(), BuildError> {
        for (name, value) in &self.headers {
            if !abnf::is_token(name.as_bytes()) {
                return Err(BuildError::HeaderName);
            }
            if !abnf::is_field_value(value.as_bytes()) {
                return Err(BuildError::HeaderValue);
            }
            if name.eq_ignore_ascii_case("last-event-id") {
                return Err(BuildError::LastEventId);
            }
        }
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::get()
    }
}

impl fmt::Debug for Options {
    /// Without headers and body, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("reconnect", &self.reconnect)
            .field("retry_statuses", &self.retry_statuses)
            .field("end_mark", &self.end_mark)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
