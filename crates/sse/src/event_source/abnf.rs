//! Grammar of HTTP (RFC 9110 §5).

/// A token (§5.6.2).
pub(super) fn is_token(bytes: &[u8]) -> bool {
    let tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(tchar)
}

/// A field value (§5.5): no control character but a tab, and no blank at either end, for it would not
/// arrive. Obsolete text, which UTF-8 is here, passes.
pub(super) fn is_field_value(bytes: &[u8]) -> bool {
    trim(bytes).len() == bytes.len()
        && bytes.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7F)
}

/// Without blanks at both ends (§5.6.3).
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let blank = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = bytes.iter().position(blank).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(blank).map_or(start, |last| last + 1);
    &bytes[start..end]
}
