//! npm's `socket.io-client` at the examples.

use rtwire_tests::{Process, Server, foreign};

/// Over each transport, with this client: `4` and `2` are versions, `msgpack` is 4 with that parser.
fn run(example: &str, options: &[&str], client: &str) -> Server {
    run_case(example, options, example, client)
}

fn run_case(example: &str, options: &[&str], case: &str, client: &str) -> Server {
    let server = Server::example(example, options);
    for transport in ["polling", "websocket", "upgrade"] {
        let arguments = [&server.url(""), case, transport, "{}", client];
        Process::start(foreign::node("socketio_examples.mjs", &arguments)).finish();
    }
    server
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_hears_what_it_said_to_the_articles_server() {
    let mut server = run("article", &[], "4");
    for _ in 0..3 {
        server.line_after("a user connected");
        server.line_after("a user disconnected");
    }
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_chats() {
    run("chat", &[], "4");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_chats() {
    run("chat", &["--eio3"], "2");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_misses_no_word_of_the_chat_while_its_transport_changes() {
    run_case("chat", &[], "chat_in_order", "4");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_misses_no_word_of_the_chat_while_its_transport_changes() {
    run_case("chat", &["--eio3"], "chat_in_order", "2");
}

/// On a busy machine a pong may take longer than the suite's 200 ms.
fn run_protocol_suite(options: &[&str], client: &str) {
    run("socketio_protocol_suite", &[&["--ping-timeout", "10000"], options].concat(), client);
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_is_content_with_the_server_of_the_protocol_suite() {
    run_protocol_suite(&[], "4");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_msgpack_is_content_with_the_server_of_the_protocol_suite() {
    run_protocol_suite(&["--parser", "msgpack"], "msgpack");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_is_content_with_the_server_of_the_protocol_suite() {
    run_protocol_suite(&["--eio3"], "2");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_sits_at_tables() {
    run("socketio_tables", &[], "4");
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
