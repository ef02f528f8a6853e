//! Bad input on the wire of `rtwire serve`: each is refused as its specification says, and the
//! connections of others go on. Deadlines are tested in `crates/server/tests`, where they are
//! short.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::io::{Read, Write};
use std::net::TcpStream;

use rtwire_tests::{LONG, Server};

/// The limit of a message, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

struct Peer {
    tcp: TcpStream,
    host: String,
}

impl Peer {
    fn connect(server: &Server) -> Self {
        let tcp = TcpStream::connect(server.address()).unwrap();
        tcp.set_read_timeout(Some(LONG)).unwrap();
        tcp.set_write_timeout(Some(LONG)).unwrap();
        Self { tcp, host: server.address().to_string() }
    }

    /// A peer after the opening handshake at `/ws`.
    fn websocket(server: &Server) -> Self {
        let mut peer = Self::connect(server);
        peer.ask("GET /ws HTTP/1.1", &opening_handshake("13"));
        let head = peer.head();
        assert_eq!(status(&head), 101, "{head}");
        peer
    }

    fn ask(&mut self, request_line: &str, fields: &str) {
        let head = format!("{request_line}\r\nHost: {}\r\n{fields}\r\n", self.host);
        self.send(head.as_bytes());
    }

    fn send(&mut self, bytes: &[u8]) {
        self.tcp.write_all(bytes).unwrap();
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.tcp.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// All up to and with `end`.
    fn until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            text.extend(self.bytes(1));
        }
        String::from_utf8(text).unwrap()
    }

    /// The head of a response.
    fn head(&mut self) -> String {
        self.until("\r\n\r\n")
    }

    /// The code of the Close frame that must come next, and before the end of the stream.
    fn close_code(&mut self) -> u16 {
        let header = self.bytes(2);
        assert_eq!(header[0], 0x88, "{header:?} is no Close frame");
        let body = self.bytes(header[1].into());
        let mut rest = Vec::new();
        self.tcp.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"", "something after Close");
        u16::from_be_bytes([body[0], body[1]])
    }
}

fn opening_handshake(version: &str) -> String {
    // RFC 6455 §1.3: the key of its example.
    format!(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: {version}\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect(head)
}

/// The header of a masked frame with the masking key 0, under which a payload stays as it is.
fn masked(first: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..126 => header.push(0x80 | u8::try_from(length).unwrap()),
        _ => {
            header.push(0x80 | 127);
            header.extend((length as u64).to_be_bytes());
        }
    }
    header.extend([0; 4]);
    header
}

/// A WebSocket and an event stream that were open before, and still work.
struct Bystander {
    websocket: Peer,
    events: Peer,
}

impl Bystander {
    fn open(server: &Server) -> Self {
        let mut events = Peer::connect(server);
        events.ask("GET /events HTTP/1.1", "");
        let head = events.head();
        assert_eq!(status(&head), 200, "{head}");
        Self { websocket: Peer::websocket(server), events }
    }

    fn still_works(&mut self, server: &Server, after: &str) {
        let text = format!("still here after {after}");
        let length = u8::try_from(text.len()).unwrap();
        self.websocket.send(&masked(0x81, text.len()));
        self.websocket.send(text.as_bytes());
        let echo = self.websocket.bytes(2 + text.len());
        assert_eq!(echo, [&[0x81, length], text.as_bytes()].concat(), "{after}");

        let mut post = Peer::connect(server);
        post.ask("POST /events HTTP/1.1", &format!("Content-Length: {length}\r\n"));
        post.send(text.as_bytes());
        assert_eq!(status(&post.head()), 204, "{after}");
        self.events.until(&format!("data: {text}\n\n"));
    }
}

#[test]
fn a_bystander_outlives_bad_heads_and_handshakes() {
    let server = Server::rtwire();
    let mut bystander = Bystander::open(&server);
    let large = format!("X: {}\r\n", "x".repeat(20 * 1024));
    let wrong_origin = "Origin: https://evil.example\r\n";
    let handshake = opening_handshake("13");
    for (what, line, fields, expected) in [
        ("a head of 20 KiB", "GET /events HTTP/1.1", large.clone(), 431),
        ("a handshake of 20 KiB", "GET /ws HTTP/1.1", handshake.clone() + &large, 431),
        ("a wrong Origin's handshake", "GET /ws HTTP/1.1", handshake + wrong_origin, 403),
        ("a wrong Origin's stream", "GET /events HTTP/1.1", wrong_origin.into(), 403),
        ("a wrong Origin's POST", "POST /events HTTP/1.1", wrong_origin.into(), 403),
        ("version 8", "GET /ws HTTP/1.1", opening_handshake("8"), 426),
    ] {
        let mut peer = Peer::connect(&server);
        peer.ask(line, &fields);
        let head = peer.head();
        assert_eq!(status(&head), expected, "{what}: {head}");
        if expected == 426 {
            assert!(head.contains("sec-websocket-version: 13\r\n"), "{head}");
        }
        bystander.still_works(&server, what);
    }
}

#[test]
fn a_bystander_outlives_bad_frames() {
    let server = Server::rtwire();
    let mut bystander = Bystander::open(&server);
    let announced = |length| masked(0x82, length);
    // The bytes after the first bad one (§8.1), and the payload of a frame too long, never come.
    let invalid_utf_8 = [masked(0x81, 100), b"ok\xff".to_vec()].concat();
    let fragments = [masked(0x02, MAX_MESSAGE), vec![7; MAX_MESSAGE], masked(0x80, 1)].concat();
    for (what, bytes, code) in [
        ("an unmasked frame", b"\x81\x05Hello".to_vec(), 1002),
        ("a Close of one byte", [masked(0x88, 1), vec![3]].concat(), 1002),
        ("invalid UTF-8", invalid_utf_8, 1007),
        ("a frame over the limit", announced(MAX_MESSAGE + 1), 1009),
        ("a frame of 2^62 bytes", announced(1 << 62), 1009),
        ("fragments over the limit", fragments, 1009),
    ] {
        let mut peer = Peer::websocket(&server);
        peer.send(&bytes);
        assert_eq!(peer.close_code(), code, "{what}");
        bystander.still_works(&server, what);
    }
}
