use std::fmt::Write as _;
use std::time::Duration;

use http::HeaderValue;

use crate::error::InvalidCookie;

/// A cookie that holds the sid of a session, for a load balancer that keeps a client at one server by it
/// (RFC 6265 §4.1): `io=SID; Path=/; HttpOnly; SameSite=Lax`, unless told otherwise. The server itself does
/// not read it. The answer to the handshake sets it: [`EngineIo::cookie`](crate::EngineIo::cookie).
///
/// ```
/// use std::time::Duration;
/// use rtwire_server::{EngineIo, EngineIoCookie, EngineIoSocket, SameSite};
///
/// // Pages of other sites too, which browsers allow over TLS only.
/// let cookie = EngineIoCookie::new("io")?
///     .max_age(Duration::from_secs(24 * 60 * 60))
///     .same_site(SameSite::None)
///     .secure(true);
/// let sticky = EngineIo::new(async |socket: EngineIoSocket| socket.try_send("hello")).cookie(cookie);
/// # Ok::<(), rtwire_server::InvalidCookie>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineIoCookie {
    name: String,
    path: String,
    domain: Option<String>,
    max_age: Option<Duration>,
    http_only: bool,
    secure: bool,
    same_site: SameSite,
}

/// With which requests of other sites' pages a browser sends a cookie along (RFC 6265bis, "SameSite").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// With none.
    Strict,
    /// With those that lead the user to this site.
    Lax,
    /// With all; it must be [`secure`](EngineIoCookie::secure) for that.
    None,
}

impl EngineIoCookie {
    /// A cookie called `name`, such as `io`.
    ///
    /// # Errors
    /// [`InvalidCookie`] if `name` is no token (RFC 9110 §5.6.2).
    pub fn new(name: &str) -> Result<Self, InvalidCookie> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(InvalidCookie);
        }
        Ok(Self {
            name: name.to_owned(),
            path: "/".to_owned(),
            domain: None,
            max_age: None,
            http_only: true,
            secure: false,
            same_site: SameSite::Lax,
        })
    }

    /// Sets below which path it is sent: `/`.
    ///
    /// # Errors
    /// [`InvalidCookie`] if it has a semicolon, a control character, or one beyond ASCII.
    pub fn path(mut self, path: &str) -> Result<Self, InvalidCookie> {
        self.path = attribute(path)?;
        Ok(self)
    }

    /// Sets the domain to whose hosts it is sent; without, it is this host alone.
    ///
    /// # Errors
    /// As for [`path`](Self::path).
    pub fn domain(mut self, domain: &str) -> Result<Self, InvalidCookie> {
        self.domain = Some(attribute(domain)?);
        Ok(self)
    }

    /// Sets how long a browser keeps it, in whole seconds; without, until it is closed.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Whether it is hidden from scripts: yes. A sid is a secret.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Whether it is sent over TLS only: no.
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Sets with which requests of other sites' pages it is sent: [`SameSite::Lax`].
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// The value of `Set-Cookie`, if `sid` may be one of a cookie.
    pub(crate) fn to_field(&self, sid: &str) -> Option<HeaderValue> {
        let mut field = format!("{}={sid}", self.name);
        // Writing to a String does not fail.
        if let Some(age) = self.max_age {
            let _ = write!(field, "; Max-Age={}", age.as_secs());
        }
        if let Some(domain) = &self.domain {
            let _ = write!(field, "; Domain={domain}");
        }
        let _ = write!(field, "; Path={}", self.path);
        if self.http_only {
            field.push_str("; HttpOnly");
        }
        if self.secure {
            field.push_str("; Secure");
        }
        field.push_str(match self.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        });
        let mut value = HeaderValue::try_from(field).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// RFC 6265 §4.1.1: "any CHAR except CTLs or ;".
fn attribute(value: &str) -> Result<String, InvalidCookie> {
    let allowed = |byte: u8| matches!(byte, b' '..=b'~') && byte != b';';
    if value.bytes().all(allowed) { Ok(value.to_owned()) } else { Err(InvalidCookie) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6265_4_1_1_set_cookie() {
        let field = |cookie: EngineIoCookie| cookie.to_field("sid").unwrap();
        let io = EngineIoCookie::new("io").unwrap();
        assert_eq!(field(io.clone()), "io=sid; Path=/; HttpOnly; SameSite=Lax");
        let all = io.path("/a b").unwrap().domain("example.com").unwrap();
        let all = all.max_age(Duration::from_millis(86_400_999)).secure(true);
        assert_eq!(
            field(all.clone()),
            "io=sid; Max-Age=86400; Domain=example.com; Path=/a b; HttpOnly; Secure; SameSite=Lax"
        );
        assert!(field(all.same_site(SameSite::Strict)).is_sensitive());
    }

    #[test]
    fn rfc6265_4_1_1_what_would_be_more_than_its_part_is_refused() {
        for name in ["", "a b", "a=b", "a;b", "é", "a\r\nb"] {
            assert_eq!(EngineIoCookie::new(name), Err(InvalidCookie), "{name:?}");
        }
        for value in ["/;Secure", "/\r\nX: y", "/é", "/\u{7f}"] {
            let io = EngineIoCookie::new("io").unwrap();
            assert_eq!(io.clone().path(value), Err(InvalidCookie), "{value:?}");
            assert_eq!(io.domain(value), Err(InvalidCookie), "{value:?}");
        }
    }
}
