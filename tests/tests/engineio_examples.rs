//! The example that is a client of Engine.IO.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use rtwire_tests::{Process, Server, programs};

fn client(server: &Server, way: &str) -> Process {
    let mut client = programs::example("engineio_client");
    client.args(["--way", way, &server.url("/engine.io/"), "one", "two: é €", "3"]);
    Process::start(client)
}

#[test]
fn engineio_client_prints_what_engineio_echo_sends_back() {
    let server = Server::example("engineio_echo", &[]);
    for way in ["polling", "websocket", "upgrade"] {
        let mut client = client(&server, way);
        let open = if way == "websocket" { "websocket" } else { "polling" };
        assert_eq!(client.line(), format!("open over {open}"));
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != "closed") {
            lines.push(client.line());
        }
        // An upgrade may come after the last of them, and then does not come.
        lines.retain(|line| way != "upgrade" || line != "upgraded to websocket");
        assert_eq!(lines, [r#""one""#, r#""two: é €""#, r#""3""#, "closed"]);
        client.finish();
    }
}
