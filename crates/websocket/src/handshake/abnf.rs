//! The few productions of HTTP's grammar that the handshake needs.

/// RFC 9110 §5.6.2: `token = 1*tchar`.
pub(super) fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// RFC 9110 §5.5: visible ASCII, obs-text, and between them space and tab.
pub(super) fn is_field_value(text: &str) -> bool {
    let is_field_char = |byte: u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    text.bytes().all(is_field_char) && trim(text.as_bytes()).len() == text.len()
}

/// RFC 9110 §5.6.3: `OWS = *( SP / HTAB )`, which is no part of a value.
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// RFC 9110 §5.6.1: the elements of a list; empty ones are ignored by a recipient.
pub(super) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty())
}

/// RFC 9110 §7.2: `Host = uri-host [ ":" port ]`; an address is known by its characters only. An
/// empty host names no server (§4.2.1), and user information has no place in it (§4.2.4).
pub(super) fn is_host(text: &str) -> bool {
    // RFC 3986 §3.2.2: `IP-literal = "[" ( IPv6address / IPvFuture ) "]"`.
    let (name, port, also) = match text.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, port)) => (address, port, ":"),
            None => return false,
        },
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (name, port, "")
        }
    };
    let is_name_char =
        |char: char| char.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=".contains(char);
    let digits = if port.is_empty() { Some(port) } else { port.strip_prefix(':') };
    !name.is_empty()
        && name.chars().all(|char| is_name_char(char) || also.contains(char))
        && digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// RFC 6455 §3: a resource name is `path [ "?" query ]`. "Fragment identifiers are meaningless in
/// the context of WebSocket URIs and MUST NOT be used on these URIs."
pub(super) fn is_resource_name(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// RFC 6454 §7.1: serialized origins with a space between them, or `null`.
pub(super) fn is_origin(text: &str) -> bool {
    !text.is_empty()
        && text
            .split(' ')
            .all(|one| !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_graphic()))
}
