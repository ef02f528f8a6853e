//! Python's `python-engineio` as a client of the example `engineio_echo`, over each transport.

use rtwire_tests::{Process, Server, foreign};

/// What a client begins with, and stays with: `upgrade` is from the one to the other.
const TRANSPORTS: [&str; 3] = ["polling", "websocket", "upgrade"];

/// Milliseconds.
const HEARTBEAT: [&str; 2] = ["--ping-interval", "100"];

fn client(server: &Server, case: &str, transport: &str) -> Process {
    let arguments = [&server.url(""), case, transport];
    Process::start(foreign::python("engineio_client.py", &arguments))
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
#[ignore = "needs Python"]
fn python_engineio_is_told_the_values_of_the_handshake() {
    run("handshake", &HEARTBEAT);
}

#[test]
#[ignore = "needs Python"]
fn python_engineio_echoes_text_and_binary() {
    run("echo", &[]);
}

#[test]
#[ignore = "needs Python"]
fn python_engineio_messages_keep_their_order_across_the_upgrade() {
    run("order", &[]);
}

#[test]
#[ignore = "needs Python"]
fn python_engineio_echoes_what_max_payload_allows() {
    run("large", &[]);
}

#[test]
#[ignore = "needs Python"]
fn python_engineio_message_over_max_payload_is_refused() {
    // Over polling this client says so when the next GET is answered: with a ping.
    run("too_large", &HEARTBEAT);
}

#[test]
#[ignore = "needs Python"]
fn python_engineio_lives_from_heartbeat_to_heartbeat() {
    run("heartbeats", &HEARTBEAT);
}

#[test]
#[ignore = "needs Python"]
fn python_engineio_closed_session_is_forgotten() {
    run("client_close", &[]);
}

#[test]
#[ignore = "needs Python"]
fn python_engineio_notices_that_the_server_is_gone() {
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
