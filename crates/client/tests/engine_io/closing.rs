//! How a session ends, and what both ends know of it.

use std::time::Duration;

use futures_util::FutureExt;
use rtwire_client::engine_io::{Error, Limits, Message, Rule, SendError, Transport};
use rtwire_server::{EngineIo, EngineIoLimits};
use tokio::sync::mpsc;

use crate::peer::{OPEN_TO_UPGRADE, Opened, Peer, answer, next_text, open, open_with};
use crate::server::{WAYS, Way, echo, line, message, soon, start, to_end};

/// An echo that tells why each session ended.
fn told() -> (EngineIo, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let engine_io = EngineIo::new(move |mut socket: rtwire_server::EngineIoSocket| {
        let tell = tell.clone();
        async move {
            while let Some(message) = socket.next().await {
                // It may have ended; the reason comes below.
                let _ = socket.send(message).await;
            }
            tell.send(socket.close_reason().unwrap().to_string()).unwrap();
        }
    });
    (engine_io, told)
}

#[tokio::test]
async fn the_server_hears_that_it_was_closed() {
    let (engine_io, mut told) = told();
    let server = start(engine_io).await;
    for way in WAYS {
        let mut socket = server.socket(way);
        soon(socket.send("hello")).await.unwrap();
        assert_eq!(message(&mut socket).await, Message::from("hello"));
        socket.close();
        assert_eq!(soon(socket.send("late")).await, Err(SendError::Closed));
        assert_eq!(soon(socket.flush()).await, Err(SendError::Closed));
        assert_eq!(to_end(&mut socket).await.last().unwrap(), "forced close");
        assert_eq!(soon(told.recv()).await.unwrap(), "transport close", "{way:?}");
        assert!(socket.error().is_none(), "{socket:?}");
        socket.close();
        assert_eq!(soon(socket.next()).await, None);
    }
}

#[tokio::test]
async fn the_server_misses_one_that_is_dropped() {
    // Over polling a client that vanished between two requests is missed by its pong.
    let limits = EngineIoLimits::default()
        .ping_interval(Duration::from_millis(50))
        .ping_timeout(Duration::from_millis(50));
    let (engine_io, mut told) = told();
    let server = start(engine_io.limits(limits)).await;
    for way in WAYS {
        let mut socket = server.socket(way);
        soon(socket.send("hello")).await.unwrap();
        assert_eq!(message(&mut socket).await, Message::from("hello"));
        drop(socket);
        let reason = soon(told.recv()).await.unwrap();
        assert!(["transport close", "transport error", "ping timeout"].contains(&&*reason));
    }
}

#[tokio::test]
async fn closed_before_it_is_polled_it_asks_for_nothing() {
    let peer = Peer::start().await;
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut socket = peer.builder().transport(transport).build().unwrap();
        socket.close();
        assert_eq!(to_end(&mut socket).await, ["forced close"]);
    }
}

#[tokio::test]
async fn closed_while_it_opens_it_says_goodbye_to_what_has_opened() {
    let (engine_io, mut told) = told();
    let server = start(engine_io).await;
    for way in WAYS {
        let mut socket = server.socket(way);
        // The first poll asks, and does not have the answer yet.
        assert!(socket.next().now_or_never().is_none());
        socket.close();
        assert_eq!(to_end(&mut socket).await, ["forced close"], "{way:?}");
        if way != Way::WebSocket {
            assert_eq!(soon(told.recv()).await.unwrap(), "transport close");
        }
    }
}

#[tokio::test]
async fn the_server_closes() {
    let bye = EngineIo::new(async |mut socket: rtwire_server::EngineIoSocket| {
        let message = socket.next().await.unwrap();
        socket.send(message).await.unwrap();
    });
    let server = start(bye).await;
    for way in WAYS {
        let mut socket = server.socket(way);
        soon(socket.send("last words")).await.unwrap();
        let mut told = to_end(&mut socket).await;
        told.retain(|line| line != "upgraded");
        assert_eq!(told, ["open", "last words", "transport close"], "{way:?}");
        assert!(!socket.is_open() && socket.error().is_none(), "{socket:?}");
        assert_eq!(socket.try_send("late"), Err(SendError::Closed));
    }
}

