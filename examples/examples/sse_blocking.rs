//! Prints an event stream: the protocol crate alone, over a blocking `TcpStream`.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example sse_blocking [http://host:port/path]
//! ```

use anyhow::{Context, ensure};
use rtwire_sse::Decoder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// The longest response head that is read, in bytes.
const MAX_HEAD: u64 = 16 * 1024;

fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or("http://127.0.0.1:3000/events".to_owned());
    let rest = url.strip_prefix("http://").context("only http: URLs, for want of TLS")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };

    let mut stream = TcpStream::connect(&address).with_context(|| format!("connect {address}"))?;
    // HTTP/1.0, because to 1.1 a server may answer in chunks (RFC 9112 §7.1), whose sizes would
    // stand between the events. This way the body is what comes until the server closes.
    let request = format!(
        "GET /{path} HTTP/1.0\r\nHost: {host}\r\nAccept: text/event-stream\r\n\
         Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;

    let mut body = BufReader::with_capacity(16 * 1024, stream);
    read_head(&mut body)?;

    let mut decoder = Decoder::new();
    loop {
        let chunk = body.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let mut input = chunk;
        while let Some(event) = decoder.next_event(&mut input)? {
            println!("{} {:?}: {}", event.event_type, event.last_event_id, event.data);
        }
        let used = chunk.len();
        body.consume(used);
    }
    eprintln!(
        "the stream has ended; go on after id {:?} in {:?}",
        decoder.last_event_id(),
        decoder.retry()
    );
    Ok(())
}

/// Reads the response head; the body of an answer that is no event stream is not decoded.
fn read_head(stream: &mut impl BufRead) -> anyhow::Result<()> {
    let mut head = String::new();
    let mut limited = stream.take(MAX_HEAD);
    while !head.ends_with("\r\n\r\n") {
        ensure!(limited.read_line(&mut head)? > 0, "no response head");
    }
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    ensure!(status == Some("200"), "the server answers {:?}", head.lines().next());
    let content_type = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .and_then(|(_, value)| value.split(';').next());
    ensure!(
        content_type.is_some_and(|it| it.trim().eq_ignore_ascii_case("text/event-stream")),
        "the server answers with {content_type:?}"
    );
    Ok(())
}
