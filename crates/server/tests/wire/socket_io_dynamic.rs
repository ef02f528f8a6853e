//! Namespaces that open when a client asks for them, and close when the last has left.

use std::sync::Arc;
use std::time::Duration;

use rtwire_server::{
    Ack, ConnectError, DisconnectReason, Json, NamespaceHandlers, Socket, SocketIo, SocketIoLimits,
};
use tokio::task::JoinSet;

use crate::cluster::{Bus, Node};
use crate::peer::{Running, soon};
use crate::socket_io_peer::{Client, Told, echo, serve};

/// Opens what starts with `/room-`, and is not refused by its middleware.
async fn start(set: impl FnOnce(SocketIo) -> SocketIo) -> (SocketIo, Node, Running, Told) {
    let node = Bus::default().node();
    let io = set(SocketIo::with_adapter(node.clone()));
    io.of_dynamic(
        async |name: String, _: Json| name.starts_with("/room-"),
        |ns| {
            echo(ns)
                .on("name", async |socket: Socket| socket.emit("name", socket.namespace()))
                .middleware(async |socket: Socket| {
                    // A client that is on its way keeps the namespace open.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    let is_refused = socket.auth::<serde_json::Value>().unwrap()["refused"] == true;
                    if is_refused { Err(ConnectError::new("refused")) } else { Ok(()) }
                })
        },
    );
    let (server, told) = serve(io.clone(), |ns| ns).await;
    (io, node, server, told)
}

async fn until_open(node: &Node, count: usize) {
    let open = async {
        while node.attached() != count {
            tokio::task::yield_now().await;
        }
    };
    soon(open).await;
}

