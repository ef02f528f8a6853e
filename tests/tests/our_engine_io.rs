//! rtwire-client's EngineIoSocket at servers that others wrote.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::time::Duration;

use rtwire_client::EngineIoSocket;
use rtwire_client::engine_io::{
    EngineIoBuilder, Error, Event, Limits, Message, Rule, SendError, Transport,
};
use rtwire_tests::{LONG, Server};
use rtwire_tokio::HandshakeError;

/// Starts a server with a ping interval and a ping timeout, in milliseconds.
type Start = fn([&str; 2]) -> Server;

/// Runs a test of each server against it, as `SERVER_NAME`.
macro_rules! against_each_server {
    ($($name:ident),* $(,)?) => {
        mod node_engineio_server {
            $(#[test]
            #[ignore = "needs Node"]
            fn $name() {
                super::block_on(super::$name(super::Server::node_engineio));
            })*
        }

        mod python_engineio_server {
            $(#[test]
            #[ignore = "needs Python"]
            fn $name() {
                super::block_on(super::$name(super::Server::python_engineio));
            })*
        }
    };
}

against_each_server! {
    hears_the_handshake,
    echoes_text_and_binary,
    loses_doubles_and_reorders_nothing_across_the_upgrade,
    sends_up_to_what_the_server_takes,
    takes_up_to_its_own_limit,
    lives_from_heartbeat_to_heartbeat,
    hears_that_the_server_closes,
    is_heard_when_it_closes_with_what_it_said_before,
    is_missed_when_it_is_dropped,
    notices_that_the_server_is_gone,
    says_who_it_is,
    is_told_that_there_is_no_such_session,
}

fn block_on(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LONG, test).await.expect("it hangs") });
}

/// A server's usual one.
const QUIET: [&str; 2] = ["25000", "20000"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Polling,
    WebSocket,
    Upgrade,
}

const WAYS: [Way; 3] = [Way::Polling, Way::WebSocket, Way::Upgrade];

fn builder(server: &Server, way: Way) -> EngineIoBuilder {
    let transport = if way == Way::WebSocket { Transport::WebSocket } else { Transport::Polling };
    EngineIoSocket::builder(&server.url("/engine.io/?name=né"))
        .transport(transport)
        .upgrade(way == Way::Upgrade)
}

async fn settled(socket: &mut EngineIoSocket, way: Way) {
    let event = socket.next().await.unwrap();
    assert!(matches!(event, Event::Open(_)), "{event:?}: {socket:?}");
    if way == Way::Upgrade {
        assert_eq!(socket.next().await, Some(Event::Upgraded), "{socket:?}");
    }
    let expected = if way == Way::Polling { Transport::Polling } else { Transport::WebSocket };
    assert_eq!(socket.transport(), expected);
}

/// A session on the transport that it stays on.
async fn open(server: &Server, way: Way) -> EngineIoSocket {
    let mut socket = builder(server, way).build().unwrap();
    settled(&mut socket, way).await;
    socket
}

async fn message(socket: &mut EngineIoSocket) -> Message {
    match socket.next().await {
        Some(Event::Message(message)) => message,
        other => panic!("{other:?}: {socket:?}"),
    }
}

async fn assert_echo(socket: &mut EngineIoSocket, sent: &Message) {
    let received = message(socket).await;
    let show = |message: &Message| {
        let text = format!("{message:?}");
        format!("{} bytes: {}", text.len(), text.chars().take(100).collect::<String>())
    };
    let (told, expected) = (show(&received), show(sent));
    assert!(received == *sent, "{told} is not {expected}: {socket:?}");
}

async fn to_end(socket: &mut EngineIoSocket) -> String {
    let mut reason = None;
    while let Some(event) = socket.next().await {
        match event {
            Event::Close(told) => reason = Some(told.to_string()),
            other => panic!("{other:?}: {socket:?}"),
        }
    }
    reason.unwrap()
}

