//! What ten thousand sessions of Engine.IO cost a server, in resident memory: abandoned ones nothing, once
//! their deadline is over; idle ones on WebSockets 3 KiB each.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

use rtwire_tests::{LONG, Server, foreign, programs};

const SESSIONS: usize = 10_000;

fn echo(options: &[&str]) -> Server {
    let mut echo = echo_command(options);
    // With an arena for each thread, an allocator keeps now this much and now that.
    echo.env("MALLOC_ARENA_MAX", "1");
    Server::start(echo)
}

fn echo_command(options: &[&str]) -> Command {
    let mut echo = programs::example("engineio_echo");
    echo.args(["--port", "0"]).args(options);
    echo
}

fn connect(server: &Server) -> BufReader<TcpStream> {
    let tcp = TcpStream::connect(server.address()).unwrap();
    tcp.set_read_timeout(Some(LONG)).unwrap();
    tcp.set_write_timeout(Some(LONG)).unwrap();
    BufReader::with_capacity(512, tcp)
}

/// The head of an answer.
fn head(client: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(client.read_line(&mut head).unwrap(), 0, "closed after {head:?}");
    }
    head
}

/// The body of the answer to a GET, on a connection that stays open.
fn get(client: &mut BufReader<TcpStream>, query: &str) -> String {
    let target = format!("/engine.io/?EIO=4&transport={query}");
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.get_mut().write_all(request.as_bytes()).unwrap();
    let head = head(client);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    client.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn sid(open: &str) -> String {
    open.split('"').nth(3).unwrap().to_owned()
}

fn open_by_polling(client: &mut BufReader<TcpStream>, sessions: usize) -> Vec<String> {
    (0..sessions).map(|_| sid(&get(client, "polling"))).collect()
}

/// Waits until nothing is known of the sessions any more.
fn see_them_gone(client: &mut BufReader<TcpStream>, sids: &[String]) {
    let opened = Instant::now();
    for sid in sids {
        // No handshake of a WebSocket, which is refused either way and disturbs nobody.
        let ask = format!("websocket&sid={sid}");
        while get(client, &ask) == r#"{"code":3,"message":"Bad request"}"# {
            assert!(opened.elapsed() < LONG, "a session outlives its deadline");
        }
        let answer = get(client, &ask);
        assert_eq!(answer, r#"{"code":1,"message":"Session ID unknown"}"#);
    }
}

const SOON: [&str; 4] = ["--ping-interval", "3000", "--ping-timeout", "1000"];

/// An allocator need not give back what the first ten thousand took; the next ones take it again.
#[test]
fn ten_thousand_abandoned_sessions_are_gone_after_their_deadline_and_leave_no_memory() {
    const MOST_ROUNDS: usize = 9;
    let server = echo(&SOON);
    let mut client = connect(&server);
    let mut resident = Vec::new();
    // Where opening them takes longer than their deadline, more are there at once in one round than in
    // another: some rounds may have to pass until there are as many in each.
    for _ in 0..MOST_ROUNDS {
        let sids = open_by_polling(&mut client, SESSIONS);
        see_them_gone(&mut client, &sids);
        let Some(now) = server.resident_bytes() else { return };
        resident.push(now);
        if let [.., first, _, last] = resident[..]
            && last <= first + first / 10
        {
            println!("resident after each ten thousand: {resident:?}");
            return;
        }
    }
    panic!("resident after each ten thousand: {resident:?}");
}

/// Where the allocator gives back what is free, the server has as much memory afterwards as before.
#[test]
#[ignore = "needs jemalloc"]
fn ten_thousand_abandoned_sessions_give_their_memory_back_to_the_system() {
    let mut echo = echo_command(&SOON);
    foreign::on_jemalloc(&mut echo);
    let server = Server::start(echo);
    let mut client = connect(&server);
    // What the first ones bring in is no session's share.
    let sids = open_by_polling(&mut client, 100);
    see_them_gone(&mut client, &sids);
    let Some(start) = server.resident_bytes() else { return };

    let sids = open_by_polling(&mut client, SESSIONS);
    let crowded = server.resident_bytes().unwrap();
    assert!(crowded > 2 * start, "{crowded} with all of them, {start} without");
    see_them_gone(&mut client, &sids);
    let gone = Instant::now();
    loop {
        let end = server.resident_bytes().unwrap();
        if end <= start + start / 10 {
            println!("{start} bytes at the start, {crowded} with 10 000 sessions, {end} without");
            return;
        }
        assert!(gone.elapsed() < LONG, "{end} bytes are left, {start} were at the start");
        get(&mut client, "websocket&sid=nobody");
    }
}

/// A WebSocket of a session of its own.
fn open(server: &Server) -> BufReader<TcpStream> {
    let mut client = connect(server);
    let request = "GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
                   Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.get_mut().write_all(request.as_bytes()).unwrap();
    assert!(head(&mut client).starts_with("HTTP/1.1 101 "));
    let mut open = Vec::new();
    client.read_until(b'}', &mut open).unwrap();
    assert!(open.ends_with(br#""maxPayload":1000000}"#), "{open:?}");
    client
}

#[test]
#[ignore = "needs 10 000 open files"]
fn ten_thousand_idle_sessions_on_websockets_take_3_kib_each() {
    let server = echo(&[]);
    // What the first ones bring in is no session's share.
    let mut clients: Vec<_> = (0..100).map(|_| open(&server)).collect();
    let before = server.resident_bytes();
    clients.extend(std::iter::repeat_with(|| open(&server)).take(SESSIONS));
    let after = server.resident_bytes();
    if let (Some(before), Some(after)) = (before, after) {
        let each = (after - before) / SESSIONS as u64;
        println!("{each} bytes each");
        assert!(each <= 3072, "{each} bytes each");
    }
}
