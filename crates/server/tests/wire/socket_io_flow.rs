//! Socket.IO: handlers that wait, and clients that do not take what they are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rtwire_server::{
    Ack, EmitError, EngineIoLimits, NamespaceHandlers, Socket, SocketIo, SocketIoLimits,
};
use tokio::sync::{Notify, mpsc};

use crate::engine_io_peer::{Polling, most_in_a_turn};
use crate::peer::{post, soon, status};
use crate::socket_io_peer::{Client, PATH, echo, serve};

#[tokio::test]
async fn events_run_in_order_up_to_their_first_wait() {
    let go_on = Arc::new(Notify::new());
    let waits = Arc::clone(&go_on);
    let handlers = |ns: NamespaceHandlers| {
        echo(ns).on("slow", move |socket: Socket, n: u8| {
            let waits = Arc::clone(&waits);
            async move {
                socket.emit("begun", &n)?;
                waits.notified().await;
                socket.emit("done", &n)
            }
        })
    };
    let (server, _) = serve(SocketIo::new().max_handlers(2), handlers).await;
    let mut client = Client::connect(&server).await;
    client.send(r#"42["slow",1]"#).await;
    client.send(r#"42["echo",2]"#).await;
    client.send(r#"42["slow",3]"#).await;
    // At the limit nothing more is taken,
    client.send(r#"42["echo",4]"#).await;
    for expected in [r#"42["begun",1]"#, r#"42["echo",2]"#, r#"42["begun",3]"#] {
        client.expect(expected).await;
    }
    assert!(tokio::time::timeout(Duration::from_millis(50), client.text()).await.is_err());
    // and below it everything is.
    go_on.notify_one();
    client.expect(r#"42["done",1]"#).await;
    client.expect(r#"42["echo",4]"#).await;
    go_on.notify_one();
    client.expect(r#"42["done",3]"#).await;
}

#[tokio::test]
async fn events_handlers_at_work_are_limited() {
    for limit in [1, 2, 3] {
        let handlers = |ns: NamespaceHandlers| {
            ns.on("slow", async |socket: Socket| {
                socket.emit("begun", &())?;
                std::future::pending::<Result<(), EmitError>>().await
            })
        };
        let (server, _) = serve(SocketIo::new().max_handlers(limit), handlers).await;
        let mut client = Client::connect(&server).await;
        for _ in 0..=limit {
            client.send(r#"42["slow"]"#).await;
        }
        for _ in 0..limit {
            client.expect(r#"42["begun"]"#).await;
        }
        assert!(tokio::time::timeout(Duration::from_millis(50), client.text()).await.is_err());
    }
}

#[tokio::test]
async fn broadcast_who_takes_too_little_is_closed_and_delays_nobody() {
    let engine = EngineIoLimits::default().max_queue(1000);
    let limits = SocketIoLimits::default().max_output(1000);
    let io = SocketIo::new().engine_limits(engine).limits(limits);
    let (server, mut told) = serve(io.clone(), echo).await;
    let mut quick = Client::connect(&server).await;
    // It takes the answer to its CONNECT, and nothing after it.
    let slow = Polling::open(&server, PATH).await;
    slow.send("40").await;
    slow.poll().await;
    let news = "x".repeat(500);
    for round in 0_u32.. {
        let reached = io.emit("news", &(round, &news)).unwrap();
        quick.expect(&format!(r#"42["news",{round},"{news}"]"#)).await;
        if reached == 1 {
            break;
        }
        assert!(round < 10, "a slow client is not bounded");
    }
    assert_eq!(soon(told.recv()).await.unwrap(), "forced server close");
    assert_eq!(io.namespace("/").sockets().len(), 1);
}

#[tokio::test]
async fn emit_over_the_queues_limit_is_refused() {
    let engine = EngineIoLimits::default().max_queue(1000);
    let limits = SocketIoLimits::default().max_output(1000);
    let (tell, mut told) = mpsc::unbounded_channel();
    let handlers = |ns: NamespaceHandlers| {
        ns.on_connect(move |socket: Socket| {
            let sent = (0..100).take_while(|n| socket.emit("n", n).is_ok()).count();
            assert!(matches!(socket.emit("n", &0), Err(EmitError::Full)));
            drop(tell.send((socket, sent)));
            async {}
        })
    };
    let io = SocketIo::new().engine_limits(engine).limits(limits);
    let (server, _) = serve(io, handlers).await;
    let polling = Polling::open(&server, PATH).await;
    polling.send("40").await;
    let (socket, sent) = soon(told.recv()).await.unwrap();
    assert!(sent > 10 && sent < 100, "{sent}");
    // All that was let in arrives, in order, and then there is room again.
    let mut payload = polling.poll().await;
    while !payload.contains(&format!(r#"42["n",{}]"#, sent - 1)) {
        payload = format!("{payload}\x1e{}", polling.poll().await);
    }
    let packets: Vec<_> = payload.split('\x1e').skip(1).map(str::to_owned).collect();
    assert_eq!(packets, (0..sent).map(|n| format!(r#"42["n",{n}]"#)).collect::<Vec<_>>());
    socket.emit("more", &()).unwrap();
    assert_eq!(polling.poll().await, r#"42["more"]"#);
}

/// What fits in is a few events.
fn narrow() -> SocketIo {
    let engine = EngineIoLimits::default().max_queue(1000).max_unread(1000);
    SocketIo::new().engine_limits(engine).limits(SocketIoLimits::default().max_output(1000))
}

fn numbered(numbers: std::ops::Range<usize>) -> String {
    let event = |n| format!(r#"42["echo",{n},"{}"]"#, "x".repeat(n % 90));
    numbers.map(event).collect::<Vec<_>>().join("\x1e")
}

#[tokio::test]
async fn events_of_a_client_that_takes_nothing_wait() {
    let (server, _) = serve(narrow(), echo).await;
    let polling = Polling::open(&server, PATH).await;
    polling.send("40").await;
    polling.poll().await;
    polling.send(&numbered(0..200)).await;
    // Neither more than its payload is read,
    let mut second = server.peer().await;
    second.send(post(polling.target(), "", &numbered(200..201))).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), second.head()).await.is_err());
    // nor has anything gone when the client takes it.
    let mut echoes = polling.poll().await;
    while !echoes.contains("[\"echo\",200") {
        echoes = format!("{echoes}\x1e{}", polling.poll().await);
    }
    assert_eq!(echoes, numbered(0..201));
    assert_eq!(status(&second.rest().await), 200);
}

#[tokio::test]
async fn events_of_one_payload_leave_others_their_turn() {
    const EVENTS: usize = 10_000;
    let count = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&count);
    let handlers = |ns: NamespaceHandlers| {
        ns.on("count", move |_: Socket| {
            counts.fetch_add(1, Ordering::Relaxed);
            async {}
        })
    };
    let (server, _) = serve(SocketIo::new(), handlers).await;
    let polling = Polling::open(&server, PATH).await;
    polling.send("40").await;
    polling.poll().await;
    let turns = most_in_a_turn(count, EVENTS);
    polling.send(&vec![r#"42["count"]"#; EVENTS].join("\x1e")).await;
    let most = soon(turns).await.unwrap();
    assert!(most <= 1000, "{most} events in a turn");
}

/// It uses up what tokio lets a task do in one turn, each time.
#[tokio::test]
async fn events_are_handled_beside_a_handler_that_never_waits() {
    let handlers = |ns: NamespaceHandlers| {
        echo(ns).on("busy", async |_: Socket| -> () {
            loop {
                tokio::task::consume_budget().await;
            }
        })
    };
    let (server, mut told) = serve(SocketIo::new(), handlers).await;
    let mut client = Client::connect(&server).await;
    client.send(r#"42["busy"]"#).await;
    client.send(r#"42["echo",1]"#).await;
    client.expect(r#"42["echo",1]"#).await;
    client.send("1").await;
    assert_eq!(soon(told.recv()).await.unwrap(), "transport close");
}

#[tokio::test]
async fn events_of_one_payload_and_its_end_are_all_seen_to_in_however_many_turns() {
    let (tell, mut handled) = mpsc::unbounded_channel();
    let handlers = move |ns: NamespaceHandlers| {
        ns.on("count", move |_: Socket| {
            let _ = tell.send(());
            async {}
        })
    };
    let (server, mut told) = serve(SocketIo::new(), handlers).await;
    for events in 110..140 {
        let polling = Polling::open(&server, PATH).await;
        polling.send("40").await;
        polling.poll().await;
        let payload = "42[\"count\"]\x1e".repeat(events) + "1";
        polling.send(&payload).await;
        assert_eq!(soon(told.recv()).await.unwrap(), "transport close");
        let count = std::iter::from_fn(|| handled.try_recv().ok()).count();
        assert_eq!(count, events);
    }
}

/// Requests and the task of their session run on several threads: what one of them changes is seen by
/// the other, or all of it would stand still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_seen_whenever_they_come() {
    let (server, _) = serve(narrow(), echo).await;
    let server = Arc::new(server);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let server = Arc::clone(&server);
        clients.spawn(async move {
            let polling = Polling::open(&server, PATH).await;
            polling.send("40").await;
            polling.poll().await;
            // Both come while the task sees to the other.
            for round in 0..100 {
                let event = numbered(round..round + 1);
                let ((), echo) = tokio::join!(polling.send(&event), polling.poll());
                assert_eq!(echo, event);
            }
        });
    }
    // Each of their waits is bounded; how long all of them take together is the machine's affair.
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

#[tokio::test]
async fn broadcast_that_ends_a_client_whose_events_wait_is_told_at_once() {
    let io = narrow();
    let (server, mut told) = serve(io.clone(), echo).await;
    let slow = Polling::open(&server, PATH).await;
    slow.send("40").await;
    slow.poll().await;
    slow.send(&numbered(80..110)).await;
    let news = "x".repeat(500);
    for round in 0.. {
        if io.emit("news", &news).unwrap() == 0 {
            break;
        }
        assert!(round < 10, "a slow client is not bounded");
    }
    assert_eq!(soon(told.recv()).await.unwrap(), "forced server close");
}

#[tokio::test]
async fn events_whose_handlers_wait_for_acks_end_with_a_fault_behind_them() {
    let handlers = |ns: NamespaceHandlers| {
        ns.on("ask", async |socket: Socket| {
            let asked = socket.timeout(Duration::from_secs(3600));
            asked.emit_with_ack::<String>("question", &()).await.map(drop)
        })
    };
    let (server, mut told) = serve(SocketIo::new().max_handlers(1), handlers).await;
    let mut client = Client::connect(&server).await;
    for packet in [r#"42["ask"]"#, r#"42["ask"]"#, "4nonsense"] {
        client.send(packet).await;
    }
    assert_eq!(soon(told.recv()).await.unwrap(), "parse error");
}

/// More than the system takes for a peer that reads nothing.
#[tokio::test]
async fn last_words_that_are_not_taken_are_given_up_after_the_ping_timeout() {
    let engine =
        EngineIoLimits::default().max_queue(64 << 20).ping_timeout(Duration::from_millis(100));
    let io = SocketIo::new().engine_limits(engine);
    let handlers = |ns: NamespaceHandlers| {
        ns.on_connect(async |socket: Socket| {
            let words = "x".repeat(1 << 20);
            for _ in 0..32 {
                socket.emit("words", &words)?;
            }
            socket.close_connection();
            Ok::<_, EmitError>(())
        })
    };
    let (server, mut told) = serve(io.clone(), handlers).await;
    let mut silent = Client::open(&server).await;
    silent.send("40").await;
    assert_eq!(soon(told.recv()).await.unwrap(), "server namespace disconnect");
    let gone = async {
        while io.session_count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // Well before the default of 20 s, and the write deadline.
    soon(gone).await;
}

/// More than the system takes for a peer that reads nothing, and far less than the queue has room for.
#[tokio::test]
async fn emit_volatile_does_not_wait_behind_what_was_sent_before() {
    let io = SocketIo::new().engine_limits(EngineIoLimits::default().max_queue(64 << 20));
    let all = io.clone();
    let handlers = |ns: NamespaceHandlers| {
        ns.on("fill", async |socket: Socket| {
            let words = "x".repeat(1 << 20);
            (0..32).try_for_each(|_| socket.emit("words", &words))
        })
        .on("hurry", move |socket: Socket, ack: Ack| {
            let all = all.clone();
            async move {
                socket.volatile().emit("alone", &())?;
                ack.send(&all.namespace("/").volatile().emit("all", &())?)
            }
        })
    };
    let (server, _) = serve(io, handlers).await;
    let mut client = Client::connect(&server).await;
    client.send(r#"42["fill"]"#).await;
    client.text().await;
    client.send(r#"420["hurry"]"#).await;
    for _ in 1..32 {
        assert!(client.text().await.starts_with(r#"42["words""#));
    }
    client.expect("430[0]").await;
    client.send(r#"421["hurry"]"#).await;
    for packet in [r#"42["alone"]"#, r#"42["all"]"#, "431[1]"] {
        client.expect(packet).await;
    }
}
