//! The proof that the server has read the handshake (RFC 6455 §4.2.2, item 5.4).

use alloc::string::String;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytestring::ByteString;
use sha1::{Digest as _, Sha1};

/// §1.3: a GUID "unlikely to be used by network endpoints that do not understand the WebSocket
/// Protocol".
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key`: 28 characters, the base64 of the
/// SHA-1 of the key as it was sent and the protocol's GUID.
///
/// ```
/// // The example of RFC 6455 §1.3.
/// let accept = rtwire_websocket::handshake::accept_key("dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_key(key: &str) -> ByteString {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(digest).into()
}

/// §4.1, item 7: a nonce of 16 bytes, in base64.
pub(super) fn encode_key(nonce: [u8; 16]) -> String {
    STANDARD.encode(nonce)
}

/// §4.2.1, item 5: a value that "when decoded, is 16 bytes in length". It is not decoded to be
/// used, so anything but the one canonical spelling of 24 characters is refused.
pub(super) fn is_key(value: &str) -> bool {
    // 24 characters are at most 18 bytes.
    let mut nonce = [0; 18];
    value.len() == 24 && STANDARD.decode_slice(value, &mut nonce) == Ok(16)
}
