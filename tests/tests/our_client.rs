//! The driver of rtwire-tokio as a client of servers that others wrote.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::time::Duration;

use rtwire_tests::{LONG, Server};
use rtwire_tokio::WebSocket;
use rtwire_websocket::handshake::{Request, Response};
use rtwire_websocket::permessage_deflate::{Config, WindowBits};
use rtwire_websocket::{CloseCode, CloseReason, Limits, Message, Part};
use tokio::net::TcpStream;

const MIB: usize = 1 << 20;

/// Runs a test of each server against it, as `SERVER_NAME`.
macro_rules! against_each_server {
    ($($name:ident),* $(,)?) => {
        mod node_ws_server {
            $(#[test]
            #[ignore = "needs Node"]
            fn $name() {
                super::block_on(super::$name(super::Server::node_ws()));
            })*
        }

        mod python_websockets_server {
            $(#[test]
            #[ignore = "needs Python"]
            fn $name() {
                super::block_on(super::$name(super::Server::python_websockets()));
            })*
        }
    };
}

against_each_server! {
    echoes_text_binary_and_empty_messages,
    echoes_1_mib,
    streams_a_message_in_fragments_and_parts,
    sends_fragments_with_a_ping_between,
    closes_with_its_own_code,
    sees_our_close_code,
    answers_our_ping,
    sees_our_answer_to_its_ping,
    sends_up_to_our_limit,
    is_closed_with_1007_for_text_that_is_not_utf_8,
    closes_with_1009_what_is_over_its_limit,
    chooses_a_subprotocol,
    compresses_as_it_was_agreed,
    is_refused_what_inflates_over_our_limit,
}

fn block_on(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LONG, test).await.expect("it hangs") });
}

type Client = WebSocket<TcpStream>;

async fn open_with(
    server: &Server,
    path: &str,
    limits: Limits,
    ask: impl FnOnce(Request) -> Request,
) -> (Client, Response) {
    let tcp = TcpStream::connect(server.address()).await.unwrap();
    let key = rtwire_tokio::random_key().unwrap();
    let request = Request::new(&server.address().to_string(), path, key).unwrap();
    rtwire_tokio::connect(tcp, &ask(request), limits).await.unwrap()
}

async fn open(server: &Server, path: &str) -> Client {
    open_with(server, path, Limits::default(), |request| request).await.0
}

async fn next(ws: &mut Client) -> Message {
    ws.next().await.expect("no message").unwrap()
}

async fn echoed(ws: &mut Client, message: impl Into<Message>) {
    let message = message.into();
    ws.send(message.clone()).await.unwrap();
    assert!(next(ws).await == message, "an echo of {} bytes differs", message.len());
}

async fn echoes_text_binary_and_empty_messages(server: Server) {
    let mut ws = open(&server, "/echo").await;
    for text in ["", "plain", "two: é, three: €, four: 😀, none: \0"] {
        echoed(&mut ws, text).await;
    }
    // Both sides of each length's form (RFC 6455 §5.2).
    for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
        echoed(&mut ws, vec![7; length]).await;
    }
    ws.close(CloseReason::new(CloseCode::NORMAL)).await.unwrap();
}

async fn echoes_1_mib(server: Server) {
    let mut ws = open(&server, "/echo").await;
    echoed(&mut ws, "é".repeat(MIB / 2)).await;
    let bytes: Vec<u8> = (0..=255).cycle().take(MIB).collect();
    echoed(&mut ws, bytes).await;
}

