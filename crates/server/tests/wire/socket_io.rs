//! Socket.IO, protocol 5: what clients see on the wire, and what handlers see of clients.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use futures_util::StreamExt;
use rtwire_server::{
    Ack, AckError, Binary, CloseCode, CloseReason, ConnectError, Data, DisconnectReason, EmitError,
    Endpoints, EngineIoLimits, JoinError, Limits, Message, NamespaceHandlers, Socket, SocketIo,
    SocketIoLimits,
};
use tokio::sync::{Notify, mpsc};

use crate::engine_io_peer::Polling;
use crate::peer::{soon, start, upgrade};
use crate::socket_io_peer::{Client, PATH, echo, serve};

#[tokio::test]
async fn connection_ids_differ_from_each_other_and_from_the_session() {
    let io = SocketIo::new();
    io.of("custom", |ns| ns);
    let (server, _) = serve(io, echo).await;
    let mut client = Client::open(&server).await;
    let session = client.id.clone();
    let ids = [client.join("").await, client.join("/custom,").await];
    assert!(ids[0] != ids[1] && !ids.contains(&session));
}

#[tokio::test]
async fn connection_to_a_namespace_that_is_not_there_is_refused() {
    let (server, _) = serve(SocketIo::new(), echo).await;
    let mut client = Client::open(&server).await;
    client.send("40/random").await;
    client.expect(r#"44/random,{"message":"Invalid namespace"}"#).await;
    // Only in protocol 4 a query is no part of the name.
    client.send("40/?token=1,").await;
    client.expect(r#"44/?token=1,{"message":"Invalid namespace"}"#).await;
    client.join("").await;
}

#[tokio::test]
async fn connection_middlewares_are_asked_in_order() {
    let guarded = |ns: NamespaceHandlers| {
        echo(ns)
            .middleware(async |socket: Socket| {
                assert!(!socket.is_connected() && socket.rooms().is_empty());
                assert!(matches!(socket.emit("early", &()), Err(EmitError::Disconnected)));
                assert_eq!(socket.insert(1_u8), None);
                Ok(())
            })
            .middleware(async |socket: Socket| {
                #[derive(serde::Deserialize)]
                struct Auth {
                    token: String,
                }
                assert_eq!(socket.get::<u8>(), Some(1));
                match socket.auth::<Auth>() {
                    Ok(auth) if auth.token == "abc" => Ok(()),
                    _ => Err(ConnectError::new("not \"authorized\"").data(&[1]).unwrap()),
                }
            })
            .on_connect(async |socket: Socket| socket.emit("welcome", socket.id().as_ref() as &str))
    };
    let (server, _) = serve(SocketIo::new(), guarded).await;
    let mut client = Client::open(&server).await;
    for refused in ["40", r#"40{"token":1}"#, r#"40{"token":"x"}"#] {
        client.send(refused).await;
        client.expect(r#"44{"message":"not \"authorized\"","data":[1]}"#).await;
    }
    client.send(r#"40{"token":"abc"}"#).await;
    let id = client.text().await.split('"').nth(3).unwrap().to_owned();
    client.expect(&format!(r#"42["welcome","{id}"]"#)).await;
}

#[tokio::test]
async fn connection_no_namespace_in_time_is_closed() {
    let limits = SocketIoLimits::default().connect_timeout(Duration::from_millis(50));
    let (server, _) = serve(SocketIo::new().limits(limits), echo).await;
    let joined = Client::connect(&server).await;
    Client::open(&server).await.ends().await;
    let mut joined = joined;
    joined.send(r#"42["echo",1]"#).await;
    joined.expect(r#"42["echo",1]"#).await;
}

#[tokio::test]
async fn connection_with_more_credentials_than_are_kept_closes() {
    let auth = r#"{"token":"abc"}"#;
    for (limit, allowed) in [(14, false), (15, true), (16, true)] {
        let io = SocketIo::new().limits(SocketIoLimits::default().max_auth(limit));
        io.of("/chat", |ns| ns);
        let (server, mut told) = serve(io, echo).await;
        let mut client = Client::connect(&server).await;
        client.send(&format!("40/chat,{auth}")).await;
        if allowed {
            assert!(client.text().await.starts_with(r#"40/chat,{"sid":""#), "{limit}");
        } else {
            client.ends().await;
            assert_eq!(soon(told.recv()).await.unwrap(), "forced server close");
        }
    }
}

#[tokio::test]
async fn events_handlers_of_every_shape() {
    let handlers = |ns: NamespaceHandlers| {
        ns.on("socket", async |socket: Socket| socket.emit("socket", &()))
            .on("args", async |socket: Socket, (a, b): (String, u8)| socket.emit("args", &(b, a)))
            .on("all", async |socket: Socket, text: String, ack: Ack| {
                socket.emit("all", &text)?;
                ack.send(&(1, "two"))
            })
            .on("ack", async |file: Binary, ack: Ack| ack.send(&file.len()))
            .on("bare", async |_: Socket, ack: Ack| ack.send(&()))
            .on("data", async |data: Data, ack: Ack| ack.send_data(data.into_ack()))
    };
    let (server, _) = serve(SocketIo::new(), handlers).await;
    let mut client = Client::connect(&server).await;
    for (sent, answers) in [
        (r#"42["socket",1,2]"#, &[r#"42["socket"]"#][..]),
        (r#"42["args","x",7,"more"]"#, &[r#"42["args",7,"x"]"#]),
        // Nobody asked for an ack.
        (r#"42["all","x"]"#, &[r#"42["all","x"]"#]),
        (r#"4212["all","x"]"#, &[r#"42["all","x"]"#, r#"4312[1,"two"]"#]),
        (r#"420["bare"]"#, &["430[]"]),
        (r#"421["data",{"a":[1]},null]"#, &[r#"431[{"a":[1]},null]"#]),
        // An event without a handler is never acked by itself.
        (r#"422["unknown"]"#, &[]),
        // What does not fit is dropped, alone.
        (r#"423["args",1]"#, &[]),
        (r#"42["socket"]"#, &[r#"42["socket"]"#]),
    ] {
        client.send(sent).await;
        for answer in answers {
            client.expect(answer).await;
        }
    }
    client.send(r#"451-9["ack",{"_placeholder":true,"num":0}]"#).await;
    client.socket.send(vec![1, 2, 3]).await.unwrap();
    client.expect("439[3]").await;
}

/// Node's `onAny`. A handler of its own sees an event after it, and it alone has the ack.
#[tokio::test]
async fn events_are_all_seen_by_who_wants_any() {
    for guarded in [false, true] {
        let handlers = |ns: NamespaceHandlers| {
            let ns = echo(ns)
                .on("ask", async |data: Data, ack: Ack| ack.send_data(data.into_ack()))
                .on("panic", async |socket: Socket| socket.emit("unharmed", &()))
                .on_any(async |socket: Socket, data: Data, ack: Ack| {
                    let name = data.event_name().unwrap().into_owned();
                    socket.emit("any", &(&name, ack.is_asked_for())).unwrap();
                    assert_ne!(name, "panic", "as told");
                    ack.send_data(data.into_ack())
                });
            if !guarded {
                return ns;
            }
            ns.packet_middleware(async |_: Socket, data: Data| Ok::<_, String>(data))
        };
        let (server, _) = serve(SocketIo::new(), handlers).await;
        let mut client = Client::connect(&server).await;
        for (sent, seen, answer) in [
            (r#"42["echo",1]"#, r#"42["any","echo",false]"#, r#"42["echo",1]"#),
            (r#"421["ask",2]"#, r#"42["any","ask",false]"#, "431[2]"),
            (r#"422["unknown",3]"#, r#"42["any","unknown",true]"#, "432[3]"),
            (r#"42["panic"]"#, r#"42["any","panic",false]"#, r#"42["unharmed"]"#),
        ] {
            client.send(sent).await;
            client.expect(seen).await;
            client.expect(answer).await;
        }
    }
}

#[tokio::test]
async fn events_binary_comes_back_with_its_attachments_behind_it() {
    let (server, _) = serve(SocketIo::new(), echo).await;
    let mut client = Client::connect(&server).await;
    let packet =
        r#"452-["echo",{"deep":[{"_placeholder":true,"num":0}]},{"_placeholder":true,"num":1}]"#;
    client.send(packet).await;
    client.socket.send(vec![1]).await.unwrap();
    client.socket.send(vec![2; 70_000]).await.unwrap();
    client.expect(packet).await;
    for expected in [vec![1], vec![2; 70_000]] {
        let attachment = soon(client.socket.next()).await.unwrap().unwrap();
        assert_eq!(attachment, Message::from(expected));
    }

    let polling = Polling::open(&server, PATH).await;
    polling.send("40").await;
    polling.poll().await;
    let packet = r#"451-["echo",{"_placeholder":true,"num":0}]"#;
    polling.send(&format!("{packet}\x1ebAQI=")).await;
    assert_eq!(polling.poll().await, format!("{packet}\x1ebAQI="));
}

#[tokio::test]
async fn events_of_bytes_alone_are_attachments() {
    let handlers = |ns: NamespaceHandlers| {
        ns.on("go", async |socket: Socket| {
            socket.emit_binary("mine", vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")])?;
            socket.to(socket.id()).emit_binary("not mine", Vec::new())?;
            socket.emit_binary("disconnect", Vec::new())
        })
    };
    let io = SocketIo::new();
    let (server, _) = serve(io.clone(), handlers).await;
    let mut client = Client::connect(&server).await;
    client.send(r#"42["go"]"#).await;
    let first = r#"{"_placeholder":true,"num":0}"#;
    client.expect(&format!(r#"452-["mine",{first},{}]"#, first.replace('0', "1"))).await;
    for bytes in [b"a", b"b"] {
        let attachment = soon(client.socket.next()).await.unwrap().unwrap();
        assert_eq!(attachment, Message::from(bytes.to_vec()));
    }
    io.namespace("/").emit_binary("all", vec![Bytes::from_static(b"c")]).unwrap();
    client.expect(&format!(r#"451-["all",{first}]"#)).await;
}

#[tokio::test]
async fn malformed_packets_close_their_connection_and_no_other() {
    let (server, mut told) = serve(SocketIo::new(), echo).await;
    let mut other = Client::connect(&server).await;
    for (malformed, reason) in [
        ("4", "parse error"),
        ("49", "parse error"),
        ("42", "parse error"),
        ("42{}", "parse error"),
        ("42[]", "parse error"),
        (r#"42["connect"]"#, "parse error"),
        (r#"42["a""#, "parse error"),
        ("43[]", "parse error"),
        ("431{}", "parse error"),
        ("41{}", "parse error"),
        (r#"450-["a"]"#, "parse error"),
        (r#"451-["a"]"#, "parse error"),
        (r#"451-["a",{"_placeholder":true,"num":1}]"#, "parse error"),
        ("44", "parse error"),
        (r#"44{"message":"x"}"#, "forced close"),
        ("40", "forced close"),
        (r#"42/unknown,["a"]"#, "forced close"),
    ] {
        let mut client = Client::connect(&server).await;
        client.send(malformed).await;
        client.ends().await;
        assert_eq!(soon(told.recv()).await.unwrap(), reason, "{malformed}");
    }
    let mut client = Client::connect(&server).await;
    client.socket.send(vec![1]).await.unwrap();
    client.ends().await;
    assert_eq!(soon(told.recv()).await.unwrap(), "parse error", "stray binary");

    let polling = Polling::open(&server, PATH).await;
    polling.send("40").await;
    polling.poll().await;
    polling.send("4nonsense").await;
    assert_eq!(polling.poll().await, "1");
    assert_eq!(soon(told.recv()).await.unwrap(), "parse error", "over polling");

    other.send(r#"42["echo",1]"#).await;
    other.expect(r#"42["echo",1]"#).await;
}

#[tokio::test]
async fn disconnection_reasons() {
    let handlers = |ns: NamespaceHandlers| {
        ns.on("leave", async |socket: Socket| socket.disconnect())
            .on("close", async |socket: Socket| socket.close_connection())
    };
    let (server, mut told) = serve(SocketIo::new(), handlers).await;
    let mut reason = async || soon(told.recv()).await.unwrap();

    let mut client = Client::connect(&server).await;
    client.send("41").await;
    assert_eq!(reason().await, "client namespace disconnect");

    let mut client = Client::connect(&server).await;
    client.send(r#"42["leave"]"#).await;
    client.expect("41").await;
    assert_eq!(reason().await, "server namespace disconnect");
    // What was on its way is ignored, and it may come back.
    client.send(r#"42["leave"]"#).await;
    client.join("").await;

    let mut closed = Client::connect(&server).await;
    closed.send(r#"42["close"]"#).await;
    closed.expect("41").await;
    closed.ends().await;
    assert_eq!(reason().await, "server namespace disconnect");

    client.socket.close(CloseReason::new(CloseCode::NORMAL)).await.unwrap();
    assert_eq!(reason().await, "transport close");

    let mut client = Client::connect(&server).await;
    client.send("1").await;
    assert_eq!(reason().await, "transport close");

    let client = Client::connect(&server).await;
    let ended = server.stop();
    assert_eq!(reason().await, "server shutting down");
    client.ends().await;
    soon(ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn disconnection_of_who_answers_no_ping() {
    let engine = EngineIoLimits::default()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(50));
    let (server, mut told) = serve(SocketIo::new().engine_limits(engine), echo).await;
    let mut client = Client::connect(&server).await;
    client.expect("2").await;
    assert_eq!(soon(told.recv()).await.unwrap(), "ping timeout");
    client.ends().await;
}

/// As is that of a process that is killed, when it has not read all. Nobody has done anything wrong.
#[tokio::test]
async fn disconnection_by_a_reset_of_the_connection() {
    let (server, mut told) = serve(SocketIo::new(), echo).await;
    let mut lost = server.peer().await;
    lost.send(upgrade(&format!("{PATH}?EIO=4&transport=websocket"), "")).await;
    lost.head().await;
    for answered in [&b""[..], b"\x81\x82\x00\x00\x00\x0040"] {
        lost.send(answered).await;
        let length = lost.bytes(2).await[1];
        lost.bytes(length.into()).await;
    }
    lost.reset();
    assert_eq!(soon(told.recv()).await.unwrap(), "transport close");
}

#[tokio::test]
async fn disconnection_of_another_namespace_from_within_a_handler_is_told_at_once() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let kept: Arc<Mutex<Option<Socket>>> = Arc::default();
    let (keeps, puts_out) = (Arc::clone(&kept), kept);
    let io = SocketIo::new();
    io.of("/kept", |ns| {
        ns.on_connect(move |socket: Socket| {
            *keeps.lock().unwrap() = Some(socket);
            async {}
        })
        .on_disconnect(move |_: Socket, reason: DisconnectReason| {
            drop(tell.send(reason.to_string()));
            async {}
        })
    });
    io.of("/", |ns| {
        ns.on_disconnect(move |_: Socket, _: DisconnectReason| {
            puts_out.lock().unwrap().take().unwrap().disconnect();
            async {}
        })
    });
    let server = start(Endpoints::new().socket_io(io)).await;
    let mut client = Client::connect(&server).await;
    client.join("/kept,").await;
    client.send("41").await;
    client.expect("41/kept,").await;
    assert_eq!(soon(told.recv()).await.unwrap(), "server namespace disconnect");
}

#[tokio::test]
async fn disconnection_is_told_twice_and_first_with_the_rooms() {
    let handlers = |ns: NamespaceHandlers| {
        ns.on_connect(async |socket: Socket| socket.join("x")).on_disconnecting(
            async |socket: Socket, reason: DisconnectReason| -> () {
                assert!(!socket.is_connected());
                assert!(matches!(socket.emit("late", &()), Err(EmitError::Disconnected)));
                // Also after a wait.
                tokio::task::yield_now().await;
                for room in socket.rooms() {
                    let told = (room.as_ref() as &str == socket.id().as_ref() as &str, reason);
                    socket.to(&room).emit("leaving", &(told.0, told.1.as_str())).unwrap();
                }
                panic!("as told")
            },
        )
    };
    // `serve` sees to it that `disconnect` is told with no room.
    let (server, mut told) = serve(SocketIo::new(), handlers).await;
    let mut other = Client::connect(&server).await;
    for (leave, reason) in [
        ("41", "client namespace disconnect"),
        ("1", "transport close"),
        ("4nonsense", "parse error"),
    ] {
        let mut client = Client::connect(&server).await;
        client.send(leave).await;
        // Nobody else is in the room of its id.
        other.expect(&format!(r#"42["leaving",false,"{reason}"]"#)).await;
        assert_eq!(soon(told.recv()).await.unwrap(), reason);
    }
}

/// Looks at the sockets as it is cloned; on another thread, for what waits for a lock that is held here would wait
/// for ever. Tells whether it could.
struct Curious {
    io: SocketIo,
    could: mpsc::UnboundedSender<bool>,
}

impl Clone for Curious {
    fn clone(&self) -> Self {
        let (io, (done, is_done)) = (self.io.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            let sockets = io.namespace("/").sockets();
            done.send(sockets.iter().filter_map(Socket::get::<u8>).collect::<Vec<_>>())
        });
        let seen = is_done.recv_timeout(Duration::from_secs(5));
        self.could.send(seen == Ok(vec![7])).unwrap();
        Self { io: self.io.clone(), could: self.could.clone() }
    }
}

#[tokio::test]
async fn values_of_a_socket_are_cloned_without_a_lock() {
    let io = SocketIo::new();
    let (could, mut has_looked) = mpsc::unbounded_channel();
    let all = io.clone();
    let handlers = move |ns: NamespaceHandlers| {
        ns.on_connect(move |socket: Socket| {
            let curious = || Curious { io: all.clone(), could: could.clone() };
            assert_eq!(socket.insert(7_u8), None);
            assert!(socket.insert(curious()).is_none());
            assert!(socket.insert(curious()).is_some(), "the first one itself");
            assert!(socket.get::<Curious>().is_some());
            async {}
        })
    };
    let (server, _) = serve(io, handlers).await;
    let _client = Client::connect(&server).await;
    assert_eq!(soon(has_looked.recv()).await, Some(true));
    assert!(has_looked.try_recv().is_err(), "once");
}

#[tokio::test]
async fn emit_volatile_is_for_who_takes_it_at_once() {
    let kept: Arc<Mutex<Option<Socket>>> = Arc::default();
    let keeps = Arc::clone(&kept);
    let handlers = move |ns: NamespaceHandlers| {
        ns.on_connect(move |socket: Socket| {
            *keeps.lock().unwrap() = Some(socket);
            async {}
        })
    };
    let (server, _) = serve(SocketIo::new(), handlers).await;
    let polling = Polling::open(&server, PATH).await;
    polling.send("40").await;
    polling.poll().await;
    let socket = kept.lock().unwrap().take().unwrap();
    socket.volatile().emit("dropped", &()).unwrap();
    let asked = socket.volatile().emit_with_ack::<u8>("dropped", &()).await;
    assert!(matches!(asked, Err(AckError::Emit(EmitError::Volatile))), "{asked:?}");
    socket.emit("kept", &()).unwrap();
    assert_eq!(polling.poll().await, r#"42["kept"]"#);

    let mut client = Client::connect(&server).await;
    let socket = kept.lock().unwrap().take().unwrap();
    socket.volatile().emit("taken", &()).unwrap();
    client.expect(r#"42["taken"]"#).await;
    // Another one's namespace, and nobody is there.
    assert_eq!(socket.within("nowhere").volatile().emit("x", &()).unwrap(), 0);
}

/// As in Node, where a broadcast begins with what was said of the next event of the socket.
#[tokio::test]
async fn broadcast_of_a_socket_is_as_volatile_and_waits_as_long() {
    let handlers = |ns: NamespaceHandlers| {
        ns.on("join", async |socket: Socket, room: String, ack: Ack| {
            socket.join(&room).unwrap();
            ack.send(&())
        })
        .on("go", async |socket: Socket, ack: Ack| {
            let volatile = socket.volatile();
            let reached = [
                volatile.broadcast().emit("dropped", &())?,
                volatile.to("x").emit("dropped", &())?,
            ];
            let brief = socket.timeout(Duration::from_millis(50));
            let asked: Vec<_> = brief.to("x").emit_with_ack::<()>("kept", &()).collect().await;
            ack.send(&(reached, asked.len()))
        })
    };
    let (server, _) = serve(SocketIo::new(), handlers).await;
    // No GET of it waits.
    let polling = Polling::open(&server, PATH).await;
    polling.send("40").await;
    polling.poll().await;
    polling.send(r#"420["join","x"]"#).await;
    assert_eq!(polling.poll().await, "430[]");
    let mut client = Client::connect(&server).await;
    client.send(r#"421["go"]"#).await;
    client.expect("431[[0,0],1]").await;
    assert_eq!(polling.poll().await, r#"420["kept"]"#);
}

#[tokio::test]
async fn rooms_reach_who_is_in_them_once() {
    let handlers = |ns: NamespaceHandlers| {
        ns.on("join", async |socket: Socket, room: String, ack: Ack| {
            socket.join(&room).unwrap();
            ack.send(&socket.rooms().len())
        })
        .on("leave", async |socket: Socket, room: String, ack: Ack| {
            socket.leave(&room);
            ack.send(&socket.rooms().len())
        })
        .on("to", async |socket: Socket, rooms: Vec<String>, ack: Ack| {
            let to = rooms.iter().fold(socket.broadcast(), |to, room| to.to(room));
            ack.send(&to.emit("hello", &1)?)
        })
        .on("except", async |socket: Socket, room: String, ack: Ack| {
            ack.send(&socket.except(&room).emit("hello", &2)?)
        })
        .on("local", async |socket: Socket, ack: Ack| ack.send(&socket.local().emit("hello", &3)?))
    };
    let io = SocketIo::new();
    let (server, _) = serve(io.clone(), handlers).await;
    let mut a = Client::connect(&server).await;
    let mut b = Client::connect(&server).await;
    let mut c = Client::connect(&server).await;
    for (of_b, room, count) in [(false, "x", 2), (true, "x", 2), (true, "y", 3)] {
        let client = if of_b { &mut b } else { &mut a };
        client.send(&format!(r#"420["join","{room}"]"#)).await;
        client.expect(&format!("430[{count}]")).await;
    }
    // Once, though in both rooms; and not the sender.
    a.send(r#"421["to",["x","y"]]"#).await;
    a.expect("431[1]").await;
    b.expect(r#"42["hello",1]"#).await;
    // Each is in the room of its own id.
    a.send(&format!(r#"422["to",["{}"]]"#, c.id)).await;
    a.expect("432[1]").await;
    c.expect(r#"42["hello",1]"#).await;
    c.send(r#"423["except","y"]"#).await;
    c.expect("433[1]").await;
    a.expect(r#"42["hello",2]"#).await;
    b.send(r#"424["leave","x"]"#).await;
    b.expect("434[2]").await;
    c.send(r#"425["to",["x"]]"#).await;
    c.expect("435[1]").await;
    a.expect(r#"42["hello",1]"#).await;
    a.send(r#"426["local"]"#).await;
    a.expect("436[2]").await;
    b.expect(r#"42["hello",3]"#).await;
    c.expect(r#"42["hello",3]"#).await;

    // From outside.
    assert_eq!(io.emit("news", &"x").unwrap(), 3);
    assert_eq!(io.to("y").to("x").except("x").emit("news", &"y").unwrap(), 1);
    assert_eq!(io.namespace("/unknown").emit("news", &"z").unwrap(), 0);
    assert_eq!(io.to("y").sockets()[0].id(), b.id.as_str());
    for client in [&mut a, &mut b, &mut c] {
        client.expect(r#"42["news","x"]"#).await;
    }
    b.expect(r#"42["news","y"]"#).await;
    drop(b);
    while !io.to("y").sockets().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn rooms_joined_in_a_middleware_are_those_of_a_client_that_is_let_in() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let io = SocketIo::new();
    let all = io.clone();
    let handlers = move |ns: NamespaceHandlers| {
        ns.middleware(async |socket: Socket| {
            for room in ["user", "user", "left"] {
                socket.join(room).unwrap();
            }
            socket.leave("left");
            assert_eq!(socket.rooms(), [ByteString::from("user")]);
            Ok(())
        })
        .middleware(move |socket: Socket| {
            let is_refused = socket.auth::<serde_json::Value>().unwrap()["refused"] == true;
            tell.send(socket).unwrap();
            async move { if is_refused { Err(ConnectError::new("refused")) } else { Ok(()) } }
        })
        .on_connect(move |socket: Socket| {
            let reached = all.to("user").emit("rooms", &socket.rooms());
            async move { reached.map(drop) }
        })
    };
    let (server, _) = serve(io.clone(), handlers).await;
    let mut client = Client::connect(&server).await;
    assert_eq!(io.to("user").emit("news", &()).unwrap(), 1);
    assert_eq!(io.to("left").emit("news", &()).unwrap(), 0);
    let rooms = format!(r#"42["rooms",["{}","user"]]"#, client.id);
    client.expect(&rooms).await;
    client.expect(r#"42["news"]"#).await;
    let socket = soon(told.recv()).await.unwrap();
    socket.leave("user");
    assert_eq!(io.to("user").emit("news", &()).unwrap(), 0);

    let mut refused = Client::open(&server).await;
    refused.send(r#"40{"refused":true}"#).await;
    refused.expect(r#"44{"message":"refused"}"#).await;
    let socket = soon(told.recv()).await.unwrap();
    assert!(socket.rooms().is_empty());
    assert_eq!(socket.join("user"), Err(JoinError::Disconnected));
    assert_eq!(io.to("user").emit("news", &()).unwrap(), 0);
}

#[tokio::test]
async fn rooms_of_a_socket_are_limited() {
    for (limit, in_middleware) in (0..=2).flat_map(|limit| [(limit, false), (limit, true)]) {
        let (tell, mut told) = mpsc::unbounded_channel();
        let join = move |socket: Socket| {
            for room in 0..=limit {
                tell.send(socket.join(&room.to_string())).unwrap();
            }
            // One that it is in already is no further one.
            tell.send(socket.join(socket.id())).unwrap();
        };
        let handlers = |ns: NamespaceHandlers| {
            if !in_middleware {
                return ns.on_connect(move |socket: Socket| {
                    join(socket);
                    async {}
                });
            }
            ns.middleware(move |socket: Socket| {
                join(socket);
                async { Ok(()) }
            })
        };
        let (server, _) = serve(SocketIo::new().max_rooms(limit), handlers).await;
        let _client = Client::connect(&server).await;
        for _ in 0..limit {
            assert_eq!(soon(told.recv()).await.unwrap(), Ok(()));
        }
        assert_eq!(soon(told.recv()).await.unwrap(), Err(JoinError::TooManyRooms));
        assert_eq!(soon(told.recv()).await.unwrap(), Ok(()));
    }
}

#[tokio::test]
async fn rooms_have_names_of_limited_length() {
    for (limit, joins) in [(3, false), (4, true), (5, true)] {
        let io = SocketIo::new().max_room(limit);
        let (tell, mut told) = mpsc::unbounded_channel();
        let handlers = |ns: NamespaceHandlers| {
            ns.middleware(move |socket: Socket| {
                assert_eq!(socket.join("four").is_ok(), joins);
                socket.leave("four");
                async { Ok(()) }
            })
            .on_connect(move |socket: Socket| {
                // In bytes.
                tell.send([socket.join("four"), socket.join("éé"), socket.join(socket.id())])
                    .unwrap();
                async {}
            })
        };
        let (server, _) = serve(io.clone(), handlers).await;
        let _client = Client::connect(&server).await;
        let joined = if joins { Ok(()) } else { Err(JoinError::RoomTooLong) };
        assert_eq!(soon(told.recv()).await.unwrap(), [joined, joined, Ok(())], "{limit}");
        io.namespace("/").sockets_join(["more"]).unwrap();
        assert_eq!(io.to("more").sockets().len(), usize::from(joins), "{limit}");
    }
}

#[tokio::test]
async fn broadcast_with_attachments_comes_whole() {
    let io = SocketIo::new();
    let (server, _) = serve(io.clone(), echo).await;
    let mut websocket = Client::connect(&server).await;
    let polling = Polling::open(&server, PATH).await;
    polling.send("40").await;
    polling.poll().await;
    let file = Binary(vec![1, 2].into());
    assert_eq!(io.emit("file", &("a", &file)).unwrap(), 2);
    let packet = r#"451-["file","a",{"_placeholder":true,"num":0}]"#;
    websocket.expect(packet).await;
    assert_eq!(soon(websocket.socket.next()).await.unwrap().unwrap(), Message::from(vec![1, 2]));
    assert_eq!(polling.poll().await, format!("{packet}\x1ebAQI="));
}

#[tokio::test]
async fn acks_of_the_client_come_late_or_never() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let handlers = move |ns: NamespaceHandlers| {
        ns.on("ask", move |socket: Socket, millis: u64| {
            let tell = tell.clone();
            async move {
                let socket = socket.timeout(Duration::from_millis(millis));
                let answer = socket.emit_with_ack::<(String, u8)>("question", &()).await;
                drop(tell.send(match answer {
                    Ok((text, number)) => format!("{text} {number}"),
                    Err(AckError::Payload(_)) => "not what was asked for".to_owned(),
                    Err(error) => error.to_string(),
                }));
            }
        })
    };
    let (server, _) = serve(SocketIo::new(), handlers).await;
    let mut client = Client::connect(&server).await;
    let mut answer = async || soon(told.recv()).await.unwrap();
    client.send(r#"42["ask",10000]"#).await;
    client.expect(r#"420["question"]"#).await;
    client.send(r#"430["yes",2]"#).await;
    assert_eq!(answer().await, "yes 2");

    client.send(r#"42["ask",10000]"#).await;
    client.expect(r#"421["question"]"#).await;
    client.send(r#"431[{}]"#).await;
    assert_eq!(answer().await, "not what was asked for");

    client.send(r#"42["ask",20]"#).await;
    client.expect(r#"422["question"]"#).await;
    assert_eq!(answer().await, "no answer in time");
    // Late, and no fault.
    client.send(r#"432["yes",2]"#).await;

    client.send(r#"42["ask",10000]"#).await;
    client.expect(r#"423["question"]"#).await;
    client.send("41").await;
    assert_eq!(answer().await, "disconnected before the answer");

    // No answer to an earlier question is taken for one to this.
    client.join("").await;
    client.send(r#"42["ask",10000]"#).await;
    client.expect(r#"424["question"]"#).await;
    client.send(r#"433["no",1]"#).await;
    client.send(r#"434["yes",3]"#).await;
    assert_eq!(answer().await, "yes 3");

    client.send(r#"42["ask",10000]"#).await;
    client.expect(r#"425["question"]"#).await;
    drop(client);
    assert_eq!(answer().await, "disconnected before the answer");
}

#[tokio::test]
async fn acks_awaited_are_limited() {
    let limits = SocketIoLimits::default().max_acks(2);
    let (tell, mut told) = mpsc::unbounded_channel();
    let handlers = |ns: NamespaceHandlers| {
        ns.on_connect(move |socket: Socket| {
            let answers: Vec<_> = (0..3).map(|n| socket.emit_with_ack::<u8>("q", &n)).collect();
            let tell = tell.clone();
            async move {
                for answer in answers {
                    drop(tell.send(match answer.await {
                        Ok(number) => number.to_string(),
                        Err(error) => error.to_string(),
                    }));
                }
            }
        })
    };
    let (server, _) = serve(SocketIo::new().limits(limits), handlers).await;
    let mut client = Client::connect(&server).await;
    client.expect(r#"420["q",0]"#).await;
    client.expect(r#"421["q",1]"#).await;
    client.send("430[5]").await;
    client.send("431[6]").await;
    for expected in ["5", "6", "too many acks awaited"] {
        assert_eq!(soon(told.recv()).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn acks_that_nobody_waits_for_any_more_do_not_count() {
    let handlers = |ns: NamespaceHandlers| {
        ns.on("ask", async |socket: Socket| {
            let kept = socket.emit_with_ack::<u8>("kept", &());
            drop(socket.emit_with_ack::<u8>("given up", &()));
            // Each takes the place of the one that was given up.
            drop(socket.emit_with_ack::<u8>("given up", &()));
            let last = socket.emit_with_ack::<u8>("last", &());
            let one_more = socket.emit_with_ack::<u8>("one more", &()).await;
            assert!(matches!(one_more, Err(AckError::Emit(EmitError::TooManyAcks))));
            socket.emit("sum", &(kept.await? + last.await?))?;
            Ok::<_, AckError>(())
        })
    };
    let io = SocketIo::new().limits(SocketIoLimits::default().max_acks(2));
    let (server, _told) = serve(io, handlers).await;
    let mut client = Client::connect(&server).await;
    client.send(r#"42["ask"]"#).await;
    for question in [r#"420["kept"]"#, r#"421["given up"]"#, r#"422["given up"]"#] {
        client.expect(question).await;
    }
    client.expect(r#"423["last"]"#).await;
    // A late answer is for nobody.
    for answer in ["431[10]", "430[1]", "433[2]"] {
        client.send(answer).await;
    }
    client.expect(r#"42["sum",3]"#).await;
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_own_event_alone() {
    let handlers = |ns: NamespaceHandlers| {
        echo(ns)
            .on("at once", |_: Socket, _: Data| -> std::future::Ready<()> { panic!("as told") })
            .on("polled", async |_: Socket, _: Ack| -> () { panic!("as told") })
            .on("late", async |_: Socket| -> () {
                tokio::task::yield_now().await;
                panic!("as told")
            })
            .on("error", async |_: Socket| Err::<(), _>("as told"))
            .on_connect(async |socket: Socket| -> () {
                socket.emit("connecting", &()).unwrap();
                panic!("as told")
            })
            .on_disconnecting(async |_: Socket, _: DisconnectReason| -> () { panic!("as told") })
    };
    let io = SocketIo::new();
    let (server, mut told) = serve(io.clone(), handlers).await;
    let mut other = Client::connect(&server).await;
    let mut client = Client::connect(&server).await;
    for client in [&mut client, &mut other] {
        client.expect(r#"42["connecting"]"#).await;
    }
    for event in ["at once", "polled", "late", "error"] {
        client.send(&format!(r#"427["{event}"]"#)).await;
        client.send(r#"42["echo"]"#).await;
        client.expect(r#"42["echo"]"#).await;
    }
    client.send("41").await;
    assert_eq!(soon(told.recv()).await.unwrap(), "client namespace disconnect");
    client.join("").await;
    assert_eq!(io.namespace("/").sockets().len(), 2);
    other.send(r#"42["echo"]"#).await;
    other.expect(r#"42["echo"]"#).await;
}

/// Panics as it is dropped.
#[derive(Clone)]
struct Unlucky;

impl Drop for Unlucky {
    fn drop(&mut self) {
        panic!("as told");
    }
}

#[tokio::test]
async fn a_value_that_panics_as_it_is_dropped_ends_nothing() {
    let io = SocketIo::new();
    let (tell, mut left) = mpsc::unbounded_channel();
    io.of("/a", |ns| {
        ns.on_connect(async |socket: Socket| {
            socket.insert(Unlucky);
        })
    });
    io.of("/b", |ns| {
        ns.on_disconnect(move |_: Socket, reason: DisconnectReason| {
            drop(tell.send(reason.to_string()));
            async {}
        })
    });
    let (server, _told) = serve(io, |ns| ns).await;
    let mut client = Client::open(&server).await;
    client.join("/a,").await;
    client.join("/b,").await;
    drop(client);
    assert_eq!(soon(left.recv()).await.unwrap(), "transport close");
}

/// Looks for a namespace as it is dropped, on another thread, and tells whether it could.
struct Looks(SocketIo, std::sync::mpsc::Sender<bool>);

impl Drop for Looks {
    fn drop(&mut self) {
        let (io, (done, is_done)) = (self.0.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || done.send(io.namespace("/").sockets().is_empty()));
        let _ = self.1.send(is_done.recv_timeout(Duration::from_secs(5)) == Ok(true));
    }
}

#[test]
fn handlers_that_are_replaced_are_dropped_without_a_lock() {
    let io = SocketIo::new();
    let (could, has_looked) = std::sync::mpsc::channel();
    let looks = Looks(io.clone(), could);
    io.of("/", |ns| {
        ns.on("never", move |_: Socket| {
            let _kept = &looks;
            async {}
        })
    });
    io.of("/", |ns| ns);
    assert_eq!(has_looked.recv_timeout(Duration::from_secs(10)), Ok(true));
}

#[tokio::test]
async fn a_middleware_that_panics_refuses_its_client() {
    let handlers = |ns: NamespaceHandlers| {
        echo(ns).middleware(async |socket: Socket| {
            if socket.auth::<serde_json::Value>().unwrap()["panic"] == true {
                panic!("as told")
            }
            Ok(())
        })
    };
    let (server, _told) = serve(SocketIo::new(), handlers).await;
    let mut client = Client::open(&server).await;
    client.send(r#"40{"panic":true}"#).await;
    client.expect(r#"44{"message":"internal error"}"#).await;
    client.join("").await;
}

#[tokio::test]
async fn packet_middlewares_pass_change_and_drop_events() {
    let handlers = |ns: NamespaceHandlers| {
        echo(ns)
            .packet_middleware(async |socket: Socket, data: Data| {
                let seen = socket.get::<usize>().unwrap_or_default() + 1;
                socket.insert(seen);
                match data.event_name().as_deref() {
                    Some("secret") => Err("not for you"),
                    Some("slow") => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        Ok(data)
                    }
                    Some("panic") => panic!("as told"),
                    Some("old") => Ok(data.into_event("between").unwrap()),
                    _ => Ok(data),
                }
            })
            .packet_middleware(async |_: Socket, data: Data| {
                let is_old = data.event_name().as_deref() == Some("between");
                Ok::<_, String>(if is_old { data.into_event("echo").unwrap() } else { data })
            })
            .on("seen", async |socket: Socket, ack: Ack| ack.send(&socket.get::<usize>()))
            .on("slow", async |socket: Socket, data: Data| socket.emit_data(data))
            .on_any(async |socket: Socket, data: Data| match data.event_name().as_deref() {
                Some("unknown") => socket.emit_data(data),
                _ => Ok(()),
            })
    };
    let (server, _told) = serve(SocketIo::new(), handlers).await;
    let mut client = Client::connect(&server).await;
    for (sent, answer) in [
        (r#"["echo",1]"#, Some(r#"["echo",1]"#)),
        (r#"["old",2]"#, Some(r#"["echo",2]"#)),
        (r#"["between"]"#, Some(r#"["echo"]"#)),
        (r#"["secret"]"#, None),
        (r#"["panic"]"#, None),
        (r#"["slow"]"#, None),
        (r#"["unknown"]"#, Some(r#"["unknown"]"#)),
    ] {
        client.send(&format!("42{sent}")).await;
        if let Some(answer) = answer {
            client.expect(&format!("42{answer}")).await;
        }
    }
    // One that waits holds up its own event alone.
    client.expect(r#"42["slow"]"#).await;
    client.send(r#"425["seen"]"#).await;
    client.expect("435[8]").await;
}

#[tokio::test]
async fn a_handler_goes_on_after_its_socket_has_gone() {
    let (go_on, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (waits, tells) = (Arc::clone(&go_on), Arc::clone(&done));
    let handlers = |ns: NamespaceHandlers| {
        ns.on("work", move |socket: Socket| {
            let (waits, tells) = (Arc::clone(&waits), Arc::clone(&tells));
            async move {
                socket.emit("begun", &()).unwrap();
                waits.notified().await;
                assert!(matches!(socket.emit("done", &()), Err(EmitError::Disconnected)));
                tells.notify_one();
            }
        })
    };
    let (server, mut told) = serve(SocketIo::new(), handlers).await;
    let mut client = Client::connect(&server).await;
    client.send(r#"42["work"]"#).await;
    client.expect(r#"42["begun"]"#).await;
    drop(client);
    soon(told.recv()).await.unwrap();
    go_on.notify_one();
    soon(done.notified()).await;
}

#[tokio::test]
async fn shutdown_cuts_handlers_that_do_not_end() {
    let io = SocketIo::new();
    io.of("/", |ns| ns.on_connect(async |_: Socket| std::future::pending::<()>().await));
    let limits = Limits::default().drain_deadline(Duration::from_millis(200));
    let server = start(Endpoints::new().socket_io(io.clone()).limits(limits)).await;
    let client = Client::connect(&server).await;
    assert_eq!(io.session_count(), 1);
    let ended = server.stop();
    client.ends().await;
    soon(ended).await.unwrap().unwrap();
    assert_eq!(io.session_count(), 0);
}

#[tokio::test]
async fn abandoned_polling_sessions_are_reaped() {
    let engine = EngineIoLimits::default()
        .ping_interval(Duration::from_millis(100))
        .ping_timeout(Duration::from_millis(100));
    let io = SocketIo::new().engine_limits(engine);
    let (server, mut told) = serve(io.clone(), echo).await;
    for _ in 0..50 {
        let polling = Polling::open(&server, PATH).await;
        polling.send("40").await;
    }
    for _ in 0..50 {
        assert_eq!(soon(told.recv()).await.unwrap(), "ping timeout");
    }
    while io.session_count() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(io.namespace("/").sockets().is_empty());
}
