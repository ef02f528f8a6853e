//! Polling sessions whose clients have gone without a word: a thousand, again and again. They are
//! reaped at their deadline, and their memory is used for the next ones.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use rtwire_tests::{LONG, Server, programs};

const SESSIONS: usize = 1000;

const ROUNDS: usize = 5;

/// The body of the answer.
fn ask(server: &Server, method: &str, query: &str, body: &str) -> String {
    let mut tcp = TcpStream::connect(server.address()).unwrap();
    tcp.set_read_timeout(Some(LONG)).unwrap();
    tcp.set_write_timeout(Some(LONG)).unwrap();
    let request = format!(
        "{method} /engine.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: {}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        server.address(),
        body.len()
    );
    tcp.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn a_thousand_abandoned_sessions_are_gone_after_their_deadline_and_leave_no_memory() {
    let mut echo = programs::example("engineio_echo");
    echo.args(["--port", "0", "--ping-interval", "300", "--ping-timeout", "200"]);
    // With an arena for each thread, an allocator keeps now this much and now that.
    echo.env("MALLOC_ARENA_MAX", "1");
    let server = Server::start(echo);
    let mut resident = Vec::new();
    for _ in 0..ROUNDS {
        let sids: Vec<String> = (0..SESSIONS)
            .map(|_| ask(&server, "GET", "", "").split('"').nth(3).unwrap().to_owned())
            .collect();
        // Something for nobody to fetch.
        let last = sids.last().unwrap();
        assert_eq!(ask(&server, "POST", &format!("&sid={last}"), "4hello"), "ok");
        let opened = Instant::now();
        for sid in &sids {
            // A noop keeps no session alive.
            while ask(&server, "POST", &format!("&sid={sid}"), "6") == "ok" {
                assert!(opened.elapsed() < LONG, "a session outlives its deadline");
            }
        }
        for sid in &sids {
            let answer = ask(&server, "GET", &format!("&sid={sid}"), "");
            assert_eq!(answer, r#"{"code":1,"message":"Session ID unknown"}"#);
        }
        resident.push(server.resident_bytes());
    }
    // The first round also brings in the program's own pages.
    if let [_, Some(first), .., Some(last)] = resident[..] {
        println!("resident after each round: {resident:?}");
        assert!(last <= first + first / 20, "{resident:?}");
    }
}
