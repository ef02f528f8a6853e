//! Each target's body over its seeds and past crashes, on any toolchain.

use std::fs;
use std::path::Path;

fn replay(target: &str, body: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut replayed = 0;
    for entry in fs::read_dir(&corpus).expect("a folder of seeds") {
        let path = entry.expect("a readable folder").path();
        println!("{}", path.display());
        body(&fs::read(&path).expect("a readable seed"));
        replayed += 1;
    }
    assert!(replayed > 0, "no seed in {}", corpus.display());
}

#[test]
fn sse_decoder() {
    replay("sse_decoder", rtwire_fuzz::sse_decoder);
}

#[test]
fn sse_encoder() {
    replay("sse_encoder", rtwire_fuzz::sse_encoder);
}

#[test]
fn sse_event_source() {
    replay("sse_event_source", rtwire_fuzz::sse_event_source);
}

#[test]
fn websocket_handshake() {
    replay("websocket_handshake", rtwire_fuzz::websocket_handshake);
}

#[test]
fn websocket_header() {
    replay("websocket_header", rtwire_fuzz::websocket_header);
}

#[test]
fn websocket_connection() {
    replay("websocket_connection", rtwire_fuzz::websocket_connection);
}

#[test]
fn websocket_messages() {
    replay("websocket_messages", rtwire_fuzz::websocket_messages);
}

#[test]
fn engineio_payload() {
    replay("engineio_payload", rtwire_fuzz::engineio_payload);
}

#[test]
fn engineio_v3() {
    replay("engineio_v3", rtwire_fuzz::engineio_v3);
}

#[test]
fn engineio_client() {
    replay("engineio_client", rtwire_fuzz::engineio_client);
}

#[test]
fn engineio_session() {
    replay("engineio_session", rtwire_fuzz::engineio_session);
}

#[test]
fn socketio_msgpack() {
    replay("socketio_msgpack", rtwire_fuzz::socketio_msgpack);
}

#[test]
fn socketio_packet() {
    replay("socketio_packet", rtwire_fuzz::socketio_packet);
}

#[test]
fn socketio_decoder() {
    replay("socketio_decoder", rtwire_fuzz::socketio_decoder);
}

#[test]
fn socketio_payload() {
    replay("socketio_payload", rtwire_fuzz::socketio_payload);
}

#[test]
fn socketio_client() {
    replay("socketio_client", rtwire_fuzz::socketio_client);
}

#[test]
fn socketio_connection() {
    replay("socketio_connection", rtwire_fuzz::socketio_connection);
}

#[test]
fn deflate_messages() {
    replay("deflate_messages", rtwire_fuzz::deflate_messages);
}

#[test]
fn deflate_negotiation() {
    replay("deflate_negotiation", rtwire_fuzz::deflate_negotiation);
}
