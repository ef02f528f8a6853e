//! Keepalive: Pings at an interval, and a deadline for the peer to be heard (RFC 6455 §5.5.2).
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::time::Duration;

use bytes::Buf;
use rtwire_websocket::{CloseCode, Connection, Limits, Role, Rule, State};

fn connection(interval: u64, timeout: u64) -> Connection {
    let limits = Limits::default()
        .ping_interval(Some(Duration::from_secs(interval)))
        .pong_timeout(Duration::from_secs(timeout));
    Connection::new(Role::Server, limits)
}

fn at(connection: &mut Connection, seconds: u64) -> Vec<u8> {
    connection.handle_timeout(Duration::from_secs(seconds)).unwrap();
    let output = connection.output();
    output.copy_to_bytes(output.remaining()).to_vec()
}

fn hear(connection: &mut Connection, frame: &[u8]) {
    let mut frame = frame.to_vec();
    connection.next_event(&mut &mut frame[..]).unwrap();
}

const PONG: &[u8] = b"\x8A\x80\0\0\0\0";

#[test]
fn a_ping_goes_out_at_each_interval_while_the_peer_answers() {
    let mut connection = connection(20, 10);
    assert_eq!(connection.next_timeout(), Some(Duration::ZERO));
    assert_eq!(at(&mut connection, 100), b"");
    for round in 0..5 {
        let start = 120 + round * 20;
        assert_eq!(connection.next_timeout(), Some(Duration::from_secs(start)));
        assert_eq!(at(&mut connection, start - 1), b"", "too early changes nothing");
        assert_eq!(at(&mut connection, start), b"\x89\x00");
        assert_eq!(connection.next_timeout(), Some(Duration::from_secs(start + 10)));
        hear(&mut connection, PONG);
        assert_eq!(at(&mut connection, start + 10), b"");
    }
}

#[test]
fn any_byte_of_the_peer_counts_as_an_answer() {
    let mut connection = connection(20, 20);
    at(&mut connection, 0);
    assert_eq!(at(&mut connection, 20), b"\x89\x00");
    hear(&mut connection, b"\x82");
    assert_eq!(at(&mut connection, 40), b"\x89\x00", "deadline and next ping coincide");
}

#[test]
fn a_silent_peer_is_given_up_with_1011() {
    let mut connection = connection(20, 10);
    at(&mut connection, 0);
    hear(&mut connection, PONG);
    at(&mut connection, 20);
    connection.handle_timeout(Duration::from_millis(29_999)).unwrap();
    let error = connection.handle_timeout(Duration::from_secs(30)).unwrap_err();
    assert_eq!(error.rule(), Rule::PongTimeout);
    assert_eq!(error.rule().close_code(), CloseCode::INTERNAL_ERROR);
    assert_eq!(connection.state(), State::Closing);
    assert_eq!(connection.output().chunk()[..4], [0x88, 2 + 19, 0x03, 0xF3]);
    assert_eq!(connection.next_timeout(), Some(Duration::from_secs(35)), "then the closing runs");
    connection.handle_timeout(Duration::from_secs(35)).unwrap();
    assert_eq!(connection.state(), State::Closed);
}

#[test]
fn without_an_interval_nothing_is_due() {
    let limits = Limits::default().ping_interval(None);
    assert_eq!(Connection::new(Role::Server, limits).next_timeout(), None);
}

#[test]
fn a_clock_at_its_end_does_not_overflow() {
    let mut connection = connection(u64::MAX, u64::MAX);
    connection.handle_timeout(Duration::MAX).unwrap();
    connection.handle_timeout(Duration::MAX).unwrap();
    hear(&mut connection, PONG);
    connection.handle_timeout(Duration::MAX).unwrap();
    assert_eq!(connection.state(), State::Open);
}
