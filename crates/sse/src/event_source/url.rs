//! http(s) URLs and what a `Location` makes of them (RFC 3986 §3 and §5).
//!
//! ```text
//!   https://example.com:8042/over/there?name=ferret#nose
//!   ╰─┬─╯   ╰────┬────╯ ╰┬─╯╰───┬─────╯ ╰────┬────╯ ╰─ dropped: it is not sent
//!   scheme     host    port   path         query
//!   ╰──────── origin ──────╯╰───── target ────────╯
//! ```
//!
//! Stricter than browsers, which repair what is no URL: a user name, a `\` or a percent sign in the
//! authority, or `http:path` without one, is refused. They are how a URL is made to look like another.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;

use super::BuildError;

/// An absolute `http` or `https` URL, without a fragment.
///
/// Scheme and host are lower-case, the scheme's own port is left out, and bytes that a URL cannot
/// have are percent-encoded.
///
/// ```
/// use rtwire_sse::event_source::Url;
///
/// let url: Url = "HTTP://Example.com:80/a/../b?c#d".parse()?;
/// assert_eq!(url.as_str(), "http://example.com/b?c");
/// # Ok::<(), rtwire_sse::event_source::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    text: String,
    secure: bool,
    /// Where the host ends.
    host: usize,
    port: u16,
    /// Where the path begins, and the origin ends.
    path: usize,
}

impl Url {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let reference = Reference::parse(text.as_bytes())?;
        Self::build(reference.secure?, reference.authority?, &[reference.path], reference.query)
    }

    /// §5.2.2: the URL that `reference` means, read in this one. `None`: it is none of http(s).
    pub(super) fn resolve(&self, reference: &[u8]) -> Option<Self> {
        let reference = Reference::parse(reference)?;
        let target = self.target().as_bytes();
        let (path, query) = split(target, b"?");
        if let Some(secure) = reference.secure {
            Self::build(secure, reference.authority?, &[reference.path], reference.query)
        } else if let Some(authority) = reference.authority {
            Self::build(self.secure, authority, &[reference.path], reference.query)
        } else if reference.path.is_empty() {
            let query = reference.query.or(query);
            Self::build(self.secure, self.authority().as_bytes(), &[path], query)
        } else {
            // §5.2.3: "all but the last segment of the base URI's path".
            let kept = if reference.path.starts_with(b"/") {
                0
            } else {
                path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1)
            };
            let path = [&path[..kept], reference.path];
            Self::build(self.secure, self.authority().as_bytes(), &path, reference.query)
        }
    }

    fn build(secure: bool, authority: &[u8], path: &[&[u8]], query: Option<&[u8]>) -> Option<Self> {
        let (name, port) = authority_parts(authority)?;
        let default_port = if secure { 443 } else { 80 };
        let port = port.unwrap_or(default_port);
        let mut text = String::from(if secure { "https://" } else { "http://" });
        text.extend(name.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
        let host = text.len();
        if port != default_port {
            // Writing to a String does not fail.
            let _ = fmt::write(&mut text, format_args!(":{port}"));
        }
        let path_start = text.len();
        push_path(&mut text, &path.concat());
        if let Some(query) = query {
            text.push('?');
            push_encoded(&mut text, query);
        }
        Some(Self { text, secure, host, port, path: path_start })
    }

    /// The whole of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `http` or `https`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The host: a name, an IPv4 address, or an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.text[self.scheme().len() + 3..self.host]
    }

    /// The port, which may be the scheme's own.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host, and the port unless it is the scheme's own: what a `Host` header says.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.text[self.scheme().len() + 3..self.path]
    }

    /// Path and query: what a request line says.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.text[self.path..]
    }

    /// Scheme and authority: the origin, as a `MessageEvent` has it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.text[..self.path]
    }
}

impl FromStr for Url {
    type Err = BuildError;

