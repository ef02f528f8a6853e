//! Upgrades of Engine.IO in the midst of traffic.

use std::cell::{Cell, RefCell};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt as _;
use rtwire_server::{
    Endpoints, EngineIo, EngineIoLimits, EngineIoMessage, EngineIoSocket, Message,
};
use tokio::sync::{Notify, mpsc};

use crate::engine_io_peer::{Polling, text, websocket};
use crate::peer::{Running, soon, start};

const PATH: &str = "/engine.io/";
const SESSIONS: usize = 1000;
/// Sessions that are at it at a time.
const AT_ONCE: usize = 50;
/// Each way, in each session.
const MESSAGES: usize = 100;

/// The text or the bytes of a number, in turn: both have to keep to their order.
fn message(number: usize) -> EngineIoMessage {
    match number % 5 {
        0 => number.to_string().into_bytes().into(),
        _ => number.to_string().into(),
    }
}

/// As a packet of polling.
fn packet(number: usize) -> String {
    match number % 5 {
        0 => format!("b{}", BASE64_STANDARD.encode(number.to_string())),
        _ => format!("4{number}"),
    }
}

/// As a message of a WebSocket.
fn frame(number: usize) -> Message {
    match number % 5 {
        0 => number.to_string().into_bytes().into(),
        _ => format!("4{number}").into(),
    }
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Half of its messages at once, and one more for each that comes; then whether all came, in order.
async fn talk(mut socket: EngineIoSocket, tell: mpsc::UnboundedSender<Result<(), String>>) {
    for number in 0..MESSAGES / 2 {
        socket.send(message(number)).await.unwrap();
    }
    let mut expected = 0;
    while let Some(heard) = socket.next().await {
        if heard != message(expected) {
            tell.send(Err(format!("{heard:?} instead of {expected}"))).unwrap();
            return;
        }
        if expected < MESSAGES - MESSAGES / 2 {
            socket.send(message(MESSAGES / 2 + expected)).await.unwrap();
        }
        expected += 1;
    }
    let all = expected == MESSAGES;
    tell.send(if all { Ok(()) } else { Err(format!("{expected} messages")) }).unwrap();
}

/// What Node's client does: it polls and posts, probes a WebSocket meanwhile, pauses until both are answered, and
/// goes on there. Returns how many messages each way went over polling.
async fn upgrade(server: &Running, seed: u64) -> (usize, usize) {
    let mut random = Random(seed);
    let after = random.below(MESSAGES * 9 / 10);
    let polling = Polling::open(server, PATH).await;
    let paused = Cell::new(false);
    let (posted, heard) = (Cell::new(0), RefCell::new(Vec::new()));
    let more_posted = Notify::new();
    let gets = async {
        while !paused.get() {
            let payload = polling.poll().await;
            heard
                .borrow_mut()
                .extend(payload.split('\x1e').filter(|packet| *packet != "6").map(str::to_owned));
        }
    };
    let posts = async {
        while !paused.get() && posted.get() < MESSAGES {
            let end = (posted.get() + 1 + random.below(7)).min(MESSAGES);
            let payload: Vec<_> = (posted.get()..end).map(packet).collect();
            polling.send(&payload.join("\x1e")).await;
            posted.set(end);
            more_posted.notify_one();
        }
    };
    let probe = async {
        while posted.get() < after {
            more_posted.notified().await;
        }
        let mut socket = websocket(server, PATH, &format!("&sid={}", polling.sid)).await.unwrap();
        socket.send("2probe").await.unwrap();
        assert_eq!(text(&mut socket).await, "3probe");
        paused.set(true);
        socket
    };
    let ((), (), mut socket) = tokio::join!(gets, posts, probe);
    let heard = heard.into_inner();
    for (number, packet) in heard.iter().enumerate() {
        assert_eq!(*packet, self::packet(number), "over polling");
    }
    socket.send("5").await.unwrap();
    for number in posted.get()..MESSAGES {
        socket.send(frame(number)).await.unwrap();
    }
    for number in heard.len()..MESSAGES {
        let next = soon(socket.next()).await.expect("the WebSocket has ended").unwrap();
        assert_eq!(next, frame(number), "over the WebSocket");
    }
    socket.send("1").await.unwrap();
    assert_eq!(soon(socket.next()).await.transpose().unwrap(), None, "one too many");
    (posted.get(), heard.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_upgrades_lose_double_and_reorder_nothing() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = move |socket: EngineIoSocket| talk(socket, tell.clone());
    let limits = EngineIoLimits::default().max_packets_sent(7);
    let server = start(Endpoints::new().engine_io(EngineIo::new(handler).limits(limits))).await;
    let seeds = 0..u64::try_from(SESSIONS).unwrap();
    let upgrades = seeds.map(|seed| upgrade(&server, seed));
    let over_polling: Vec<_> =
        futures_util::stream::iter(upgrades).buffer_unordered(AT_ONCE).collect().await;
    for _ in 0..SESSIONS {
        assert_eq!(soon(told.recv()).await.unwrap(), Ok(()));
    }
    // They did so in the midst of both directions.
    let split = |count: usize| (1..MESSAGES).contains(&count);
    let both = over_polling.iter().filter(|(posted, heard)| split(*posted) && split(*heard));
    let both = both.count();
    println!("{both} of {SESSIONS} upgraded between two messages of both directions");
    assert!(both > SESSIONS / 10, "{both} of them");
}
