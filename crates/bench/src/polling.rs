//! Sessions of Engine.IO 4 over long-polling, as far as abandoning them needs: opened, and asked whether they
//! are still there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection, over which request follows answer.
#[derive(Debug)]
pub struct Polling {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Polling {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("can't connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, answer: Vec::new() })
    }

    /// Opens a session, and gives its sid.
    ///
    /// # Errors
    /// The answer isn't 200 with an open packet, or takes more than 10 s.
    pub fn open(&mut self) -> Result<String> {
        let (status, body) = self.get("")?;
        let sid = body.strip_prefix("0{\"sid\":\"").and_then(|body| body.split_once('"'));
        let (sid, _) = sid.with_context(|| format!("no open packet: {status} {body}"))?;
        ensure!(status == "200", "opened by {status}");
        Ok(sid.to_owned())
    }

    /// Whether the server knows no session of this sid.
    ///
    /// # Errors
    /// It answers neither so nor with packets, or takes more than 10 s.
    pub fn is_gone(&mut self, sid: &str) -> Result<bool> {
        let (status, body) = self.get(&format!("&sid={sid}"))?;
        match &*status {
            "200" => Ok(false),
            "400" if body.starts_with("{\"code\":1,") => Ok(true),
            _ => anyhow::bail!("asked for a session that was abandoned: {status} {body}"),
        }
    }

    /// Status and body.
    fn get(&mut self, query: &str) -> Result<(String, String)> {
        let request = format!(
            "GET /engine.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes())?;
        self.answer.clear();
        let mut chunk = [0; 4096];
        loop {
            let read = self.stream.read(&mut chunk).context("no answer")?;
            ensure!(read > 0, "the server closed the connection");
            self.answer.extend(&chunk[..read]);
            if let Some(answer) = whole(&self.answer)? {
                return Ok(answer);
            }
        }
    }
}

/// Status and body, once all of it is there.
fn whole(answer: &[u8]) -> Result<Option<(String, String)>> {
    let text = std::str::from_utf8(answer).context("the answer isn't text")?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(None) };
    let status = head.split(' ').nth(1).context("an answer without a status")?;
    let field = |wanted: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then(|| value.trim()))
    };
    if field("transfer-encoding").is_some() {
        // Node's errors come in one chunk: its length, itself, and the empty one.
        let chunk = body.strip_suffix("\r\n0\r\n\r\n").and_then(|body| body.split_once("\r\n"));
        return Ok(chunk.map(|(_, body)| (status.to_owned(), body.to_owned())));
    }
    let length = field("content-length").context("an answer without Content-Length")?;
    let length: usize = length.parse()?;
    ensure!(body.len() <= length, "{} bytes follow the answer", body.len() - length);
    Ok((body.len() == length).then(|| (status.to_owned(), body.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        let plain = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n0{";
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n0{\r\n0\r\n\r\n";
        for answer in [plain, chunked] {
            for cut in 0..answer.len() {
                assert_eq!(whole(&answer.as_bytes()[..cut]).unwrap(), None, "cut at {cut}");
            }
            let expected = Some(("200".to_owned(), "0{".to_owned()));
            assert_eq!(whole(answer.as_bytes()).unwrap(), expected);
        }
        assert!(whole(format!("{plain}x").as_bytes()).is_err());
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
