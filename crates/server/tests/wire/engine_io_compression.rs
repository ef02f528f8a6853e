//! Compression of what Engine.IO sends: over polling by content codings (RFC 9110 §8.4), on a WebSocket by
//! permessage-deflate (RFC 7692).

use rtwire_server::{
    CompressionConfig, Endpoints, EngineIo, EngineIoLimits, EngineIoSendError, EngineIoSocket,
    OriginPolicy, Socket, SocketIo,
};
use rtwire_tokio::WebSocket;
use rtwire_websocket::handshake::{Request, Response};
use rtwire_websocket::{CloseCode, Limits};
use tokio::net::TcpStream;
use zlib_rs::{InflateConfig, ReturnCode, decompress_slice};

use crate::engine_io_peer::{Polling, close_code, text};
use crate::peer::{Running, field, get, soon, start, status};

const PATH: &str = "/engine.io/";

async fn echo(mut socket: EngineIoSocket) -> Result<(), EngineIoSendError> {
    while let Some(message) = socket.next().await {
        socket.send(message).await?;
    }
    Ok(())
}

fn app(engine_io: EngineIo) -> Endpoints {
    Endpoints::new().engine_io(engine_io.allow_eio3(true)).origin_policy(OriginPolicy::any())
}

/// The head and the body of what a GET of an echo of `payload` brings.
async fn answer(polling: &Polling<'_>, server: &Running, fields: &str, payload: &str) -> Answer {
    polling.send(payload).await;
    ask(server, &get(polling.target(), fields)).await
}

struct Answer {
    head: String,
    body: Vec<u8>,
}

async fn ask(server: &Running, request: &str) -> Answer {
    let mut peer = server.peer().await;
    peer.send(request).await;
    let head = peer.head().await;
    assert_eq!(status(&head), 200, "{head}");
    let length = field(&head, "content-length").unwrap().parse().unwrap();
    let body = peer.bytes(length).await;
    Answer { head, body }
}

impl Answer {
    /// Undoes a coding: 31 is gzip, 15 deflate.
    fn inflated(&self, window_bits: i32) -> Vec<u8> {
        let mut inflated = vec![0; 1 << 20];
        let config = InflateConfig { window_bits };
        let (inflated, outcome) = decompress_slice(&mut inflated, &self.body, config);
        assert_eq!(outcome, ReturnCode::Ok);
        inflated.to_vec()
    }

    fn coding(&self) -> Option<&str> {
        field(&self.head, "content-encoding")
    }
}

#[tokio::test]
async fn polling_answers_are_coded_from_the_threshold_on() {
    let threshold = 1024;
    let server = start(app(EngineIo::new(echo).http_compression(threshold))).await;
    let polling = Polling::open(&server, PATH).await;
    let fields = "Accept-Encoding: gzip, deflate, br\r\n";
    for (length, coding) in
        [(threshold - 1, None), (threshold, Some("gzip")), (threshold + 1, Some("gzip"))]
    {
        let payload = format!("4{}", "x".repeat(length - 1));
        let answer = answer(&polling, &server, fields, &payload).await;
        assert_eq!(answer.coding(), coding, "{length}");
        assert_eq!(field(&answer.head, "vary"), Some("Accept-Encoding"));
        assert_eq!(field(&answer.head, "content-type"), Some("text/plain; charset=UTF-8"));
        let body = match coding {
            Some(_) => answer.inflated(31),
            None => answer.body,
        };
        assert_eq!(body, payload.as_bytes());
    }
}

