//! The opening handshake of the load generator (RFC 6455 §4), and that of Engine.IO over it: one request text,
//! one right answer.

use anyhow::{Context, Result, bail, ensure};

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The path.
    pub path: &'a str,
    /// Compression (RFC 7692), which the server then has to agree to.
    pub deflate: bool,
    /// A session of Engine.IO, which the server then opens by the first message.
    pub engine_io: bool,
}

impl<'a> From<&'a str> for Ask<'a> {
    fn from(path: &'a str) -> Self {
        Self { path, deflate: false, engine_io: false }
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
/// goes on after its head, be it after the open packet of Engine.IO.
pub fn accepted(response: &[u8], ask: Ask<'_>) -> Result<bool> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = response.windows(END.len()).position(|bytes| bytes == END) else {
        return Ok(false);
    };
    let (head, rest) = (&response[..end], &response[end + END.len()..]);
    let head = std::str::from_utf8(head).context("the response head isn't text")?;
    ensure!(head.starts_with("HTTP/1.1 101 "), "the server refused the handshake: {head}");
    let field = |wanted: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then(|| value.trim()))
    };
    let agreed = field("sec-websocket-extensions");
    let is_deflate = agreed.is_some_and(|agreed| agreed.starts_with("permessage-deflate"));
    ensure!(is_deflate == ask.deflate, "the server's extensions: {agreed:?}");
    let accept = field("sec-websocket-accept");
    ensure!(accept == Some(ACCEPT), "wrong Sec-WebSocket-Accept: {accept:?}");
    if ask.engine_io {
        return opens(rest);
    }
    ensure!(rest.is_empty(), "{} bytes follow the response head", rest.len());
    Ok(true)
}

/// Whether this is the text frame of an open packet, `0` and a JSON object, or the beginning of one.
fn opens(input: &[u8]) -> Result<bool> {
    const FIN_TEXT: u8 = 0x81;
    let (length, packet) = match *input {
        [] | [FIN_TEXT] | [FIN_TEXT, 126] | [FIN_TEXT, 126, _] => return Ok(false),
        [FIN_TEXT, length @ ..126, ref packet @ ..] => (u16::from(length), packet),
        [FIN_TEXT, 126, high, low, ref packet @ ..] => (u16::from_be_bytes([high, low]), packet),
        _ => bail!("no open packet: {:x?}", &input[..input.len().min(16)]),
    };
    let length = usize::from(length);
    ensure!(packet.len() <= length, "{} bytes follow the open packet", packet.len() - length);
    if packet.len() < length {
        return Ok(false);
    }
    ensure!(packet.starts_with(b"0{") && packet.ends_with(b"}"), "no open packet");
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
        connection: upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    const PLAIN: Ask<'_> = Ask { path: "/", deflate: false, engine_io: false };
    const DEFLATE: Ask<'_> = Ask { deflate: true, ..PLAIN };
    const ENGINE_IO: Ask<'_> = Ask { engine_io: true, ..PLAIN };

    #[test]
    fn s1_3_example_is_accepted_once_whole() {
        for cut in 0..RESPONSE.len() {
            assert!(!accepted(&RESPONSE.as_bytes()[..cut], PLAIN).unwrap(), "cut at {cut}");
        }
        assert!(accepted(RESPONSE.as_bytes(), PLAIN).unwrap());
    }

    #[test]
    fn session_is_open_after_the_open_packet() {
        let open = [b"\x81\x0b0{\"sid\":\"\"}", &b"\x81\x7e\0\x0b0{\"sid\":\"\"}"[..]];
        for open in open {
            let whole = [RESPONSE.as_bytes(), open].concat();
            for cut in 0..whole.len() {
                assert!(!accepted(&whole[..cut], ENGINE_IO).unwrap(), "cut at {cut}");
            }
            assert!(accepted(&whole, ENGINE_IO).unwrap());
            assert!(accepted(&whole, PLAIN).is_err());
            assert!(accepted(&[&whole[..], b"\x81"].concat(), ENGINE_IO).is_err());
        }
        for wrong in [&b"\x82\x020{"[..], b"\x81\x024{", b"\x81\x7f"] {
            let whole = [RESPONSE.as_bytes(), wrong].concat();
            assert!(accepted(&whole, ENGINE_IO).is_err(), "{wrong:x?}");
        }
    }

    #[test]
    fn compression_is_agreed_to_if_it_was_asked_for() {
        let agreed = RESPONSE.replace(
            "\r\n\r\n",
            "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n",
        );
        assert!(accepted(agreed.as_bytes(), DEFLATE).unwrap());
        assert!(accepted(agreed.as_bytes(), PLAIN).is_err());
        assert!(accepted(RESPONSE.as_bytes(), DEFLATE).is_err());
    }

    #[test]
    fn wrong_answers_are_refused() {
        for wrong in [
            RESPONSE.replace("101", "200"),
            RESPONSE.replace("s3pP", "s3pQ"),
            RESPONSE.replace("sec-websocket-accept", "x"),
            format!("{RESPONSE}\u{1}"),
        ] {
            assert!(accepted(wrong.as_bytes(), PLAIN).is_err(), "{wrong}");
        }
    }
}
