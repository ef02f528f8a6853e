//! Engine.IO 3 and JSONP, where the endpoint allows them.

use std::time::{Duration, Instant};

use rtwire_server::{
    Endpoints, EngineIo, EngineIoLimits, EngineIoSendError, EngineIoSocket, Message, OriginPolicy,
};

use crate::engine_io_peer::{self, body};
use crate::peer::{Running, field, get, post, soon, start, status, upgrade};

const PATH: &str = "/engine.io/?";

async fn echo(mut socket: EngineIoSocket) -> Result<(), EngineIoSendError> {
    while let Some(message) = socket.next().await {
        socket.send(message).await?;
    }
    Ok(())
}

async fn server() -> Running {
    let policy = OriginPolicy::same_origin().allow("https://old.example").unwrap();
    let endpoint = EngineIo::new(echo).allow_eio3(true);
    start(Endpoints::new().engine_io(endpoint).origin_policy(policy)).await
}

/// A new session over polling: the query of its further requests.
async fn open(server: &Running, query: &str) -> String {
    let answer = server.ask(&get(&format!("{PATH}{query}"), REFERER)).await;
    assert_eq!(status(&answer), 200, "{answer}");
    let sid = body(&answer).split('"').find(|part| part.trim_end_matches('\\').len() == 20);
    format!("{query}&sid={}", sid.expect(&answer).trim_end_matches('\\'))
}

const REFERER: &str = "Referer: https://old.example/page?x\r\n";

