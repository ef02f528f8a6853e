//! The opening handshake (RFC 6455 §4) over a transport.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod scripted;

use std::time::Duration;

use rtwire_tokio::{HandshakeError, WebSocket, accept, connect, random_key};
use rtwire_websocket::handshake::{Request, Response, Rule};
use rtwire_websocket::{Message, Role};
use scripted::{CLIENT, Read, Scripted, events, quiet, wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

fn request() -> Request {
    Request::new("example.com", "/chat", random_key().unwrap()).unwrap()
}

#[tokio::test]
async fn s4_two_ends_agree_and_talk() {
    let (ours, theirs) = duplex(1024);
    let request = request().with_protocol("chat").unwrap();
    let server = accept(ours, quiet(), |request| {
        assert_eq!((request.host(), request.target()), ("example.com", "/chat"));
        request.accept_protocol("chat").unwrap()
    });
    let (server, client) = tokio::join!(server, connect(theirs, &request, quiet()));
    let (mut server, (mut client, response)) = (server.unwrap(), client.unwrap());
    assert_eq!(response.protocol(), Some("chat"));
    client.send("Hello").await.unwrap();
    assert_eq!(server.next().await.unwrap().unwrap(), "Hello".into());
    server.send("Hello yourself").await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), "Hello yourself".into());
}

#[tokio::test]
async fn rfc_8441_s5_an_extended_connect_is_not_sent_over_http_1_1() {
    let (ours, mut theirs) = duplex(1024);
    let request = Request::connect("http", "example.com", "/chat").unwrap();
    let outcome = timeout(Duration::from_secs(1), connect(ours, &request, quiet())).await;
    let Ok(Err(HandshakeError::Io(error))) = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0);
}

/// Frames that came together with the head, whole and cut, and those that come later.
fn frames(from: Role) -> (Vec<u8>, [Message; 3]) {
    let messages = ["one".into(), vec![2; 1000].into(), "three".into()];
    (wire(from, &messages), messages)
}

