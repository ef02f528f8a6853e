//! Socket.IO, protocol 4: what clients of Engine.IO 3 see, where the server lets them in. The dialogues are
//! those that Node's server leads.

use std::time::Duration;

use rtwire_server::adapter::{InMemoryAdapter, Recovery};
use rtwire_server::{
    ConnectError, Data, Endpoints, Message, NamespaceHandlers, OriginPolicy, Socket, SocketIo,
    SocketIoLimits,
};
use rtwire_tokio::WebSocket;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::engine_io_peer::{body, close_code, text};
use crate::peer::{Running, get, post, soon, start, status};
use crate::socket_io_peer::{Client, PATH, Told, echo, serve};

/// A client of protocol 4 on a WebSocket, that has read the open packet, and its session's sid.
async fn open(server: &Running) -> (WebSocket<TcpStream>, String) {
    let tcp = soon(TcpStream::connect(server.address)).await.unwrap();
    let key = rtwire_tokio::random_key().unwrap();
    let target = format!("{PATH}?EIO=3&transport=websocket");
    let request = rtwire_websocket::handshake::Request::new("localhost", &target, key).unwrap();
    let limits = rtwire_websocket::Limits::default();
    let (mut socket, _) = soon(rtwire_tokio::connect(tcp, &request, limits)).await.unwrap();
    let open = text(&mut socket).await;
    (socket, open.split('"').nth(3).unwrap().to_owned())
}

async fn send(socket: &mut WebSocket<TcpStream>, packet: &str) {
    socket.send(packet).await.unwrap();
}

async fn expect(socket: &mut WebSocket<TcpStream>, packet: &str) {
    assert_eq!(text(socket).await, packet);
}

/// Greets with the id and the auth; a socket whose auth has a `no` is refused.
fn greeter(ns: NamespaceHandlers) -> NamespaceHandlers {
    echo(ns)
        .middleware(async |socket: Socket| {
            match socket.auth::<Value>().unwrap_or_default().get("no") {
                Some(no) if no == "data" => Err(ConnectError::new("no").data(&("why", 1)).unwrap()),
                Some(_) => Err(ConnectError::new("no")),
                None => Ok(()),
            }
        })
        .on_connect(async |socket: Socket| {
            let auth: Value = socket.auth().unwrap();
            socket.emit("hello", &(socket.id().as_ref() as &str, auth))
        })
}

async fn greeting_server() -> (Running, Told) {
    let io = SocketIo::new().allow_eio3(true);
    io.of("/chat", greeter);
    serve(io, greeter).await
}