#[tokio::test]
async fn dynamic_namespaces_open_and_close() {
    let (io, node, server, _told) = start(|io| io).await;
    assert_eq!(node.attached(), 1, "that of `serve`");
    let mut a = Client::open(&server).await;
    a.send("40/nothing").await;
    a.expect(r#"44/nothing,{"message":"Invalid namespace"}"#).await;
    let mut b = Client::open(&server).await;
    for _ in 0..3 {
        let ids = [a.join("/room-1,").await, b.join("/room-1,").await];
        a.join("/room-2,").await;
        assert_ne!(ids[0], ids[1]);
        until_open(&node, 3).await;
        a.send(r#"42/room-1,["name"]"#).await;
        a.expect(r#"42/room-1,["name","/room-1"]"#).await;
        assert_eq!(io.namespace("/room-1").emit("news", &1).unwrap(), 2);
        a.expect(r#"42/room-1,["news",1]"#).await;
        b.expect(r#"42/room-1,["news",1]"#).await;
        a.send("41/room-1,").await;
        b.send(r#"42/room-1,["echo"]"#).await;
        b.expect(r#"42/room-1,["echo"]"#).await;
        b.send("41/room-1,").await;
        until_open(&node, 2).await;
        assert_eq!(io.namespace("/room-1").emit("news", &2).unwrap(), 0);
        a.send("41/room-2,").await;
        until_open(&node, 1).await;
    }
    // So do those that nobody gets into.
    a.send(r#"40/room-3,{"refused":true}"#).await;
    a.expect(r#"44/room-3,{"message":"refused"}"#).await;
    until_open(&node, 1).await;
    a.join("/room-4,").await;
    until_open(&node, 2).await;
    drop(a);
    until_open(&node, 1).await;
}

#[tokio::test]
async fn dynamic_namespaces_stay_if_they_are_to() {
    let (io, node, server, _told) = start(|io| io.cleanup_empty_namespaces(false)).await;
    let mut client = Client::open(&server).await;
    client.join("/room-1,").await;
    client.send("41/room-1,").await;
    client.join("/room-1,").await;
    drop(client);
    while io.session_count() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(node.attached(), 2);

    // And so does one that is opened for good, with its own handlers.
    let (io, node, server, mut told) = start(|io| io).await;
    let mut client = Client::open(&server).await;
    client.join("/room-1,").await;
    let (tell, mut left) = tokio::sync::mpsc::unbounded_channel();
    io.of("/room-1", |ns| {
        ns.on_disconnect(move |_: Socket, reason: DisconnectReason| {
            drop(tell.send(reason.to_string()));
            async {}
        })
    });
    client.join("").await;
    drop(client);
    soon(told.recv()).await.unwrap();
    soon(left.recv()).await.unwrap();
    assert_eq!(node.attached(), 2);
}

#[tokio::test]
async fn dynamic_namespaces_are_limited() {
    for limit in [1, 2, 3] {
        let (_io, node, server, _told) = start(|io| io.max_dynamic_namespaces(limit)).await;
        let mut client = Client::open(&server).await;
        for number in 0..limit {
            client.join(&format!("/room-{number},")).await;
        }
        client.send("40/room-x").await;
        client.expect(r#"44/room-x,{"message":"Invalid namespace"}"#).await;
        // Those that are there may be joined,
        let mut other = Client::open(&server).await;
        other.join("/room-0,").await;
        // and one that closes makes room.
        client.send("41/room-0,").await;
        other.send("41/room-0,").await;
        until_open(&node, limit).await;
        client.join("/room-x,").await;
    }
}

#[tokio::test]
async fn dynamic_namespaces_that_a_client_was_put_out_of_cost_it_no_place() {
    let io = SocketIo::new().limits(SocketIoLimits::default().max_namespaces(2));
    io.of_dynamic(
        async |_: String, _: Json| true,
        |ns| ns.on("leave", async |socket: Socket| socket.disconnect()),
    );
    let (server, _told) = serve(io, |ns| ns).await;
    let mut client = Client::open(&server).await;
    for number in 0..6 {
        client.join(&format!("/{number},")).await;
        client.send(&format!(r#"42/{number},["leave"]"#)).await;
        client.send(&format!(r#"42/{number},["on its way"]"#)).await;
        client.expect(&format!("41/{number},")).await;
    }
    client.join("").await;
    client.join("/6,").await;
    client.send("40/7,").await;
    client.ends().await;
}

#[tokio::test]
async fn dynamic_namespaces_are_asked_for_in_order_with_auth() {
    let io = SocketIo::new();
    let named = |name: &'static str| {
        move |ns: NamespaceHandlers| {
            ns.on_connect(async move |socket: Socket| socket.emit("opened by", name))
        }
    };
    io.of_dynamic(async |name: String, _: Json| name == "/a" && panic!("as told"), named("nobody"));
    let with_auth = async |name: String, auth: Json| {
        tokio::task::yield_now().await;
        let auth: serde_json::Value = auth.deserialize().unwrap();
        name != "/none" && auth["key"] == 7
    };
    io.of_dynamic(with_auth, named("key"));
    io.of_dynamic(async |name: String, _: Json| name == "/b", named("name"));
    let (server, _told) = serve(io, |ns| ns).await;
    for (connect, opened_by) in [
        (r#"40/a,{"key":7}"#, Some("key")),
        ("40/a", None),
        ("40/b", Some("name")),
        (r#"40/none,{"key":7}"#, None),
        ("40/", Some("/")),
    ] {
        let mut client = Client::open(&server).await;
        client.send(connect).await;
        let answer = client.text().await;
        let Some(name) = opened_by else {
            assert!(answer.ends_with(r#",{"message":"Invalid namespace"}"#), "{connect}: {answer}");
            continue;
        };
        assert!(answer.starts_with("40"), "{connect}: {answer}");
        if name != "/" {
            assert!(client.text().await.ends_with(&format!(r#"["opened by","{name}"]"#)));
        }
    }
}

/// One that joins while the last other one leaves is not left behind in a namespace that has closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamic_namespaces_have_whoever_has_joined_them() {
    let node = Bus::default().node();
    let io = SocketIo::with_adapter(node.clone());
    let all = io.clone();
    io.of_dynamic(
        async |_: String, _: Json| true,
        move |ns| {
            ns.on("am I there?", move |socket: Socket, ack: Ack| {
                let there = all.namespace(socket.namespace()).to(socket.id()).sockets().len();
                async move { ack.send(&there) }
            })
        },
    );
    let (server, _told) = serve(io.clone(), |ns| ns).await;
    let server = Arc::new(server);
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let server = Arc::clone(&server);
        clients.spawn(async move {
            let mut client = Client::open(&server).await;
            for _ in 0..100 {
                client.join("/room,").await;
                client.send(r#"42/room,0["am I there?"]"#).await;
                client.expect("43/room,0[1]").await;
                client.send("41/room,").await;
            }
        });
    }
    // Each of their waits is bounded; how long all of them take together is the machine's affair.
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    until_open(&node, 1).await;
}

#[tokio::test]
async fn dynamic_namespaces_that_open_again_do_not_take_a_late_answer_for_another() {
    let node = Bus::default().node();
    let io = SocketIo::with_adapter(node.clone());
    io.of_dynamic(
        async |_: String, _: Json| true,
        |ns| {
            ns.on_connect(async |socket: Socket| {
                let answer = socket.emit_with_ack::<u8>("n?", &()).await;
                socket.emit("answered", &answer.ok())
            })
        },
    );
    let (server, _told) = serve(io, |ns| ns).await;
    let mut client = Client::open(&server).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        until_open(&node, 1).await;
        client.join("/room,").await;
        let question = client.text().await;
        let id = question.strip_prefix("42/room,").and_then(|rest| rest.strip_suffix(r#"["n?"]"#));
        ids.push(id.expect(&question).to_owned());
        if ids.len() == 1 {
            client.send("41/room,").await;
        }
    }
    for (id, answer) in ids.iter().zip([1, 2]) {
        client.send(&format!("43/room,{id}[{answer}]")).await;
    }
    client.expect(r#"42/room,["answered",2]"#).await;
}