async fn hears_the_handshake(start: Start) {
    let server = start(["3000", "2000"]);
    for way in WAYS {
        let mut socket = builder(&server, way).build().unwrap();
        let Some(Event::Open(open)) = socket.next().await else { panic!("{socket:?}") };
        assert_eq!((open.ping_interval.as_secs(), open.ping_timeout.as_secs()), (3, 2));
        assert_eq!(open.max_payload, 1_000_000);
        let upgrades: &[&str] = if way == Way::WebSocket { &[] } else { &["websocket"] };
        assert_eq!(open.upgrades, upgrades);
        assert!(!open.sid.is_empty());
    }
}

async fn echoes_text_and_binary(start: Start) {
    let server = start(QUIET);
    for way in WAYS {
        let mut socket = open(&server, way).await;
        let text =
            ["plain", "", "two: é, three: €, four: 😀, none: \0", "b is for binary", "2probe"];
        let binary = [vec![], vec![0x1e], (0..=255).collect(), vec![7; 200_000]];
        let messages: Vec<Message> =
            text.map(Message::from).into_iter().chain(binary.map(Message::from)).collect();
        for sent in &messages {
            socket.send(sent.clone()).await.unwrap();
            assert_echo(&mut socket, sent).await;
        }
        // All at once: over polling, in one payload.
        for sent in &messages {
            socket.try_send(sent.clone()).unwrap();
        }
        for sent in &messages {
            assert_echo(&mut socket, sent).await;
        }
    }
}

async fn loses_doubles_and_reorders_nothing_across_the_upgrade(start: Start) {
    const MESSAGES: usize = 200;
    let server = start(QUIET);
    let mut in_the_midst = 0;
    for round in 0..20 {
        let mut socket = builder(&server, Way::Upgrade).build().unwrap();
        let numbered = |number: usize| match number % 2 {
            0 => Message::from(format!("text {number}")),
            _ => Message::from(format!("binary {number}").into_bytes()),
        };
        socket.send("count").await.unwrap();
        let (mut sent, mut back, mut own, mut upgraded_after) = (0, 0, 0, None);
        while back < MESSAGES || own < 100 || upgraded_after.is_none() {
            // As many in flight as the round says, so that the switch falls anywhere.
            while sent < MESSAGES && sent < back + 1 + round {
                socket.send(numbered(sent)).await.unwrap();
                sent += 1;
            }
            match socket.next().await.unwrap() {
                Event::Open(_) => {}
                Event::Upgraded => upgraded_after = Some(back),
                Event::Message(message) if message == Message::from(format!("number {own}")) => {
                    own += 1;
                }
                Event::Message(message) => {
                    assert_eq!(message, numbered(back));
                    back += 1;
                }
                other => panic!("{other:?}: {socket:?}"),
            }
        }
        in_the_midst += usize::from(upgraded_after.is_some_and(|after| after < MESSAGES));
        socket.close();
        assert_eq!(to_end(&mut socket).await, "forced close");
    }
    assert!(in_the_midst > 10, "{in_the_midst}");
}

async fn sends_up_to_what_the_server_takes(start: Start) {
    let server = start(QUIET);
    for way in WAYS {
        let mut socket = open(&server, way).await;
        let most = "x".repeat(999_999);
        socket.send(&*most).await.unwrap();
        assert_echo(&mut socket, &most.into()).await;
        let sent = socket.send("x".repeat(1_000_000)).await;
        assert_eq!(sent, Err(SendError::TooBig { limit: 1_000_000 }));
        socket.send("and goes on").await.unwrap();
        assert_eq!(message(&mut socket).await, Message::from("and goes on"));
    }
}

async fn takes_up_to_its_own_limit(start: Start) {
    let server = start(QUIET);
    for way in WAYS {
        for (limit, fits) in [(3_000_000, true), (1_000_000, false)] {
            let limits = Limits::default().max_payload(limit);
            let mut socket = builder(&server, way).limits(limits).build().unwrap();
            settled(&mut socket, way).await;
            socket.send("a lot").await.unwrap();
            if fits {
                assert_eq!(message(&mut socket).await, Message::from(vec![7; 2_000_000]));
                continue;
            }
            assert_eq!(to_end(&mut socket).await, "transport error");
            match socket.error().unwrap() {
                Error::Protocol(error) => {
                    assert_eq!(error.rule(), Rule::PayloadTooBig { limit });
                    assert_eq!(way, Way::Polling);
                }
                Error::WebSocket(_) => assert_ne!(way, Way::Polling),
                other => panic!("{other:?}"),
            }
        }
    }
}

