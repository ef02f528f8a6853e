//! Messages over each transport, and across the upgrade.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use rtwire_client::EngineIoSocket;
use rtwire_client::engine_io::{Event, Message, SendError, Transport};
use rtwire_server::EngineIo;

use crate::server::{WAYS, Way, echo, line, message, soon, start, to_end};

#[tokio::test]
async fn text_and_binary_come_back_over_each_transport() {
    let server = start(echo()).await;
    for way in WAYS {
        let mut socket = server.socket(way);
        let text = ["", "plain", "two: é, three: €, four: 😀, none: \0"].map(Message::from);
        let binary = [0, 1, 2, 3, 126, 65_536].map(|length| Message::from(vec![7; length]));
        for sent in text.into_iter().chain(binary) {
            soon(socket.send(sent.clone())).await.unwrap();
            assert_eq!(message(&mut socket).await, sent, "{way:?}");
        }
        socket.close();
        let mut told = to_end(&mut socket).await;
        told.retain(|line| line != "upgraded");
        assert_eq!(told, ["forced close"], "{way:?}");
        assert!(socket.error().is_none() && socket.upgrade_error().is_none(), "{socket:?}");
    }
}

#[tokio::test]
async fn it_is_open_first_and_says_where_it_travels() {
    let server = start(echo()).await;
    for (way, expected) in [
        (Way::Polling, vec![(Transport::Polling, "open")]),
        (Way::WebSocket, vec![(Transport::WebSocket, "open")]),
        (Way::Upgrade, vec![(Transport::Polling, "open"), (Transport::WebSocket, "upgraded")]),
    ] {
        let mut socket = server.socket(way);
        assert!(!socket.is_open());
        assert_eq!(socket.try_send("early"), Err(SendError::NotOpen));
        for (transport, told) in expected {
            assert_eq!(line(&soon(socket.next()).await.unwrap()), told);
            assert_eq!(socket.transport(), transport);
            assert!(socket.is_open());
        }
        // And stays there: a record separator is the sign of it.
        let separated = socket.try_send("\x1e");
        assert_eq!(separated.is_ok(), way != Way::Polling);
    }
}

/// Sends back what comes, with as many messages of its own in between.
fn duet() -> EngineIo {
    EngineIo::new(async |mut socket: rtwire_server::EngineIoSocket| {
        for number in 0.. {
            socket.send(format!("own {number}")).await?;
            let Some(message) = socket.next().await else { break };
            socket.send(message).await?;
        }
        Ok::<_, rtwire_server::EngineIoSendError>(())
    })
}

const MESSAGES: usize = 200;

fn numbered(number: usize) -> Message {
    match number % 2 {
        0 => Message::from(format!("text {number}")),
        _ => Message::from(format!("binary {number}").into_bytes()),
    }
}

/// What has come back, and what of the server's own has come, each as far as it is in order.
#[derive(Default)]
struct Received {
    back: usize,
    own: usize,
    upgraded_after: Option<usize>,
}

