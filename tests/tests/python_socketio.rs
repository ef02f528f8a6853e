//! Python's `python-socketio` as a client of `rtwire serve`, and of the servers of Node's suites, over each transport.

use rtwire_tests::{Process, Server, foreign};

/// What a client begins with, and stays with: `upgrade` is from the one to the other.
const TRANSPORTS: [&str; 3] = ["polling", "websocket", "upgrade"];

fn client(server: &Server, case: &str, transport: &str) -> Process {
    let arguments = [&server.url(""), case, transport];
    Process::start(foreign::python("socketio_client.py", &arguments))
}

/// Runs a case over all transports at once, each with a server of its own.
fn run(case: &str) {
    let runs = TRANSPORTS.map(|transport| {
        let server = Server::rtwire();
        (client(&server, case, transport), server)
    });
    for (client, _server) in runs {
        client.finish();
    }
}

/// The same at an example, one after the other: the heartbeats of such a server are quick.
fn run_at(example: &str, options: &[&str], case: &str) {
    let server = Server::example(example, options);
    for transport in TRANSPORTS {
        let arguments = [&server.url(""), case, transport];
        Process::start(foreign::python("socketio_suites.py", &arguments)).finish();
    }
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_connects_and_talks() {
    run("connects");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_events_come_back_with_their_arguments() {
    run("events");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_is_acked() {
    run("acks_of_the_server");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_acks() {
    run("acks_of_the_client");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_unknown_event_is_not_acked() {
    run("no_ack_of_the_server");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_large_payloads_go_both_ways() {
    run("large");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_events_keep_their_order() {
    run("order");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_gets_a_hundred_queued_events() {
    run("queued");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_with_a_higher_limit_gets_thousands_of_queued_events() {
    run("queued_for_a_patient_client");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_namespaces_share_a_connection() {
    run("namespaces");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_is_told_why_a_namespace_refuses() {
    run("refused");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_rooms_and_broadcasts_are_heard_by_the_others() {
    run("rooms");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_hears_that_the_server_put_it_out() {
    run("put_out");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_leaves_and_the_others_hear_how() {
    run("leaves");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_hears_of_a_restart_and_reconnects_where_it_does() {
    for transport in TRANSPORTS {
        let mut server = Server::rtwire();
        let address = server.address().to_string();
        let mut client = client(&server, "restart", transport);
        client.line_after("up");
        server.terminate();
        server.finish();
        client.line_after("down");
        let _again = Server::rtwire_with(&["--addr", &address]);
        client.finish();
    }
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_suite_has_sockets_in_several_namespaces() {
    run_at("socketio_client_suite", &[], "namespaces");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_suite_is_refused_by_middlewares_and_where_there_is_no_namespace() {
    run_at("socketio_client_suite", &[], "refused");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_suite_is_shown_its_handshake() {
    run_at("socketio_client_suite", &[], "handshake");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_suite_gets_texts_of_every_script() {
    run_at("socketio_client_suite", &[], "texts");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_suite_gets_dates() {
    run_at("socketio_client_suite", &[], "dates");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_suite_sends_and_gets_bytes_anywhere() {
    run_at("socketio_client_suite", &[], "binary");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_suite_acks_and_is_acked() {
    run_at("socketio_client_suite", &[], "acks");
}

#[test]
#[ignore = "needs Python"]
fn python_socketio_is_content_with_the_server_of_the_protocol_suite() {
    // On a busy machine a pong may take longer than the suite's 200 ms.
    run_at("socketio_protocol_suite", &["--ping-timeout", "10000"], "protocol");
}
