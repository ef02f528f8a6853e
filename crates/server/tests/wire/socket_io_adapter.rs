//! What an adapter is told, and what it may ask of the sockets here.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use rtwire_server::adapter::{
    Adapter, AdapterError, BoxFuture, Command, Flags, Members, Query, Replies, Reply, Selection,
};
use rtwire_server::{Ack, Data, EmitError, NamespaceHandlers, ServerSideAck, Socket, SocketIo};

use crate::engine_io_peer::Polling;
use crate::peer::soon;
use crate::socket_io_peer::{Client, PATH, serve};

/// Keeps what it is told.
#[derive(Clone, Debug, Default)]
struct Recorder {
    members: Arc<OnceLock<Members>>,
    rooms: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    fn members(&self) -> &Members {
        self.members.get().unwrap()
    }

    fn take_rooms(&self) -> Vec<String> {
        std::mem::take(&mut self.rooms.lock().unwrap())
    }

    fn apply(&self, command: Command) -> usize {
        self.members().apply(command).unwrap()
    }

    async fn answer(&self, query: Query) -> Vec<Reply> {
        soon(self.members().answer(query).unwrap().collect()).await
    }
}

impl Adapter for Recorder {
    fn attach(&self, members: Members) {
        self.members.set(members).unwrap();
    }

    fn room_changed(&self, room: &str, members: &Members) {
        let sign = if members.has_room(room) { '+' } else { '-' };
        self.rooms.lock().unwrap().push(format!("{sign}{room}"));
    }

    fn publish(&self, command: Command, members: &Members) -> Result<usize, EmitError> {
        members.apply(command)
    }

    fn ask<'a>(&'a self, _: Query, _: &'a Members) -> BoxFuture<'a, Result<Replies, AdapterError>> {
        Box::pin(async { Ok(Replies::none()) })
    }

    fn node_count<'a>(&'a self, _: &'a Members) -> BoxFuture<'a, Result<usize, AdapterError>> {
        Box::pin(async { Ok(1) })
    }
}

fn all() -> Selection {
    Selection::default()
}

fn room(room: &str) -> Selection {
    Selection { rooms: vec![room.into()], except: Vec::new() }
}

fn event(json: &str) -> Data {
    Data::from_parts(json.into(), Vec::new()).unwrap()
}

fn rooms(ns: NamespaceHandlers) -> NamespaceHandlers {
    ns.on("join", async |socket: Socket, room: String, ack: Ack| {
        socket.join(&room).unwrap();
        ack.send(&())
    })
    .on("leave", async |socket: Socket, room: String, ack: Ack| {
        socket.leave(&room);
        ack.send(&())
    })
}

