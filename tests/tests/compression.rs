//! What compression may cost a server, and the example of it.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use rtwire_tests::{LONG, Process, Server, programs};
use rtwire_tokio::WebSocket;
use rtwire_websocket::handshake::Request;
use rtwire_websocket::permessage_deflate::Config;
use rtwire_websocket::{CloseCode, CloseReason, Limits};
use tokio::net::TcpStream;

const MIB: usize = 1 << 20;

async fn open(server: &Server) -> WebSocket<TcpStream> {
    let tcp = TcpStream::connect(server.address()).await.unwrap();
    let key = rtwire_tokio::random_key().unwrap();
    let request = Request::new(&server.address().to_string(), "/", key).unwrap();
    let request = request.with_deflate(Config::default());
    let (ws, response) = rtwire_tokio::connect(tcp, &request, Limits::default()).await.unwrap();
    assert!(response.deflate().is_some());
    ws
}

/// 64 MiB of zeros, in 64 KiB.
#[test]
fn rfc_6455_s10_4_a_bomb_costs_a_server_its_limit_and_no_more() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (limit, fits) in [(64 * MIB, true), (64 * MIB - 1, false), (48 * MIB, false)] {
        let server = Server::example("echo", &["--deflate", "--max-message", &limit.to_string()]);
        // What it takes to compress and inflate at all is there before.
        runtime.block_on(async {
            let mut ws = open(&server).await;
            ws.send(vec![0; 10_000]).await.unwrap();
            assert_eq!(ws.next().await.unwrap().unwrap().len(), 10_000);
            ws.close(CloseReason::new(CloseCode::NORMAL)).await.unwrap();
        });
        let before = server.peak_resident_bytes();
        let bomb = async {
            let mut ws = open(&server).await;
            ws.send(vec![0; 64 * MIB]).await.unwrap();
            if fits {
                let echo = ws.next().await.unwrap().unwrap();
                assert!(echo.len() == 64 * MIB && echo.as_bytes().iter().all(|byte| *byte == 0));
            } else {
                assert!(ws.next().await.is_none());
                assert_eq!(ws.close_reason().unwrap().code, CloseCode::MESSAGE_TOO_BIG);
            }
        };
        runtime.block_on(async { tokio::time::timeout(LONG, bomb).await.unwrap() });
        if let (Some(before), Some(peak)) = (before, server.peak_resident_bytes()) {
            let cost = usize::try_from(peak - before).unwrap();
            assert!(cost < limit + MIB, "{cost} bytes for a limit of {limit}");
        }
    }
}

#[test]
fn the_example_sends_compressed_prices() {
    let server = Server::example("websocket_compression", &[]);
    let mut client = programs::example("websocket_compression");
    client.args(["--listen-to", &server.address().to_string()]);
    let mut client = Process::start(client);
    let agreed = client.line_after("agreed:");
    assert_eq!(
        agreed,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    );
    assert!(client.line().ends_with(" bytes"));
}
