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
    /// What is opened over the WebSocket.
    pub session: Session,
}

/// What a client opens over its WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Nothing.
    None,
    /// A session of Engine.IO, which the server opens by the first message.
    EngineIo,
    /// The same, and Socket.IO's main namespace, which the client joins after that.
    SocketIo,
}

impl<'a> From<&'a str> for Ask<'a> {
    fn from(path: &'a str) -> Self {
        Self { path, deflate: false, session: Session::None }
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

/// Checks the server's answer, which may be cut: `None` asks for more of it. Else it is the number of Engine.IO's
/// pings that have come with it, which are to be answered.
///
/// # Errors
/// The answer isn't 101 with the accept key of §1.3, agrees to compression unasked or does not when asked, or
/// goes on after its head, be it after the open packet of Engine.IO.
pub fn accepted(response: &[u8], ask: Ask<'_>) -> Result<Option<usize>> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = response.windows(END.len()).position(|bytes| bytes == END) else {
        return Ok(None);
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
    if ask.session != Session::None {
        return among_pings(rest, b"0{");
    }
    ensure!(rest.is_empty(), "{} bytes follow the response head", rest.len());
    Ok(Some(0))
}

/// The text frame `40`, by which a client joins Socket.IO's main namespace, masked with a zero key: no server
/// looks whether it is random.
pub const JOIN: &[u8] = b"\x81\x82\0\0\0\x0040";

/// A pong of Engine.IO, the text frame `3` masked with a zero key.
pub const ENGINE_IO_PONG: &[u8] = b"\x81\x81\0\0\0\x003";

/// Checks the answer to [`JOIN`], as [`accepted`] does the handshake's.
///
/// # Errors
/// It is no answer that lets the client in, or goes on after that.
pub fn joined(answer: &[u8]) -> Result<Option<usize>> {
    among_pings(answer, b"40{")
}

/// How many pings are around a packet, once it is whole: there are servers that send their first one at once.
fn among_pings(mut input: &[u8], start: &[u8]) -> Result<Option<usize>> {
    const PING: &[u8] = b"\x81\x012";
    let mut pings = 0;
    while let Some(rest) = input.strip_prefix(PING) {
        (input, pings) = (rest, pings + 1);
    }
    if input.is_empty() {
        return Ok(None);
    }
    while let Some(rest) = input.strip_suffix(PING) {
        (input, pings) = (rest, pings + 1);
    }
    // The last one may be cut.
    let is_cut = input.ends_with(&PING[..1]) || input.ends_with(&PING[..2]);
    Ok((!is_cut && is_packet(input, start)?).then_some(pings))
}

/// Whether this is the text frame of a packet that starts so and ends with a JSON object, or the beginning of one.
fn is_packet(input: &[u8], start: &[u8]) -> Result<bool> {
    const FIN_TEXT: u8 = 0x81;
    let (length, packet) = match *input {
        [] | [FIN_TEXT] | [FIN_TEXT, 126] | [FIN_TEXT, 126, _] => return Ok(false),
        [FIN_TEXT, length @ ..126, ref packet @ ..] => (u16::from(length), packet),
        [FIN_TEXT, 126, high, low, ref packet @ ..] => (u16::from_be_bytes([high, low]), packet),
        _ => bail!("not the packet expected: {:x?}", &input[..input.len().min(16)]),
    };
    let length = usize::from(length);
    ensure!(packet.len() <= length, "{} bytes follow the packet", packet.len() - length);
    if packet.len() < length {
        return Ok(false);
    }
    ensure!(packet.starts_with(start) && packet.ends_with(b"}"), "not the packet expected");
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
        connection: upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    const PLAIN: Ask<'_> = Ask { path: "/", deflate: false, session: Session::None };
    const DEFLATE: Ask<'_> = Ask { deflate: true, ..PLAIN };
    const ENGINE_IO: Ask<'_> = Ask { session: Session::EngineIo, ..PLAIN };

    #[test]
    fn s1_3_example_is_accepted_once_whole() {
        for cut in 0..RESPONSE.len() {
            assert_eq!(accepted(&RESPONSE.as_bytes()[..cut], PLAIN).unwrap(), None, "cut at {cut}");
        }
        assert_eq!(accepted(RESPONSE.as_bytes(), PLAIN).unwrap(), Some(0));
    }

    #[test]
    fn session_is_open_after_the_open_packet() {
        let open = [b"\x81\x0b0{\"sid\":\"\"}", &b"\x81\x7e\0\x0b0{\"sid\":\"\"}"[..]];
        for open in open {
            let whole = [RESPONSE.as_bytes(), open].concat();
            for cut in 0..whole.len() {
                assert_eq!(accepted(&whole[..cut], ENGINE_IO).unwrap(), None, "cut at {cut}");
            }
            assert_eq!(accepted(&whole, ENGINE_IO).unwrap(), Some(0));
            assert!(accepted(&whole, PLAIN).is_err());
            assert!(accepted(&[&whole[..], b"\x82"].concat(), ENGINE_IO).is_err());
        }
        for wrong in [&b"\x82\x020{"[..], b"\x81\x024{", b"\x81\x7f"] {
            let whole = [RESPONSE.as_bytes(), wrong].concat();
            assert!(accepted(&whole, ENGINE_IO).is_err(), "{wrong:x?}");
        }
    }

    #[test]
    fn namespace_is_joined_after_its_packet() {
        let answer = b"\x81\x0c40{\"sid\":\"\"}";
        for cut in 0..answer.len() {
            assert_eq!(joined(&answer[..cut]).unwrap(), None, "cut at {cut}");
        }
        assert_eq!(joined(answer).unwrap(), Some(0));
        let ping = &b"\x81\x012"[..];
        for (before, after, pings) in [(ping, &b""[..], 1), (b"", ping, 1), (ping, ping, 2)] {
            let whole = [before, answer, after].concat();
            assert_eq!(joined(&whole).unwrap(), Some(pings));
            for cut in 0..before.len() + answer.len() {
                assert_eq!(joined(&whole[..cut]).unwrap(), None, "cut at {cut}");
            }
        }
        assert!(joined(b"\x81\x0444{}").is_err());
    }

    #[test]
    fn compression_is_agreed_to_if_it_was_asked_for() {
        let agreed = RESPONSE.replace(
            "\r\n\r\n",
            "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n",
        );
        assert_eq!(accepted(agreed.as_bytes(), DEFLATE).unwrap(), Some(0));
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
