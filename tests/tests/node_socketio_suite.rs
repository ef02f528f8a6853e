//! npm's `socket.io-client` at the example `socketio_client_suite`: all that the client's own test suite asks its
//! server for. It is version 4 of the client, with its own parser and with `socket.io-msgpack-parser`, and
//! version 2, each over each transport.

use rtwire_tests::{Process, Server, foreign};

/// What a client begins with, and stays with: `upgrade` is from the one to the other.
const TRANSPORTS: [&str; 3] = ["polling", "websocket", "upgrade"];

/// What the script calls a client, and what the server is told for it.
const CLIENTS: [(&str, &[&str]); 3] =
    [("4", &[]), ("msgpack", &["--parser", "msgpack"]), ("2", &["--eio3"])];

fn run(case: &str) {
    run_with(&CLIENTS, case);
}

fn run_with(clients: &[(&str, &[&str])], case: &str) {
    for (client, options) in clients {
        let server = Server::example("socketio_client_suite", options);
        let clients = TRANSPORTS.map(|transport| {
            let arguments = [&server.url(""), case, transport, "{}", client];
            Process::start(foreign::node("socketio_client_suite.mjs", &arguments))
        });
        for client in clients {
            client.finish();
        }
    }
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_suite_has_sockets_in_several_namespaces() {
    run("namespaces");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_suite_is_refused_by_middlewares_and_where_there_is_no_namespace() {
    run("refusals");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_suite_is_shown_its_handshake() {
    run("handshakes");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_suite_gets_texts_of_every_script() {
    run("texts");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_suite_gets_dates() {
    run("dates");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_suite_sends_and_gets_bytes_anywhere() {
    run("binary");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_suite_acks_and_is_acked() {
    run("acks");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_suite_is_acked_in_order_across_the_upgrade() {
    run("order");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_suite_is_recovered() {
    // Version 2 knows nothing of that.
    run_with(&CLIENTS[..2], "recovery");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_suite_lives_from_heartbeat_to_heartbeat() {
    run("heartbeats");
}
