//! Python's `httpx-sse` at `rtwire serve`.

use rtwire_tests::{Process, Server, foreign};

fn client(server: &Server, case: &str) -> Process {
    Process::start(foreign::python("httpx_sse_client.py", &[&server.url(""), case]))
}

#[test]
#[ignore = "needs Python"]
fn python_httpx_sse_hears_every_event() {
    client(&Server::rtwire(), "events").finish();
}

#[test]
#[ignore = "needs Python"]
fn python_httpx_sse_gets_what_follows_the_last_event_id() {
    client(&Server::rtwire(), "resume").finish();
}

#[test]
#[ignore = "needs Python"]
fn python_httpx_sse_sees_a_clean_end_when_the_server_shuts_down() {
    let mut server = Server::rtwire();
    let mut client = client(&server, "shutdown");
    client.line_after("live");
    server.terminate();
    client.finish();
    server.finish();
}