#[tokio::test]
async fn a_missing_version_is_3_and_sessions_keep_theirs() {
    let server = server().await;
    for query in ["transport=polling", "EIO=3&transport=polling"] {
        let answer = server.ask(&get(&format!("{PATH}{query}"), "")).await;
        assert_eq!(
            (status(&answer), field(&answer, "content-type")),
            (200, Some("text/plain; charset=UTF-8"))
        );
        let (length, packet) = body(&answer).split_once(':').unwrap();
        assert_eq!(length, packet.len().to_string());
        assert!(packet.starts_with("0{"), "{packet}");
        assert!(packet.ends_with(r#","maxPayload":1000000}"#), "{packet}");
    }
    let three = open(&server, "EIO=3&transport=polling").await;
    let four = open(&server, "EIO=4&transport=polling").await;
    for query in [three.replace("EIO=3", "EIO=4"), four.replace("EIO=4", "EIO=3")] {
        let answer = server.ask(&post(&format!("{PATH}{query}"), "", "1:2")).await;
        let expected = r#"{"code":3,"message":"Bad request"}"#;
        assert_eq!((status(&answer), body(&answer)), (400, expected));
        let websocket = query.replace("polling", "websocket");
        let answer =
            server.ask(&upgrade(&format!("{PATH}{websocket}"), "Connection: close\r\n")).await;
        assert_eq!((status(&answer), body(&answer)), (400, expected));
    }
    let unknown = server.ask(&get(&format!("{PATH}EIO=2&transport=polling"), "")).await;
    assert_eq!(body(&unknown), r#"{"code":5,"message":"Unsupported protocol version"}"#);
}

#[tokio::test]
async fn polling_is_text_or_binary() {
    let server = server().await;
    let query = open(&server, "EIO=3&transport=polling").await;
    let target = format!("{PATH}{query}");
    let answer = server.ask(&post(&target, "", "3:4a€6:b4AQI=")).await;
    assert_eq!((status(&answer), body(&answer)), (200, "ok"));
    let mut peer = server.peer().await;
    peer.send(get(&target, "")).await;
    let head = peer.head().await;
    assert_eq!(field(&head, "content-type"), Some("application/octet-stream"));
    let payload = [&b"\0\x05\xff4a"[..], "€".as_bytes(), b"\x01\x03\xff\x04\x01\x02"].concat();
    assert_eq!(field(&head, "content-length"), Some(&*payload.len().to_string()));
    assert_eq!(peer.bytes(payload.len()).await, payload);

    let octets = "Content-Type: application/octet-stream\r\n";
    let answer = server.ask(&post(&target, octets, "\0\x03")).await;
    assert_eq!(body(&answer), r#"{"code":3,"message":"Bad request"}"#);
    assert_eq!(status(&server.ask(&get(&target, "")).await), 400, "the session has ended");
}

#[tokio::test]
async fn polling_lengths_count_utf_16_in_text_and_bytes_in_binary() {
    let server = server().await;
    for (b64, answer) in [("&b64=1", "4:4€😀10:b4AQIDBA=="), ("", "")] {
        let query = open(&server, &format!("EIO=3&transport=polling{b64}")).await;
        let target = format!("{PATH}{query}");
        assert_eq!(status(&server.ask(&post(&target, "", "4:4€😀10:b4AQIDBA==")).await), 200);
        let mut peer = server.peer().await;
        peer.send(get(&target, "")).await;
        let head = peer.head().await;
        let length = field(&head, "content-length").unwrap().parse().unwrap();
        let body = peer.bytes(length).await;
        let binary =
            [b"\0\x08\xff4", "€😀".as_bytes(), b"\x01\x05\xff\x04\x01\x02\x03\x04"].concat();
        assert_eq!(body, if answer.is_empty() { binary } else { answer.into() }, "{b64}");
    }
}

#[tokio::test]
async fn polling_malformed_lengths_end_the_session() {
    let server = server().await;
    for malformed in [
        "",
        "4a",
        ":4a",
        "0:",
        "x:4a",
        "-2:4a",
        "+2:4a",
        " 2:4a",
        "2 :4a",
        "3:4a",
        "1:4a",
        "2:4a2",
        "2:4a9:4",
        "2:4€😀",
        "99999999999999999999999999999999:4a",
        "18446744073709551618:4a",
        "5:b4A*=",
    ] {
        let target = format!("{PATH}{}", open(&server, "EIO=3&transport=polling").await);
        let answer = server.ask(&post(&target, "", malformed)).await;
        let expected = (400, r#"{"code":3,"message":"Bad request"}"#);
        assert_eq!((status(&answer), body(&answer)), expected, "{malformed:?}");
        let unknown = server.ask(&get(&target, "")).await;
        assert_eq!(body(&unknown), r#"{"code":1,"message":"Session ID unknown"}"#, "{malformed:?}");
    }
}

#[tokio::test]
async fn heartbeat_is_the_clients_and_its_silence_the_end() {
    let limits = EngineIoLimits::default()
        .ping_interval(Duration::from_millis(400))
        .ping_timeout(Duration::from_millis(400));
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |mut socket: EngineIoSocket| {
        let tell = tell.clone();
        async move {
            while socket.next().await.is_some() {}
            // The test may be over.
            drop(tell.send(socket.close_reason().map(|reason| reason.to_string())));
        }
    };
    let endpoint = EngineIo::new(handler).allow_eio3(true).limits(limits);
    let server = start(Endpoints::new().engine_io(endpoint)).await;
    let target = format!("{PATH}{}", open(&server, "EIO=3&transport=polling").await);
    let before = Instant::now();
    // A ping is answered, and only a ping.
    for _ in 0..3 {
        assert_eq!(status(&server.ask(&post(&target, "", "1:2")).await), 200);
        assert_eq!(body(&server.ask(&get(&target, "")).await), "1:3");
    }
    // It ends without a word of the server, whatever else the client says.
    soon(async { while status(&server.ask(&post(&target, "", "1:6")).await) == 200 {} }).await;
    assert!(before.elapsed() >= Duration::from_millis(800), "{:?}", before.elapsed());
    assert_eq!(soon(told.recv()).await.unwrap().as_deref(), Some("ping timeout"));
}

#[tokio::test]
async fn upgrade_moves_the_session() {
    let server = server().await;
    let query = open(&server, "EIO=3&transport=polling").await;
    let target = format!("{PATH}{query}");
    let mut waiting = server.peer().await;
    waiting.send(get(&target, "")).await;
    let tcp = soon(tokio::net::TcpStream::connect(server.address)).await.unwrap();
    let key = rtwire_tokio::random_key().unwrap();
    let websocket = target.replace("polling", "websocket");
    let request = rtwire_websocket::handshake::Request::new("localhost", &websocket, key).unwrap();
    let limits = rtwire_websocket::Limits::default();
    let (mut socket, _) = soon(rtwire_tokio::connect(tcp, &request, limits)).await.unwrap();
    socket.send("2probe").await.unwrap();
    assert_eq!(engine_io_peer::text(&mut socket).await, "3probe");
    assert_eq!(body(&waiting.rest().await), "1:6");
    assert_eq!(status(&server.ask(&post(&target, "", "2:4a6:b4AQI=")).await), 200);
    socket.send("5").await.unwrap();
    socket.send("4b").await.unwrap();
    assert_eq!(engine_io_peer::text(&mut socket).await, "4a");
    let binary = Message::Binary(vec![4, 1, 2].into());
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), binary);
    assert_eq!(engine_io_peer::text(&mut socket).await, "4b");
}

#[tokio::test]
async fn websocket_binary_has_its_type() {
    let server = server().await;
    let tcp = soon(tokio::net::TcpStream::connect(server.address)).await.unwrap();
    let target = format!("{PATH}EIO=3&transport=websocket");
    let key = rtwire_tokio::random_key().unwrap();
    let request = rtwire_websocket::handshake::Request::new("localhost", &target, key).unwrap();
    let limits = rtwire_websocket::Limits::default();
    let (mut socket, _) = soon(rtwire_tokio::connect(tcp, &request, limits)).await.unwrap();
    assert!(engine_io_peer::text(&mut socket).await.starts_with("0{"));
    socket.send("2").await.unwrap();
    assert_eq!(engine_io_peer::text(&mut socket).await, "3");
    let binary = Message::Binary(vec![4, 1, 2].into());
    socket.send(binary.clone()).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), binary);
}

#[tokio::test]
async fn jsonp_answers_with_scripts_and_takes_forms() {
    let server = server().await;
    for (query, sent, expected) in [
        ("EIO=3&transport=polling&j=7", "d=5%3A4a%5Cnb%226:b4AQI%3D", r#"5:4a\nb\"6:b4AQI="#),
        ("EIO=4&transport=polling&j=7", "d=4a%5Cn%22%1EbAQI%3D", r#"4a\n\"\u001ebAQI="#),
    ] {
        let target = format!("{PATH}{}", open(&server, query).await);
        let form =
            "Origin: https://old.example\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        let answer = server.ask(&post(&target, form, sent)).await;
        assert_eq!((status(&answer), body(&answer)), (200, "ok"), "{answer}");
        let answer = server.ask(&get(&target, REFERER)).await;
        assert_eq!(field(&answer, "content-type"), Some("text/javascript; charset=UTF-8"));
        assert_eq!(field(&answer, "x-content-type-options"), Some("nosniff"));
        assert_eq!(body(&answer), format!(r#"___eio[7]("{expected}");"#));
        // Not a form: the session ends.
        let answer = server.ask(&post(&target, form, "4a")).await;
        assert_eq!(status(&answer), 400);
        assert_eq!(status(&server.ask(&get(&target, REFERER)).await), 400);
    }
}

#[tokio::test]
async fn jsonp_calls_numbers_only() {
    let server = server().await;
    for index in ["x", "0](alert(1))//", "", "-1"] {
        let target = format!("{PATH}EIO=3&transport=polling&j={index}");
        let answer = server.ask(&get(&target, REFERER)).await;
        assert_eq!(body(&answer), r#"{"code":3,"message":"Bad request"}"#, "{index}");
    }
}

/// A script shows what is in it to the page that loads it, and says no `Origin`.
#[tokio::test]
async fn jsonp_is_for_pages_of_allowed_origins() {
    let server = server().await;
    let target = format!("{PATH}EIO=3&transport=polling&j=0");
    for (fields, expected) in [
        (REFERER, 200),
        ("Referer: https://old.example\r\n", 200),
        ("Referer: http://localhost/page\r\n", 200),
        ("Sec-Fetch-Site: same-origin\r\n", 200),
        ("Origin: https://old.example\r\n", 200),
        ("Origin: https://evil.example\r\n", 403),
        ("Referer: https://evil.example/https://old.example/\r\n", 403),
        ("Referer: https://old.example.evil.example/\r\n", 403),
        ("Referer: https://old.example@evil.example/\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-site\r\n", 403),
        ("", 403),
    ] {
        let answer = server.ask(&get(&target, fields)).await;
        assert_eq!(status(&answer), expected, "{fields}");
        if expected == 403 {
            assert_eq!(body(&answer), r#"{"code":4,"message":"Forbidden"}"#);
        }
    }
    let endpoint = EngineIo::new(echo).allow_eio3(true);
    let open = start(Endpoints::new().engine_io(endpoint).origin_policy(OriginPolicy::any())).await;
    assert_eq!(status(&open.ask(&get(&target, "")).await), 200);
}

#[tokio::test]
async fn neither_is_there_unless_allowed() {
    let server = start(Endpoints::new().engine_io(EngineIo::new(echo))).await;
    for query in ["transport=polling", "EIO=3&transport=polling", "EIO=3&transport=polling&j=0"] {
        let answer = server.ask(&get(&format!("{PATH}{query}"), REFERER)).await;
        assert_eq!(body(&answer), r#"{"code":5,"message":"Unsupported protocol version"}"#);
    }
    // Of version 4, `j` is a parameter that is not known.
    let answer = server.ask(&get(&format!("{PATH}EIO=4&transport=polling&j=x"), "")).await;
    assert_eq!(field(&answer, "content-type"), Some("text/plain; charset=UTF-8"));
}
