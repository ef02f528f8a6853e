//! Engine.IO 4, in the order of its headings.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rtwire_server::{
    CloseCode, Endpoints, EngineIo, EngineIoLimits, EngineIoSendError, EngineIoSocket,
    EngineIoTransport, Limits, Message, OriginPolicy, SocketIo,
};
use rtwire_tokio::WebSocket;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::engine_io_peer::{self, Polling, body, close_code, most_in_a_turn, text};
use crate::peer::{Peer, Running, field, get, post, soon, start, status, upgrade};

const PATH: &str = "/engine.io/";
const UNKNOWN_TRANSPORT: &str = r#"{"code":0,"message":"Transport unknown"}"#;
const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;

async fn echo(mut socket: EngineIoSocket) -> Result<(), EngineIoSendError> {
    while let Some(message) = socket.next().await {
        socket.send(message).await?;
    }
    Ok(())
}

async fn echo_with(limits: EngineIoLimits) -> Running {
    start(Endpoints::new().engine_io(EngineIo::new(echo).limits(limits))).await
}

/// An echo that tells why each session ended.
async fn told(limits: EngineIoLimits) -> (Running, mpsc::UnboundedReceiver<String>) {
    let (tell, reasons) = mpsc::unbounded_channel();
    let handler = move |mut socket: EngineIoSocket| {
        let tell = tell.clone();
        async move {
            while let Some(message) = socket.next().await {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
            while socket.next().await.is_some() {}
            let reason = socket.close_reason().map(|reason| reason.to_string());
            // The test may be over.
            drop(tell.send(reason.unwrap_or_default()));
        }
    };
    (start(Endpoints::new().engine_io(EngineIo::new(handler).limits(limits))).await, reasons)
}

async fn websocket(server: &Running, query: &str) -> WebSocket<TcpStream> {
    engine_io_peer::websocket(server, PATH, query).await.unwrap()
}

#[tokio::test]
async fn handshake_the_open_packet_has_exactly_five_keys() {
    let limits = EngineIoLimits::default()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(200));
    let server = echo_with(limits).await;
    let answer = server.ask(&get("/engine.io/?EIO=4&transport=polling&t=abc", "")).await;
    assert_eq!(status(&answer), 200);
    assert_eq!(field(&answer, "content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(field(&answer, "cache-control"), Some("no-store"));
    let sid = body(&answer).split('"').nth(3).unwrap();
    assert_eq!(
        body(&answer),
        format!(
            r#"0{{"sid":"{sid}","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}}"#
        )
    );
    assert!(
        sid.len() == 20 && sid.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    );

    let mut socket = websocket(&server, "").await;
    let open = text(&mut socket).await;
    assert!(open.starts_with(r#"0{"sid":""#), "{open}");
    assert!(
        open.ends_with(
            r#"","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#
        ),
        "{open}"
    );
}

#[tokio::test]
async fn handshake_with_and_without_a_slash_at_the_end() {
    let echo = || EngineIo::new(echo);
    let app = Endpoints::new().engine_io(echo()).engine_io(echo().path("/a/b"));
    let server = start(app).await;
    for path in ["/engine.io/", "/engine.io", "/a/b/", "/a/b"] {
        Polling::open(&server, path).await;
    }
    let answer = server.ask(&get("/engine.io/c?EIO=4&transport=polling", "")).await;
    assert_eq!(status(&answer), 404);
}

#[tokio::test]
async fn handshake_refusals_have_the_reference_servers_numbers() {
    let server = echo_with(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    let sid = &polling.sid;
    let upgrade = |query: &str| upgrade(&format!("{PATH}?{query}"), "Connection: close\r\n");
    let get = |query: &str| get(&format!("{PATH}?{query}"), "");
    let post = |query: &str| post(&format!("{PATH}?{query}"), "", "4x");
    let other = |method: &str, query: &str| get(query).replacen("GET", method, 1);
    let method = r#"{"code":2,"message":"Bad handshake method"}"#;
    let version = r#"{"code":5,"message":"Unsupported protocol version"}"#;
    for (request, expected) in [
        (get("EIO=4"), UNKNOWN_TRANSPORT),
        (get("EIO=4&transport=flashsocket"), UNKNOWN_TRANSPORT),
        (get("transport=polling"), version),
        (get("EIO=3&transport=polling"), version),
        (get("EIO=99&transport=polling"), version),
        (upgrade("EIO=3&transport=websocket"), version),
        (get("EIO=4&transport=polling&sid=unknown"), UNKNOWN),
        (post("EIO=4&transport=polling&sid=unknown"), UNKNOWN),
        (upgrade("EIO=4&transport=websocket&sid=unknown"), UNKNOWN),
        (post("EIO=4&transport=polling"), method),
        (other("PUT", "EIO=4&transport=polling"), method),
        (other("PUT", &format!("EIO=4&transport=polling&sid={sid}")), BAD_REQUEST),
        (get("EIO=4&transport=websocket"), BAD_REQUEST),
        (get(&format!("EIO=4&transport=websocket&sid={sid}")), BAD_REQUEST),
        (upgrade("EIO=4&transport=polling"), BAD_REQUEST),
        (get(&format!("EIO=3&transport=polling&sid={sid}")), BAD_REQUEST),
        (get(&format!("EIO=4&transport=polling&sid={sid}&sid={sid}")), BAD_REQUEST),
    ] {
        let answer = server.ask(&request).await;
        assert_eq!((status(&answer), body(&answer)), (400, expected), "{request}");
        assert_eq!(field(&answer, "content-type"), Some("application/json"));
    }
    assert!(polling.is_open().await, "a refused request ends no session");
}

/// That comes before the session and the method, as in the reference server.
#[tokio::test]
async fn handshake_a_transport_that_is_not_allowed_is_unknown() {
    let on = |path: &str, transports: &[EngineIoTransport]| {
        EngineIo::new(echo).path(path).transports(transports.iter().copied())
    };
    let app = Endpoints::new()
        .engine_io(on("/websocket/", &[EngineIoTransport::WebSocket]))
        .engine_io(on("/polling/", &[EngineIoTransport::Polling]).allow_eio3(true))
        .engine_io(on("/none/", &[]));
    let server = start(app).await;
    let mut socket = engine_io_peer::websocket(&server, "/websocket/", "").await.unwrap();
    let open = text(&mut socket).await;
    assert!(open.contains(r#""upgrades":[]"#), "{open}");
    let on_websocket = open.split('"').nth(3).unwrap();
    let polling = Polling::open(&server, "/polling/").await;

    let get = |target: &str| get(&format!("/{target}"), "");
    let post = |target: &str| post(&format!("/{target}"), "", "4x");
    let upgrade = |target: &str| upgrade(&format!("/{target}"), "Connection: close\r\n");
    for request in [
        get("websocket/?EIO=4&transport=polling"),
        get("websocket/?EIO=3&transport=polling"),
        get("websocket/?EIO=4&transport=polling&sid=unknown"),
        get(&format!("websocket/?EIO=4&transport=polling&sid={on_websocket}")),
        post("websocket/?EIO=4&transport=polling"),
        post(&format!("websocket/?EIO=4&transport=polling&sid={on_websocket}")),
        upgrade("websocket/?EIO=4&transport=polling"),
        get("polling/?EIO=4&transport=websocket"),
        upgrade("polling/?EIO=4&transport=websocket"),
        upgrade("polling/?EIO=3&transport=websocket"),
        upgrade(&format!("polling/?EIO=4&transport=websocket&sid={}", polling.sid)),
        get("none/?EIO=4&transport=polling"),
        upgrade("none/?EIO=4&transport=websocket"),
    ] {
        let answer = server.ask(&request).await;
        assert_eq!((status(&answer), body(&answer)), (400, UNKNOWN_TRANSPORT), "{request}");
        assert_eq!(field(&answer, "content-type"), Some("application/json"));
    }
    for version in ["3", "4"] {
        let answer = server.ask(&get(&format!("polling/?EIO={version}&transport=polling"))).await;
        assert!(body(&answer).contains(r#","upgrades":[],"#), "{answer}");
    }

    polling.send("4over polling").await;
    assert_eq!(polling.poll().await, "4over polling");
    socket.send("4on a WebSocket").await.unwrap();
    assert_eq!(text(&mut socket).await, "4on a WebSocket");
}

#[tokio::test]
async fn handshake_socket_io_has_the_same_settings() {
    let websocket = SocketIo::new().transports([EngineIoTransport::WebSocket]).path("/websocket/");
    let stays = SocketIo::new().allow_upgrades(false).path("/stays/");
    let server = start(Endpoints::new().socket_io(websocket).socket_io(stays)).await;
    let answer = server.ask(&get("/websocket/?EIO=4&transport=polling", "")).await;
    assert_eq!((status(&answer), body(&answer)), (400, UNKNOWN_TRANSPORT));
    let mut socket = engine_io_peer::websocket(&server, "/websocket/", "").await.unwrap();
    assert!(text(&mut socket).await.starts_with("0{"));
    let answer = server.ask(&get("/stays/?EIO=4&transport=polling", "")).await;
    assert!(body(&answer).contains(r#","upgrades":[],"#), "{answer}");
}

#[tokio::test]
async fn handshake_another_sites_page_is_forbidden() {
    let policy = OriginPolicy::same_origin().allow("https://example.com").unwrap();
    let app = Endpoints::new().engine_io(EngineIo::new(echo)).origin_policy(policy);
    let server = start(app).await;
    let forbidden = r#"{"code":4,"message":"Forbidden"}"#;
    let path = "/engine.io/?EIO=4&transport=";
    let evil = "Origin: https://evil.example\r\n";
    let polling = server.ask(&get(&format!("{path}polling"), evil)).await;
    assert_eq!((status(&polling), body(&polling)), (403, forbidden));
    let evil = format!("{evil}Connection: close\r\n");
    let websocket = server.ask(&upgrade(&format!("{path}websocket"), &evil)).await;
    assert_eq!((status(&websocket), body(&websocket)), (403, forbidden));

    let listed = "Origin: https://example.com\r\n";
    let polling = server.ask(&get(&format!("{path}polling"), listed)).await;
    assert_eq!(status(&polling), 200);
    assert_eq!(field(&polling, "access-control-allow-origin"), Some("https://example.com"));
    assert_eq!(field(&polling, "access-control-allow-credentials"), Some("true"));
    let preflight = get(PATH, listed).replacen("GET", "OPTIONS", 1);
    let preflight = server.ask(&preflight).await;
    assert_eq!(status(&preflight), 204);
    assert_eq!(field(&preflight, "access-control-allow-methods"), Some("GET, POST, OPTIONS"));
}

#[tokio::test]
async fn handshake_sessions_over_their_limit_are_503() {
    let app = Endpoints::new().engine_io(EngineIo::new(echo).max_sessions(2));
    let server = start(app).await;
    let first = Polling::open(&server, PATH).await;
    let _second = websocket(&server, "").await;
    let handshake = get("/engine.io/?EIO=4&transport=polling", "");
    assert_eq!(status(&server.ask(&handshake).await), 503);
    let fields = "Connection: close\r\n";
    let third = upgrade("/engine.io/?EIO=4&transport=websocket", fields);
    assert_eq!(status(&server.ask(&third).await), 503);

    // One ends, and there is room again.
    first.send("1").await;
    while first.is_open().await {}
    Polling::open(&server, PATH).await;
}

#[tokio::test]
async fn polling_messages_come_back_in_order() {
    let server = echo_with(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    polling.send("4hello\x1e4€\x1ebAQIDBA==\x1e4").await;
    assert_eq!(polling.poll().await, "4hello\x1e4€\x1ebAQIDBA==\x1e4");

    let answer = polling.post("6").await;
    assert_eq!((status(&answer), body(&answer)), (200, "ok"));
    assert_eq!(field(&answer, "content-type"), Some("text/html"));
    assert_eq!(field(&answer, "cache-control"), Some("no-store"));

    // A GET that waits is answered when there is something to say.
    let mut waiting = polling.start_get().await;
    polling.send("4later").await;
    let answer = waiting.rest().await;
    assert_eq!((status(&answer), body(&answer)), (200, "4later"));
}

#[tokio::test]
async fn polling_two_gets_at_once_end_the_session() {
    let (server, mut reasons) = told(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    let mut first = polling.start_get().await;
    // The server must see the first one first.
    polling.send("6").await;
    let second = loop {
        let answer = polling.get().await;
        if status(&answer) == 400 {
            break answer;
        }
    };
    let _ = second;
    let first = first.rest().await;
    assert_eq!((status(&first), body(&first)), (200, "1"));
    assert_eq!(soon(reasons.recv()).await.unwrap(), "transport error");
    assert_eq!(body(&polling.get().await), UNKNOWN);
}

#[tokio::test]
async fn polling_two_posts_at_once_end_the_session() {
    let (server, mut reasons) = told(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    let mut first = server.peer().await;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        polling.target()
    );
    first.send(head).await;
    // The server reads the body of the first one now.
    first.until("100 Continue\r\n\r\n").await;
    let second = polling.post("4x").await;
    assert_eq!((status(&second), body(&second)), (400, BAD_REQUEST));
    assert_eq!(soon(reasons.recv()).await.unwrap(), "transport error");
    first.send("4x").await;
    assert_eq!(status(&first.head().await), 400);
}

#[tokio::test]
async fn polling_a_close_packet_answers_the_get_with_a_noop() {
    let (server, mut reasons) = told(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    let mut waiting = polling.start_get().await;
    polling.send("6").await;
    polling.send("4x").await;
    assert_eq!(body(&waiting.rest().await), "4x");
    let mut waiting = polling.start_get().await;
    polling.send("6").await;
    // The GET may come after the close: it then finds no session.
    polling.send("1").await;
    let answer = waiting.rest().await;
    assert!(["6", UNKNOWN].contains(&body(&answer)), "{answer}");
    assert_eq!(soon(reasons.recv()).await.unwrap(), "transport close");
}

#[tokio::test]
async fn polling_a_body_over_max_payload_is_413_and_the_session_goes_on() {
    let limit = 100;
    let server = echo_with(EngineIoLimits::default().max_payload(limit)).await;
    let polling = Polling::open(&server, PATH).await;
    for (length, expected) in [(limit - 1, 200), (limit, 200), (limit + 1, 413)] {
        let payload = format!("4{}", "x".repeat(length - 1));
        let answer = polling.post(&payload).await;
        assert_eq!(status(&answer), expected, "{length}, by its length");

        let chunked = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{payload}\r\n0\r\n\r\n",
            polling.target()
        );
        assert_eq!(status(&server.ask(&chunked).await), expected, "{length}, in a chunk");
        if expected == 200 {
            assert_eq!(polling.poll().await, format!("{payload}\x1e{payload}"));
        }
    }
    polling.send("4alive").await;
    assert_eq!(polling.poll().await, "4alive");
}

#[tokio::test]
async fn polling_what_is_not_text_ends_the_session() {
    let (server, mut reasons) = told(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    let fields = "Content-Type: Application/Octet-Stream; a=b\r\n";
    let answer = server.ask(&post(polling.target(), fields, "4x")).await;
    assert_eq!((status(&answer), body(&answer)), (400, BAD_REQUEST));
    assert_eq!(soon(reasons.recv()).await.unwrap(), "transport error");
}

#[tokio::test]
async fn polling_a_malformed_packet_ends_the_session_after_those_before_it() {
    for malformed in ["", "4x\x1e", "9", "abc", "b*", "bAQI", "2", "3probe", "5", "0{}"] {
        let got = Arc::new(Mutex::new(Vec::new()));
        let keeps = Arc::clone(&got);
        let (tell, mut reasons) = mpsc::unbounded_channel();
        let handler = move |mut socket: EngineIoSocket| {
            let (keeps, tell) = (Arc::clone(&keeps), tell.clone());
            async move {
                while let Some(message) = socket.next().await {
                    keeps.lock().unwrap().push(format!("{message:?}"));
                }
                drop(tell.send(socket.close_reason().unwrap().to_string()));
            }
        };
        let server = start(Endpoints::new().engine_io(EngineIo::new(handler))).await;
        let (polling, other) =
            (Polling::open(&server, PATH).await, Polling::open(&server, PATH).await);
        let answer = polling.post(&format!("4before\x1e{malformed}\x1e4after")).await;
        assert_eq!((status(&answer), body(&answer)), (400, BAD_REQUEST), "{malformed:?}");
        let reason = soon(reasons.recv()).await.unwrap();
        let in_place = ["2", "3probe", "5"].contains(&malformed);
        let expected = if in_place { "transport error" } else { "parse error" };
        assert_eq!(reason, expected, "{malformed:?}");
        let before = if malformed.starts_with("4x") { 2 } else { 1 };
        assert_eq!(got.lock().unwrap().len(), before, "{malformed:?}");
        assert!(!polling.is_open().await);
        assert!(other.is_open().await, "{malformed:?} ended another session");
    }
}

#[tokio::test]
async fn polling_a_client_that_vanishes_from_its_get_ends_the_session() {
    let (server, mut reasons) = told(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    let waiting = polling.start_get().await;
    // The server has seen it when it is answered; so this is a later one.
    polling.send("4x").await;
    let mut waiting: Peer = waiting;
    waiting.rest().await;
    let waiting = polling.start_get().await;
    waiting.reset();
    // The reset may overtake the request, which is then no request: one that is seen ends it.
    let polled = tokio::time::timeout(Duration::from_millis(200), reasons.recv()).await;
    let reason = match polled {
        Ok(reason) => reason.unwrap(),
        Err(_) => {
            let waiting = polling.start_get().await;
            polling.send("6").await;
            drop(waiting);
            soon(reasons.recv()).await.unwrap()
        }
    };
    assert_eq!(reason, "transport error");
}

#[tokio::test]
async fn polling_one_payload_leaves_others_their_turn() {
    const MESSAGES: usize = 10_000;
    let count = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&count);
    let handler = move |mut socket: EngineIoSocket| {
        let counts = Arc::clone(&counts);
        async move {
            while socket.next().await.is_some() {
                counts.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let server = start(Endpoints::new().engine_io(EngineIo::new(handler))).await;
    let polling = Polling::open(&server, PATH).await;
    let turns = most_in_a_turn(count, MESSAGES);
    polling.send(&vec!["4"; MESSAGES].join("\x1e")).await;
    let most = soon(turns).await.unwrap();
    assert!(most <= 1000, "{most} messages in a turn");
}

#[tokio::test]
async fn polling_a_busy_handler_holds_back_the_next_post() {
    let go_on = Arc::new(tokio::sync::Notify::new());
    let waits = Arc::clone(&go_on);
    let handler = move |mut socket: EngineIoSocket| {
        let waits = Arc::clone(&waits);
        async move {
            waits.notified().await;
            while let Some(message) = socket.next().await {
                socket.send(message).await?;
            }
            Ok::<(), EngineIoSendError>(())
        }
    };
    let limits = EngineIoLimits::default().max_unread(1);
    let server = start(Endpoints::new().engine_io(EngineIo::new(handler).limits(limits))).await;
    let polling = Polling::open(&server, PATH).await;
    polling.send("4one").await;
    // What was sent before is not taken yet, so that this one is not answered.
    let mut second = server.peer().await;
    second.send(post(polling.target(), "", "4two")).await;
    assert!(tokio::time::timeout(Duration::from_millis(100), second.head()).await.is_err());
    go_on.notify_one();
    assert_eq!(status(&second.rest().await), 200);
    let mut payload = polling.poll().await;
    if payload == "4one" {
        payload = format!("{payload}\x1e{}", polling.poll().await);
    }
    assert_eq!(payload, "4one\x1e4two");
}

#[tokio::test]
async fn websocket_echoes_text_and_binary() {
    let server = echo_with(EngineIoLimits::default()).await;
    let mut socket = websocket(&server, "").await;
    text(&mut socket).await;
    socket.send("4hello").await.unwrap();
    assert_eq!(text(&mut socket).await, "4hello");
    socket.send(vec![1, 2, 3]).await.unwrap();
    let binary = soon(socket.next()).await.unwrap().unwrap();
    assert_eq!(binary, Message::from(vec![1, 2, 3]));
    // Base64 is accepted anywhere,
    socket.send("bAQID").await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::from(vec![1, 2, 3]));

    // and sent to who asks for it.
    let mut socket = websocket(&server, "&b64=1").await;
    text(&mut socket).await;
    socket.send(vec![1, 2, 3]).await.unwrap();
    assert_eq!(text(&mut socket).await, "bAQID");
}

/// RFC 6455 §4.1: a client that offers subprotocols ends a connection for which none was chosen, as
/// browsers do. The reference takes the first.
#[tokio::test]
async fn websocket_the_first_subprotocol_is_chosen() {
    let server = echo_with(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    for query in [String::new(), format!("&sid={}", polling.sid)] {
        let target = format!("{PATH}?EIO=4&transport=websocket{query}");
        let mut peer = server.peer().await;
        peer.send(upgrade(&target, "Sec-WebSocket-Protocol: second-to-none, one\r\n")).await;
        let head = peer.head().await;
        assert_eq!(status(&head), 101, "{head}");
        assert_eq!(field(&head, "sec-websocket-protocol"), Some("second-to-none"));
    }
}

#[tokio::test]
async fn websocket_a_close_packet_closes() {
    let (server, mut reasons) = told(EngineIoLimits::default()).await;
    let mut socket = websocket(&server, "").await;
    text(&mut socket).await;
    socket.send("1").await.unwrap();
    assert_eq!(close_code(socket).await, CloseCode::NORMAL);
    assert_eq!(soon(reasons.recv()).await.unwrap(), "transport close");
}

#[tokio::test]
async fn websocket_what_is_not_understood_closes_it_and_no_other() {
    let (server, mut reasons) = told(EngineIoLimits::default()).await;
    let mut other = websocket(&server, "").await;
    text(&mut other).await;
    for (malformed, reason) in [
        ("", "parse error"),
        ("abc", "parse error"),
        ("bA", "parse error"),
        ("1x", "parse error"),
        ("2", "transport error"),
        ("6x", "parse error"),
    ] {
        let mut socket = websocket(&server, "").await;
        text(&mut socket).await;
        socket.send(malformed).await.unwrap();
        close_code(socket).await;
        assert_eq!(soon(reasons.recv()).await.unwrap(), reason, "{malformed:?}");
        other.send("4here").await.unwrap();
        assert_eq!(text(&mut other).await, "4here");
    }
}

#[tokio::test]
async fn websocket_a_message_over_max_payload_is_1009() {
    let limit = 100;
    let (server, mut reasons) = told(EngineIoLimits::default().max_payload(limit)).await;
    let mut socket = websocket(&server, "").await;
    text(&mut socket).await;
    for length in [limit - 1, limit] {
        let message = format!("4{}", "x".repeat(length - 1));
        socket.send(message.as_str()).await.unwrap();
        assert_eq!(text(&mut socket).await, message);
    }
    socket.send(format!("4{}", "x".repeat(limit))).await.unwrap();
    assert_eq!(close_code(socket).await, CloseCode::MESSAGE_TOO_BIG);
    assert_eq!(soon(reasons.recv()).await.unwrap(), "transport error");
}

#[tokio::test]
async fn websocket_refuses_polling_and_upgrades() {
    let server = echo_with(EngineIoLimits::default()).await;
    let mut socket = websocket(&server, "").await;
    let open = text(&mut socket).await;
    let sid = open.split('"').nth(3).unwrap();
    let polling = format!("{PATH}?EIO=4&transport=polling&sid={sid}");
    assert_eq!(body(&server.ask(&get(&polling, "")).await), BAD_REQUEST);
    assert_eq!(body(&server.ask(&post(&polling, "", "4x")).await), BAD_REQUEST);
    let again = format!("{PATH}?EIO=4&transport=websocket&sid={sid}");
    let again = server.ask(&upgrade(&again, "Connection: close\r\n")).await;
    assert_eq!((status(&again), body(&again)), (400, BAD_REQUEST));
    socket.send("4alive").await.unwrap();
    assert_eq!(text(&mut socket).await, "4alive");
}

#[tokio::test]
async fn heartbeat_the_first_ping_comes_one_interval_after_open() {
    let interval = Duration::from_millis(200);
    let limits = EngineIoLimits::default().ping_interval(interval);
    let server = echo_with(limits).await;
    let before = Instant::now();
    let polling = Polling::open(&server, PATH).await;
    assert_eq!(polling.poll().await, "2");
    assert!(before.elapsed() >= interval, "{:?}", before.elapsed());
    // The next one follows the pong.
    let before = Instant::now();
    polling.send("3").await;
    assert_eq!(polling.poll().await, "2");
    assert!(before.elapsed() >= interval, "{:?}", before.elapsed());
}

#[tokio::test]
async fn heartbeat_no_pong_in_time_ends_the_session() {
    let limits = EngineIoLimits::default()
        .ping_interval(Duration::from_millis(50))
        .ping_timeout(Duration::from_millis(50));
    let (server, mut reasons) = told(limits).await;
    let mut socket = websocket(&server, "").await;
    text(&mut socket).await;
    assert_eq!(text(&mut socket).await, "2");
    close_code(socket).await;
    assert_eq!(soon(reasons.recv()).await.unwrap(), "ping timeout");

    let polling = Polling::open(&server, PATH).await;
    assert_eq!(soon(reasons.recv()).await.unwrap(), "ping timeout");
    assert!(!polling.is_open().await);
}

/// Nor do the pongs that nobody asked for bring a ping earlier, or more of them.
#[tokio::test]
async fn heartbeat_only_a_pong_in_its_time_keeps_a_session() {
    let interval = Duration::from_millis(200);
    let limits =
        EngineIoLimits::default().ping_interval(interval).ping_timeout(Duration::from_millis(50));
    let (server, mut reasons) = told(limits).await;
    let before = Instant::now();
    let mut socket = websocket(&server, "").await;
    text(&mut socket).await;
    for _ in 0..50 {
        socket.send("3").await.unwrap();
    }
    assert_eq!(text(&mut socket).await, "2");
    assert!(before.elapsed() >= interval, "{:?}", before.elapsed());
    // Whatever else it says, it is not the answer.
    let silent = async {
        while socket.send("4x").await.is_ok() {
            match soon(socket.next()).await {
                Some(Ok(echo)) => assert_eq!(echo, Message::from("4x"), "no second ping"),
                _ => break,
            }
        }
    };
    soon(silent).await;
    assert_eq!(soon(reasons.recv()).await.unwrap(), "ping timeout");

    let polling = Polling::open(&server, PATH).await;
    // A noop is none either; a GET that takes the ping without an answer is none.
    soon(async { while polling.is_open().await {} }).await;
    assert_eq!(soon(reasons.recv()).await.unwrap(), "ping timeout");
}

/// A handler that never waits uses up what tokio lets a task do in one turn, each time.
#[tokio::test]
async fn heartbeat_and_messages_go_out_beside_a_handler_that_never_waits() {
    let limits = EngineIoLimits::default().ping_interval(Duration::from_millis(10));
    let handler = async |socket: EngineIoSocket| -> () {
        socket.try_send("hello").unwrap();
        loop {
            tokio::task::consume_budget().await;
        }
    };
    let server = start(Endpoints::new().engine_io(EngineIo::new(handler).limits(limits))).await;
    let mut socket = websocket(&server, "").await;
    assert!(text(&mut socket).await.starts_with("0{"));
    assert_eq!(text(&mut socket).await, "4hello");
    assert_eq!(text(&mut socket).await, "2");
}

#[tokio::test]
async fn heartbeat_goes_on_during_an_upgrade() {
    let limits = EngineIoLimits::default()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(300));
    let (server, mut reasons) = told(limits).await;
    let polling = Polling::open(&server, PATH).await;
    let mut socket = websocket(&server, &format!("&sid={}", polling.sid)).await;
    socket.send("2probe").await.unwrap();
    assert_eq!(text(&mut socket).await, "3probe");
    // It never switches, and never answers the ping: long before the 10 s of an upgrade are over,
    assert_eq!(soon(reasons.recv()).await.unwrap(), "ping timeout");
    close_code(socket).await;
    assert_eq!(body(&polling.get().await), UNKNOWN);
}

#[tokio::test]
async fn upgrade_answers_polls_with_a_noop_every_100_ms() {
    let server = echo_with(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    let mut socket = websocket(&server, &format!("&sid={}", polling.sid)).await;
    socket.send("2probe").await.unwrap();
    assert_eq!(text(&mut socket).await, "3probe");
    for _ in 0..3 {
        let before = Instant::now();
        assert_eq!(polling.poll().await, "6");
        assert!(before.elapsed() >= Duration::from_millis(100), "{:?}", before.elapsed());
    }
    // What there is to say is said at once.
    polling.send("4x").await;
    assert_eq!(polling.poll().await, "4x");
    // One that waits at the switch gets a noop.
    let mut waiting = polling.start_get().await;
    socket.send("5").await.unwrap();
    assert!(["6", BAD_REQUEST].contains(&body(&waiting.rest().await)));
    // Later ones are refused: the session is elsewhere.
    socket.send("4y").await.unwrap();
    assert_eq!(text(&mut socket).await, "4y");
    assert_eq!(body(&polling.get().await), BAD_REQUEST);
    let again = format!("{PATH}?EIO=4&transport=websocket&sid={}", polling.sid);
    let again = server.ask(&upgrade(&again, "Connection: close\r\n")).await;
    assert_eq!((status(&again), body(&again)), (400, BAD_REQUEST));
}

#[tokio::test]
async fn upgrade_moves_the_session_and_keeps_the_order() {
    let server = echo_with(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    let mut waiting = polling.start_get().await;
    let mut socket = websocket(&server, &format!("&sid={}", polling.sid)).await;
    socket.send("2probe").await.unwrap();
    assert_eq!(text(&mut socket).await, "3probe");
    assert_eq!(body(&waiting.rest().await), "6");
    polling.send("4one\x1e4two").await;
    socket.send("5").await.unwrap();
    socket.send("4three").await.unwrap();
    for expected in ["4one", "4two", "4three"] {
        assert_eq!(text(&mut socket).await, expected);
    }
    assert_eq!(body(&polling.get().await), BAD_REQUEST);
}

/// The reference server does not tell of it either, and lets it.
#[tokio::test]
async fn upgrade_that_is_not_allowed_is_refused_and_the_session_goes_on() {
    let app = Endpoints::new().engine_io(EngineIo::new(echo).allow_upgrades(false));
    let server = start(app).await;
    let answer = server.ask(&get("/engine.io/?EIO=4&transport=polling", "")).await;
    assert!(body(&answer).contains(r#","upgrades":[],"#), "{answer}");

    let polling = Polling::open(&server, PATH).await;
    let target = format!("{PATH}?EIO=4&transport=websocket&sid={}", polling.sid);
    let answer = server.ask(&upgrade(&target, "Connection: close\r\n")).await;
    assert_eq!((status(&answer), body(&answer)), (400, BAD_REQUEST));
    polling.send("4on").await;
    assert_eq!(polling.poll().await, "4on");

    // Who begins on one stays there.
    let mut socket = websocket(&server, "").await;
    assert!(text(&mut socket).await.starts_with("0{"));
    socket.send("4x").await.unwrap();
    assert_eq!(text(&mut socket).await, "4x");
}

#[tokio::test]
async fn upgrade_is_seen_by_the_handler() {
    let handler = async |mut socket: EngineIoSocket| {
        while socket.next().await.is_some() {
            socket.send(socket.transport().as_str()).await?;
        }
        Ok::<(), EngineIoSendError>(())
    };
    let server = start(Endpoints::new().engine_io(EngineIo::new(handler))).await;
    let polling = Polling::open(&server, PATH).await;
    polling.send("4which?").await;
    assert_eq!(polling.poll().await, "4polling");
    let mut socket = websocket(&server, &format!("&sid={}", polling.sid)).await;
    socket.send("2probe").await.unwrap();
    assert_eq!(text(&mut socket).await, "3probe");
    socket.send("5").await.unwrap();
    socket.send("4and now?").await.unwrap();
    assert_eq!(text(&mut socket).await, "4websocket");
}

#[tokio::test]
async fn upgrade_that_fails_leaves_the_session_on_polling() {
    let server = echo_with(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    let query = format!("&sid={}", polling.sid);
    for wrong in ["4early", "5", "2", "3probe", "garbage"] {
        let mut socket = websocket(&server, &query).await;
        socket.send(wrong).await.unwrap();
        close_code(socket).await;
    }
    // One that breaks off, and one during another.
    let mut socket = websocket(&server, &query).await;
    socket.send("2probe").await.unwrap();
    assert_eq!(text(&mut socket).await, "3probe");
    let target = format!("{PATH}?EIO=4&transport=websocket{query}");
    let second = server.ask(&upgrade(&target, "Connection: close\r\n")).await;
    assert_eq!((status(&second), body(&second)), (400, BAD_REQUEST));
    drop(socket);
    polling.send("4alive").await;
    let payload = loop {
        let payload = polling.poll().await;
        if payload != "6" {
            break payload;
        }
    };
    assert_eq!(payload, "4alive");

    // The next one succeeds.
    let mut socket = loop {
        if let Ok(socket) = engine_io_peer::websocket(&server, PATH, &query).await {
            break socket;
        }
    };
    socket.send("2probe").await.unwrap();
    assert_eq!(text(&mut socket).await, "3probe");
    socket.send("5").await.unwrap();
    socket.send("4done").await.unwrap();
    assert_eq!(text(&mut socket).await, "4done");
}

#[tokio::test]
async fn upgrade_takes_no_longer_than_its_limit() {
    let limits = EngineIoLimits::default().upgrade_timeout(Duration::from_millis(50));
    let server = echo_with(limits).await;
    let polling = Polling::open(&server, PATH).await;
    let socket = websocket(&server, &format!("&sid={}", polling.sid)).await;
    close_code(socket).await;
    polling.send("4alive").await;
    assert_eq!(polling.poll().await, "4alive");
}

#[tokio::test]
async fn a_handler_that_returns_closes_the_session_after_what_it_sent() {
    let handler = async |socket: EngineIoSocket| socket.try_send("bye");
    let server = start(Endpoints::new().engine_io(EngineIo::new(handler))).await;
    let polling = Polling::open(&server, PATH).await;
    assert_eq!(polling.poll().await, "4bye");
    assert_eq!(polling.poll().await, "1");
    assert_eq!(body(&polling.get().await), UNKNOWN);
    let mut socket = websocket(&server, "").await;
    text(&mut socket).await;
    assert_eq!(text(&mut socket).await, "4bye");
    close_code(socket).await;
}

#[tokio::test]
async fn a_socket_that_outlives_its_handler_hears_of_the_end() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = move |mut socket: EngineIoSocket| {
        let tell = tell.clone();
        async move {
            tokio::spawn(async move {
                assert_eq!(socket.next().await, None);
                drop(tell.send(socket.close_reason().unwrap().to_string()));
            });
            // The other task is in `next` by now.
            tokio::task::yield_now().await;
        }
    };
    let server = start(Endpoints::new().engine_io(EngineIo::new(handler))).await;
    let mut socket = websocket(&server, "").await;
    text(&mut socket).await;
    close_code(socket).await;
    assert_eq!(soon(told.recv()).await.unwrap(), "forced close");
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_session_and_no_other() {
    let handler = async |mut socket: EngineIoSocket| {
        while let Some(message) = socket.next().await {
            assert_ne!(message, "panic".into(), "as it was told to");
            socket.send(message).await?;
        }
        Ok::<(), EngineIoSendError>(())
    };
    let server = start(Endpoints::new().engine_io(EngineIo::new(handler))).await;
    let (polling, other) = (Polling::open(&server, PATH).await, Polling::open(&server, PATH).await);
    let mut socket = websocket(&server, "").await;
    text(&mut socket).await;
    let mut waiting = polling.start_get().await;
    polling.send("4panic").await;
    let answer = waiting.rest().await;
    assert!(["1", UNKNOWN].contains(&body(&answer)), "{answer}");
    socket.send("4panic").await.unwrap();
    close_code(socket).await;
    other.send("4x").await;
    assert_eq!(other.poll().await, "4x");
}

#[tokio::test]
async fn shutdown_closes_sessions_on_both_transports() {
    let server = echo_with(EngineIoLimits::default()).await;
    let polling = Polling::open(&server, PATH).await;
    let mut socket = websocket(&server, "").await;
    text(&mut socket).await;
    polling.send("4x").await;
    assert_eq!(polling.poll().await, "4x");
    let mut waiting = polling.start_get().await;
    polling.send("6").await;
    let ended = server.stop();
    let answer = waiting.rest().await;
    assert_eq!((status(&answer), body(&answer)), (200, "1"));
    assert_eq!(close_code(socket).await, CloseCode::GOING_AWAY);
    soon(ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_cuts_a_session_that_is_not_polled() {
    let limits = Limits::default().drain_deadline(Duration::from_millis(200));
    let app = Endpoints::new().engine_io(EngineIo::new(echo)).limits(limits);
    let server = start(app).await;
    Polling::open(&server, PATH).await;
    soon(server.stop()).await.unwrap().unwrap();
}