async fn assert_receives(mut socket: WebSocket<Scripted>, messages: [Message; 3]) {
    for message in messages {
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    assert!(socket.next().await.is_none());
}

#[tokio::test]
async fn s4_2_frames_behind_the_request_are_kept() {
    let (frames, messages) = frames(CLIENT);
    let input = [&request().encode()[..], &frames].concat();
    for piece in [1, 7, input.len() - frames.len() + 3, input.len()] {
        let io = Scripted::in_pieces(&input, &[piece]).then(Read::Eof);
        let server = accept(io.clone(), quiet(), Request::accept).await.unwrap();
        assert!(io.state().written.starts_with(b"HTTP/1.1 101 "));
        assert_receives(server, messages.clone()).await;
    }
}

#[tokio::test]
async fn s4_1_frames_behind_the_answer_are_kept() {
    let (frames, messages) = frames(Role::Server);
    let request = request();
    let input = [&request.accept().encode()[..], &frames].concat();
    for piece in [1, 7, input.len() - frames.len() + 3, input.len()] {
        let io = Scripted::in_pieces(&input, &[piece]).then(Read::Eof);
        let (client, _) = connect(io.clone(), &request, quiet()).await.unwrap();
        assert_eq!(io.state().written, request.encode());
        assert_receives(client, messages.clone()).await;
    }
}

#[tokio::test]
async fn s4_2_2_a_refusal_by_the_caller_reaches_the_client() {
    let (ours, theirs) = duplex(1024);
    let refusal = Response::refuse(403).unwrap().with_header("X-Reason", "origin").unwrap();
    let request = request().with_origin("https://elsewhere.example").unwrap();
    let server = accept(ours, quiet(), |request| {
        assert_eq!(request.origin(), Some("https://elsewhere.example"));
        refusal
    });
    let (server, client) = tokio::join!(server, connect(theirs, &request, quiet()));
    for refused in [server.unwrap_err(), client.unwrap_err()] {
        let HandshakeError::Refused { response, body_start } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((response.status(), body_start.len()), (403, 0));
        assert_eq!(response.header("x-reason"), Some(&b"origin"[..]));
    }
}

#[tokio::test]
async fn s4_1_the_start_of_a_refusals_body_is_kept() {
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here\n";
    let io = Scripted::new([Read::Bytes(answer.to_vec())]);
    let refused = connect(io, &request(), quiet()).await.unwrap_err();
    let HandshakeError::Refused { response, body_start } = refused else { panic!("{refused:?}") };
    assert_eq!((response.status(), &body_start[..]), (404, &b"not here\n"[..]));
}

#[tokio::test]
async fn s4_2_1_a_faulty_request_is_answered() {
    let version_8 = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n";
    let io = Scripted::in_pieces(version_8.as_bytes(), &[5]).then(Read::Eof);
    let error = accept(io.clone(), quiet(), Request::accept).await.unwrap_err();
    assert!(matches!(error, HandshakeError::Protocol(e) if e.rule() == Rule::Version));
    let answer = String::from_utf8(io.state().written.clone()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    assert!(answer.contains("Sec-WebSocket-Version: 13\r\n"), "{answer}");
    assert_eq!(io.state().shutdowns, 1);
}

#[tokio::test]
async fn s4_1_a_client_is_told_nothing_it_did_not_ask_for() {
    let request = request();
    let other = Request::new("example.com", "/chat", [0; 16]).unwrap();
    let io = Scripted::new([Read::Bytes(other.accept().encode().to_vec())]);
    let error = connect(io.clone(), &request, quiet()).await.unwrap_err();
    assert!(matches!(error, HandshakeError::Protocol(e) if e.rule() == Rule::WrongAccept));
    assert_eq!(io.state().written, request.encode(), "and nothing is sent after it");
}

#[tokio::test]
async fn s4_the_end_of_the_transport_inside_a_head_is_an_error_of_the_transport() {
    let request = request();
    let (asked, answered) = (request.encode(), request.accept().encode());
    for cut in 0..asked.len() {
        let io = Scripted::in_pieces(&asked[..cut], &[50]).then(Read::Eof);
        let error = accept(io.clone(), quiet(), Request::accept).await.unwrap_err();
        assert_eof(&error);
        assert_eq!(io.state().written, [], "there is nobody to answer");
    }
    for cut in 0..answered.len() {
        let io = Scripted::in_pieces(&answered[..cut], &[50]).then(Read::Eof);
        assert_eof(&connect(io, &request, quiet()).await.unwrap_err());
    }
}

fn assert_eof(error: &HandshakeError) {
    let eof = std::io::ErrorKind::UnexpectedEof;
    assert!(matches!(error, HandshakeError::Io(error) if error.kind() == eof), "{error:?}");
}

#[tokio::test]
async fn a_failing_transport_is_reported() {
    let kind = std::io::ErrorKind::ConnectionReset;
    let io = Scripted::in_pieces(&request().encode()[..20], &[7]).then(Read::Error(kind));
    let error = accept(io, quiet(), Request::accept).await.unwrap_err();
    assert!(matches!(error, HandshakeError::Io(error) if error.kind() == kind));
}

#[tokio::test]
async fn a_refusal_over_tcp_is_not_lost_although_the_client_goes_on_sending() {
    for _ in 0..20 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (mut client, accepted) = tokio::try_join!(client, listener.accept()).unwrap();
        let server = accept(accepted.0, quiet(), Request::accept);
        let client = async move {
            client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
            client.write_all(&b"X-Filler: aaaaaaaaaaaaaaaaaaaa\r\n".repeat(10_000)).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let both = async { tokio::join!(server, client) };
        let (refused, answer) = timeout(Duration::from_secs(20), both).await.unwrap();
        assert!(matches!(refused, Err(HandshakeError::Protocol(_))));
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_that_does_not_leave_is_left() {
    let (ours, mut theirs) = duplex(1024);
    theirs.write_all(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let start = Instant::now();
    let limits = quiet().close_timeout(Duration::from_secs(3));
    assert!(accept(ours, limits, Request::accept).await.is_err());
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    let mut answer = String::new();
    theirs.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
}

#[tokio::test]
async fn s4_ping_with_the_handshake_is_answered() {
    let input = [&request().encode()[..], b"\x89\x81\x00\x00\x00\x00!"].concat();
    let io = Scripted::new([Read::Bytes(input), Read::Later, Read::Eof]);
    let mut server = accept(io.clone(), quiet(), Request::accept).await.unwrap();
    let head = io.state().written.len();
    assert!(server.next().await.is_none());
    assert_eq!(events(CLIENT, io.state().written[head..].to_vec()), ["pong !"]);
}