async fn lives_from_heartbeat_to_heartbeat(start: Start) {
    let mut server = start(["1000", "1000"]);
    let lives = async |way| {
        let mut socket = open(&server, way).await;
        // Of a session that answers no ping nothing is left then.
        let quiet = tokio::time::timeout(Duration::from_secs(6), socket.next()).await;
        assert!(quiet.is_err(), "{way:?}: {quiet:?}");
        socket.send("still here").await.unwrap();
        assert_eq!(message(&mut socket).await, Message::from("still here"), "{way:?}");
        socket
    };
    let sockets = tokio::join!(lives(Way::Polling), lives(Way::WebSocket), lives(Way::Upgrade));
    for mut socket in <[EngineIoSocket; 3]>::from(sockets) {
        socket.close();
        assert_eq!(to_end(&mut socket).await, "forced close");
        let reason = server.line_after("closed");
        assert_ne!(reason, "ping timeout");
    }
}

async fn hears_that_the_server_closes(start: Start) {
    let server = start(QUIET);
    for way in WAYS {
        let mut socket = open(&server, way).await;
        socket.send("close").await.unwrap();
        assert_eq!(to_end(&mut socket).await, "transport close", "{way:?}");
        assert!(socket.error().is_none(), "{socket:?}");
        assert_eq!(socket.send("late").await, Err(SendError::Closed));
    }
}

async fn is_heard_when_it_closes_with_what_it_said_before(start: Start) {
    let mut server = start(QUIET);
    for way in WAYS {
        let mut socket = open(&server, way).await;
        socket.send("hello").await.unwrap();
        assert_eq!(message(&mut socket).await, Message::from("hello"));
        socket.close();
        assert_eq!(to_end(&mut socket).await, "forced close");
        let reason = server.line_after("closed");
        assert!(["transport close", "client disconnect"].contains(&&*reason), "{way:?}: {reason}");
    }
}

async fn is_missed_when_it_is_dropped(start: Start) {
    let mut server = start(["1000", "1000"]);
    for way in WAYS {
        let socket = open(&server, way).await;
        drop(socket);
        let reason = server.line_after("closed");
        let known = ["transport close", "transport error", "ping timeout"];
        assert!(known.contains(&&*reason), "{way:?}: {reason}");
    }
}

async fn notices_that_the_server_is_gone(start: Start) {
    for way in WAYS {
        let server = start(QUIET);
        let mut socket = open(&server, way).await;
        drop(server);
        let reason = to_end(&mut socket).await;
        assert!(["transport close", "transport error"].contains(&&*reason), "{way:?}: {reason}");
        assert_eq!(socket.send("late").await, Err(SendError::Closed));
    }
}

async fn says_who_it_is(start: Start) {
    let server = start(QUIET);
    for way in WAYS {
        let mut socket =
            builder(&server, way).header("Authorization", "Bearer abc").build().unwrap();
        settled(&mut socket, way).await;
        socket.send("who").await.unwrap();
        let Message::Text(text) = message(&mut socket).await else { panic!("{socket:?}") };
        let who: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(who, serde_json::json!({"name": "né", "authorization": "Bearer abc"}));
    }
}

async fn is_told_that_there_is_no_such_session(start: Start) {
    let server = start(QUIET);
    // The parameter of our own comes first, and there.
    let url = server.url("/engine.io/?sid=nobody");
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut socket = EngineIoSocket::builder(&url).transport(transport).build().unwrap();
        assert_eq!(to_end(&mut socket).await, "transport error");
        match socket.error().unwrap() {
            Error::Protocol(error) => {
                assert!(matches!(error.rule(), Rule::Refused { status: 400, .. }), "{error}");
            }
            Error::Handshake(HandshakeError::Refused { response, .. }) => {
                // ASGI has one status for every WebSocket that is refused.
                assert!([400, 403].contains(&response.status()), "{}", response.status());
            }
            other => panic!("{other:?}"),
        }
    }
}
