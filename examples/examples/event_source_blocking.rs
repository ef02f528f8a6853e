//! Prints an event stream, and requests it again when it ends: the EventSource machine over a blocking
//! `TcpStream`.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example event_source_blocking [http://host:port/path]
//! ```

use anyhow::{Context, ensure};
use rtwire_sse::event_source::{Event, EventSource, Limits, Options, Request};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The longest response head that is read, in bytes.
const MAX_HEAD: u64 = 16 * 1024;

/// How long to connect, and to send and receive the heads.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or("http://127.0.0.1:3000/events".to_owned());
    // rtwire's servers send a comment when nothing else has been for 15 s.
    let limits = Limits::default().idle_timeout(Some(Duration::from_secs(40)));
    let random = || getrandom::u64().expect("the system has random numbers");
    let mut source = EventSource::new(&url, Options::get().limits(limits), random)?;

    let start = Instant::now();
    let mut connection = None;
    loop {
        tell(&mut source, &[]);
        if let Some(request) = source.next_request() {
            connection = None; // before another is opened
            match fetch(&request) {
                Ok((status, headers, body)) => {
                    source.handle_response(status, headers);
                    connection = Some(body);
                }
                Err(error) => {
                    eprintln!("{error:#}");
                    source.handle_error();
                }
            }
            continue;
        }
        let now = start.elapsed();
        let wait = source.next_timeout().map(|at| at.saturating_sub(now));
        if wait == Some(Duration::ZERO) {
            source.handle_timeout(now);
        } else if let Some(body) = connection.as_mut().filter(|_| source.is_receiving()) {
            read(body, wait, &mut source)?;
        } else if let Some(wait) = wait {
            connection = None; // it is of no more use
            std::thread::sleep(wait);
        } else {
            return Ok(()); // closed
        }
    }
}

/// Tells what is new.
fn tell(source: &mut EventSource, mut input: &[u8]) {
    while let Some(event) = source.next_event(&mut input) {
        match event {
            Event::Open => eprintln!("open, from {}", source.current_url().origin()),
            Event::Message(event) => {
                println!("{} {:?}: {}", event.event_type, event.last_event_id, event.data);
            }
            Event::Error { failure, ready_state } => eprintln!("{failure}: {ready_state:?}"),
            _ => {}
        }
    }
}

/// Reads a piece of the body, for as long as the source waits.
fn read(
    body: &mut BufReader<TcpStream>,
    wait: Option<Duration>,
    source: &mut EventSource,
) -> io::Result<()> {
    body.get_ref().set_read_timeout(wait)?;
    match body.fill_buf() {
        Ok([]) => source.handle_end(),
        Ok(chunk) => {
            let used = chunk.len();
            tell(source, chunk);
            body.consume(used);
        }
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
            _ => source.handle_error(),
        },
    }
    Ok(())
}

type Response = (u16, Vec<(String, String)>, BufReader<TcpStream>);

/// Sends the request, and reads the head of its response.
fn fetch(request: &Request) -> anyhow::Result<Response> {
    let url = &request.url;
    ensure!(url.scheme() == "http", "{url}: only http: URLs, for want of TLS");
    let mut stream = TcpStream::connect((url.host().trim_matches(['[', ']']), url.port()))
        .with_context(|| format!("connect {}", url.authority()))?;
    stream.set_read_timeout(Some(HEAD_TIMEOUT))?;
    stream.set_write_timeout(Some(HEAD_TIMEOUT))?;
    // HTTP/1.0, because to 1.1 a server may answer in chunks (RFC 9112 §7.1), whose sizes would
    // stand between the events. This way the body is what comes until the server closes.
    let mut head = format!("{} {} HTTP/1.0\r\n", request.method, url.target());
    head += &format!("Host: {}\r\nConnection: close\r\n", url.authority());
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;

    let mut body = BufReader::with_capacity(16 * 1024, stream);
    let mut head = String::new();
    let mut limited = (&mut body).take(MAX_HEAD);
    while !head.ends_with("\r\n\r\n") {
        ensure!(limited.read_line(&mut head)? > 0, "no response head");
    }
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?;
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.into(), value.into()));
    Ok((status.parse()?, lines.filter_map(header).collect(), body))
}