#[tokio::test]
async fn polling_answers_have_the_coding_that_the_client_prefers() {
    let server = start(app(EngineIo::new(echo).http_compression(0))).await;
    let polling = Polling::open(&server, PATH).await;
    let payload = format!("4{}", "€".repeat(1000));
    for (fields, coding, window_bits) in [
        ("Accept-Encoding: gzip\r\n", Some("gzip"), 31),
        ("Accept-Encoding: deflate\r\n", Some("deflate"), 15),
        ("Accept-Encoding: gzip;q=0.1, deflate;q=0.2\r\n", Some("deflate"), 15),
        ("Accept-Encoding: br\r\n", None, 0),
        ("Accept-Encoding: gzip;q=0\r\n", None, 0),
        ("", None, 0),
    ] {
        let answer = answer(&polling, &server, fields, &payload).await;
        assert_eq!(answer.coding(), coding, "{fields}");
        match coding {
            Some(_) => assert_eq!(answer.inflated(window_bits), payload.as_bytes()),
            None => assert_eq!(answer.body, payload.as_bytes()),
        }
    }
    // What gets no shorter stays as it is, from a threshold of nothing on.
    let answer = answer(&polling, &server, "Accept-Encoding: gzip\r\n", "4").await;
    assert_eq!((answer.coding(), &answer.body[..]), (None, &b"4"[..]));
    // CORS has its own to say.
    let fields = "Accept-Encoding: gzip\r\nOrigin: https://example.com\r\n";
    let answer = self::answer(&polling, &server, fields, &payload).await;
    assert_eq!(answer.coding(), Some("gzip"));
    assert_eq!(field(&answer.head, "access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn polling_scripts_and_binary_payloads_are_coded_too() {
    let server = start(app(EngineIo::new(echo).http_compression(1024))).await;
    let fields = "Accept-Encoding: gzip\r\n";
    for (query, sent, content_type, expected) in [
        (
            "EIO=4&transport=polling&j=0",
            format!("d=4{}", "x".repeat(2000)),
            "text/javascript; charset=UTF-8",
            format!(r#"___eio[0]("4{}");"#, "x".repeat(2000)).into_bytes(),
        ),
        (
            "EIO=3&transport=polling",
            format!("2666:b4{}", "AAAA".repeat(666)),
            "application/octet-stream",
            [&b"\x01\x01\x09\x09\x09\xff\x04"[..], &[0; 1998]].concat(),
        ),
    ] {
        let target = format!("{PATH}?{query}");
        let open = ask(&server, &get(&target, "")).await;
        let open = String::from_utf8(open.body).unwrap();
        let mut parts = open.split('"').map(|part| part.trim_end_matches('\\'));
        let sid = parts.find(|part| part.len() == 20).unwrap();
        let target = format!("{target}&sid={sid}");
        let post = crate::peer::post(&target, "", &sent);
        assert_eq!(status(&server.ask(&post).await), 200);
        let answer = ask(&server, &get(&target, fields)).await;
        assert_eq!(answer.coding(), Some("gzip"));
        assert_eq!(field(&answer.head, "content-type"), Some(content_type));
        assert_eq!(answer.inflated(31), expected);
    }
}

#[tokio::test]
async fn nothing_is_compressed_unless_it_is_asked_for() {
    let server = start(app(EngineIo::new(echo))).await;
    let polling = Polling::open(&server, PATH).await;
    let payload = format!("4{}", "x".repeat(10_000));
    let answer = answer(&polling, &server, "Accept-Encoding: gzip\r\n", &payload).await;
    assert_eq!((answer.coding(), field(&answer.head, "vary")), (None, None));
    assert_eq!(answer.body, payload.as_bytes());
    let (_, answer) = websocket(&server, "").await;
    assert!(answer.deflate().is_none());
}

/// A WebSocket that offers compression.
async fn websocket(server: &Running, query: &str) -> (WebSocket<TcpStream>, Response) {
    websocket_on(server, &format!("{PATH}?EIO=4&transport=websocket{query}")).await
}

async fn websocket_on(server: &Running, target: &str) -> (WebSocket<TcpStream>, Response) {
    let tcp = soon(TcpStream::connect(server.address)).await.unwrap();
    let request = Request::new("localhost", target, rtwire_tokio::random_key().unwrap()).unwrap();
    let request = request.with_deflate(CompressionConfig::default());
    soon(rtwire_tokio::connect(tcp, &request, Limits::default())).await.unwrap()
}

#[tokio::test]
async fn websocket_messages_are_compressed_where_it_is_agreed() {
    let limit = 10_000;
    let limits = EngineIoLimits::default().max_payload(limit);
    let engine_io = EngineIo::new(echo).limits(limits).compression(CompressionConfig::default());
    let server = start(app(engine_io)).await;
    let polling = Polling::open(&server, PATH).await;
    let (mut upgraded, answer) = websocket(&server, &format!("&sid={}", polling.sid)).await;
    assert!(answer.deflate().is_some());
    upgraded.send("2probe").await.unwrap();
    assert_eq!(text(&mut upgraded).await, "3probe");
    upgraded.send("5").await.unwrap();
    let (mut opened, answer) = websocket(&server, "").await;
    assert!(answer.deflate().is_some());
    assert!(text(&mut opened).await.starts_with("0{"));
    for mut socket in [upgraded, opened] {
        // It is the inflated message that counts.
        for length in [limit - 1, limit] {
            let message = format!("4{}", "x".repeat(length - 1));
            socket.send(message.as_str()).await.unwrap();
            assert_eq!(text(&mut socket).await, message);
        }
        socket.send(format!("4{}", "x".repeat(limit))).await.unwrap();
        assert_eq!(close_code(socket).await, CloseCode::MESSAGE_TOO_BIG);
    }

    // Who offers none gets none.
    let socket = crate::engine_io_peer::websocket(&server, PATH, "").await;
    assert!(text(&mut socket.unwrap()).await.starts_with("0{"));
}

#[tokio::test]
async fn socket_io_has_the_same() {
    let io = SocketIo::new().compression(CompressionConfig::default()).http_compression(1024);
    io.of("/", |ns| {
        ns.on_connect(async |socket: Socket| socket.emit("greeting", &"x".repeat(2000)))
    });
    let server = start(Endpoints::new().socket_io(io)).await;
    let polling = Polling::open(&server, "/socket.io/").await;
    let answer = answer(&polling, &server, "Accept-Encoding: gzip\r\n", "40").await;
    assert_eq!(answer.coding(), Some("gzip"));
    assert!(answer.inflated(31).starts_with(b"40{\"sid\":"));
    let (_, answer) = websocket_on(&server, "/socket.io/?EIO=4&transport=websocket").await;
    assert!(answer.deflate().is_some());
}
