//! The end of a connection (RFC 6455 §7), seen from both ends of a transport.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod scripted;

use std::time::Duration;

use rtwire_tokio::{Error, WebSocket};
use rtwire_websocket::{CloseCode, CloseReason, Connection, Message, Role, Rule, State};
use scripted::{CLIENT, Read, Scripted, bounded, drain, events, poll_times, quiet, to_end, wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

fn reason() -> CloseReason {
    CloseReason { code: CloseCode::new(4001), reason: "enough".into() }
}

/// What `from` sends when it closes.
fn close_frame(from: Role) -> Vec<u8> {
    let mut connection = Connection::new(from, quiet());
    connection.close(&reason()).unwrap();
    drain(&mut connection)
}

async fn read_exactly(io: &mut DuplexStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    io.read_exact(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test(start_paused = true)]
async fn s7_1_1_both_sides_close_at_once() {
    let (ours, theirs) = duplex(1024);
    let mut server = WebSocket::server(ours, quiet());
    let mut client = WebSocket::client(theirs, quiet());
    let start = Instant::now();
    let both = async { tokio::join!(server.close(reason()), client.close(reason())) };
    let (one, other) = bounded(both).await;
    one.unwrap();
    other.unwrap();
    assert_eq!(server.close_reason(), Some(&reason()));
    assert_eq!(client.close_reason(), Some(&reason()));
    assert_eq!((server.state(), client.state()), (State::Closed, State::Closed));
    assert_eq!(start.elapsed(), Duration::ZERO, "nobody waits for a timeout");
}

#[tokio::test(start_paused = true)]
async fn s7_1_1_a_peer_that_never_answers_is_given_up_by_the_deadline() {
    for role in [Role::Server, CLIENT] {
        let (ours, _theirs) = duplex(1024);
        let connection = Connection::new(role, quiet().close_timeout(CLOSE_TIMEOUT));
        let mut socket = WebSocket::from_connection(ours, connection, &[]);
        let start = Instant::now();
        bounded(socket.close(reason())).await.unwrap();
        assert_eq!(start.elapsed(), CLOSE_TIMEOUT);
        assert_eq!(socket.close_reason().unwrap().code, CloseCode::ABNORMAL);
        assert_eq!(socket.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn s7_1_1_a_peer_that_neither_reads_nor_answers_is_given_up_by_the_deadline() {
    let (ours, _theirs) = duplex(16);
    let mut server = WebSocket::server(ours, quiet().close_timeout(CLOSE_TIMEOUT));
    let message = Message::from(vec![0; 1000]);
    assert!(poll_times(server.send(message), 1).is_none(), "the transport is full");
    let start = Instant::now();
    bounded(server.close(reason())).await.unwrap();
    assert_eq!(start.elapsed(), CLOSE_TIMEOUT);
}

/// Sends as fast as the transport takes it, a millisecond a message, and reads what comes.
async fn flood(io: DuplexStream, message: Vec<u8>) {
    let (mut input, mut output) = tokio::io::split(io);
    let read = async { tokio::io::copy(&mut input, &mut tokio::io::sink()).await };
    let write = async {
        while output.write_all(&message).await.is_ok() {
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    };
    let (read, ()) = tokio::join!(read, write);
    read.unwrap();
}

#[tokio::test(start_paused = true)]
async fn s7_1_1_a_peer_that_floods_does_not_outlast_the_deadline() {
    // Before its Close frame, after it, and after breaking a rule.
    let message = wire(CLIENT, &["flood".repeat(20).as_str().into()]);
    let after_close = close_frame(CLIENT);
    let after_fault = b"\xC1\x80\x00\x00\x00\x00".to_vec();
    for (name, first) in [("open", vec![]), ("closed", after_close), ("faulty", after_fault)] {
        let (ours, mut theirs) = duplex(1 << 20);
        let mut server = WebSocket::server(ours, quiet().close_timeout(CLOSE_TIMEOUT));
        theirs.write_all(&first).await.unwrap();
        let flood = tokio::spawn(flood(theirs, message.clone()));
        let start = Instant::now();
        match (name, bounded(server.close(reason())).await) {
            ("faulty", Err(Error::Protocol(error))) => {
                assert_eq!(error.rule(), Rule::ReservedBits);
                assert!(bounded(server.next()).await.is_none());
            }
            (_, closed) => closed.unwrap(),
        }
        assert!(start.elapsed() <= CLOSE_TIMEOUT + Duration::from_millis(500), "{name}");
        drop(server);
        bounded(flood).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn s7_1_1_a_real_flood_over_tcp_ends_by_the_deadline_too() {
    tokio::time::resume();
    let (ours, mut theirs) = tcp().await;
    let limits = quiet().close_timeout(Duration::from_millis(200));
    let mut server = WebSocket::server(ours, limits);
    let message = wire(CLIENT, &[vec![0; 100].into(), "x".into()]).repeat(500);
    let flood = tokio::spawn(async move { while theirs.write_all(&message).await.is_ok() {} });
    assert!(server.next().await.unwrap().is_ok());
    bounded(server.close(reason())).await.unwrap();
    drop(server);
    bounded(flood).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn s7_1_1_a_server_ends_after_both_close_frames_without_waiting_for_the_client() {
    // Either may close first.
    for client_first in [true, false] {
        let (ours, mut theirs) = duplex(1024);
        let mut server = WebSocket::server(ours, quiet());
        theirs.write_all(&close_frame(CLIENT)).await.unwrap();
        let start = Instant::now();
        if client_first {
            assert!(bounded(server.next()).await.is_none());
        } else {
            bounded(server.close(reason())).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(server.close_reason(), Some(&reason()));
        // The client sees the answer and the end, though the server object is still there.
        let mut rest = Vec::new();
        bounded(theirs.read_to_end(&mut rest)).await.unwrap();
        assert_eq!(events(CLIENT, rest), ["close 4001"]);
    }
}

#[tokio::test(start_paused = true)]
async fn s7_1_1_a_client_waits_for_the_servers_end_of_the_transport() {
    let (mut theirs, ours) = duplex(1024);
    let mut client = WebSocket::client(ours, quiet().close_timeout(CLOSE_TIMEOUT));
    let expected = close_frame(CLIENT).len();
    let server = async {
        read_exactly(&mut theirs, expected).await;
        theirs.write_all(&close_frame(Role::Server)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let nothing = timeout(Duration::from_secs(1), theirs.read_u8()).await;
        assert!(nothing.is_err(), "the client has not ended its side yet");
        theirs.shutdown().await.unwrap();
        assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0, "now it has");
    };
    let start = Instant::now();
    let (closed, ()) = bounded(async { tokio::join!(client.close(reason()), server) }).await;
    closed.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert_eq!(client.close_reason(), Some(&reason()));
}

#[tokio::test(start_paused = true)]
async fn s7_1_1_a_client_ends_the_transport_itself_when_the_server_does_not() {
    let (mut theirs, ours) = duplex(1024);
    let mut client = WebSocket::client(ours, quiet().close_timeout(CLOSE_TIMEOUT));
    theirs.write_all(&close_frame(Role::Server)).await.unwrap();
    let start = Instant::now();
    assert!(bounded(client.next()).await.is_none());
    assert_eq!(start.elapsed(), CLOSE_TIMEOUT);
    let mut rest = Vec::new();
    bounded(theirs.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(events(Role::Server, rest), ["close 4001"]);
}

#[tokio::test(start_paused = true)]
async fn s7_1_7_the_close_frame_leaves_with_the_error_even_if_nobody_asks_again() {
    let faulty = b"\x81\x80\x00\x00\x00\x00\xC1\x80\x00\x00\x00\x00";
    // The fault is in what is read first, and in what was read before.
    let at_once = Scripted::new([Read::Bytes(faulty[6..].to_vec())]);
    let mut server = WebSocket::server(at_once.clone(), quiet());
    assert!(matches!(server.next().await, Some(Err(Error::Protocol(_)))));
    assert_eq!(events(CLIENT, at_once.state().written.clone()), ["close 1002"]);

    let behind_a_message = Scripted::new([Read::Bytes(faulty.to_vec())]);
    let mut server = WebSocket::server(behind_a_message.clone(), quiet());
    assert_eq!(server.next().await.unwrap().unwrap(), "".into());
    assert!(matches!(server.next().await, Some(Err(Error::Protocol(_)))));
    assert_eq!(events(CLIENT, behind_a_message.state().written.clone()), ["close 1002"]);
}

#[tokio::test(start_paused = true)]
async fn s7_1_7_whoever_fails_the_connection_ends_its_side_first() {
    for (role, peer) in [(Role::Server, CLIENT), (CLIENT, Role::Server)] {
        let (ours, mut theirs) = duplex(1024);
        let mut socket = WebSocket::from_connection(ours, Connection::new(role, quiet()), &[]);
        theirs.write_all(b"\xC1\x80\x00\x00\x00\x00").await.unwrap();
        let start = Instant::now();
        let other_end = async move {
            let mut written = Vec::new();
            bounded(theirs.read_to_end(&mut written)).await.unwrap();
            assert_eq!(events(peer, written), ["close 1002"]);
        };
        let both = async { tokio::join!(to_end(&mut socket), other_end) };
        let ((_, error), ()) = bounded(both).await;
        assert!(matches!(error, Some(Error::Protocol(_))));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (theirs, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (accepted.unwrap().0, theirs.unwrap())
}

#[tokio::test]
async fn s7_1_7_over_tcp_the_close_frame_arrives_although_the_peer_goes_on_sending() {
    for _ in 0..3 {
        let (ours, mut theirs) = tcp().await;
        let mut server = WebSocket::server(ours, quiet());
        // More than the system's buffers take.
        let more = vec![0; 16 << 20];
        let server = async move { to_end(&mut server).await };
        let client = async move {
            theirs.write_all(b"\xC1\x80\x00\x00\x00\x00").await.unwrap();
            // The server has sent all it will; a reset would throw away what is not read yet.
            let mut answer = vec![theirs.read_u8().await.unwrap()];
            theirs.write_all(&more).await.unwrap();
            theirs.read_to_end(&mut answer).await.unwrap();
            answer
        };
        let both = async { tokio::join!(server, client) };
        let ((messages, error), answer) = bounded(both).await;
        assert_eq!(messages, []);
        assert!(matches!(error, Some(Error::Protocol(e)) if e.rule() == Rule::ReservedBits));
        assert_eq!(events(CLIENT, answer), ["close 1002"]);
    }
}

#[tokio::test]
async fn s7_1_1_over_tcp_two_ends_close_without_a_reset() {
    for server_first in [true, false] {
        let (ours, theirs) = tcp().await;
        let mut server = WebSocket::server(ours, quiet());
        let mut client = WebSocket::client(theirs, quiet());
        let (first, second) =
            if server_first { (&mut server, &mut client) } else { (&mut client, &mut server) };
        for number in 0..100 {
            second.feed(vec![number; 1000]).await.unwrap();
        }
        let both = async { tokio::join!(first.close(reason()), to_end(second)) };
        let (closed, (messages, error)) = bounded(both).await;
        closed.unwrap();
        assert!(error.is_none(), "{error:?}");
        assert_eq!(messages, []);
        assert_eq!(second.close_reason(), Some(&reason()));
        assert_eq!(first.close_reason().unwrap().code, reason().code);
    }
}

#[tokio::test]
async fn s7_1_5_messages_before_the_close_frame_are_delivered() {
    let mut peer = Connection::new(CLIENT, quiet());
    peer.send("one").unwrap();
    peer.send("two").unwrap();
    peer.close(&reason()).unwrap();
    let io = Scripted::new([Read::Bytes(drain(&mut peer)), Read::Eof]);
    let mut server = WebSocket::server(io, quiet());
    let (messages, error) = to_end(&mut server).await;
    assert_eq!(messages, ["one".into(), "two".into()]);
    assert!(error.is_none());
    assert_eq!(server.close_reason(), Some(&reason()));
}

#[tokio::test]
async fn s7_1_5_the_end_of_the_transport_without_a_close_frame_is_1006() {
    for cut in [0, 1, 9] {
        let frame = &wire(CLIENT, &["unfinished".into()])[..cut];
        let io = Scripted::in_pieces(frame, &[1]).then(Read::Eof);
        let mut server = WebSocket::server(io, quiet());
        assert_eq!(server.close_reason(), None);
        let (messages, error) = to_end(&mut server).await;
        assert_eq!(messages, []);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(server.close_reason(), Some(&CloseReason::new(CloseCode::ABNORMAL)));
        let late = server.send("late").await;
        assert!(matches!(late, Err(Error::Send(rtwire_websocket::SendError::Closing))));
    }
}

#[tokio::test]
async fn a_failing_transport_is_reported_once() {
    let kind = std::io::ErrorKind::ConnectionReset;
    let read = Scripted::in_pieces(&wire(CLIENT, &["one".into()]), &[3]).then(Read::Error(kind));
    let mut server = WebSocket::server(read, quiet());
    let (messages, error) = to_end(&mut server).await;
    assert_eq!(messages, ["one".into()]);
    assert!(matches!(error, Some(Error::Io(error)) if error.kind() == kind));
    assert_eq!(server.close_reason().unwrap().code, CloseCode::ABNORMAL);

    let write = Scripted::new([]);
    write.state().write_error = Some(kind);
    let mut server = WebSocket::server(write, quiet());
    let sent = server.send("one").await;
    assert!(matches!(sent, Err(Error::Io(error)) if error.kind() == kind));
    assert!(bounded(server.next()).await.is_none());

    // Inside a payload that is read directly, and by what writes for the reader.
    let start = &wire(CLIENT, &[vec![0; 70_000].into()])[..1000];
    let direct = Scripted::in_pieces(start, &[100]).then(Read::Error(kind));
    let mut server = WebSocket::server(direct, quiet());
    assert!(matches!(to_end(&mut server).await, (_, Some(Error::Io(_)))));
    let pong = Scripted::new([Read::Bytes(b"\x89\x80\x00\x00\x00\x00".to_vec())]);
    pong.state().write_error = Some(kind);
    let mut server = WebSocket::server(pong, quiet());
    assert!(matches!(to_end(&mut server).await, (_, Some(Error::Io(_)))));
}

#[tokio::test]
async fn a_transport_that_takes_nothing_has_failed() {
    let io = Scripted::new([]);
    let (mut ours, theirs) = duplex(16);
    drop(theirs);
    assert_eq!(ours.write(b"x").await.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    let mut server = WebSocket::server(ours, quiet());
    assert!(matches!(server.send("one").await, Err(Error::Io(_))));
    assert!(bounded(server.next()).await.is_none());
    drop(io);
}

#[tokio::test]
async fn s7_4_a_reason_that_must_not_be_sent_is_the_callers_mistake_and_closes_nothing() {
    let io = Scripted::new([]);
    let mut server = WebSocket::server(io.clone(), quiet());
    let closed = server.close(CloseReason::new(CloseCode::ABNORMAL)).await;
    assert!(matches!(closed, Err(Error::Send(rtwire_websocket::SendError::CloseCode))));
    assert_eq!(server.state(), State::Open);
    server.send("still open").await.unwrap();
    assert_eq!(events(CLIENT, io.state().written.clone()), ["text still open"]);
}