/// 1.5 MiB of text and of bytes, of which no end of ours holds more than a piece.
async fn streams_a_message_in_fragments_and_parts(server: Server) {
    let limits = Limits::default().max_output(1);
    let (mut writer, mut reader) =
        open_with(&server, "/echo", limits, |request| request).await.0.split();
    for (is_text, block) in [(true, "é€😀 ".repeat(1000)), (false, "bytes".repeat(2000))] {
        let pieces = MIB * 3 / 2 / block.len();
        let piece = |size| {
            if is_text {
                Message::from(&block[..size])
            } else {
                block.as_bytes()[..size].to_vec().into()
            }
        };
        let send = async {
            for _ in 0..pieces {
                writer.feed_fragment(piece(block.len()), false).await.unwrap();
                writer.ping(b"between").ok();
            }
            writer.feed_fragment(piece(0), true).await.unwrap();
            writer.flush().await.unwrap();
        };
        let receive = async {
            let expected = block.repeat(pieces);
            let mut rest = expected.as_bytes();
            loop {
                let (part, fin) = match reader.next_part().await.unwrap().unwrap() {
                    Part::Text { text, fin } if is_text => (text.into_owned().into_bytes(), fin),
                    Part::Binary { bytes, fin } if !is_text => (bytes.into_owned(), fin),
                    part => panic!("{part:?}"),
                };
                assert!(rest.starts_with(&part), "at {}", expected.len() - rest.len());
                rest = &rest[part.len()..];
                if fin {
                    return assert!(rest.is_empty(), "{} are missing", rest.len());
                }
            }
        };
        tokio::join!(send, receive);
    }
}

async fn sends_fragments_with_a_ping_between(mut server: Server) {
    let mut ws = open(&server, "/fragments").await;
    assert_eq!(next(&mut ws).await, Message::from("cut inside of €"));
    ws.close(CloseReason::new(CloseCode::NORMAL)).await.unwrap();
    assert_eq!(server.line_after("closed"), "1000");
}

async fn closes_with_its_own_code(server: Server) {
    let mut ws = open(&server, "/close").await;
    assert!(ws.next().await.is_none());
    let reason = CloseReason { code: CloseCode::new(4002), reason: "enough".into() };
    assert_eq!(ws.close_reason(), Some(&reason));
}

async fn sees_our_close_code(mut server: Server) {
    let mut ws = open(&server, "/echo").await;
    let bye = CloseReason { code: CloseCode::new(4001), reason: "bye".into() };
    ws.close(bye).await.unwrap();
    assert_eq!(server.line_after("closed"), "4001 bye");
    assert_eq!(ws.close_reason().unwrap().code, CloseCode::new(4001));
}

async fn answers_our_ping(server: Server) {
    // Only a Pong keeps this connection: nobody sends a message.
    let limits = Limits::default()
        .ping_interval(Some(Duration::from_millis(50)))
        .pong_timeout(Duration::from_millis(1500));
    let (mut ws, _) = open_with(&server, "/echo", limits, |request| request).await;
    ws.ping(b"are you there?").unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(3), ws.next()).await;
    assert!(waited.is_err(), "it ended with {waited:?}");
    echoed(&mut ws, "still here").await;
}

async fn sees_our_answer_to_its_ping(server: Server) {
    let mut ws = open(&server, "/ping").await;
    assert_eq!(next(&mut ws).await, Message::from("are you there?"));
}

async fn sends_up_to_our_limit(mut server: Server) {
    for (size, fits) in [(999, true), (1000, true), (1001, false)] {
        let path = format!("/binary?size={size}");
        let limits = Limits::default().max_message(1000);
        let (mut ws, _) = open_with(&server, &path, limits, |request| request).await;
        if fits {
            assert_eq!(next(&mut ws).await.len(), size);
            ws.close(CloseReason::new(CloseCode::NORMAL)).await.unwrap();
            assert_eq!(server.line_after("closed"), "1000");
        } else {
            refused(&mut ws, CloseCode::MESSAGE_TOO_BIG).await;
            assert!(server.line_after("closed").starts_with("1009"));
        }
    }
}

async fn is_closed_with_1007_for_text_that_is_not_utf_8(mut server: Server) {
    let mut ws = open(&server, "/invalid-utf-8").await;
    refused(&mut ws, CloseCode::INVALID_PAYLOAD).await;
    assert!(server.line_after("closed").starts_with("1007"));
}