    /// # Errors
    /// [`BuildError::Url`].
    fn from_str(text: &str) -> Result<Self, BuildError> {
        Self::parse(text).ok_or(BuildError::Url)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// What a reference says, in the parts of §3. The fragment is dropped.
struct Reference<'r> {
    /// The scheme, if it has one: `https`, or `http`.
    secure: Option<bool>,
    authority: Option<&'r [u8]>,
    path: &'r [u8],
    query: Option<&'r [u8]>,
}

impl<'r> Reference<'r> {
    /// Appendix B. `None`: it has another scheme.
    fn parse(reference: &'r [u8]) -> Option<Self> {
        let (rest, _) = split(reference.trim_ascii(), b"#");
        let (rest, query) = split(rest, b"?");
        let (first, _) = split(rest, b"/");
        let (secure, rest) = match split(first, b":") {
            (_, None) => (None, rest),
            (scheme, Some(_)) => {
                let secure = if scheme.eq_ignore_ascii_case(b"https") {
                    true
                } else if scheme.eq_ignore_ascii_case(b"http") {
                    false
                } else {
                    return None;
                };
                (Some(secure), &rest[scheme.len() + 1..])
            }
        };
        let (authority, path) = match rest.strip_prefix(b"//") {
            None => (None, rest),
            Some(rest) => {
                let (authority, _) = split(rest, b"/");
                (Some(authority), &rest[authority.len()..])
            }
        };
        Some(Self { secure, authority, path, query })
    }
}

/// What is before the first `separator`, and what is behind it if there is one.
fn split<'r>(text: &'r [u8], separator: &[u8; 1]) -> (&'r [u8], Option<&'r [u8]>) {
    match memchr::memchr(separator[0], text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Host and port (§3.2). RFC 9110 §4.2.4: userinfo in a URL from elsewhere is to be treated "as an
/// error; it is likely being used to obscure the authority".
fn authority_parts(authority: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let host_len = match authority {
        [b'[', ..] => memchr::memchr(b']', authority)? + 1,
        _ => memchr::memchr(b':', authority).unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(host_len);
    let port = match port {
        [] | [b':'] => None,
        [b':', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => {
            Some(core::str::from_utf8(digits).ok()?.parse().ok()?)
        }
        _ => return None,
    };
    let valid = match host {
        [] => false,
        [b'[', address @ .., b']'] => {
            core::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
        }
        name => name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)),
    };
    valid.then_some((host, port))
}

/// Appends the path without dot segments (§5.2.4); it begins with a slash.
fn push_path(text: &mut String, path: &[u8]) {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut rest = Some(path);
    while let Some(path) = rest {
        let segment;
        (segment, rest) = split(path, b"/");
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    segments.pop();
                }
                if rest.is_none() {
                    segments.push(b"");
                }
            }
            segment => segments.push(segment),
        }
    }
    for segment in segments {
        text.push('/');
        push_encoded(text, segment);
    }
}

/// Percent-encodes what neither a path nor a query can have (§2.1). Brackets stay, as they do in
/// browsers: queries have them.
fn push_encoded(text: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%[]".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = fmt::write(text, format_args!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Url;
    use alloc::string::ToString;

    fn resolve(base: &str, reference: &str) -> Option<alloc::string::String> {
        Some(Url::parse(base).unwrap().resolve(reference.as_bytes())?.to_string())
    }

    /// §5.4.1 and §5.4.2, all that stays with http; fragments are dropped.
    #[test]
    fn s5_4_reference_resolution_examples() {
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            ("g?y#s", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("g;x", "http://a/b/c/g;x"),
            ("g;x?y#s", "http://a/b/c/g;x?y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("g#s/../x", "http://a/b/c/g"),
            ("//h:8080/a//../b", "http://h:8080/a/b"),
            ("HTTPS://H:443", "https://h/"),
        ] {
            assert_eq!(resolve("http://a/b/c/d;p?q", reference).as_deref(), Some(expected));
        }
        for reference in ["g:h", "http:g", "ftp://a/", "javascript:alert(1)", "1:2", ":", "a:b/c"] {
            assert_eq!(resolve("http://a/b/c/d;p?q", reference), None, "{reference}");
        }
        assert_eq!(resolve("https://a", "b?c").as_deref(), Some("https://a/b?c"));
    }

    #[test]
    fn s3_parts() {
        for (text, scheme, host, port, authority, target, origin) in [
            ("http://a", "http", "a", 80, "a", "/", "http://a"),
            ("HTTPS://Ex.Com:443?q", "https", "ex.com", 443, "ex.com", "/?q", "https://ex.com"),
            ("http://a:443/x#y", "http", "a", 443, "a:443", "/x", "http://a:443"),
            ("http://[::1]:9/", "http", "[::1]", 9, "[::1]:9", "/", "http://[::1]:9"),
            (
                " http://a:/ é\"?a[]=é ",
                "http",
                "a",
                80,
                "a",
                "/%20%C3%A9%22?a[]=%C3%A9",
                "http://a",
            ),
        ] {
            let url = Url::parse(text).expect(text);
            assert_eq!((url.scheme(), url.host(), url.port()), (scheme, host, port));
            assert_eq!((url.authority(), url.target(), url.origin()), (authority, target, origin));
            assert_eq!(Url::parse(url.as_str()), Some(url));
        }
    }

    #[test]
    fn s3_2_what_is_no_authority() {
        for text in [
            "",
            "/a",
            "a",
            "http:",
            "http://",
            "http:///a",
            "http://:80/",
            "http://u@a/",
            "http://u:p@a/",
            "http://a\\b/",
            "http://a\\@b/",
            "http://a b/",
            "http://a%2eb/",
            "http://é/",
            "http://a:65536/",
            "http://a:+1/",
            "http://a:1:2/",
            "http://::1/",
            "http://[::1/",
            "http://[::1]a/",
            "http://[1.2.3.4]/",
            "ws://a/",
        ] {
            assert_eq!(Url::parse(text), None, "{text:?}");
        }
    }
}
