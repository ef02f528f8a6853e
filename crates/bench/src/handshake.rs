//! The opening handshake of the load generator (RFC 6455 §4): one request text, one right answer.

use anyhow::{Context, Result, ensure};

/// The client's request. The key is the example of §1.3.
#[must_use]
pub fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: 127.0.0.1\r\n\
         Connection: Upgrade\r\n\
         Upgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Checks the server's answer, which may be cut: `false` asks for more of it.
///
/// # Errors
/// The answer isn't 101 with the accept key of §1.3, or it goes on after its head.
pub fn accepted(response: &[u8]) -> Result<bool> {
    let text = std::str::from_utf8(response).context("the response isn't text")?;
    let Some((head, rest)) = text.split_once("\r\n\r\n") else { return Ok(false) };
    ensure!(head.starts_with("HTTP/1.1 101 "), "the server refused the handshake: {head}");
    ensure!(rest.is_empty(), "{} bytes follow the response head", rest.len());
    let accept = head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("sec-websocket-accept").then(|| value.trim())
    });
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
            assert!(!accepted(&RESPONSE.as_bytes()[..cut]).unwrap(), "cut at {cut}");
        }
        assert!(accepted(RESPONSE.as_bytes()).unwrap());
    }

    #[test]
    fn wrong_answers_are_refused() {
        for wrong in [
            RESPONSE.replace("101", "200"),
            RESPONSE.replace("s3pP", "s3pQ"),
            RESPONSE.replace("sec-websocket-accept", "x"),
            format!("{RESPONSE}\u{1}"),
        ] {
            assert!(accepted(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
