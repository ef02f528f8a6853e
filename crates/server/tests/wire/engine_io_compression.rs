//! Compression of what Engine.IO sends: over polling by content codings (RFC 9110 §8.4), on a WebSocket by
//! permessage-deflate (RFC 7692).

use rtwire_server::adapter::{InMemoryAdapter, Recovery};
use rtwire_server::{
    Ack, Binary, CompressionConfig, Endpoints, EngineIo, EngineIoLimits, EngineIoMessage,
    EngineIoPreparedMessage, EngineIoSendError, EngineIoSocket, OriginPolicy, Socket, SocketIo,
};
use rtwire_tokio::WebSocket;
use rtwire_websocket::handshake::{Request, Response};
use rtwire_websocket::{CloseCode, Limits, Message};
use tokio::net::TcpStream;
use zlib_rs::{InflateConfig, ReturnCode, decompress_slice};

use crate::cluster::Bus;
use crate::engine_io_peer::{Polling, close_code, text};
use crate::peer::{Peer, Running, field, get, soon, start, status, upgrade};

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

/// A WebSocket that offers compression, of which the frames are seen as they are.
async fn raw(server: &Running, path: &str) -> Peer {
    let mut peer = server.peer().await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    peer.send(upgrade(&format!("{path}?EIO=4&transport=websocket"), offer)).await;
    let head = peer.head().await;
    assert!(field(&head, "sec-websocket-extensions").is_some(), "{head}");
    peer
}

/// Whether the next message is compressed (RFC 7692 §6: RSV1), and its length.
async fn frame(peer: &mut Peer) -> (bool, usize) {
    let [first, len] = peer.bytes(2).await[..] else { panic!() };
    let len = match len {
        126 => {
            let [high, low] = peer.bytes(2).await[..] else { panic!() };
            usize::from(u16::from_be_bytes([high, low]))
        }
        len => usize::from(len),
    };
    peer.bytes(len).await;
    (first & 0x40 != 0, len)
}

