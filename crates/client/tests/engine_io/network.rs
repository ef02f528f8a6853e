//! What goes wrong before a session is open.

use std::io::ErrorKind;

use rtwire_client::engine_io::{BuildError, Error, Rule, Transport};
use rtwire_client::{EngineIoSocket, NetworkError};
use rtwire_server::EngineIo;
use tokio::net::TcpListener;

use crate::peer::{Opened, Peer, answer, open};
use crate::server::{line, soon, start, to_end};

async fn line_of(socket: &mut EngineIoSocket) -> String {
    line(&soon(socket.next()).await.unwrap())
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/engine.io/", listener.local_addr().unwrap());
    drop(listener);
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut socket = EngineIoSocket::builder(&url).transport(transport).build().unwrap();
        assert!(soon(socket.send("x")).await.is_err());
        assert_eq!(to_end(&mut socket).await, ["transport error"]);
        let Some(Error::Network(NetworkError::Connect { error, .. })) = socket.error() else {
            panic!("{socket:?}")
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}

#[tokio::test]
async fn a_refusal_has_its_status_and_number() {
    let engine_io = EngineIo::new(async |_: rtwire_server::EngineIoSocket| {})
        .allow_request(async |_| Err::<(), _>("members only"));
    let server = start(engine_io).await;
    let mut socket = EngineIoSocket::builder(&server.url()).build().unwrap();
    assert_eq!(to_end(&mut socket).await, ["transport error"]);
    let Some(Error::Protocol(error)) = socket.error() else { panic!("{socket:?}") };
    assert_eq!(error.rule(), Rule::Refused { status: 403, code: Some(4) });

    let builder = EngineIoSocket::builder(&server.url()).transport(Transport::WebSocket);
    let mut socket = builder.build().unwrap();
    assert_eq!(to_end(&mut socket).await, ["transport error"]);
    let Some(Error::Handshake(rtwire_tokio::HandshakeError::Refused { response, .. })) =
        socket.error()
    else {
        panic!("{socket:?}")
    };
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn what_is_no_engine_io_is_an_error() {
    for (response, expected) in [
        ("SSH-2.0-x\r\n", None),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html",
            Some(Rule::UnknownType { byte: b'<' }),
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n6", Some(Rule::UnexpectedPacket)),
        (
            "HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\nno",
            Some(Rule::Refused { status: 404, code: None }),
        ),
        (
            "HTTP/1.1 307 X\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
            Some(Rule::Refused { status: 307, code: None }),
        ),
    ] {
        let peer = Peer::start().await;
        let mut socket = peer.builder().build().unwrap();
        let (told, _) = tokio::join!(to_end(&mut socket), peer.answer(response));
        let reason = if response.contains("<html") { "parse error" } else { "transport error" };
        assert_eq!(told, [reason]);
        match (socket.error().unwrap(), expected) {
            (Error::Network(NetworkError::Http(_)), None) => {}
            (Error::Protocol(error), Some(rule)) => assert_eq!(error.rule(), rule),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_anywhere_is_a_transport_error_and_cut_anywhere_the_same() {
    let response = answer("4one\x1ebAQI=");
    for cut in 0..=response.len() {
        let (part, rest) = response.split_at(cut);
        for breaks in [true, false] {
            let peer = Peer::start().await;
            let (mut socket, opened) = open(&peer, Transport::Polling).await;
            let Opened::Polling(mut connection) = opened else { panic!() };
            let server = async {
                connection.request().await;
                connection.send(part).await;
                if breaks {
                    drop(connection);
                } else {
                    tokio::task::yield_now().await;
                    connection.send(rest).await;
                    assert!(connection.request().await.line().starts_with("GET "));
                    connection.send(answer("1")).await;
                }
            };
            let (told, ()) = if breaks && cut == response.len() {
                // All of it has come; the next GET finds nobody, who would have listened for ever.
                let told = async { vec![line_of(&mut socket).await, line_of(&mut socket).await] };
                tokio::join!(told, server)
            } else {
                tokio::join!(to_end(&mut socket), server)
            };
            if !breaks {
                assert_eq!(told, ["one", r#"b"\x01\x02""#, "transport close"], "{cut}");
            } else if cut == response.len() {
                assert_eq!(told, ["one", r#"b"\x01\x02""#], "{cut}");
            } else {
                assert_eq!(told, ["transport error"], "{cut}");
                let Some(Error::Network(NetworkError::Http(_))) = socket.error() else {
                    panic!("{socket:?}")
                };
            }
        }
    }
}

#[tokio::test]
async fn an_opening_handshake_that_breaks_anywhere_is_a_transport_error() {
    let response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n";
    for cut in 0..response.len() {
        let peer = Peer::start().await;
        let builder = peer.builder().transport(Transport::WebSocket);
        let mut socket = builder.build().unwrap();
        let (told, _) = tokio::join!(to_end(&mut socket), peer.answer(&response[..cut]));
        assert_eq!(told, ["transport error"], "{cut}");
        assert!(matches!(socket.error(), Some(Error::Handshake(_))), "{socket:?}");
    }
}

#[test]
fn what_cannot_be_asked_for_is_told_before() {
    let build = |url: &str| EngineIoSocket::builder(url).build();
    assert!(matches!(build("https://localhost/engine.io/"), Err(BuildError::Https)));
    for url in ["", "localhost", "ws://localhost/", "http://user@localhost/"] {
        assert!(matches!(build(url), Err(BuildError::Url(_))), "{url}");
    }
    let long = |length: usize| format!("http://a/{}", "x".repeat(length - 1));
    assert!(build(&long(65_000)).is_ok());
    assert!(matches!(build(&long(65_001)), Err(BuildError::TooLong(_))));
    for (name, value) in [
        ("", "x"),
        ("a b", "x"),
        ("x", "a\r\nb: c"),
        ("Host", "x"),
        ("Content-Length", "1"),
        ("transfer-encoding", "chunked"),
        ("Sec-WebSocket-Key", "x"),
        ("Origin", "a b\0"),
    ] {
        let built = EngineIoSocket::builder("http://a/").header(name, value).build();
        assert!(matches!(built, Err(BuildError::Header(_))), "{name}: {value}");
    }
}
