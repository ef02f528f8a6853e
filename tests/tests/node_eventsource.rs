//! npm's `eventsource` and `eventsource-parser` at `rtwire serve`.

use rtwire_tests::{Process, Server, foreign};

#[test]
#[ignore = "needs Node"]
fn node_eventsource_hears_every_event_and_comes_back_after_a_restart() {
    let mut server = Server::rtwire();
    let address = server.address().to_string();
    let mut client = Process::start(foreign::node("eventsource_client.mjs", &[&server.url("")]));
    client.line_after("live");
    server.terminate();
    server.finish();
    client.line_after("down");
    let _again = Server::rtwire_with(&["--addr", &address]);
    client.finish();
}

/// npm's `eventsource-parser`, on a `fetch` of such a server.
fn parser(server: &Server, case: &str) -> Process {
    let arguments = [&server.url(""), case];
    Process::start(foreign::node("eventsource_parser_client.mjs", &arguments))
}

#[test]
#[ignore = "needs Node"]
fn node_eventsource_parser_reads_every_event_of_a_fetch() {
    parser(&Server::rtwire(), "events").finish();
}

#[test]
#[ignore = "needs Node"]
fn node_eventsource_parser_gets_what_follows_the_last_event_id() {
    parser(&Server::rtwire(), "resume").finish();
}

#[test]
#[ignore = "needs Node"]
fn node_eventsource_parser_sees_a_clean_end_when_the_server_shuts_down() {
    let mut server = Server::rtwire();
    let mut client = parser(&server, "shutdown");
    client.line_after("live");
    server.terminate();
    client.finish();
    server.finish();
}
