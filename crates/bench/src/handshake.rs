//! The opening handshake of the load generator (RFC 6455 §4): one request text, one right answer.

use anyhow::{Context, Result, ensure};

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The path.
    pub path: &'a str,
    /// Compression (RFC 7692), which the server then has to agree to.
    pub deflate: bool,
}

impl<'a> From<&'a str> for Ask<'a> {
    fn from(path: &'a str) -> Self {
        Self { path, deflate: false }
    }
}

/// The client's request. The key is the example of §1.3.
#[must_use]
pub fn request(ask: Ask<'_>) -> String {
    let extensions = match ask.deflate {
        true => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        false => "",
    };
    format!(
        "GET {} HTTP/1.1\r\n\
         Host: 127.0.0.1\r\n\
         Connection: Upgrade\r\n\
         Upgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\n\
         {extensions}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        ask.path
    )
}

const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Checks the server's answer, which may be cut: `false` asks for more of it.
///
/// # Errors
/// The answer isn't 101 with the accept key of §1.3, agrees to compression unasked or does not when asked, or
/// goes on after its head.
pub fn accepted(response: &[u8], deflate: bool) -> Result<bool> {
    let text = std::str::from_utf8(response).context("the response isn't text")?;
    let Some((head, rest)) = text.split_once("\r\n\r\n") else { return Ok(false) };
    ensure!(head.starts_with("HTTP/1.1 101 "), "the server refused the handshake: {head}");
    ensure!(rest.is_empty(), "{} bytes follow the response head", rest.len());
    let field = |wanted: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then(|| value.trim()))
    };
    let agreed = field("sec-websocket-extensions");
    let is_deflate = agreed.is_some_and(|agreed| agreed.starts_with("permessage-deflate"));
    ensure!(is_deflate == deflate, "the server's extensions: {agreed:?}");
    let accept = field("sec-websocket-accept");
    ensure!(accept == Some(ACCEPT), "wrong Sec-WebSocket-Accept: {accept:?}");
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
        connection: upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    #[test]
    fn s1_3_example_is_accepted_once_whole() {
        for cut in 0..RESPONSE.len() {
            assert!(!accepted(&RESPONSE.as_bytes()[..cut], false).unwrap(), "cut at {cut}");
        }
        assert!(accepted(RESPONSE.as_bytes(), false).unwrap());
    }

    #[test]
    fn compression_is_agreed_to_if_it_was_asked_for() {
        let agreed = RESPONSE.replace(
            "\r\n\r\n",
            "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n",
        );
        assert!(accepted(agreed.as_bytes(), true).unwrap());
        assert!(accepted(agreed.as_bytes(), false).is_err());
        assert!(accepted(RESPONSE.as_bytes(), true).is_err());
    }

    #[test]
    fn wrong_answers_are_refused() {
        for wrong in [
            RESPONSE.replace("101", "200"),
            RESPONSE.replace("s3pP", "s3pQ"),
            RESPONSE.replace("sec-websocket-accept", "x"),
            format!("{RESPONSE}\u{1}"),
        ] {
            assert!(accepted(wrong.as_bytes(), false).is_err(), "{wrong}");
        }
    }
}
