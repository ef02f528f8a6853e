//! Autobahn's cases: 247 of the protocol and 54 of large and many messages (its section 9), at the example
//! `echo` and at the driver of rtwire-tokio.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use rtwire_tests::{LONG, Process, Server, foreign};
use rtwire_tokio::WebSocket;
use rtwire_websocket::Limits;
use rtwire_websocket::handshake::Request;
use tokio::net::TcpStream;

/// All but those of compression.
const CASES: &str = "*,-12.*,-13.*";
const COUNT: usize = 301;

/// 9.1 has messages of 16 MiB, 9.3.1 one of 65 536 fragments.
const MAX_MESSAGE: u64 = 16 << 20;
const MAX_FRAGMENTS: u32 = 65_536;

fn all_as_they_should_be() -> String {
    format!("{COUNT} cases, of which {COUNT} as they should be")
}

#[test]
#[ignore = "needs Python"]
fn autobahn_finds_nothing_in_our_server() {
    let options = ["--max-fragments", &MAX_FRAGMENTS.to_string()];
    let server = Server::example("echo", &options);
    let address = server.address().to_string();
    let mut autobahn = Process::start(foreign::python("autobahn.py", &["server", &address, CASES]));
    assert_eq!(autobahn.line(), all_as_they_should_be());
    autobahn.finish();
}

#[test]
#[ignore = "needs Python"]
fn autobahn_finds_nothing_in_our_client() {
    let mut autobahn = Server::start(foreign::python("autobahn.py", &["client", CASES]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for case in 1..=COUNT {
            let target = format!("/runCase?case={case}&agent=rtwire");
            let ended = tokio::time::timeout(LONG, echo_until_the_end(&autobahn, &target)).await;
            ended.unwrap_or_else(|_| panic!("case {case} does not end"));
        }
        echo_until_the_end(&autobahn, "/updateReports?agent=rtwire").await;
    });
    assert_eq!(autobahn.line(), all_as_they_should_be());
    autobahn.finish();
}

/// Every case breaks the connection off in its own way; what of that was right is for Autobahn to say.
async fn echo_until_the_end(server: &Server, target: &str) {
    let tcp = TcpStream::connect(server.address()).await.unwrap();
    let host = server.address().to_string();
    let request = Request::new(&host, target, rtwire_tokio::random_key().unwrap()).unwrap();
    let limits = Limits::default()
        .max_frame(MAX_MESSAGE)
        .max_message(MAX_MESSAGE)
        .max_fragments(MAX_FRAGMENTS);
    let (mut ws, _): (WebSocket<_>, _) =
        rtwire_tokio::connect(tcp, &request, limits).await.unwrap();
    while let Some(Ok(message)) = ws.next().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
}
