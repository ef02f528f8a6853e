//! Packets that no client of Socket.IO sends, on a WebSocket and over polling; npm's `socket.io-client` hears how
//! each connection ends, and is not harmed.

use rtwire_tests::{Process, Server, foreign};

fn run(example: &str, case: &str) {
    let runs = ["polling", "websocket"].map(|transport| {
        let server = Server::example(example, &[]);
        let arguments = [&server.url(""), case, transport];
        (Process::start(foreign::node("socketio_raw.mjs", &arguments)), server)
    });
    for (client, _server) in runs {
        client.finish();
    }
}

#[test]
#[ignore = "needs Node"]
fn raw_socketio_packet_that_breaks_a_rule_ends_only_its_connection() {
    run("chat", "broken");
}

#[test]
#[ignore = "needs Node"]
fn raw_socketio_packet_that_only_looks_odd_ends_nothing() {
    run("chat", "odd");
}

#[test]
#[ignore = "needs Node"]
fn raw_socketio_connection_without_a_namespace_ends_in_time() {
    run("socketio_protocol_suite", "silent");
}
