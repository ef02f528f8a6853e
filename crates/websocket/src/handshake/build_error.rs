//! What the caller may do wrong when building a request or a response.

/// The caller's own mistake: the value would not have been what the caller meant on the wire, such
/// as a line break in a header that would start another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A host is `host [":" port]` (RFC 9110 §7.2).
    #[error("invalid host")]
    Host,
    /// A target is a resource name, `/path?query` in visible ASCII without `#` (RFC 6455 §3).
    #[error("target is not a resource name")]
    Target,
    /// A scheme is `http` or `https` (RFC 8441 §5).
    #[error("scheme is neither http nor https")]
    Scheme,
    /// An origin is visible ASCII (RFC 6454 §7.1).
    #[error("invalid origin")]
    Origin,
    /// The header's name is not a token (RFC 9110 §5.1).
    #[error("header name is not a token")]
    HeaderName,
    /// The header's value has control characters, or white space around it (RFC 9110 §5.5).
    #[error("invalid header value")]
    HeaderValue,
    /// The header belongs to the handshake itself, which writes it; or to a connection, which in
    /// HTTP/2 no header does (RFC 9113 §8.2.2).
    #[error("header is written by the handshake")]
    HandshakeHeader,
    /// A subprotocol is a token (RFC 6455 §4.1, item 10).
    #[error("subprotocol is not a token")]
    Protocol,
    /// An offered subprotocol is unique (RFC 6455 §4.1, item 10).
    #[error("subprotocol offered twice")]
    RepeatedProtocol,
    /// Only an offered subprotocol may be chosen (RFC 6455 §4.2.2, item 4).
    #[error("subprotocol was not offered")]
    UnofferedProtocol,
    /// A refusal has a final status from 200 to 599 (RFC 9110 §15), that of an extended CONNECT one
    /// from 300 on (§9.3.6).
    #[error("not the status of a refusal")]
    Status,
}