/// Masked with nothing.
async fn send(peer: &mut Peer, text: &str) {
    let header = [0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    peer.send([&header, text.as_bytes()].concat()).await;
}

/// Compressed, or not.
const YES: bool = true;
const NO: bool = false;

/// So long that it would be compressed.
fn long() -> String {
    "x".repeat(2000)
}

async fn expect(peer: &mut Peer, expected: &[bool]) {
    for (index, &compressed) in expected.iter().enumerate() {
        let (rsv1, len) = frame(peer).await;
        assert_eq!((rsv1, len < 2000), (compressed, compressed), "message {index}, {len} bytes");
    }
}

/// With and without context takeover.
fn both() -> [CompressionConfig; 2] {
    let takeover = CompressionConfig::default()
        .server_no_context_takeover(false)
        .client_no_context_takeover(false);
    [CompressionConfig::default(), takeover]
}

#[tokio::test]
async fn a_message_is_compressed_unless_it_is_said_otherwise() {
    async fn handler(mut socket: EngineIoSocket) -> Result<(), EngineIoSendError> {
        let quiet = EngineIoPreparedMessage::new(long()).compress(false);
        let quiet_bytes = EngineIoPreparedMessage::new(long().into_bytes()).compress(false);
        socket.send(long()).await?;
        socket.send(quiet.clone()).await?;
        socket.try_send(quiet.clone())?;
        socket.try_send(long())?;
        socket.send(quiet_bytes).await?;
        socket.send(long().into_bytes()).await?;
        socket.send(quiet.compress(true)).await?;
        socket.next().await;
        Ok(())
    }
    for config in both() {
        let server = start(app(EngineIo::new(handler).compression(config))).await;
        let mut peer = raw(&server, PATH).await;
        frame(&mut peer).await; // the open packet
        expect(&mut peer, &[YES, NO, NO, YES, NO, YES, YES]).await;

        // Each arrives whole, whatever came before it.
        let (mut socket, _) = websocket(&server, "").await;
        assert!(text(&mut socket).await.starts_with("0{"));
        for is_text in [true, true, true, true, false, false, true] {
            let message = soon(socket.next()).await.unwrap().unwrap();
            let expected = if is_text {
                Message::from(format!("4{}", long()))
            } else {
                Message::from(long().into_bytes())
            };
            assert_eq!(message, expected);
        }
    }
}

#[tokio::test]
async fn a_polling_answer_is_compressed_for_the_sake_of_one_message() {
    async fn answer_as_asked(mut socket: EngineIoSocket) -> Result<(), EngineIoSendError> {
        while let Some(EngineIoMessage::Text(asked)) = socket.next().await {
            for wish in asked.chars() {
                let message = EngineIoPreparedMessage::new(long()).compress(wish == 'y');
                socket.send(message).await?;
            }
        }
        Ok(())
    }
    let server = start(app(EngineIo::new(answer_as_asked).http_compression(1024))).await;
    let polling = Polling::open(&server, PATH).await;
    for (wishes, coding) in [
        ("y", Some("gzip")),
        ("n", None),
        ("nn", None),
        ("nyn", Some("gzip")),
        ("yn", Some("gzip")),
    ] {
        let fields = "Accept-Encoding: gzip\r\n";
        let answer = answer(&polling, &server, fields, &format!("4{wishes}")).await;
        assert_eq!(answer.coding(), coding, "{wishes}");
        assert_eq!(field(&answer.head, "vary"), Some("Accept-Encoding"));
        let expected = vec![format!("4{}", long()); wishes.len()].join("\x1e");
        let body = if coding.is_some() { answer.inflated(31) } else { answer.body };
        assert_eq!(body, expected.as_bytes(), "{wishes}");
    }
}

#[tokio::test]
async fn an_event_is_compressed_unless_it_is_said_otherwise() {
    let adapters: [fn() -> SocketIo; 2] = [SocketIo::new, || {
        SocketIo::with_adapter(InMemoryAdapter::with_recovery(Recovery::default()))
    }];
    // In the second place events wait for room.
    for (max_queue, config) in [1 << 20, 1].into_iter().zip(both()) {
        for new in adapters {
            let limits = EngineIoLimits::default().max_queue(max_queue);
            let io = new().compression(config).engine_limits(limits);
            io.of("/", |ns| {
                ns.on_connect(async |socket: Socket| {
                    let quiet = socket.compress(false);
                    socket.emit("a", &long())?;
                    quiet.emit("a", &long())?;
                    socket.emit("a", &long())?;
                    // A text, and what it refers to.
                    quiet.emit("a", &(long(), Binary(long().into())))?;
                    drop(quiet.emit_with_ack::<()>("a", &long()));
                    socket.emit("a", &long())
                })
                .on("ask", async |socket: Socket, ack: Ack| {
                    socket.compress(false).emit("a", &long())?;
                    ack.send(&long())
                })
                .on("tell", async |socket: Socket| {
                    socket.broadcast().emit("a", &long())?;
                    socket.compress(false).broadcast().emit("a", &long())
                })
            });
            let server = start(Endpoints::new().socket_io(io.clone())).await;
            let mut peer = raw(&server, "/socket.io/").await;
            frame(&mut peer).await; // the open packet
            send(&mut peer, "40").await;
            frame(&mut peer).await; // its answer
            expect(&mut peer, &[YES, NO, YES, NO, NO, NO, YES]).await;

            let everybody = || io.namespace("/");
            everybody().emit("a", &long()).unwrap();
            everybody().compress(false).emit("a", &long()).unwrap();
            everybody().compress(false).emit("a", &(long(), Binary(long().into()))).unwrap();
            everybody().compress(false).compress(true).emit("a", &long()).unwrap();
            drop(everybody().compress(false).emit_with_ack::<()>("a", &long()));
            everybody().emit("a", &long()).unwrap();
            expect(&mut peer, &[YES, NO, NO, NO, YES, NO, YES]).await;

            send(&mut peer, r#"421["ask"]"#).await;
            expect(&mut peer, &[NO, YES]).await;

            let mut other = raw(&server, "/socket.io/").await;
            send(&mut other, "40").await;
            send(&mut other, r#"42["tell"]"#).await;
            expect(&mut peer, &[YES, NO]).await;
        }
    }
}

#[tokio::test]
async fn an_event_of_another_node_is_compressed_as_it_is_said_there() {
    let bus = Bus::default();
    let [here, there] = [bus.node(), bus.node()].map(|node| {
        let io = SocketIo::with_adapter(node).compression(CompressionConfig::default());
        io.of("/", |ns| ns);
        io
    });
    let server = start(Endpoints::new().socket_io(here)).await;
    let mut peer = raw(&server, "/socket.io/").await;
    frame(&mut peer).await; // the open packet
    send(&mut peer, "40").await;
    frame(&mut peer).await; // its answer
    there.emit("a", &long()).unwrap();
    there.namespace("/").compress(false).emit("a", &long()).unwrap();
    there.emit("a", &long()).unwrap();
    expect(&mut peer, &[YES, NO, YES]).await;
}
