//! What to send (HTML #the-eventsource-interface, #last-event-id; Fetch #http-redirect-fetch).

use alloc::vec::Vec;
use bytes::Bytes;
use bytestring::ByteString;
use core::fmt;

use super::{Failure, Options, Url, abnf};

/// A request to be sent, to no cache. Its redirects are not to be followed: they come back as responses.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where to.
    pub url: Url,
    /// All headers but `Host` and those about the length of the body.
    pub headers: Vec<(ByteString, ByteString)>,
    /// The body of a POST.
    pub body: Option<Bytes>,
}

impl fmt::Debug for Request {
    /// Without headers and body, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// One way to the stream: a request, and those that redirects make of it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) url: Url,
    /// Whether the body goes along.
    with_body: bool,
    /// A redirect has led to another origin, be it back in the end.
    abroad: bool,
    redirects: u32,
    /// It began as the GET that goes on with a stream which a POST had begun.
    pub(super) resumes: bool,
}

impl Attempt {
    pub(super) fn new(url: &Url, with_body: bool, resumes: bool) -> Self {
        Self { url: url.clone(), with_body, abroad: false, redirects: 0, resumes }
    }

    pub(super) fn request(&self, options: &Options, last_event_id: &str) -> Request {
        let mut headers = Vec::new();
        for (name, value) in [("Accept", "text/event-stream"), ("Cache-Control", "no-cache")] {
            let own = |(own, _): &(ByteString, ByteString)| own.eq_ignore_ascii_case(name);
            if !options.headers.iter().filter(|(name, _)| self.sends(name)).any(own) {
                headers.push((ByteString::from_static(name), ByteString::from_static(value)));
            }
        }
        headers.extend(options.headers.iter().filter(|(name, _)| self.sends(name)).cloned());
        if can_be_sent(last_event_id) {
            headers.push((ByteString::from_static("Last-Event-ID"), last_event_id.into()));
        }
        let body = options.body.clone().filter(|_| self.with_body);
        let method = if self.with_body { "POST" } else { "GET" };
        Request { method, url: self.url.clone(), headers, body }
    }

    /// Whether a header of the caller's goes along.
    fn sends(&self, name: &str) -> bool {
        let is = |other: &&str| name.eq_ignore_ascii_case(other);
        // Fetch, "request-body-header name".
        let of_body = ["Content-Encoding", "Content-Language", "Content-Location", "Content-Type"];
        // Fetch deletes `Authorization` at a change of origin, and asks the other origin about all
        // that is no "CORS-safelisted request-header" before it sends any. Here nobody can be asked.
        let harmless = ["Accept", "Accept-Language", "Content-Language", "Content-Type"];
        (self.with_body || !of_body.iter().any(&is)) && (!self.abroad || harmless.iter().any(is))
    }

    /// Fetch, "HTTP-redirect fetch". Its network errors are the errors.
    pub(super) fn follow(
        &mut self,
        status: u16,
        location: &[u8],
        max_redirects: u32,
    ) -> Result<(), Failure> {
        let url = self.url.resolve(location).ok_or(Failure::Location)?;
        if self.redirects >= max_redirects {
            return Err(Failure::TooManyRedirects { limit: max_redirects });
        }
        self.redirects += 1;
        // "status is 301 or 302 and request's method is `POST`", or "303 and [it] is not `GET`".
        if matches!(status, 301..=303) {
            self.with_body = false;
        }
        self.abroad |= url.origin() != self.url.origin();
        self.url = url;
        Ok(())
    }
}

/// Whether there is a last event ID, and a header can hold it: one that cannot is left out, and the
/// connection made without.
pub(super) fn can_be_sent(last_event_id: &str) -> bool {
    !last_event_id.is_empty() && abnf::is_field_value(last_event_id.as_bytes())
}