#[tokio::test]
async fn a_server_that_shuts_down_closes() {
    for way in WAYS {
        let server = start(echo()).await;
        let mut socket = server.socket(way);
        soon(socket.send("hello")).await.unwrap();
        assert_eq!(message(&mut socket).await, Message::from("hello"));
        drop(server);
        let told = to_end(&mut socket).await;
        // A GET that comes too late for its answer finds nobody.
        let late = way != Way::WebSocket && told.last().unwrap() == "transport error";
        assert!(late || told.last().unwrap() == "transport close", "{way:?}: {told:?}");
    }
}

#[tokio::test]
async fn a_server_that_vanishes_is_a_transport_error() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let peer = Peer::start().await;
        let (mut socket, opened) = open(&peer, transport).await;
        let vanish = async {
            match opened {
                Opened::Polling(mut connection) => {
                    connection.request().await;
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n4mess").await;
                    connection.reset();
                }
                Opened::WebSocket(mut websocket) => {
                    websocket.send("4message").await.unwrap();
                }
            }
        };
        let (told, ()) = tokio::join!(to_end(&mut socket), vanish);
        match transport {
            Transport::Polling => {
                assert_eq!(told, ["transport error"]);
                assert!(matches!(socket.error(), Some(Error::Network(_))), "{socket:?}");
            }
            // Without a Close frame a WebSocket ends all the same.
            Transport::WebSocket => {
                let expected = ["message", "transport close"];
                assert_eq!(told, expected);
            }
        }
        assert_eq!(soon(socket.send("late")).await, Err(SendError::Closed));
    }
}

#[tokio::test]
async fn a_websocket_that_breaks_a_rule_is_a_transport_error() {
    let peer = Peer::start().await;
    let (mut socket, opened) = open(&peer, Transport::WebSocket).await;
    let Opened::WebSocket(websocket) = opened else { panic!() };
    // A masked frame, which is a client's.
    let masked = b"\x81\x81abcdx";
    soon(websocket.get_ref().writable()).await.unwrap();
    assert_eq!(websocket.get_ref().try_write(masked).unwrap(), masked.len());
    assert_eq!(line(&soon(socket.next()).await.unwrap()), "transport error");
    assert!(matches!(socket.error(), Some(Error::WebSocket(_))), "{socket:?}");
}

#[tokio::test]
async fn what_is_no_packet_is_a_parse_error_or_out_of_place() {
    for (body, told, rule) in [
        ("4a\x1e9", vec!["a", "parse error"], Rule::UnknownType { byte: b'9' }),
        ("4a\x1e3probe", vec!["a", "transport error"], Rule::UnexpectedPacket),
    ] {
        let peer = Peer::start().await;
        let (mut socket, opened) = open(&peer, Transport::Polling).await;
        let Opened::Polling(mut connection) = opened else { panic!() };
        let server = async {
            connection.request().await;
            connection.send(answer(body)).await;
            if told[1] == "parse error" {
                let (request, mut connection) = peer.request().await;
                assert_eq!(request.body, b"1");
                connection.send(answer("ok")).await;
            }
        };
        assert_eq!(tokio::join!(to_end(&mut socket), server).0, told);
        let Some(Error::Protocol(error)) = socket.error() else { panic!("{socket:?}") };
        assert_eq!((error.rule(), error.offset()), (rule, 3));

        let (mut socket, opened) = open(&peer, Transport::WebSocket).await;
        let Opened::WebSocket(mut websocket) = opened else { panic!() };
        let server = async {
            for packet in body.split('\x1e') {
                websocket.send(packet).await.unwrap();
            }
            assert!(soon(websocket.next()).await.is_none());
        };
        assert_eq!(tokio::join!(to_end(&mut socket), server).0, told);
        let Some(Error::Protocol(error)) = socket.error() else { panic!("{socket:?}") };
        assert_eq!(error.rule(), rule);
    }
}

