//! Socket.IO with packets in MessagePack, beside clients whose packets are text.

use futures_util::StreamExt;
use rtwire_server::{Ack, Binary, Data, Endpoints, Message, Socket, SocketIo, SocketIoParser};
use rtwire_tokio::WebSocket;
use tokio::net::TcpStream;

use crate::engine_io_peer::{self, close_code, text};
use crate::peer::{Running, soon, start};
use crate::socket_io_peer::{Client, echo};

const PATH: &str = "/msgpack/";

async fn server() -> Running {
    serve(SocketIo::new()).await
}

async fn serve(io: SocketIo) -> Running {
    io.of("/", |ns| {
        echo(ns)
            .on("len", async |file: Binary, ack: Ack| ack.send(&file.len()))
            .on("all", async |socket: Socket, data: Data| socket.broadcast().emit_data(data))
    });
    let msgpack = io.clone().path(PATH).parser(SocketIoParser::Msgpack);
    start(Endpoints::new().socket_io(io).socket_io(msgpack)).await
}

/// `{"type":number,…,"nsp":"/"}`, with so many members between.
fn packet(members: u8, number: u8, more: &[u8]) -> Vec<u8> {
    [&[0x80 | (2 + members)], &b"\xa4type"[..], &[number], more, b"\xa3nsp\xa1/"].concat()
}

async fn next(socket: &mut WebSocket<TcpStream>) -> Vec<u8> {
    match soon(socket.next()).await.expect("the WebSocket has ended").unwrap() {
        Message::Binary(bytes) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

async fn connect(server: &Running) -> WebSocket<TcpStream> {
    let mut socket = engine_io_peer::websocket(server, PATH, "").await.unwrap();
    assert!(text(&mut socket).await.starts_with("0{"));
    socket.send(packet(0, 0, b"")).await.unwrap();
    let answer = next(&mut socket).await;
    let sid = &answer[answer.len() - 26..][..20];
    assert!(sid.is_ascii());
    assert_eq!(answer, packet(1, 0, &[&b"\xa4data\x81\xa3sid\xb4"[..], sid].concat()));
    socket
}

#[tokio::test]
async fn events_and_acks_are_binary_messages() {
    let server = server().await;
    let mut socket = connect(&server).await;
    // ["echo",{"a":[1,bytes]}]
    let event = packet(1, 2, b"\xa4data\x92\xa4echo\x81\xa1a\x92\x01\xc4\x02\x01\x02");
    socket.send(event.clone()).await.unwrap();
    assert_eq!(next(&mut socket).await, event);
    // ["len",bytes] with the ack id 7, and [3].
    let event = packet(2, 2, b"\xa4data\x92\xa3len\xc4\x03\x01\x02\x03\xa2id\x07");
    socket.send(event).await.unwrap();
    assert_eq!(next(&mut socket).await, packet(2, 3, b"\xa4data\x91\x03\xa2id\x07"));
}

#[tokio::test]
async fn one_broadcast_reaches_clients_of_both_parsers() {
    let server = server().await;
    let (mut msgpack, mut other) = (connect(&server).await, connect(&server).await);
    let mut client = Client::connect(&server).await;
    let mut second = Client::connect(&server).await;
    let text = r#"451-["all",{"_placeholder":true,"num":0}]"#;
    let binary = packet(1, 2, b"\xa4data\x92\xa3all\xc4\x01\x09");
    // Whoever of them is the first among the members.
    for _ in 0..3 {
        client.send(text).await;
        client.socket.send(vec![9]).await.unwrap();
        assert_eq!(next(&mut msgpack).await, binary);
        assert_eq!(next(&mut other).await, binary);
        second.expect(text).await;
        assert_eq!(soon(second.socket.next()).await.unwrap().unwrap(), Message::from(vec![9]));
        msgpack.send(binary.clone()).await.unwrap();
        assert_eq!(next(&mut other).await, binary);
        for client in [&mut client, &mut second] {
            client.expect(text).await;
            assert_eq!(soon(client.socket.next()).await.unwrap().unwrap(), Message::from(vec![9]));
        }
    }
}

#[tokio::test]
async fn one_question_reaches_clients_of_both_parsers() {
    let io = SocketIo::new();
    let server = serve(io.clone()).await;
    let (mut msgpack, mut other) = (connect(&server).await, connect(&server).await);
    let mut client = Client::connect(&server).await;
    let mut second = Client::connect(&server).await;
    let asked = io.namespace("/").emit_with_ack::<u8>("n?", &());
    for client in [&mut client, &mut second] {
        client.expect(r#"420["n?"]"#).await;
        client.send("430[1]").await;
    }
    for socket in [&mut msgpack, &mut other] {
        assert_eq!(next(socket).await, packet(2, 2, b"\xa4data\x91\xa2n?\xa2id\x00"));
        socket.send(packet(2, 3, b"\xa4data\x91\x02\xa2id\x00")).await.unwrap();
    }
    let answers: Vec<_> = soon(asked.map(Result::unwrap).collect()).await;
    assert_eq!(answers.iter().sum::<u8>(), 6, "{answers:?}");
}

#[tokio::test]
async fn malformed_packets_close_their_connection_and_no_other() {
    let server = server().await;
    let mut other = connect(&server).await;
    for malformed in [
        Message::from("42[\"echo\"]"),
        Message::from(vec![0xc1]),
        Message::from(packet(1, 2, b"\xa4data\x90")),
        Message::from(packet(0, 5, b"")),
    ] {
        let mut socket = connect(&server).await;
        socket.send(malformed).await.unwrap();
        close_code(socket).await;
    }
    let event = packet(1, 2, b"\xa4data\x91\xa4echo");
    other.send(event.clone()).await.unwrap();
    assert_eq!(next(&mut other).await, event);
}