#[tokio::test]
async fn connection_joins_the_main_namespace_by_itself() {
    let (server, _) = greeting_server().await;
    let (mut socket, sid) = open(&server).await;
    expect(&mut socket, "40").await;
    expect(&mut socket, &format!(r#"42["hello","{sid}",{{}}]"#)).await;
    send(&mut socket, r#"42["echo","é",1]"#).await;
    expect(&mut socket, r#"42["echo","é",1]"#).await;

    let target = format!("{PATH}?EIO=3&transport=polling");
    let mut payloads = body(&server.ask(&get(&target, "")).await).to_owned();
    let sid = payloads.split('"').nth(3).unwrap().to_owned();
    let hello = format!(r#"42["hello","{sid}",{{}}]"#);
    let target = format!("{target}&sid={sid}");
    while !payloads.ends_with(&hello) {
        payloads += body(&server.ask(&get(&target, "")).await);
    }
    let behind_the_open_packet = format!("}}2:40{}:{hello}", hello.len());
    assert!(payloads.ends_with(&behind_the_open_packet), "{payloads}");
}

#[tokio::test]
async fn connection_to_a_namespace_has_its_query_for_auth() {
    let (server, _) = greeting_server().await;
    let (mut socket, sid) = open(&server).await;
    expect(&mut socket, "40").await;
    text(&mut socket).await;
    send(&mut socket, "40/chat?token=a%20b&x=1,").await;
    expect(&mut socket, "40/chat,").await;
    let hello = format!(r##"42/chat,["hello","/chat#{sid}",{{"token":"a b","x":"1"}}]"##);
    expect(&mut socket, &hello).await;
    // It leaves, and comes back under the same id.
    send(&mut socket, "41/chat,").await;
    send(&mut socket, "40/chat,").await;
    expect(&mut socket, "40/chat,").await;
    expect(&mut socket, &format!(r##"42/chat,["hello","/chat#{sid}",{{}}]"##)).await;
    send(&mut socket, r#"42/chat,["echo"]"#).await;
    expect(&mut socket, r#"42/chat,["echo"]"#).await;
}

#[tokio::test]
async fn connection_refused_is_data_or_message_and_an_object_for_an_unknown_namespace() {
    let (server, _) = greeting_server().await;
    let (mut socket, _) = open(&server).await;
    expect(&mut socket, "40").await;
    text(&mut socket).await;
    for (sent, answer) in [
        ("40/chat?no=data,", r#"44/chat,["why",1]"#),
        ("40/chat?no=message,", r#"44/chat,"no""#),
        ("40/nowhere", r#"44/nowhere,{"message":"Invalid namespace"}"#),
    ] {
        send(&mut socket, sent).await;
        expect(&mut socket, answer).await;
    }
}

#[tokio::test]
async fn connection_that_the_main_namespace_refuses_may_join_another_in_time() {
    let limits = SocketIoLimits::default().connect_timeout(Duration::from_millis(500));
    let io = SocketIo::new().allow_eio3(true).limits(limits);
    io.of("/chat", echo);
    let (server, mut told) = serve(io, |ns| {
        ns.middleware(async |_: Socket| Err(ConnectError::new("not \"authorized\"")))
    })
    .await;
    let (mut one, _) = open(&server).await;
    expect(&mut one, r#"44"not \"authorized\"""#).await;
    send(&mut one, "40/chat,").await;
    expect(&mut one, "40/chat,").await;
    let (mut two, _) = open(&server).await;
    expect(&mut two, r#"44"not \"authorized\"""#).await;
    close_code(two).await;
    // Its time has not ended the first one, which came earlier.
    send(&mut one, r#"42/chat,["echo"]"#).await;
    expect(&mut one, r#"42/chat,["echo"]"#).await;
    assert!(told.try_recv().is_err(), "nobody was in the main namespace");
}

#[tokio::test]
async fn connection_to_a_server_without_a_main_namespace() {
    let io = SocketIo::new().allow_eio3(true);
    io.of("/chat", echo);
    let server = start(Endpoints::new().socket_io(io)).await;
    let (mut socket, _) = open(&server).await;
    expect(&mut socket, r#"44{"message":"Invalid namespace"}"#).await;
    send(&mut socket, "40/chat,").await;
    expect(&mut socket, "40/chat,").await;
}

#[tokio::test]
async fn events_of_one_broadcast_reach_clients_of_both_protocols() {
    let handlers = |ns: NamespaceHandlers| {
        echo(ns)
            .on("all", async |socket: Socket, data: Data| socket.broadcast().emit_data(data))
            .on("ask", async |socket: Socket| {
                let answer: String = socket.emit_with_ack("question", &()).await?;
                socket.emit("answer", &answer)?;
                Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
            })
    };
    let (server, _) = serve(SocketIo::new().allow_eio3(true), handlers).await;
    let mut new = Client::connect(&server).await;
    let (mut old, _) = open(&server).await;
    expect(&mut old, "40").await;
    let packet = r#"451-["all",{"_placeholder":true,"num":0}]"#;
    new.send(packet).await;
    new.socket.send(vec![1, 2]).await.unwrap();
    expect(&mut old, packet).await;
    let attachment = soon(old.next()).await.unwrap().unwrap();
    assert_eq!(attachment, Message::from(vec![4, 1, 2]), "Engine.IO 3 tells its type");
    send(&mut old, packet).await;
    old.send(vec![4, 3, 4]).await.unwrap();
    new.expect(packet).await;
    assert_eq!(soon(new.socket.next()).await.unwrap().unwrap(), Message::from(vec![3, 4]));
    // Acks are as they were.
    send(&mut old, r#"42["ask"]"#).await;
    let question = text(&mut old).await;
    let id = question.strip_prefix("42").unwrap().strip_suffix(r#"["question"]"#).unwrap();
    send(&mut old, &format!(r#"43{id}["yes"]"#)).await;
    expect(&mut old, r#"42["answer","yes"]"#).await;
}

#[tokio::test]
async fn events_have_their_offset_behind_them_where_others_are_recovered() {
    let recovery = InMemoryAdapter::with_recovery(Recovery::default());
    let (server, _) = serve(SocketIo::with_adapter(recovery).allow_eio3(true), echo).await;
    let (mut socket, _) = open(&server).await;
    expect(&mut socket, "40").await;
    send(&mut socket, r#"42["echo",1]"#).await;
    let event = text(&mut socket).await;
    let offset = event.strip_prefix(r#"42["echo",1,""#).and_then(|rest| rest.strip_suffix("\"]"));
    assert!(offset.is_some_and(|offset| !offset.contains('"')), "{event}");
}

#[tokio::test]
async fn malformed_packets_close_their_connection_and_no_other() {
    let (server, mut told) = greeting_server().await;
    let (mut other, _) = open(&server).await;
    expect(&mut other, "40").await;
    text(&mut other).await;
    for (malformed, reason) in [
        ("42", "parse error"),
        (r#"450-["a"]"#, "parse error"),
        // It has joined by itself.
        ("40", "forced close"),
        ("42/chat,[\"a\"]", "forced close"),
    ] {
        let (mut socket, _) = open(&server).await;
        expect(&mut socket, "40").await;
        text(&mut socket).await;
        send(&mut socket, malformed).await;
        close_code(socket).await;
        assert_eq!(soon(told.recv()).await.unwrap(), reason, "{malformed}");
    }
    send(&mut other, r#"42["echo"]"#).await;
    expect(&mut other, r#"42["echo"]"#).await;
}

#[tokio::test]
async fn jsonp_carries_it_too() {
    let io = SocketIo::new().allow_eio3(true);
    io.of("/", echo);
    let endpoints = Endpoints::new().socket_io(io).origin_policy(OriginPolicy::any());
    let server = start(endpoints).await;
    let target = format!("{PATH}?EIO=3&transport=polling&j=5");
    let mut scripts = body(&server.ask(&get(&target, "")).await).to_owned();
    assert!(scripts.starts_with("___eio[5](\""), "{scripts}");
    let sid = scripts.split('"').nth(4).unwrap().trim_end_matches('\\').to_owned();
    let target = format!("{target}&sid={sid}");
    while !scripts.contains("2:40") {
        scripts += body(&server.ask(&get(&target, "")).await);
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let event = "d=14%3A42%5B%22echo%22%2C%22%E2%82%AC%22%5D";
    assert_eq!(status(&server.ask(&post(&target, form, event)).await), 200);
    let answer = server.ask(&get(&target, "")).await;
    assert_eq!(body(&answer), r#"___eio[5]("14:42[\"echo\",\"€\"]");"#);
}

#[tokio::test]
async fn neither_is_there_unless_allowed() {
    let (server, _) = serve(SocketIo::new(), echo).await;
    for query in ["transport=polling", "EIO=3&transport=polling", "EIO=3&transport=polling&j=0"] {
        let answer = server.ask(&get(&format!("{PATH}?{query}"), "")).await;
        assert_eq!(body(&answer), r#"{"code":5,"message":"Unsupported protocol version"}"#);
    }
}
