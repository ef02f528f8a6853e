use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::{self, HeaderMap};
use http::uri::Authority;
use http::{Uri, Version};

use crate::error::Refusal;

/// The host that the request is for (RFC 9110 §7.2): the authority of the request target where it
/// has one, else `Host`.
pub(crate) fn host(
    version: Version,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Option<Authority>, Refusal> {
    let mut fields = headers.get_all(header::HOST).iter();
    let field = fields.next();
    // RFC 9112 §3.2: a request without Host, or with more than one, is answered with 400.
    if fields.next().is_some() || (field.is_none() && version == Version::HTTP_11) {
        return Err(Refusal::Host);
    }
    let field = match field {
        None => None,
        Some(value) if value.is_empty() => None,
        Some(value) => Some(Authority::try_from(value.as_bytes()).map_err(|_| Refusal::Host)?),
    };
    // RFC 9112 §3.2.2: in absolute form, the target's authority replaces the field.
    Ok(uri.authority().cloned().or(field))
}

/// Whether a browser can only reach this machine under that name. A page of an attacker whose
/// name was re-bound to 127.0.0.1 still says its own name in `Host`.
pub(crate) fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return address.is_loopback();
    }
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok_and(|address| {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        });
    }
    // RFC 6761 §6.3: "localhost." and all names within it are loopback.
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_and_addresses() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost:3000", true),
            ("localhost.:3000", true),
            ("app.localhost:3000", true),
            ("127.0.0.1", true),
            ("127.8.9.10:1", true),
            ("[::1]:3000", true),
            ("[::ffff:127.0.0.1]", true),
            ("notlocalhost", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("0.0.0.0:3000", false),
            ("[::]:3000", false),
            ("192.168.1.1", false),
            ("evil.example:3000", false),
        ] {
            assert_eq!(is_loopback(&host.parse().unwrap()), expected, "{host}");
        }
    }

    #[test]
    fn rfc9112_3_2_host_is_there_once() {
        let uri: Uri = "/".parse().unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(host(Version::HTTP_11, &uri, &headers), Err(Refusal::Host));
        assert_eq!(host(Version::HTTP_10, &uri, &headers), Ok(None));
        headers.append(header::HOST, "a".parse().unwrap());
        assert_eq!(host(Version::HTTP_11, &uri, &headers), Ok("a".parse().ok()));
        let absolute: Uri = "http://b/".parse().unwrap();
        assert_eq!(host(Version::HTTP_11, &absolute, &headers), Ok("b".parse().ok()));
        headers.append(header::HOST, "a".parse().unwrap());
        assert_eq!(host(Version::HTTP_11, &uri, &headers), Err(Refusal::Host));
        headers.remove(header::HOST);
        headers.append(header::HOST, "a b".parse().unwrap());
        assert_eq!(host(Version::HTTP_11, &uri, &headers), Err(Refusal::Host));
    }
}
