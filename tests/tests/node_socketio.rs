//! npm's `socket.io-client` at `rtwire serve`, over each transport.

use rtwire_tests::{Process, Server, foreign};

/// What a client begins with, and stays with: `upgrade` is from the one to the other.
const TRANSPORTS: [&str; 3] = ["polling", "websocket", "upgrade"];

fn client(server: &Server, script: &str, case: &str, transport: &str) -> Process {
    Process::start(foreign::node(script, &[&server.url(""), case, transport]))
}

/// Runs a case over all transports at once, each with a server of its own.
fn run(script: &str, case: &str) {
    let runs = TRANSPORTS.map(|transport| {
        let server = Server::rtwire();
        (client(&server, script, case, transport), server)
    });
    for (client, _server) in runs {
        client.finish();
    }
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_connects_and_talks() {
    run("socketio_client.mjs", "connects");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_events_come_back_with_their_arguments() {
    run("socketio_client.mjs", "events");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_binary_comes_back_from_anywhere_within() {
    run("socketio_client.mjs", "binary");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_is_acked() {
    run("socketio_client.mjs", "acks_of_the_server");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_acks() {
    run("socketio_client.mjs", "acks_of_the_client");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_that_never_acks_is_not_waited_for() {
    run("socketio_client.mjs", "no_ack_of_the_client");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_unknown_event_is_not_acked() {
    run("socketio_client.mjs", "no_ack_of_the_server");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_lone_surrogate_comes_back() {
    run("socketio_client.mjs", "lone_surrogates");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_events_keep_their_order_across_the_upgrade() {
    run("socketio_client.mjs", "order");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_thousands_of_events_at_once_come_back() {
    run("socketio_client.mjs", "flood");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_large_payloads_go_both_ways() {
    run("socketio_client.mjs", "large");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_more_than_the_server_queues_comes_back() {
    run("socketio_client.mjs", "much");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_is_served_while_another_does_not_read() {
    run("socketio_client.mjs", "not_reading");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_too_large_an_event_ends_only_its_connection() {
    run("socketio_client.mjs", "too_large");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_room_is_heard_by_its_members() {
    run("socketio_client.mjs", "rooms");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_broadcast_is_heard_by_the_others() {
    run("socketio_client.mjs", "broadcast");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_chat_is_heard_by_everybody_in_order() {
    run("socketio_chat.mjs", "chat");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_namespaces_share_a_connection() {
    run("socketio_chat.mjs", "namespaces");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_is_told_why_a_namespace_refuses() {
    run("socketio_chat.mjs", "refused");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_hears_that_the_server_put_it_out() {
    run("socketio_chat.mjs", "put_out");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_leaves_and_the_others_hear_how() {
    run("socketio_chat.mjs", "leaves");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_vanishes_and_the_others_hear_how() {
    run("socketio_chat.mjs", "vanishes");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_broken_packet_ends_only_its_connection() {
    run("socketio_chat.mjs", "broken_packets");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_reconnects_after_a_restart() {
    for transport in TRANSPORTS {
        let mut server = Server::rtwire();
        let address = server.address().to_string();
        let mut client = client(&server, "socketio_client.mjs", "restart", transport);
        client.line_after("up");
        server.terminate();
        server.finish();
        client.line_after("down");
        let _again = Server::rtwire_with(&["--addr", &address]);
        client.finish();
    }
}