#[tokio::test]
async fn adapter_is_told_which_rooms_there_are() {
    let adapter = Recorder::default();
    let (server, mut told) = serve(SocketIo::with_adapter(adapter.clone()), rooms).await;
    assert_eq!(adapter.members().namespace(), "/");
    let mut clients = [Client::connect(&server).await, Client::connect(&server).await];
    assert_eq!(adapter.take_rooms(), [""; 0], "rooms of ids are not told");
    assert!(adapter.members().has_room(&clients[0].id));
    for (client, asks, tells) in [
        (0, r#"["join","x"]"#, &["+x"][..]),
        (0, r#"["join","x"]"#, &[]),
        (1, r#"["join","x"]"#, &[]),
        (0, r#"["leave","x"]"#, &[]),
        (1, r#"["leave","x"]"#, &["-x"]),
        (1, r#"["leave","x"]"#, &[]),
        (1, r#"["join","y"]"#, &["+y"]),
        (0, r#"["join","y"]"#, &[]),
        (0, r#"["join","z"]"#, &["+z"]),
    ] {
        clients[client].send(&format!("420{asks}")).await;
        clients[client].expect("430[]").await;
        assert_eq!(adapter.take_rooms(), tells, "{asks}");
    }
    let [a, b] = clients;
    drop(a);
    soon(told.recv()).await.unwrap();
    assert_eq!(adapter.take_rooms(), ["-z"]);
    drop(b);
    soon(told.recv()).await.unwrap();
    assert_eq!(adapter.take_rooms(), ["-y"]);
}

#[tokio::test]
async fn adapter_is_told_of_rooms_that_were_joined_in_a_middleware() {
    let adapter = Recorder::default();
    let handlers = |ns: NamespaceHandlers| {
        ns.middleware(async |socket: Socket| {
            socket.join("x").unwrap();
            Ok(())
        })
    };
    let (server, mut told) = serve(SocketIo::with_adapter(adapter.clone()), handlers).await;
    let client = Client::connect(&server).await;
    assert_eq!(adapter.take_rooms(), ["+x"]);
    drop(client);
    soon(told.recv()).await.unwrap();
    assert_eq!(adapter.take_rooms(), ["-x"]);
}

#[tokio::test]
async fn adapter_applies_the_commands_of_others() {
    let adapter = Recorder::default();
    let (server, mut told) = serve(SocketIo::with_adapter(adapter.clone()), rooms).await;
    let mut a = Client::connect(&server).await;
    let mut b = Client::connect(&server).await;
    let of_a = Selection { rooms: vec![a.id.as_str().into()], except: Vec::new() };
    let names = vec!["x".into(), "y".into()];
    assert_eq!(adapter.apply(Command::Join { to: of_a.clone(), rooms: names }), 1);
    let data = event(r#"["hello",1]"#);
    let to = Selection { rooms: vec!["x".into(), b.id.as_str().into()], except: Vec::new() };
    let command = Command::Broadcast { data: data.clone(), to, flags: Flags::default() };
    assert_eq!(adapter.apply(command), 2);
    a.expect(r#"42["hello",1]"#).await;
    b.expect(r#"42["hello",1]"#).await;
    assert_eq!(adapter.apply(Command::Leave { to: all(), rooms: vec!["x".into()] }), 2);
    assert!(!adapter.members().has_room("x") && adapter.members().has_room("y"));
    let no_event = Command::Broadcast { data: event("[]"), to: all(), flags: Flags::default() };
    assert!(matches!(adapter.members().apply(no_event), Err(EmitError::NotAnEvent)));
    let no_event = Command::ServerSideEmit { data: event("[{}]") };
    assert!(matches!(adapter.members().apply(no_event), Err(EmitError::NotAnEvent)));

    assert_eq!(adapter.apply(Command::Disconnect { to: of_a, close: false }), 1);
    a.expect("41").await;
    assert_eq!(soon(told.recv()).await.unwrap(), "server namespace disconnect");
    a.join("").await;
    assert_eq!(adapter.apply(Command::Disconnect { to: all(), close: true }), 2);
    for mut client in [a, b] {
        client.expect("41").await;
        client.ends().await;
    }
}

#[tokio::test]
async fn adapter_answers_the_queries_of_others() {
    let adapter = Recorder::default();
    let handlers = |ns: NamespaceHandlers| {
        rooms(ns)
            .on_connect(async |socket: Socket| socket.set_data(&[1, 2]))
            .on_server_side("add", async |(a, b): (u8, u8), ack: ServerSideAck| ack.send(&(a + b)))
            .on_server_side("silent", async |_: Data| ())
            .on_server_side("panic", async |_: Data| -> () { panic!("as told") })
    };
    let (server, _told) = serve(SocketIo::with_adapter(adapter.clone()), handlers).await;
    let mut a = Client::open(&server).await;
    a.send(r#"40{"token":7}"#).await;
    a.id = a.text().await.split('"').nth(3).unwrap().to_owned();
    let mut b = Client::connect(&server).await;
    a.send(r#"420["join","x"]"#).await;
    a.expect("430[]").await;

    let id = a.id.as_str();
    let ids = adapter.answer(Query::Sockets { to: room("x") }).await;
    assert_eq!(ids, [Reply::Sockets(vec![id.into()])]);
    let Reply::Sockets(both) = &adapter.answer(Query::Sockets { to: all() }).await[0] else {
        panic!("not ids")
    };
    assert!(both.len() == 2 && both.contains(&b.id.as_str().into()));
    assert_eq!(adapter.answer(Query::Rooms).await, [Reply::Rooms(vec!["x".into()])]);
    let fetched = adapter.answer(Query::Fetch { to: room("x") }).await;
    let [Reply::Fetched(fetched)] = &fetched[..] else { panic!("{fetched:?}") };
    let [fetched] = &fetched[..] else { panic!("{fetched:?}") };
    assert_eq!(
        (fetched.id.as_ref() as &str, &fetched.rooms[..]),
        (id, &[id.into(), "x".into()][..])
    );
    assert_eq!(fetched.data, serde_json::json!([1, 2]));
    assert_eq!(fetched.handshake.auth, serde_json::json!({"token": 7}));
    assert_eq!(fetched.handshake.query["transport"], "websocket");
    assert_eq!(fetched.handshake.address, "127.0.0.1");

    let query = Query::Broadcast {
        data: event(r#"["q"]"#),
        to: all(),
        flags: Flags::default(),
        timeout: Duration::from_millis(200),
    };
    let mut replies = adapter.members().answer(query).unwrap();
    assert_eq!(soon(replies.next()).await, Some(Reply::ClientCount(2)));
    a.expect(r#"420["q"]"#).await;
    b.expect(r#"420["q"]"#).await;
    b.send(r#"430["yes"]"#).await;
    assert_eq!(soon(replies.next()).await, Some(Reply::Ack(event(r#"["yes"]"#))));
    assert_eq!(soon(replies.next()).await, None, "the other one's time is over");

    let ask = |json| Query::ServerSideEmit { data: event(json) };
    let sum = adapter.answer(ask(r#"["add",2,3]"#)).await;
    assert_eq!(sum, [Reply::ServerSideAck(event("[5]"))]);
    for unanswered in [r#"["add","x"]"#, r#"["silent"]"#, r#"["panic"]"#, r#"["unknown"]"#] {
        assert_eq!(adapter.answer(ask(unanswered)).await, [], "{unanswered}");
    }
}

#[tokio::test]
async fn server_side_handlers_at_work_are_limited() {
    for limit in [0, 1, 2] {
        let adapter = Recorder::default();
        let handlers = |ns: NamespaceHandlers| {
            ns.max_server_side_handlers(limit).on_server_side(
                "wait",
                async |_: Data, ack: ServerSideAck| {
                    tokio::task::yield_now().await;
                    ack.send(&())
                },
            )
        };
        let (_server, _told) = serve(SocketIo::with_adapter(adapter.clone()), handlers).await;
        let ask = || adapter.members().answer(Query::ServerSideEmit { data: event(r#"["wait"]"#) });
        let asked: Vec<_> = (0..=limit).map(|_| ask().unwrap()).collect();
        let mut answered = 0;
        for asked in asked {
            answered += soon(asked.collect::<Vec<_>>()).await.len();
        }
        assert_eq!(answered, limit);
        // And there is room again.
        let again = soon(ask().unwrap().collect::<Vec<_>>()).await;
        assert_eq!(again.len(), limit.min(1));
    }
}

#[tokio::test]
async fn volatile_is_for_who_takes_it_at_once() {
    let adapter = Recorder::default();
    let (server, _told) = serve(SocketIo::with_adapter(adapter.clone()), rooms).await;
    let mut websocket = Client::connect(&server).await;
    let polling = Polling::open(&server, PATH).await;
    polling.send("40").await;
    polling.poll().await;
    let emit = |volatile| {
        let flags = serde_json::json!({ "volatile": volatile });
        let flags = serde_json::from_value(flags).unwrap();
        adapter.apply(Command::Broadcast { data: event(r#"["e"]"#), to: all(), flags })
    };
    // No GET waits,
    assert_eq!(emit(true), 1);
    assert_eq!(emit(false), 2);
    assert_eq!(polling.poll().await, r#"42["e"]"#, "once");
    // and now one does.
    let mut get = polling.start_get().await;
    while emit(true) < 2 {
        tokio::task::yield_now().await;
    }
    assert!(get.rest().await.ends_with(r#"42["e"]"#));
    websocket.expect(r#"42["e"]"#).await;
    websocket.expect(r#"42["e"]"#).await;
}