/// The next message breaks a rule, and is the last.
async fn refused(ws: &mut Client, code: CloseCode) {
    match ws.next().await {
        Some(Err(rtwire_tokio::Error::Protocol(error))) => {
            assert_eq!(error.rule().close_code(), code, "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(ws.next().await.is_none());
}

async fn closes_with_1009_what_is_over_its_limit(server: Server) {
    let mut ws = open(&server, "/echo").await;
    ws.send(vec![7; 2 * MIB + 1]).await.unwrap();
    assert!(ws.next().await.is_none());
    assert_eq!(ws.close_reason().unwrap().code, CloseCode::MESSAGE_TOO_BIG);
}

async fn chooses_a_subprotocol(server: Server) {
    let offer =
        |request: Request| request.with_protocol("first").unwrap().with_protocol("second").unwrap();
    let (mut ws, response) = open_with(&server, "/protocol", Limits::default(), offer).await;
    assert_eq!(response.protocol(), Some("second"));
    assert_eq!(next(&mut ws).await, Message::from("second"));
}

/// What each end compresses from 1 KiB on, with every kind of offer.
async fn compresses_as_it_was_agreed(server: Server) {
    let all = Config::default();
    let takeover = all.server_no_context_takeover(false).client_no_context_takeover(false);
    let nine = WindowBits::new(9).unwrap();
    for config in [
        all,
        takeover,
        takeover.server_no_context_takeover(true).threshold(0),
        takeover.client_no_context_takeover(true).level(9),
        takeover.server_max_window_bits(nine).client_max_window_bits(nine).level(1),
    ] {
        let offer = |request: Request| request.with_deflate(config);
        let (mut ws, response) = open_with(&server, "/echo", Limits::default(), offer).await;
        let params = response.deflate().expect("it agrees").params;
        assert_eq!(params.server_no_context_takeover, config.server_no_context_takeover);
        for text in ["", "plain", &"well, é, € and 😀. ".repeat(3000), &"é".repeat(MIB / 2)] {
            echoed(&mut ws, text).await;
            echoed(&mut ws, text).await;
        }
        for length in [0, 1, 125, 126, 1023, 1024, 65_535, 65_536, MIB] {
            echoed(&mut ws, vec![7; length]).await;
        }
        // Fragments, and parts.
        for at in 0..100 {
            ws.feed_fragment(format!("piece {at} "), at == 99).await.unwrap();
        }
        ws.flush().await.unwrap();
        let mut text = String::new();
        loop {
            let Part::Text { text: part, fin } = ws.next_part().await.unwrap().unwrap() else {
                panic!("no text");
            };
            text.push_str(&part);
            if fin {
                break;
            }
        }
        assert_eq!(text, (0..100).map(|at| format!("piece {at} ")).collect::<String>());
        echoed(&mut ws, "whole again ".repeat(200)).await;
        ws.close(CloseReason::new(CloseCode::NORMAL)).await.unwrap();
    }
}

async fn is_refused_what_inflates_over_our_limit(mut server: Server) {
    for (size, fits) in [(99_999, true), (100_000, true), (100_001, false)] {
        let path = format!("/binary?size={size}");
        let limits = Limits::default().max_message(100_000);
        let offer = |request: Request| request.with_deflate(Config::default());
        let (mut ws, _) = open_with(&server, &path, limits, offer).await;
        if fits {
            assert_eq!(next(&mut ws).await, Message::from(vec![7; size]));
            ws.close(CloseReason::new(CloseCode::NORMAL)).await.unwrap();
            assert_eq!(server.line_after("closed"), "1000");
        } else {
            refused(&mut ws, CloseCode::MESSAGE_TOO_BIG).await;
            assert!(server.line_after("closed").starts_with("1009"));
        }
    }
}

#[test]
#[ignore = "needs Python"]
fn python_server_of_the_article_answers_as_it_was_written_and_as_it_is_today() {
    for server in [Server::article_then(), Server::article_now()] {
        block_on(async move {
            let mut ws = open(&server, "/").await;
            for text in ["Hello Server!", "", "€ and 😀"] {
                ws.send(text).await.unwrap();
                assert_eq!(next(&mut ws).await, Message::from(format!("You said: {text}")));
            }
            ws.close(CloseReason::new(CloseCode::NORMAL)).await.unwrap();
        });
    }
}
