//! WebSockets over HTTP/2 (RFC 8441): Node's `http2` and npm's `ws` against the example
//! `websocket_http2`, which has its HTTP/2 from the crate `h2`.

use rtwire_tests::{Process, Server, foreign, programs};

fn server() -> Server {
    Server::example("websocket_http2", &[])
}

fn client(script: &str, case: &str) {
    let server = server();
    Process::start(foreign::node(script, &[&server.url("/"), case])).finish();
}

#[test]
#[ignore = "needs Node"]
fn node_http2_echoes_text_binary_and_empty_messages() {
    client("ws_client.mjs", "messages");
}

#[test]
#[ignore = "needs Node"]
fn node_http2_echoes_1_mib() {
    client("ws_client.mjs", "one_mib");
}

#[test]
#[ignore = "needs Node"]
fn node_http2_echoes_fragmented_messages_with_pings_between() {
    client("ws_client.mjs", "fragments,pings");
}

#[test]
#[ignore = "needs Node"]
fn node_http2_close_codes_come_back() {
    client("ws_client.mjs", "close_codes");
}

#[test]
#[ignore = "needs Node"]
fn node_http2_text_that_is_not_utf_8_is_closed_with_1007() {
    client("ws_client.mjs", "invalid_utf8");
}

#[test]
#[ignore = "needs Node"]
fn node_http2_has_many_websockets_on_one_connection() {
    client("http2_client.mjs", "many_streams");
}

#[test]
#[ignore = "needs Node"]
fn node_http2_is_not_sent_more_than_it_has_room_for() {
    client("http2_client.mjs", "both_windows");
}

#[test]
#[ignore = "needs Node"]
fn node_http2_is_told_why_it_is_refused() {
    client("http2_client.mjs", "refusals");
}

#[test]
#[ignore = "needs Node"]
fn node_http2_server_is_asked_by_our_client() {
    let mut server = Server::start(foreign::node("http2_server.mjs", &[]));
    let mut client = programs::example("websocket_http2");
    client.arg(server.address().to_string());
    let mut client = Process::start(client);
    for size in [5, 1 << 20] {
        assert_eq!(client.line(), format!("{size} bytes came back"));
    }
    client.line_after("closed: ");
    assert_eq!(server.line_after("closed"), "1000");
    client.finish();
}