impl Received {
    fn take(&mut self, event: Event) {
        match event {
            Event::Open(_) => {}
            Event::Upgraded => self.upgraded_after = Some(self.back),
            Event::Message(message) if message == Message::from(format!("own {}", self.own)) => {
                self.own += 1;
            }
            Event::Message(message) => {
                assert_eq!(message, numbered(self.back));
                self.back += 1;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_doubled_or_reordered_across_the_upgrade() {
    let server = start(duet()).await;
    let mut upgrades_in_the_midst = 0;
    for round in 0..50 {
        let mut socket = server.socket(Way::Upgrade);
        let mut received = Received::default();
        let mut sent = 0;
        let all = async {
            while received.back < MESSAGES {
                // As many in flight as the round says, so that the switch falls anywhere.
                while sent < MESSAGES && sent < received.back + 1 + round {
                    match round % 2 {
                        0 => socket.send(numbered(sent)).await.unwrap(),
                        _ if socket.is_open() => socket.try_send(numbered(sent)).unwrap(),
                        _ => break,
                    }
                    sent += 1;
                }
                received.take(socket.next().await.unwrap());
            }
        };
        soon(all).await;
        if received.upgraded_after.is_some_and(|after| after > 0 && after < MESSAGES) {
            upgrades_in_the_midst += 1;
        }
        assert!(socket.upgrade_error().is_none(), "{socket:?}");
        socket.close();
        while let Some(event) = soon(socket.next()).await {
            match event {
                Event::Close(_) => {}
                event => received.take(event),
            }
        }
    }
    assert!(upgrades_in_the_midst > 25, "{upgrades_in_the_midst}");
}

/// Polls a future once, and drops it with what it knows.
fn poll_once<F: Future>(future: F, cx: &mut Context<'_>) -> Poll<F::Output> {
    pin!(future).poll(cx)
}

#[tokio::test]
async fn futures_dropped_at_every_poll_lose_nothing_and_double_nothing() {
    let server = start(duet()).await;
    for way in WAYS {
        let mut socket = server.socket(way);
        let mut received = Received::default();
        for number in 0..MESSAGES {
            soon(poll_fn(|cx| poll_once(socket.send(numbered(number)), cx))).await.unwrap();
            if number % 10 == 9 {
                soon(poll_fn(|cx| poll_once(socket.flush(), cx))).await.unwrap();
            }
            while received.back + 3 < number {
                received.take(soon(poll_fn(|cx| poll_once(socket.next(), cx))).await.unwrap());
            }
        }
        socket.close();
        while let Some(event) = soon(poll_fn(|cx| poll_once(socket.next(), cx))).await {
            match event {
                Event::Close(_) => {}
                event => received.take(event),
            }
        }
        assert!(received.back + 4 >= MESSAGES, "{}", received.back);
    }
}

#[tokio::test]
async fn what_was_queued_before_a_close_arrives() {
    for way in WAYS {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let collect = EngineIo::new(move |mut socket: rtwire_server::EngineIoSocket| {
            let tell = tell.clone();
            async move {
                while let Some(message) = socket.next().await {
                    tell.send(message).unwrap();
                }
            }
        });
        let server = start(collect).await;
        let mut socket = server.socket(way);
        soon(socket.send(numbered(0))).await.unwrap();
        for number in 1..MESSAGES {
            socket.try_send(numbered(number)).unwrap();
        }
        socket.close();
        assert_eq!(to_end(&mut socket).await.last().unwrap(), "forced close");
        for number in 0..MESSAGES {
            assert_eq!(soon(told.recv()).await.unwrap(), numbered(number), "{way:?}");
        }
    }
}

#[tokio::test]
async fn it_is_a_stream_that_another_task_may_have() {
    let greet =
        EngineIo::new(async |socket: rtwire_server::EngineIoSocket| socket.try_send("hello"));
    let server = start(greet).await;
    let socket: EngineIoSocket = server.socket(Way::WebSocket);
    let told = tokio::spawn(socket.map(|event| line(&event)).collect::<Vec<_>>());
    assert_eq!(soon(told).await.unwrap(), ["open", "hello", "transport close"]);
}

#[tokio::test]
async fn a_server_that_sends_without_end_leaves_others_their_turn() {
    let flood = EngineIo::new(
        async |mut socket: rtwire_server::EngineIoSocket| {
            while socket.send("x").await.is_ok() {}
        },
    );
    let server = start(flood).await;
    for way in WAYS {
        let mut socket = server.socket(way);
        let mut turns = 0;
        // Waits for a message, and does something whenever it has to wait.
        soon(poll_fn(|cx| {
            let mut events = 0;
            while poll_once(socket.next(), cx).is_ready() {
                events += 1;
            }
            assert!(events < 1000, "{events} events without a pause");
            turns += 1;
            if turns == 100 { Poll::Ready(()) } else { Poll::Pending }
        }))
        .await;
    }
}
