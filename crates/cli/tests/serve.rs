//! `rtwire serve` as a process: what it prints, serves and returns.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

/// A running server, killed if a test leaves it behind.
struct Serve {
    process: Child,
    lines: mpsc::Receiver<String>,
}

impl Serve {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rtwire"));
        command.args(arguments);
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let command = command.env_remove("RUST_BACKTRACE").stdin(Stdio::null());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || stdout.lines().try_for_each(|line| sender.send(line.unwrap())));
        Self { process, lines }
    }

    /// The address of the next `listening on` line.
    fn address(&self) -> String {
        let line = self.lines.recv_timeout(LONG).unwrap();
        line.strip_prefix("listening on http://").expect(&line).to_owned()
    }

    fn end(&mut self) -> ExitStatus {
        let until = Instant::now() + LONG;
        while Instant::now() < until {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it goes on");
    }

    /// Waits for its end with exit code 1, and returns the one line that it said.
    fn complaint(mut self) -> String {
        assert_eq!(self.end().code(), Some(1));
        assert!(self.lines.recv().is_err(), "something on stdout");
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It has ended if it could not be killed.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn connect(address: &str) -> TcpStream {
    let tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(LONG)).unwrap();
    tcp
}

/// Sends a request, and returns what comes up to and with `end`.
fn ask(address: &str, request: &str, end: &str) -> String {
    let mut tcp = connect(address);
    tcp.write_all(request.as_bytes()).unwrap();
    read_until(&mut tcp, end)
}

fn read_until(tcp: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let mut byte = [0];
        tcp.read_exact(&mut byte).unwrap_or_else(|error| {
            panic!("{error} before {end:?}: {}", String::from_utf8_lossy(&answer))
        });
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

fn ephemeral() -> Serve {
    Serve::start(&["serve", "--addr", "127.0.0.1:0"])
}

#[test]
fn a_line_for_each_address_with_its_real_port() {
    let server = Serve::start(&["--addr", "127.0.0.1:0", "--addr", "localhost:0"]);
    let (one, other) = (server.address(), server.address());
    assert_ne!(one, other);
    for address in [one, other] {
        assert!(!address.ends_with(":0"), "{address}");
        let answer = ask(&address, &get("/livez", ""), "ok\n");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[test]
fn what_cannot_be_is_one_line_and_exit_code_1() {
    let server = ephemeral();
    let taken = server.address();
    for (arguments, clue) in [
        (["--addr", &*taken], &*taken),
        (["--addr", "nonsense"], "nonsense"),
        (["--addr", "127.0.0.1:99999"], "99999"),
        (["--allow-origin", "example.com/path"], "example.com/path"),
        (["--log", "=="], "--log"),
    ] {
        let complaint = Serve::start(&arguments).complaint();
        assert!(complaint.starts_with("rtwire: "), "{complaint}");
        assert!(complaint.contains(clue), "{complaint}");
    }
    let both = Serve::start(&["--addr", "127.0.0.1:0", "--addr", &taken]);
    assert!(both.complaint().contains(&taken));
}

#[test]
fn the_page_brings_its_own_policy_and_files() {
    let server = ephemeral();
    let address = server.address();
    let page = ask(&address, &get("/", ""), "</html>\n");
    assert!(page.contains("content-type: text/html; charset=utf-8\r\n"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'none'; "), "{page}");
    for id in ["es-state", "ws-state", "es-log", "ws-log", "es-input", "ws-input"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    for (path, content_type) in [("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        assert!(page.contains(&format!("\"{path}\"")), "{path}");
        let answer = ask(&address, &get(path, ""), "\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains(&format!("content-type: {content_type}")), "{answer}");
    }
}

/// The id of the event that `text` ends with.
fn id(text: &str) -> u64 {
    let at = text.rfind("id: ").expect(text);
    text[at + 4..].lines().next().unwrap().parse().expect(text)
}

#[test]
fn ticks_have_ids_and_posts_are_messages() {
    let server = ephemeral();
    let address = server.address();
    let (mut events, mut data) = (connect(&address), connect(&address));
    events.write_all(get("/events", "").as_bytes()).unwrap();
    data.write_all(get("/api/data", "").as_bytes()).unwrap();
    for (stream, typed) in [(&mut events, true), (&mut data, false)] {
        let head = read_until(stream, "\r\n\r\n");
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        let (first, next) = (read_until(stream, "}\n\n"), read_until(stream, "}\n\n"));
        assert_eq!(first.contains("event: tick\nid: "), typed, "{first}");
        assert!(id(&next) > id(&first));
    }
    let post = "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\nhello\nworld";
    let answer = ask(&address, post, "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    for (stream, typed) in [(&mut events, true), (&mut data, false)] {
        let message = read_until(stream, "data: hello\ndata: world\n\n");
        assert_eq!(message.contains("event: message\nid: "), typed, "{message}");
    }
}

#[test]
fn a_stream_resumes_after_the_last_event_id() {
    let server = ephemeral();
    let address = server.address();
    let first = id(&ask(&address, &get("/events", ""), "}\n\n"));
    let resumed = ask(&address, &get("/events", &format!("Last-Event-ID: {first}\r\n")), "}\n\n");
    assert_eq!(id(&resumed), first + 1, "{resumed}");
    let unknown = ask(&address, &get("/events", "Last-Event-ID: 1\r\n"), "}\n\n");
    assert!(unknown.contains("event: gap\n"), "{unknown}");
}

#[test]
fn both_websocket_paths_shake_hands_and_echo() {
    let server = ephemeral();
    let address = server.address();
    for path in ["/", "/ws"] {
        let mut tcp = connect(&address);
        // RFC 6455 §1.3: the key and the answer of its example.
        let fields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        tcp.write_all(get(path, fields).as_bytes()).unwrap();
        let head = read_until(&mut tcp, "\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 101 "), "{path}: {head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{path}: {head}");
        // RFC 6455 §5.7: a masked and an unmasked "Hello".
        tcp.write_all(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").unwrap();
        let mut echo = [0; 7];
        tcp.read_exact(&mut echo).unwrap();
        assert_eq!(&echo, b"\x81\x05Hello", "{path}");
    }
}

#[test]
fn what_clients_say_is_not_logged_and_neither_are_their_sessions() {
    let mut server = ephemeral();
    let address = server.address();
    let path = "/socket.io/?EIO=4&transport=polling";
    let open = ask(&address, &get(path, ""), "}");
    let sid = open.split('"').nth(3).expect(&open).to_owned();
    let post = |body: &str| {
        let length = body.len();
        let head = format!("POST {path}&sid={sid} HTTP/1.1\r\nHost: localhost\r\n");
        ask(&address, &format!("{head}Content-Length: {length}\r\n\r\n{body}"), "\r\n\r\n")
    };
    assert!(post(r#"40{"token":"hunter2"}"#).starts_with("HTTP/1.1 200 "));
    // Not what `join` takes, and serde would repeat it; and then not even a packet.
    assert!(post(r#"42["join",4242424242]"#).starts_with("HTTP/1.1 200 "));
    assert!(post("4hunter2").starts_with("HTTP/1.1 200 "));

    let mut stderr = BufReader::new(server.process.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("Socket.IO refused") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
    }
    assert!(said.contains("arguments do not fit their handler"), "{said}");
    for secret in ["hunter2", "4242424242", &sid] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn a_name_that_is_not_loopback_is_answered_if_told_so() {
    for (options, status) in [(&[][..], "403"), (&["--any-host"], "200")] {
        let server = Serve::start(&[&["--addr", "127.0.0.1:0"], options].concat());
        let get = "GET /livez HTTP/1.1\r\nHost: example.com\r\n\r\n";
        let answer = ask(&server.address(), get, "\r\n\r\n");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[test]
fn only_allowed_origins_are_let_in() {
    let server = Serve::start(&["--addr", "127.0.0.1:0", "--allow-origin", "https://app.example"]);
    let address = server.address();
    for (origin, status) in [("https://app.example", 200), ("https://evil.example", 403)] {
        let request = get("/events", &format!("Origin: {origin}\r\n"));
        let answer = ask(&address, &request, "\r\n\r\n");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[cfg(unix)]
mod unix {
    use super::*;

    #[test]
    fn signals_drain_and_exit_with_0() {
        for signal in ["-INT", "-TERM"] {
            let mut server = ephemeral();
            let address = server.address();
            let mut stream = connect(&address);
            stream.write_all(get("/events", "").as_bytes()).unwrap();
            read_until(&mut stream, "\r\n\r\n");
            let _silent = connect(&address);

            let before = Instant::now();
            let pid = server.process.id().to_string();
            assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
            read_until(&mut stream, "0\r\n\r\n");
            assert_eq!(server.end().code(), Some(0));
            assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
        }
    }

    #[test]
    fn running_out_of_file_descriptors_is_not_the_end() {
        let mut shell = Command::new("sh");
        let serve = "ulimit -n 32 && exec \"$0\" --addr 127.0.0.1:0";
        let server = {
            shell.args(["-c", serve, env!("CARGO_BIN_EXE_rtwire")]);
            Serve::run(shell)
        };
        let address = server.address();
        let many: Vec<TcpStream> = (0..64).map(|_| connect(&address)).collect();
        // The last ones are not accepted; the first one is served nevertheless.
        let mut first = &many[0];
        first.write_all(get("/livez", "").as_bytes()).unwrap();
        read_until(&mut many[0].try_clone().unwrap(), "ok\n");
        drop(many);
        let answer = ask(&address, &get("/livez", ""), "ok\n");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}