#[tokio::test]
async fn a_goodbye_that_nobody_hears_is_given_up() {
    for (set, polling, websocket) in [(None, 20, 5), (Some(7), 7, 5), (Some(3), 3, 3)] {
        let mut limits = Limits::default();
        if let Some(seconds) = set {
            limits = limits.close_timeout(Duration::from_secs(seconds));
        }
        for (transport, expected) in
            [(Transport::Polling, polling), (Transport::WebSocket, websocket)]
        {
            let peer = Peer::start().await;
            let builder = peer.builder().transport(transport).limits(limits);
            let (mut socket, _opened) = open_with(&peer, transport, builder).await;
            socket.close();
            tokio::time::pause();
            let start = tokio::time::Instant::now();
            assert_eq!(to_end(&mut socket).await, ["forced close"]);
            let waited = start.elapsed();
            tokio::time::resume();
            let expected = Duration::from_secs(expected);
            assert!(
                (expected..expected + Duration::from_millis(5)).contains(&waited),
                "{waited:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_session_on_polling() {
    for refusal in ["HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", ""] {
        let peer = Peer::start().await;
        let mut socket = peer.builder().build().unwrap();
        let server = async {
            let (_, mut polls) = peer.request().await;
            polls.send(answer(OPEN_TO_UPGRADE)).await;
            polls.request().await;
            if refusal.is_empty() {
                let mut websocket = peer.websocket().await;
                assert_eq!(next_text(&mut websocket).await, "2probe");
                websocket.send("4no probe").await.unwrap();
                assert!(soon(websocket.next()).await.is_none());
            } else {
                peer.answer(refusal).await;
            }
            polls.send(answer("4still here")).await;
            assert!(polls.request().await.line().starts_with("GET"));
            polls.send(answer("1")).await;
        };
        let (told, ()) = tokio::join!(to_end(&mut socket), server);
        assert_eq!(told, ["open", "still here", "transport close"]);
        assert_eq!(socket.transport(), Transport::Polling);
        assert!(socket.error().is_none(), "{socket:?}");
        match socket.upgrade_error().unwrap() {
            Error::Handshake(_) => assert!(!refusal.is_empty()),
            Error::Protocol(error) => assert_eq!(error.rule(), Rule::UnexpectedPacket),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_post_that_is_refused_or_lost_ends_the_session() {
    let refusal = "HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n";
    for (response, closing) in [(refusal, false), ("", false), (refusal, true), ("", true)] {
        let peer = Peer::start().await;
        let (mut socket, _opened) = open(&peer, Transport::Polling).await;
        socket.try_send("x").unwrap();
        if closing {
            socket.close();
        }
        let (told, _) = tokio::join!(to_end(&mut socket), peer.answer(response));
        let reason = if closing { "forced close" } else { "transport error" };
        assert_eq!(told, [reason]);
        match socket.error() {
            Some(Error::Protocol(error)) => {
                assert_eq!(error.rule(), Rule::Refused { status: 413, code: None });
            }
            Some(Error::Network(_)) => assert!(response.is_empty()),
            // A server that has closed as well, meanwhile, has the same answer.
            None => assert!(closing && !response.is_empty()),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_takes_nothing_is_given_up() {
    let peer = Peer::start().await;
    let limits = Limits::default().close_timeout(Duration::from_secs(8));
    let builder = peer.builder().transport(Transport::WebSocket).limits(limits);
    let (mut socket, _opened) = open_with(&peer, Transport::WebSocket, builder).await;
    // Until all buffers are full.
    let some = vec![7; 1000];
    let quiet = Duration::from_millis(200);
    while let Ok(sent) = tokio::time::timeout(quiet, socket.send(some.clone())).await {
        sent.unwrap();
    }
    assert!(tokio::time::timeout(quiet, socket.flush()).await.is_err());
    socket.close();
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    assert_eq!(to_end(&mut socket).await, ["forced close"]);
    // So long for what is queued, and 5 s for the Close frame.
    let waited = start.elapsed().as_secs();
    assert!((8..=13).contains(&waited), "{waited}");
}
