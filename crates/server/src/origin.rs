use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;

use crate::error::{InvalidOrigin, Refusal};

/// Which web pages may talk to the endpoints: the answer to cross-site WebSocket hijacking, and
/// to its twins over event streams and POST.
///
/// A browser states the origin of the page in the `Origin` field (RFC 6454 §7); it cannot be
/// forged by a page. The default allows the pages of this very server: the origin's host and port
/// equal those in `Host` (the scheme cannot be compared, because the proxy that ended TLS knows it
/// and we don't). A request without `Origin` comes from something that is not a browser, or from
/// a page of the same origin, and is let in unless [`require_origin`](Self::require_origin).
/// `Origin: null` (a sandboxed frame, a `file:` page) is refused unless listed.
///
/// An origin that is allowed and is not our own also gets the `Access-Control-*` fields it needs
/// to read the answer, and to add header fields of its own to what it asks, such as a token. Pages
/// of a listed origin may send credentials, as they may over WebSocket; those let in by `*` may not.
///
/// ```
/// use rtwire_server::OriginPolicy;
///
/// let policy = OriginPolicy::same_origin().allow("https://example.com")?;
/// assert!(OriginPolicy::same_origin().allow("example.com/path").is_err());
/// # Ok::<(), rtwire_server::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct OriginPolicy {
    any: bool,
    null: bool,
    listed: Vec<Origin>,
    require_origin: bool,
}

impl OriginPolicy {
    /// Only pages of this server itself.
    #[must_use]
    pub fn same_origin() -> Self {
        Self::default()
    }

    /// Every page of the web, `null` included: for public data that needs no cookie.
    #[must_use]
    pub fn any() -> Self {
        Self { any: true, ..Self::default() }
    }

    /// Adds an origin, such as `https://example.com` or `http://localhost:5173`. `*` stands for
    /// every origin and `null` for the opaque one.
    ///
    /// # Errors
    /// [`InvalidOrigin`] if the text is not a scheme, `://`, a host and an optional port.
    pub fn allow(mut self, origin: &str) -> Result<Self, InvalidOrigin> {
        match origin {
            "*" => self.any = true,
            "null" => self.null = true,
            _ => self.listed.push(Origin::parse(origin).ok_or(InvalidOrigin)?),
        }
        Ok(self)
    }

    /// Refuses requests that state no origin, which keeps out clients that are not browsers.
    #[must_use]
    pub fn require_origin(mut self) -> Self {
        self.require_origin = true;
        self
    }

    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        host: Option<&Authority>,
    ) -> Result<Cors, Refusal> {
        let mut values = headers.get_all(header::ORIGIN).iter();
        let Some(value) = values.next() else {
            return if self.require_origin { Err(Refusal::OriginMissing) } else { Ok(Cors::Own) };
        };
        // RFC 6454 §7.3: a user agent sends at most one Origin field.
        if values.next().is_some() {
            return Err(Refusal::Origin);
        }
        let text = value.to_str().map_err(|_| Refusal::Origin)?;
        let origin = Origin::parse(text);
        if let (Some(origin), Some(host)) = (&origin, host)
            && origin.is_at(host)
        {
            return Ok(Cors::Own);
        }
        let listed = match &origin {
            Some(origin) => self.listed.contains(origin),
            None => text == "null" && self.null,
        };
        match (listed, self.any) {
            (true, _) => Ok(Cors::Listed(value.clone())),
            (false, true) => Ok(Cors::Any),
            (false, false) => Err(Refusal::Origin),
        }
    }

    /// Whether the page may have its browser load this as a script, which shows what is in it to the page.
    /// Browsers state no `Origin` then, so that it takes what else they say of the page.
    pub(crate) fn allows_script(&self, headers: &HeaderMap, host: Option<&Authority>) -> bool {
        // What has an origin has been checked.
        if self.any || headers.contains_key(header::ORIGIN) {
            return true;
        }
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        // Fetch Metadata; no page can set it.
        if text(HeaderName::from_static("sec-fetch-site")) == Some("same-origin") {
            return true;
        }
        let Some(referrer) = text(header::REFERER) else { return false };
        let Some((scheme, rest)) = referrer.split_once("://") else { return false };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let Some(origin) = Origin::parse(&format!("{scheme}://{authority}")) else { return false };
        host.is_some_and(|host| origin.is_at(host)) || self.listed.contains(&origin)
    }
}

/// What the answer says to the browser about the page that asked (WHATWG Fetch, "CORS protocol").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cors {
    /// A page of this server, or no page: nothing to say.
    Own,
    /// A listed origin, named as the page stated it.
    Listed(HeaderValue),
    /// Any origin, without credentials.
    Any,
}

impl Cors {
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        match self {
            Cors::Own => {}
            Cors::Listed(origin) => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                headers.insert(
                    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                    HeaderValue::from_static("true"),
                );
                headers.append(header::VARY, HeaderValue::from_static("Origin"));
            }
            Cors::Any => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
        }
    }
}

