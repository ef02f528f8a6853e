//! Autobahn's cases: 247 of the protocol, 54 of large and many messages (its section 9), and 36 of its 216 of
//! compression (12, 13), at the example `echo` and at the driver of rtwire-tokio. `cargo xtask autobahn` runs
//! all 517.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::time::Duration;

use rtwire_tests::{LONG, Process, Server, foreign};
use rtwire_tokio::WebSocket;
use rtwire_websocket::Limits;
use rtwire_websocket::handshake::Request;
use rtwire_websocket::permessage_deflate::Config;
use tokio::net::TcpStream;

/// What to run: patterns for kosoku, how many cases they are, and how many of these, at the end, are 13.*. Of
/// compression, each kind of message and each offer, with the shortest messages and longer ones.
fn cases() -> (String, usize, usize) {
    if std::env::var_os("RTWIRE_AUTOBAHN_ALL").is_some() {
        return ("*".to_owned(), 517, 7 * 18);
    }
    let kinds = (1..=5).map(|kind| format!("12.{kind}")).chain((1..=7).map(|n| format!("13.{n}")));
    let some = kinds.flat_map(|kind| [1, 3, 11].map(|case| format!(",{kind}.{case}")));
    let others = "1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*";
    (others.to_owned() + &some.collect::<String>(), 301 + 36, 7 * 3)
}

/// 9.1 has messages of 16 MiB, 9.3.1 one of 65 536 fragments.
const MAX_MESSAGE: u64 = 16 << 20;
const MAX_FRAGMENTS: u32 = 65_536;

/// For all cases on the server together.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

fn all_as_they_should_be(count: usize) -> String {
    format!("{count} cases, of which {count} as they should be")
}

#[test]
#[ignore = "needs Python"]
fn autobahn_finds_nothing_in_our_server() {
    let (cases, count, _) = cases();
    let server = Server::example("echo", &["--deflate"]);
    let address = server.address().to_string();
    let mut autobahn =
        Process::start(foreign::python("autobahn.py", &["server", &address, &cases]));
    assert_eq!(autobahn.line_within(PATIENCE), Some(all_as_they_should_be(count)));
    autobahn.finish();
}

#[test]
#[ignore = "needs Python"]
fn autobahn_finds_nothing_in_our_client() {
    let (cases, count, of_offers) = cases();
    let mut autobahn = Server::start(foreign::python("autobahn.py", &["client", &cases]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for case in 1..=count {
            let target = format!("/runCase?case={case}&agent=rtwire");
            // Some of 13.* are for clients that offer to take no context over.
            let takeover = case <= count - of_offers;
            let ended = echo_until_the_end(&autobahn, &target, takeover);
            let ended = tokio::time::timeout(LONG, ended).await;
            ended.unwrap_or_else(|_| panic!("case {case} does not end"));
        }
        echo_until_the_end(&autobahn, "/updateReports?agent=rtwire", true).await;
    });
    assert_eq!(autobahn.line(), all_as_they_should_be(count));
    autobahn.finish();
}

/// Every case breaks the connection off in its own way; what of that was right is for Autobahn to say.
async fn echo_until_the_end(server: &Server, target: &str, takeover: bool) {
    let tcp = TcpStream::connect(server.address()).await.unwrap();
    let host = server.address().to_string();
    let config = Config::default()
        .server_no_context_takeover(false)
        .client_no_context_takeover(!takeover)
        .threshold(0);
    let request = Request::new(&host, target, rtwire_tokio::random_key().unwrap()).unwrap();
    let request = request.with_deflate(config);
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
