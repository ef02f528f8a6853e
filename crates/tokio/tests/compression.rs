//! Compressed messages (RFC 7692), and one that is not.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod scripted;

use rtwire_tokio::WebSocket;
use rtwire_websocket::permessage_deflate::{Config, negotiation::Offer};
use rtwire_websocket::{Connection, Deflate, FrameHeader, Role};
use scripted::{Scripted, quiet, soon};

#[test]
fn s7_2_1_a_message_is_queued_uncompressed_between_others() {
    let config = Config::default().threshold(0);
    let deflate = Deflate { params: Offer::from(&config).accept(&config).unwrap(), config };
    let io = Scripted::new([]);
    let connection = Connection::new(Role::Server, quiet()).with_deflate(deflate);
    let mut server = WebSocket::from_connection(io.clone(), connection, &[]);
    let text = "x".repeat(100);
    server.queue(text.as_str()).unwrap();
    server.queue_uncompressed(text.as_str()).unwrap();
    soon(server.flush()).unwrap();
    let written = io.state().written.clone();
    let (first, used) = FrameHeader::decode(&written).unwrap().unwrap();
    let second = &written[used + usize::try_from(first.payload_len).unwrap()..];
    let (second, _) = FrameHeader::decode(second).unwrap().unwrap();
    assert!(first.rsv1 && first.payload_len < 100 && !second.rsv1 && second.payload_len == 100);
}