/// A serialised tuple origin (RFC 6454 §6.2), in lower case and with its port spelt out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let mut letters = scheme.bytes();
        let is_scheme = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
            && letters.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !is_scheme || rest.contains('@') {
            return None;
        }
        // An authority has no path, query or fragment, so this refuses them too.
        let authority: Authority = rest.parse().ok()?;
        let scheme = scheme.to_ascii_lowercase();
        let port = port(&authority)?.or(default_port(&scheme));
        Some(Self { host: authority.host().to_ascii_lowercase(), port, scheme })
    }

    /// Whether a page of this origin was served by who answers at `host`.
    fn is_at(&self, host: &Authority) -> bool {
        let Some(default) = default_port(&self.scheme) else { return false };
        port(host).is_some_and(|port| port.or(Some(default)) == self.port)
            && host.host().eq_ignore_ascii_case(&self.host)
    }
}

/// The port in an authority: `None` if what stands there is not a port, `Some(None)` if nothing
/// does.
fn port(authority: &Authority) -> Option<Option<u16>> {
    match authority.as_str().strip_prefix(authority.host()) {
        Some("" | ":") => Some(None),
        _ => authority.port_u16().map(Some),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &OriginPolicy, origin: Option<&str>, host: &str) -> Result<Cors, Refusal> {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        policy.check(&headers, host.parse().ok().as_ref())
    }

    #[test]
    fn same_origin_compares_host_and_port() {
        let policy = OriginPolicy::same_origin();
        for (origin, host, allowed) in [
            ("http://localhost:3000", "localhost:3000", true),
            ("http://LOCALHOST:3000", "localhost:3000", true),
            ("https://example.com", "example.com", true),
            ("https://example.com", "example.com:443", true),
            ("http://example.com:80", "example.com", true),
            ("http://[::1]:3000", "[::1]:3000", true),
            ("http://localhost:3000", "localhost:3001", false),
            ("http://localhost", "localhost:3000", false),
            ("http://localhost:3000", "127.0.0.1:3000", false),
            ("http://example.com", "example.com:443", false),
            ("http://example.com.evil.example", "example.com", false),
            ("http://example.com@evil.example", "evil.example", false),
            ("http://evil.example/example.com", "example.com", false),
            ("ftp://example.com", "example.com", false),
            ("example.com", "example.com", false),
            ("null", "null", false),
            ("", "example.com", false),
        ] {
            let expected = if allowed { Ok(Cors::Own) } else { Err(Refusal::Origin) };
            assert_eq!(check(&policy, Some(origin), host), expected, "{origin} at {host}");
        }
    }

    #[test]
    fn listed_origins_are_compared_whole() {
        let policy = OriginPolicy::same_origin().allow("https://App.example.com").unwrap();
        let named = |origin: &'static str| Ok(Cors::Listed(HeaderValue::from_static(origin)));
        let ask = |origin| check(&policy, Some(origin), "api.example.com");
        assert_eq!(ask("https://app.example.com"), named("https://app.example.com"));
        assert_eq!(ask("https://app.example.com:443"), named("https://app.example.com:443"));
        assert_eq!(ask("http://app.example.com"), Err(Refusal::Origin));
        assert_eq!(ask("https://app.example.com:8443"), Err(Refusal::Origin));
        assert_eq!(ask("https://app.example.com.evil.example"), Err(Refusal::Origin));
        assert_eq!(ask("null"), Err(Refusal::Origin));
    }

    #[test]
    fn any_and_null_are_explicit() {
        let any = OriginPolicy::same_origin().allow("*").unwrap();
        assert_eq!(check(&any, Some("https://evil.example"), "h"), Ok(Cors::Any));
        assert_eq!(check(&any, Some("null"), "h"), Ok(Cors::Any));
        let null = OriginPolicy::same_origin().allow("null").unwrap();
        let listed = Cors::Listed(HeaderValue::from_static("null"));
        assert_eq!(check(&null, Some("null"), "h"), Ok(listed));
        assert_eq!(check(&null, Some("https://evil.example"), "h"), Err(Refusal::Origin));
    }

    #[test]
    fn a_missing_origin_is_a_decision() {
        let policy = OriginPolicy::same_origin();
        assert_eq!(check(&policy, None, "h"), Ok(Cors::Own));
        assert_eq!(check(&policy.require_origin(), None, "h"), Err(Refusal::OriginMissing));
    }

    #[test]
    fn two_origins_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(header::ORIGIN, HeaderValue::from_static("http://h"));
        headers.append(header::ORIGIN, HeaderValue::from_static("http://h"));
        let host = "h".parse().ok();
        let outcome = OriginPolicy::same_origin().check(&headers, host.as_ref());
        assert_eq!(outcome, Err(Refusal::Origin));
    }

    #[test]
    fn an_invalid_entry_is_an_error() {
        for text in
            ["", "example.com", "https://", "https://a/b", "https://a?b", "https://u@a", "://a"]
        {
            assert!(OriginPolicy::same_origin().allow(text).is_err(), "{text}");
        }
    }
}
