//! Clients that lose their connection, and find again what they had.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use rtwire_server::adapter::{
    Adapter, AdapterError, BoxFuture, Command, InMemoryAdapter, Members, Query, Recovery, Rejoin,
    Replies, Selection, Session,
};
use rtwire_server::{
    Ack, Binary, ConnectError, Data, EmitError, Endpoints, Message, NamespaceHandlers, Socket,
    SocketIo, SocketIoLimits,
};
use rtwire_tokio::WebSocket;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use crate::engine_io_peer::{self, Polling};
use crate::peer::{Running, soon, start};
use crate::socket_io_peer::{Client, PATH, serve};

fn io(recovery: Recovery) -> SocketIo {
    SocketIo::with_adapter(InMemoryAdapter::with_recovery(recovery))
}

/// What a client remembers.
#[derive(Clone, Debug, Default)]
struct Memory {
    sid: String,
    pid: String,
    offset: String,
}

impl Memory {
    fn auth(&self) -> String {
        format!(r#"40{{"pid":"{}","offset":"{}"}}"#, self.pid, self.offset)
    }

    /// Reads the answer to CONNECT.
    fn joined(&mut self, packet: &str) {
        let words: Vec<_> = packet.split('"').collect();
        (self.sid, self.pid) = (words[3].to_owned(), words[7].to_owned());
        let exactly = format!(r#"40{{"sid":"{}","pid":"{}"}}"#, self.sid, self.pid);
        assert_eq!(packet, exactly);
        assert!(self.sid.len() == 20 && self.pid.len() == 20 && self.sid != self.pid);
    }

    /// Reads an event, and returns it without its offset.
    fn event(&mut self, packet: &str) -> String {
        let event = packet.strip_suffix("\"]").expect(packet);
        let (event, offset) = event.rsplit_once(",\"").expect(packet);
        self.offset = offset.to_owned();
        format!("{event}]")
    }
}

async fn connect(server: &Running) -> (Client, Memory) {
    let (mut client, mut memory) = (Client::open(server).await, Memory::default());
    client.send("40").await;
    memory.joined(&client.text().await);
    client.id.clone_from(&memory.sid);
    (client, memory)
}

/// Whether the client finds again what it had, and what it has missed.
async fn come_back(server: &Running, memory: &mut Memory) -> (Client, bool, Vec<String>) {
    let (mut client, before) = (Client::open(server).await, memory.clone());
    client.send(&memory.auth()).await;
    let mut missed = Vec::new();
    loop {
        let packet = client.text().await;
        if packet.starts_with("40") {
            memory.joined(&packet);
            assert_eq!(memory.sid == before.sid, memory.pid == before.pid);
            client.id.clone_from(&memory.sid);
            return (client, memory.pid == before.pid, missed);
        }
        missed.push(memory.event(&packet));
    }
}

#[tokio::test]
async fn recovery_brings_back_what_a_client_had_and_what_it_missed() {
    let handlers = |ns: NamespaceHandlers| {
        ns.middleware(async |socket: Socket| {
            assert_eq!(socket.insert("asked"), None);
            Ok(())
        })
        .on_connect(async |socket: Socket| {
            let data: serde_json::Value = socket.data().unwrap();
            let told = (socket.recovered(), data, socket.rooms().len(), socket.get::<&str>());
            socket.emit("connected", &told)
        })
        .on("begin", async |socket: Socket, ack: Ack| {
            socket.set_data(&[7]).unwrap();
            socket.join("x").unwrap();
            ack.send(&())
        })
    };
    let io = io(Recovery::default());
    let (server, mut told) = serve(io.clone(), handlers).await;
    let (mut client, mut memory) = connect(&server).await;
    let connected = memory.event(&client.text().await);
    assert_eq!(connected, r#"42["connected",false,{},1,"asked"]"#);
    client.send(r#"420["begin"]"#).await;
    client.expect("430[]").await;
    io.to("x").emit("got", &()).unwrap();
    assert_eq!(memory.event(&client.text().await), r#"42["got"]"#);
    let lost = memory.clone();
    io.to("x").emit("lost on its way", &()).unwrap();
    io.to("x").volatile().emit("not kept", &()).unwrap();
    client.text().await;
    client.expect(r#"42["not kept"]"#).await;
    // What wants an answer has no offset, and is not kept.
    let _asked = io.to("x").emit_with_ack::<u8>("asked", &1);
    assert_eq!(client.text().await, r#"420["asked",1]"#);
    drop(client);
    assert_eq!(soon(told.recv()).await.unwrap(), "transport close");

    memory = lost;
    let (mut other, mut of_other) = connect(&server).await;
    of_other.event(&other.text().await);
    io.emit("all", &1).unwrap();
    io.to("x").emit("room", &2).unwrap();
    io.to("y").emit("elsewhere", &()).unwrap();
    io.except("x").emit("others", &()).unwrap();
    io.to(&memory.sid).local().emit("it", &Binary(vec![1].into())).unwrap();
    io.to("x").volatile().emit("not kept", &()).unwrap();
    let (mut client, recovered, missed) = {
        // The attachment comes between the events.
        let mut client = Client::open(&server).await;
        client.send(&memory.auth()).await;
        let mut missed = Vec::new();
        for _ in 0..4 {
            missed.push(memory.event(&client.text().await));
        }
        let attachment = soon(client.socket.next()).await.unwrap().unwrap();
        assert_eq!(attachment, Message::from(vec![1]));
        let before = memory.clone();
        memory.joined(&client.text().await);
        (client, before.sid == memory.sid && before.pid == memory.pid, missed)
    };
    assert!(recovered);
    let binary = r#"451-["it",{"_placeholder":true,"num":0}]"#;
    let expected = [r#"42["lost on its way"]"#, r#"42["all",1]"#, r#"42["room",2]"#, binary];
    assert_eq!(missed, expected);
    // The middlewares were not asked.
    let connected = memory.event(&client.text().await);
    assert_eq!(connected, r#"42["connected",true,[7],2,null]"#);
    io.to("x").emit("again", &()).unwrap();
    assert_eq!(memory.event(&client.text().await), r#"42["again"]"#);
    assert_eq!(io.namespace("/").sockets().len(), 2);
}

#[tokio::test]
async fn recovery_is_for_who_shows_what_it_had() {
    let handlers = |ns: NamespaceHandlers| {
        ns.on_connect(async |socket: Socket| socket.emit("connected", &()))
            .on("leave", async |socket: Socket| socket.disconnect())
    };
    let (server, mut told) = serve(io(Recovery::default()), handlers).await;
    for (way, reason, recovers) in [
        ("", "transport close", true),
        ("1", "transport close", true),
        (r#"42["connect"]"#, "parse error", false),
        ("40", "forced close", true),
        ("41", "client namespace disconnect", false),
        (r#"42["leave"]"#, "server namespace disconnect", false),
    ] {
        let (mut client, mut memory) = connect(&server).await;
        memory.event(&client.text().await);
        let mut client = Some(client);
        match client.as_mut().filter(|_| !way.is_empty()) {
            Some(client) => client.send(way).await,
            None => drop(client.take()),
        }
        assert_eq!(soon(told.recv()).await.unwrap(), reason);
        let (client, recovered, missed) = come_back(&server, &mut memory).await;
        assert_eq!((recovered, missed.len()), (recovers, 0), "{reason}");
        drop(client);
        soon(told.recv()).await.unwrap();
    }
    for changed in [
        |memory: &mut Memory| memory.offset.push('0'),
        |memory: &mut Memory| memory.offset.clear(),
        |memory: &mut Memory| memory.pid = memory.sid.clone(),
    ] {
        let (mut client, mut memory) = connect(&server).await;
        memory.event(&client.text().await);
        drop(client);
        soon(told.recv()).await.unwrap();
        changed(&mut memory);
        let (_client, recovered, missed) = come_back(&server, &mut memory).await;
        assert_eq!((recovered, missed.len()), (false, 0));
    }
    // What is no claim at all.
    let mut client = Client::open(&server).await;
    client.send(r#"40{"pid":1,"offset":null}"#).await;
    Memory::default().joined(&client.text().await);
}

#[tokio::test]
async fn recovery_of_a_client_whose_loss_nobody_has_noticed() {
    let handlers =
        |ns: NamespaceHandlers| ns.on_connect(async |socket: Socket| socket.emit("connected", &()));
    let io = io(Recovery::default());
    let (server, mut told) = serve(io.clone(), handlers).await;
    let (mut client, mut memory) = connect(&server).await;
    memory.event(&client.text().await);
    io.emit("lost", &()).unwrap();
    let (mut back, recovered, missed) = come_back(&server, &mut memory).await;
    assert!(recovered);
    assert_eq!(missed, [r#"42["lost"]"#]);
    assert_eq!(soon(told.recv()).await.unwrap(), "transport close");
    memory.event(&back.text().await);
    io.emit("once", &()).unwrap();
    assert_eq!(memory.event(&back.text().await), r#"42["once"]"#);
    // The old one had the first, and hears nothing more.
    assert!(client.text().await.starts_with(r#"42["lost""#));
    client.ends().await;

    // Over polling too.
    drop(back);
    soon(told.recv()).await.unwrap();
    io.emit("missed", &()).unwrap();
    let polling = Polling::open(&server, PATH).await;
    polling.send(&memory.auth()).await;
    let payload = polling.poll().await;
    let (missed, rest) = payload.split_once('\x1e').unwrap();
    assert_eq!(memory.clone().event(missed), r#"42["missed"]"#);
    assert!(rest.starts_with(&format!(r#"40{{"sid":"{}","pid":"{}"}}"#, memory.sid, memory.pid)));
}

#[tokio::test]
async fn recovery_may_ask_the_middlewares() {
    let asked = Arc::new(AtomicUsize::new(0));
    let asks = Arc::clone(&asked);
    let handlers = move |ns: NamespaceHandlers| {
        ns.middleware(move |socket: Socket| {
            let number = asks.fetch_add(1, Ordering::Relaxed);
            socket.insert(number);
            async move { if number == 2 { Err(ConnectError::new("no")) } else { Ok(()) } }
        })
        .on_connect(async |socket: Socket| {
            socket.emit("connected", &(socket.recovered(), socket.get::<usize>()))
        })
    };
    let (server, mut told) = serve(io(Recovery::default().skip_middlewares(false)), handlers).await;
    let (mut client, mut memory) = connect(&server).await;
    assert_eq!(memory.event(&client.text().await), r#"42["connected",false,0]"#);
    drop(client);
    soon(told.recv()).await.unwrap();
    let (mut client, recovered, _) = come_back(&server, &mut memory).await;
    assert!(recovered);
    assert_eq!(memory.event(&client.text().await), r#"42["connected",true,1]"#);
    drop(client);
    soon(told.recv()).await.unwrap();
    let mut client = Client::open(&server).await;
    client.send(&memory.auth()).await;
    client.expect(r#"44{"message":"no"}"#).await;
    // Refused once, it may still come.
    client.send(&memory.auth()).await;
    memory.joined(&client.text().await);
    assert_eq!(memory.event(&client.text().await), r#"42["connected",true,3]"#);
}

#[tokio::test]
async fn recovery_unites_the_rooms_with_those_that_middlewares_join() {
    for (limit, recovers) in [(2, false), (3, true), (4, true)] {
        let asked = AtomicUsize::new(0);
        let handlers = move |ns: NamespaceHandlers| {
            ns.middleware(move |socket: Socket| {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                let joined = socket.join(&format!("asked {number}"));
                async move { joined.map_err(|error| ConnectError::new(error.to_string())) }
            })
            .on_connect(async |socket: Socket| socket.emit("connected", &socket.rooms()[1..]))
            .on("join", async |socket: Socket, ack: Ack| {
                socket.join("x").unwrap();
                ack.send(&())
            })
        };
        let io = io(Recovery::default().skip_middlewares(false)).max_rooms(limit);
        let (server, mut told) = serve(io, handlers).await;
        let (mut client, mut memory) = connect(&server).await;
        assert_eq!(memory.event(&client.text().await), r#"42["connected",["asked 0"]]"#);
        client.send(r#"420["join"]"#).await;
        client.expect("430[]").await;
        drop(client);
        soon(told.recv()).await.unwrap();
        let (mut client, recovered, _) = come_back(&server, &mut memory).await;
        assert_eq!(recovered, recovers, "{limit}");
        // Who begins anew has those that it was let in with.
        let rooms = if recovers { r#""asked 0","asked 1","x""# } else { r#""asked 1""# };
        let connected = memory.event(&client.text().await);
        assert_eq!(connected, format!(r#"42["connected",[{rooms}]]"#), "{limit}");
    }
}

#[tokio::test]
async fn recovery_of_more_than_a_client_may_be_sent_is_none() {
    let size = r#"2["e",0,""]"#.len() + 21 + SocketIoLimits::MESSAGE_OVERHEAD;
    for (limit, recovers) in [(2 * size - 1, false), (2 * size, true), (2 * size + 1, true)] {
        let io = io(Recovery::default()).limits(SocketIoLimits::default().max_output(limit));
        let handlers = |ns: NamespaceHandlers| {
            ns.on_connect(async |socket: Socket| socket.emit("connected", &()))
        };
        let (server, mut told) = serve(io.clone(), handlers).await;
        let (mut client, mut memory) = connect(&server).await;
        memory.event(&client.text().await);
        drop(client);
        soon(told.recv()).await.unwrap();
        io.emit("e", &0).unwrap();
        io.emit("e", &1).unwrap();
        let (_, recovered, missed) = come_back(&server, &mut memory).await;
        assert_eq!(recovered, recovers, "{limit}: {memory:?} {missed:?}");
    }
}

#[tokio::test]
async fn recovery_that_fails_leaves_what_middlewares_have_given() {
    let handlers = |ns: NamespaceHandlers| {
        ns.middleware(async |socket: Socket| {
            socket.insert("known");
            Ok(())
        })
        .on_connect(async |socket: Socket| {
            socket.emit("connected", &(socket.recovered(), socket.get::<&str>()))
        })
    };
    let io = io(Recovery::default().skip_middlewares(false));
    let io = io.limits(SocketIoLimits::default().max_output(200));
    let (server, mut told) = serve(io.clone(), handlers).await;
    let (mut client, mut memory) = connect(&server).await;
    assert_eq!(memory.event(&client.text().await), r#"42["connected",false,"known"]"#);
    drop(client);
    soon(told.recv()).await.unwrap();
    io.emit("more than it may be sent", &"x".repeat(200)).unwrap();
    let (mut client, recovered, _) = come_back(&server, &mut memory).await;
    assert!(!recovered);
    assert_eq!(memory.event(&client.text().await), r#"42["connected",false,"known"]"#);
}

/// Emits as it is dropped, as what tells others that somebody has gone; on another thread, for what waits for
/// a lock that is held here would wait for ever. Tells whether it could.
struct Goodbye {
    io: SocketIo,
    could: mpsc::UnboundedSender<bool>,
}

impl Drop for Goodbye {
    fn drop(&mut self) {
        let (io, (done, is_done)) = (self.io.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || done.send(io.emit("goodbye", &()).is_ok()));
        let _ = self.could.send(is_done.recv_timeout(Duration::from_secs(5)) == Ok(true));
    }
}

#[tokio::test]
async fn recovery_drops_what_was_given_to_one_that_is_gone_again_without_a_lock() {
    let io = io(Recovery::default().skip_middlewares(false));
    let (could, mut has_said_goodbye) = mpsc::unbounded_channel();
    let (begin, mut begun) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let (all, goes_on) = (io.clone(), Arc::clone(&go_on));
    let handlers = move |ns: NamespaceHandlers| {
        ns.middleware(move |socket: Socket| {
            let (io, could) = (all.clone(), could.clone());
            let (begin, goes_on) = (begin.clone(), Arc::clone(&goes_on));
            async move {
                if socket.auth::<serde_json::Value>().unwrap()["pid"].is_string() {
                    socket.insert(Arc::new(Goodbye { io, could }));
                    begin.send(()).unwrap();
                    goes_on.notified().await;
                }
                Ok(())
            }
        })
        .on_connect(async |socket: Socket| socket.emit("connected", &()))
    };
    let (server, mut told) = serve(io.clone(), handlers).await;
    let (mut client, mut memory) = connect(&server).await;
    memory.event(&client.text().await);
    drop(client);
    soon(told.recv()).await.unwrap();
    let mut client = Client::open(&server).await;
    client.send(&memory.auth()).await;
    soon(begun.recv()).await.unwrap();
    drop(client);
    let gone = async {
        while io.session_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(gone).await;
    go_on.notify_one();
    assert_eq!(soon(has_said_goodbye.recv()).await, Some(true));
}

/// Who is woken in the middle of a broadcast, and holds it up.
struct HoldsUp {
    begin: mpsc::UnboundedSender<()>,
    go_on: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Wake for HoldsUp {
    fn wake(self: Arc<Self>) {
        self.begin.send(()).unwrap();
        self.go_on.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_drops_what_a_socket_had_that_leaves_during_a_broadcast_without_a_lock() {
    let io = io(Recovery::default());
    let (could, mut has_said_goodbye) = mpsc::unbounded_channel();
    let all = io.clone();
    let handlers = move |ns: NamespaceHandlers| {
        ns.on_connect(move |socket: Socket| {
            if socket.auth::<serde_json::Value>().unwrap()["value"] == true {
                socket.insert(Arc::new(Goodbye { io: all.clone(), could: could.clone() }));
            }
            async {}
        })
    };
    let (server, mut told) = serve(io.clone(), handlers).await;
    let mut leaving = Client::open(&server).await;
    leaving.send(r#"40{"value":true}"#).await;
    assert!(leaving.text().await.starts_with("40{"));

    // A GET of another client waits, and its waker is ours.
    let mut service = Endpoints::new().socket_io(io.clone()).into_service();
    let mut request = |method: &str, sid: &str, body: &'static str| {
        let target = format!("{PATH}?EIO=4&transport=polling{sid}");
        let request = http::Request::builder().method(method).uri(target);
        let body = Full::<bytes::Bytes>::from(body);
        let request = request.header("host", "localhost").body(body).unwrap();
        tower_service::Service::call(&mut service, request)
    };
    let open = request("GET", "", "").await.unwrap().into_body().collect().await.unwrap();
    let open = String::from_utf8(open.to_bytes().to_vec()).unwrap();
    let sid = format!("&sid={}", open.split('"').nth(3).unwrap());
    assert_eq!(request("POST", &sid, "40").await.unwrap().status(), 200);
    assert_eq!(soon(request("GET", &sid, "")).await.unwrap().status(), 200);
    let (begin, mut begun) = mpsc::unbounded_channel();
    let (go_on, goes_on) = std::sync::mpsc::channel();
    let waker = Arc::new(HoldsUp { begin, go_on: Mutex::new(goes_on) }).into();
    let mut get = request("GET", &sid, "");
    assert!(Pin::new(&mut get).poll(&mut Context::from_waker(&waker)).is_pending());

    let broadcast = std::thread::spawn({
        let io = io.clone();
        move || io.emit("all", &()).unwrap()
    });
    soon(begun.recv()).await.unwrap();
    leaving.send("41").await;
    assert_eq!(soon(told.recv()).await.unwrap(), "client namespace disconnect");
    // By the next answer its task has done with the socket that has left.
    leaving.send("40").await;
    while !leaving.text().await.starts_with("40{") {}
    go_on.send(()).unwrap();
    assert_eq!(soon(has_said_goodbye.recv()).await, Some(true));
    assert!(broadcast.join().unwrap() > 0);
}

#[tokio::test]
async fn recovery_off_is_no_promise() {
    let (server, mut told) = serve(SocketIo::new(), |ns| ns).await;
    let mut client = Client::open(&server).await;
    let id = client.join("").await;
    drop(client);
    soon(told.recv()).await.unwrap();
    let mut client = Client::open(&server).await;
    client.send(&format!(r#"40{{"pid":"{id}","offset":"{id}"}}"#)).await;
    let answer = client.text().await;
    assert!(!answer.contains("pid") && !answer.contains(&id), "{answer}");
}

/// A client that reads numbers, and loses its connection again and again.
struct Reader {
    memory: Memory,
    /// The numbers, as far as it has been told that it is connected.
    numbers: Vec<usize>,
    ended: bool,
    /// Times that it found again what it had.
    recoveries: usize,
    socket: Option<WebSocket<TcpStream>>,
    /// Connections that it has given up, and the server not.
    given_up: Vec<WebSocket<TcpStream>>,
    /// Of a xorshift generator.
    random: u64,
}

impl Reader {
    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    /// `None` at the end of the connection.
    async fn text(&mut self) -> Option<String> {
        match soon(self.socket.as_mut()?.next()).await? {
            Ok(Message::Text(text)) => Some(text.to_string()),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }

    /// Reads until the end, or until it is dropped. The server may close too: a connection that was
    /// cut before its CONNECT was read takes the state from the one after it.
    async fn read(&mut self, server: &Running) -> Option<()> {
        let socket = engine_io_peer::websocket(server, PATH, "").await.unwrap();
        self.socket = Some(socket);
        self.text().await?;
        let auth = if self.memory.offset.is_empty() { "40".into() } else { self.memory.auth() };
        self.socket.as_mut()?.send(auth.as_str()).await.ok()?;
        let mut early = Vec::new();
        let mut is_connected = false;
        while !self.ended {
            let packet = self.text().await?;
            if packet.starts_with("40") {
                let before = self.memory.pid.clone();
                self.memory.joined(&packet);
                if !self.memory.offset.is_empty() {
                    assert_eq!(before, self.memory.pid, "it began anew");
                    self.recoveries += 1;
                }
                is_connected = true;
                early.drain(..).for_each(|packet: String| self.take(&packet));
            } else if is_connected {
                self.take(&packet);
            } else {
                // What comes before the answer counts from then on.
                early.push(packet);
            }
        }
        Some(())
    }

    fn take(&mut self, packet: &str) {
        let event = self.memory.event(packet);
        match event.strip_prefix(r#"42["number","#).and_then(|rest| rest.strip_suffix(']')) {
            Some(number) => self.numbers.push(number.parse().unwrap()),
            None => {
                assert_eq!(event, r#"42["end"]"#);
                self.ended = true;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_under_constant_broadcast_is_exact() {
    const CLIENTS: usize = 200;
    let io = io(Recovery::default());
    io.of("/", |ns| ns);
    let server = Arc::new(start(Endpoints::new().socket_io(io.clone())).await);
    // How many have heard of a number, and how often they have come back.
    let begun = Arc::new(AtomicUsize::new(0));
    let recovered = Arc::new(AtomicUsize::new(0));
    let mut readers = JoinSet::new();
    for seed in 1..=CLIENTS as u64 {
        let (server, begun) = (Arc::clone(&server), Arc::clone(&begun));
        let recovered = Arc::clone(&recovered);
        readers.spawn(async move {
            let mut reader = Reader {
                memory: Memory::default(),
                numbers: Vec::new(),
                ended: false,
                recoveries: 0,
                socket: None,
                given_up: Vec::new(),
                random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            };
            let (mut failures, mut had_none) = (0, true);
            while !reader.ended {
                // Some are cut before they are connected; then the next one lives longer, or nobody would
                // ever be on a slow machine.
                let life = Duration::from_millis(reader.random(400) << failures);
                let recoveries = reader.recoveries;
                drop(tokio::time::timeout(life, reader.read(&server)).await);
                failures = if reader.recoveries > recoveries { 0 } else { 7.min(failures + 1) };
                recovered.fetch_add(reader.recoveries - recoveries, Ordering::Relaxed);
                if had_none && !reader.numbers.is_empty() {
                    had_none = false;
                    begun.fetch_add(1, Ordering::Relaxed);
                }
                if let Some(socket) = reader.socket.take() {
                    match reader.random(4) {
                        0 => reader.given_up.push(socket),
                        _ => drop(socket),
                    }
                }
            }
            reader.numbers
        });
    }
    let mut count = 0;
    let started = Instant::now();
    // However slow the machine is.
    while begun.load(Ordering::Relaxed) < CLIENTS || recovered.load(Ordering::Relaxed) < 1000 {
        assert!(started.elapsed() < Duration::from_secs(60), "{begun:?} {recovered:?}");
        io.emit("number", &count).unwrap();
        count += 1;
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
    io.emit("end", &()).unwrap();
    while let Some(reader) =
        tokio::time::timeout(Duration::from_secs(60), readers.join_next()).await.unwrap()
    {
        let numbers = reader.unwrap();
        // From the first on that it heard of.
        let first = *numbers.first().expect("it has heard of none");
        assert_eq!(numbers, (first..count).collect::<Vec<_>>());
    }
}

/// Nodes that share one stream of events, as over Redis, and the sessions of those that are away.
#[derive(Clone, Debug, Default)]
struct Shared {
    recovery: Recovery,
    stream: Arc<Mutex<Stream>>,
    /// Rooms that it was told of.
    rooms: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug, Default)]
struct Stream {
    nodes: Vec<Members>,
    events: Vec<(Data, Selection)>,
    sessions: HashMap<String, Session>,
}

impl Adapter for Shared {
    fn attach(&self, members: Members) {
        self.stream.lock().unwrap().nodes.push(members);
    }

    fn room_changed(&self, room: &str, _: &Members) {
        self.rooms.lock().unwrap().push(room.to_owned());
    }

    fn publish(&self, command: Command, _: &Members) -> Result<usize, EmitError> {
        let Command::Broadcast { data, to, flags } = command else { return Ok(0) };
        let mut stream = self.stream.lock().unwrap();
        let data = data.with_offset(&format!("1700000000000-{}", stream.events.len()));
        stream.events.push((data.clone(), to.clone()));
        for node in &stream.nodes {
            let (data, to) = (data.clone(), to.clone());
            node.apply(Command::Broadcast { data, to, flags })?;
        }
        Ok(0)
    }

    fn ask<'a>(&'a self, _: Query, _: &'a Members) -> BoxFuture<'a, Result<Replies, AdapterError>> {
        Box::pin(async { Ok(Replies::none()) })
    }

    fn node_count<'a>(&'a self, _: &'a Members) -> BoxFuture<'a, Result<usize, AdapterError>> {
        Box::pin(async { Ok(self.stream.lock().unwrap().nodes.len()) })
    }

    fn recovery(&self) -> Option<&Recovery> {
        Some(&self.recovery)
    }

    fn persist(&self, session: Session, _: &Members) {
        self.stream.lock().unwrap().sessions.insert(session.pid.to_string(), session);
    }

    fn restore(&self, rejoin: Rejoin) -> BoxFuture<'_, Result<(), AdapterError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if rejoin.offset() == "fails" {
                return Err(AdapterError::new("no stream"));
            }
            let mut stream = self.stream.lock().unwrap();
            let Some(session) = stream.sessions.remove(rejoin.pid()) else { return Ok(()) };
            let ends_so =
                |(data, _): &(Data, _)| data.json().ends_with(&format!("\"{}\"]", rejoin.offset()));
            let Some(last) = stream.events.iter().position(ends_so) else { return Ok(()) };
            let missed = stream.events[last + 1..].iter().filter(|(_, to)| session.is_in(to));
            let missed = missed.map(|(data, _)| data.clone()).collect();
            if let Err(session) = rejoin.complete(session, missed) {
                stream.sessions.insert(session.pid.to_string(), session);
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn recovery_at_another_node() {
    let shared = Shared::default();
    let handlers = |ns: NamespaceHandlers| {
        ns.on_connect(async |socket: Socket| {
            if !socket.recovered() {
                socket.join("x").unwrap();
            }
            socket.emit("connected", &())
        })
    };
    let [here, there] = [(); 2].map(|()| SocketIo::with_adapter(shared.clone()));
    let (at_here, mut told) = serve(here.clone(), handlers).await;
    let (at_there, _told) = serve(there.clone(), handlers).await;
    let (mut client, mut memory) = connect(&at_here).await;
    assert_eq!(memory.event(&client.text().await), r#"42["connected"]"#);
    drop(client);
    soon(told.recv()).await.unwrap();
    here.to("x").emit("missed", &1).unwrap();
    there.to("x").emit("missed", &2).unwrap();
    there.except("x").emit("for others", &()).unwrap();

    let mut failing = memory.clone();
    failing.offset = "fails".to_owned();
    let (_, recovered, _) = come_back(&at_there, &mut failing).await;
    assert!(!recovered, "whatever the adapter says, the client gets in");

    let (mut client, recovered, missed) = come_back(&at_there, &mut memory).await;
    assert!(recovered);
    assert_eq!(missed, [r#"42["missed",1]"#, r#"42["missed",2]"#]);
    assert_eq!(memory.event(&client.text().await), r#"42["connected"]"#);
    here.to("x").emit("again", &()).unwrap();
    assert_eq!(memory.event(&client.text().await), r#"42["again"]"#);
    let rooms = std::mem::take(&mut *shared.rooms.lock().unwrap());
    assert!(rooms.iter().all(|room| room == "x"), "rooms of ids are not told: {rooms:?}");
}
