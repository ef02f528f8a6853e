//! npm's `socket.io-client` at the examples.

use rtwire_tests::{Process, Server, foreign};

fn run(example: &str) -> Server {
    let server = Server::example(example, &[]);
    for transport in ["polling", "websocket", "upgrade"] {
        let arguments = [&server.url(""), example, transport];
        Process::start(foreign::node("socketio_examples.mjs", &arguments)).finish();
    }
    server
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_hears_what_it_said_to_the_articles_server() {
    let mut server = run("article");
    for _ in 0..3 {
        server.line_after("a user connected");
        server.line_after("a user disconnected");
    }
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_chats() {
    run("chat");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_is_content_with_the_server_of_the_protocol_suite() {
    run("socketio_protocol_suite");
}

/// 20 clients over each transport, of which each loses its TCP connections five times.
#[test]
#[ignore = "needs Node"]
fn node_socketio_misses_nothing_when_connections_are_cut() {
    let server = Server::example("socketio_recovery", &["--every", "10"]);
    for transport in ["websocket", "polling", "upgrade"] {
        let arguments = [&server.url(""), "20", transport];
        Process::start(foreign::node("socketio_recovery.mjs", &arguments)).finish();
    }
}
