//! npm's `eventsource` at `rtwire serve`.

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
