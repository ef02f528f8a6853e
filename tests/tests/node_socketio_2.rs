//! Version 2 of npm's `socket.io-client`, which speaks protocol 4, at `rtwire serve --eio3`, over each transport.
//! The cases are those of version 4, but for what version 2 cannot do.

use rtwire_tests::{Process, Server, foreign};

/// What a client begins with, and stays with: `upgrade` is from the one to the other.
const TRANSPORTS: [&str; 3] = ["polling", "websocket", "upgrade"];

/// Runs a case over all transports at once, each with a server of its own.
fn run(script: &str, case: &str) {
    let runs = TRANSPORTS.map(|transport| {
        let server = Server::rtwire_with(&["--addr", "127.0.0.1:0", "--eio3"]);
        let arguments = [&server.url(""), case, transport, "{}", "2"];
        (Process::start(foreign::node(script, &arguments)), server)
    });
    for (client, _server) in runs {
        client.finish();
    }
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_connects_and_talks() {
    run("socketio_client.mjs", "connects");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_events_come_back_with_their_arguments() {
    run("socketio_client.mjs", "events");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_binary_comes_back_from_anywhere_within() {
    run("socketio_client.mjs", "binary");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_is_acked() {
    run("socketio_client.mjs", "acks_of_the_server");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_acks() {
    run("socketio_client.mjs", "acks_of_the_client");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_unknown_event_is_not_acked() {
    run("socketio_client.mjs", "no_ack_of_the_server");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_events_keep_their_order_across_the_upgrade() {
    run("socketio_client.mjs", "order");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_thousands_of_events_at_once_come_back() {
    run("socketio_client.mjs", "flood");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_large_payloads_go_both_ways() {
    run("socketio_client.mjs", "large");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_too_large_an_event_ends_only_its_connection() {
    run("socketio_client.mjs", "too_large");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_room_is_heard_by_its_members() {
    run("socketio_client.mjs", "rooms");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_broadcast_is_heard_by_the_others() {
    run("socketio_client.mjs", "broadcast");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_chat_is_heard_by_everybody_in_order() {
    run("socketio_chat.mjs", "chat");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_namespaces_share_a_connection() {
    run("socketio_chat.mjs", "namespaces");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_is_told_why_a_namespace_refuses() {
    run("socketio_chat.mjs", "refused");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_hears_that_the_server_put_it_out() {
    run("socketio_chat.mjs", "put_out");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_leaves_and_the_others_hear_how() {
    run("socketio_chat.mjs", "leaves");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_vanishes_and_the_others_hear_how() {
    run("socketio_chat.mjs", "vanishes");
}

#[test]
#[ignore = "needs Node"]
fn node_socketio_2_broken_packet_ends_only_its_connection() {
    run("socketio_chat.mjs", "broken_packets");
}
