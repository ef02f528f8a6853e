//! npm's `engine.io-client` at the example `engineio_echo`, over each transport, in both versions of the
//! protocol.

use rtwire_tests::{Process, Server, foreign};

/// What a client of version 4 begins with, and stays with: `upgrade` is from polling to a WebSocket,
/// `fetch` is another way of polling.
const TRANSPORTS: [&str; 5] = ["polling", "fetch", "websocket", "upgrade", "fetch-upgrade"];

/// What is compressed in both ways, from 1 KiB on.
const COMPRESSION: [&str; 3] = ["--deflate", "--http-compression", "1024"];

/// A client of version 3.
const TRANSPORTS_3: [&str; 3] = ["polling", "websocket", "upgrade"];

/// Milliseconds.
const HEARTBEAT: [&str; 4] = ["--ping-interval", "300", "--ping-timeout", "200"];

/// On a busy machine an answer may take longer than that.
const PATIENT: [&str; 4] = ["--ping-interval", "300", "--ping-timeout", "10000"];

fn client(server: &Server, case: &str, transport: &str, version: &str) -> Process {
    let arguments = [&server.url(""), case, transport, version];
    Process::start(foreign::node("engineio_client.mjs", &arguments))
}

/// Runs a case over all transports at once.
fn run(case: &str, options: &[&str]) {
    let server = Server::example("engineio_echo", options);
    let clients = TRANSPORTS.map(|transport| client(&server, case, transport, "4"));
    for client in clients {
        client.finish();
    }
}

/// The same with clients of version 3.
fn run_3(case: &str, options: &[&str]) {
    let server = Server::example("engineio_echo", &[&["--eio3"], options].concat());
    let clients = TRANSPORTS_3.map(|transport| client(&server, case, transport, "3"));
    for client in clients {
        client.finish();
    }
}

/// A case in which the server is killed.
fn server_gone(options: &[&str], transports: &[&str], version: &str) {
    let server = Server::example("engineio_echo", options);
    let started =
        transports.iter().map(|transport| client(&server, "server_gone", transport, version));
    let mut clients: Vec<_> = started.collect();
    for client in &mut clients {
        client.line_after("open");
    }
    drop(server);
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
fn node_engineio_polling_is_refused_where_there_are_websockets_alone() {
    run("only_websocket", &["--only-websocket"]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_stays_where_it_began_without_upgrades() {
    run("no_upgrades", &["--no-upgrades"]);
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
    run("heartbeats", &PATIENT);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_silence_ends_the_session() {
    let server = Server::example("engineio_echo", &HEARTBEAT);
    client(&server, "silence", "websocket", "4").finish();
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
    server_gone(&[], &TRANSPORTS, "4");
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_is_told_the_values_of_the_handshake() {
    run_3("handshake", &HEARTBEAT);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_stays_where_it_began_without_upgrades() {
    run_3("no_upgrades", &["--no-upgrades"]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_echoes_text_and_binary() {
    run_3("echo", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_echoes_what_max_payload_allows() {
    run_3("large", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_message_over_max_payload_is_refused() {
    run_3("too_large", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_echoes_binary_as_base64() {
    run_3("base64", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_messages_keep_their_order_across_the_upgrade() {
    run_3("order", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_pings_from_heartbeat_to_heartbeat() {
    run_3("heartbeats", &PATIENT);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_silence_ends_the_session() {
    let options = [&["--eio3"], &HEARTBEAT[..]].concat();
    let server = Server::example("engineio_echo", &options);
    client(&server, "silence", "websocket", "3").finish();
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_closed_session_is_forgotten() {
    run_3("client_close", &[]);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_notices_that_the_server_is_gone() {
    server_gone(&["--eio3"], &TRANSPORTS_3, "3");
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_compresses_as_it_was_agreed() {
    run("compressed", &COMPRESSION);
}

#[test]
#[ignore = "needs Node"]
fn node_engineio_3_compresses_as_it_was_agreed() {
    run_3("compressed", &COMPRESSION);
}

/// What the client's own test suite asks of a server.
#[test]
#[ignore = "needs Node"]
fn node_engineio_finds_what_its_own_test_suite_asks_for() {
    let server = Server::example("engineio_client_suite", &[]);
    let script = foreign::node("engineio_client_suite.mjs", &[&server.url("")]);
    let mut suite = Process::start(script);
    assert_eq!(suite.line(), "64 passed");
    suite.finish();
}
