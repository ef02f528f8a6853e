//! Python's `websockets` as a client of `rtwire serve` and of the example `echo`.

use rtwire_tests::{Process, Server, foreign};

fn client(server: &Server, path: &str, case: &str) -> Process {
    Process::start(foreign::python("websockets_client.py", &[&server.websocket_url(path), case]))
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_echoes_text_binary_and_empty_messages_on_every_path() {
    let (rtwire, echo) = (Server::rtwire(), Server::echo());
    for (server, path) in [(&rtwire, "/ws"), (&rtwire, "/"), (&echo, "/any/path")] {
        client(server, path, "messages").finish();
    }
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_echoes_1_mib() {
    client(&Server::rtwire(), "/ws", "one_mib").finish();
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_echoes_fragmented_messages_with_pings_between() {
    client(&Server::rtwire(), "/ws", "fragments").finish();
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_pings_are_answered_with_their_payload() {
    client(&Server::rtwire(), "/ws", "pings").finish();
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_close_codes_come_back() {
    client(&Server::rtwire(), "/ws", "close_codes").finish();
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_is_closed_with_1001_when_the_server_shuts_down() {
    let mut server = Server::rtwire();
    let mut client = client(&server, "/ws", "shutdown");
    client.line_after("open");
    server.terminate();
    client.finish();
    server.finish();
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_message_over_the_limit_is_closed_with_1009() {
    client(&Server::rtwire(), "/ws", "too_big").finish();
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_text_that_is_not_utf_8_is_closed_with_1007() {
    client(&Server::rtwire(), "/ws", "invalid_utf8").finish();
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_subprotocols_are_not_chosen() {
    client(&Server::rtwire(), "/ws", "subprotocol").finish();
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_subprotocol_is_the_servers_choice() {
    let options = ["--protocol", "second", "--protocol", "first"];
    client(&Server::example("echo", &options), "/protocol", "chosen_subprotocol").finish();
}

/// Servers that compress, with and without context takeover.
fn compressing() -> [Server; 2] {
    let limit = ["--max-message", "1048576", "--deflate", "--no-context-takeover"];
    [Server::example("echo", &limit[..3]), Server::example("echo", &limit)]
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_compresses_as_it_was_agreed() {
    for server in compressing() {
        client(&server, "/", "compression").finish();
    }
}

#[test]
#[ignore = "needs Python"]
fn python_websockets_message_that_inflates_over_the_limit_is_closed_with_1009() {
    for server in compressing() {
        client(&server, "/", "bomb").finish();
    }
}
