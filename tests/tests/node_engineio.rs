//! npm's `engine.io-client` at the example `engineio_echo`, over each transport.

use rtwire_tests::{Process, Server, foreign};

/// What a client begins with, and stays with: `upgrade` is from the one to the other.
const TRANSPORTS: [&str; 3] = ["polling", "websocket", "upgrade"];

/// Milliseconds.
const HEARTBEAT: [&str; 4] = ["--ping-interval", "300", "--ping-timeout", "200"];

fn client(server: &Server, case: &str, transport: &str) -> Process {
    let arguments = [&server.url(""), case, transport];
    Process::start(foreign::node("engineio_client.mjs", &arguments))
}

/// Runs a case over all transports at once.
fn run(case: &str, options: &[&str]) {
    let server = Server::example("engineio_echo", options);
    let clients = TRANSPORTS.map(|transport| client(&server, case, transport));
    for client in clients {
        client.finish();
    }
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_is_told_the_values_of_the_handshake() {
    run("handshake", &HEARTBEAT);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_echoes_text_and_binary() {
    run("echo", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_echoes_what_max_payload_allows() {
    run("large", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_message_over_max_payload_is_refused() {
    run("too_large", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_echoes_binary_as_base64() {
    run("base64", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_messages_keep_their_order_across_the_upgrade() {
    run("order", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_lives_from_heartbeat_to_heartbeat() {
    run("heartbeats", &HEARTBEAT);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_silence_ends_the_session() {
    let server = Server::example("engineio_echo", &HEARTBEAT);
    client(&server, "silence", "websocket").finish();
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_closed_session_is_forgotten() {
    run("client_close", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_splits_what_is_over_max_payload() {
    run("small_payloads", &["--max-payload", "100"]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_notices_that_the_server_is_gone() {
    let server = Server::example("engineio_echo", &[]);
    let mut clients = TRANSPORTS.map(|transport| client(&server, "server_gone", transport));
    for client in &mut clients {
        client.line_after("open");
    }
    drop(server);
    for client in clients {
        client.finish();
    }
}
