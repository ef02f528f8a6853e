//! A hundred connections that break at random bytes: every event is received once, and in order.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;

use rtwire_client::event_source::{Event, Options, ReadyState};
use rtwire_server::{Endpoints, EventLog, Fields, Request, Server, Sse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::peer::{Connection, Peer, at_once, line, soon};

const DISCONNECTS: usize = 100;

/// Numbers as if they were random, the same ones each time (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// The data of the event of this number: lines, characters of several bytes, none at all.
fn data(number: usize) -> String {
    let mut random = Random(u64::try_from(number).unwrap());
    let lines = (0..random.below(4)).map(|_| "né € ".repeat(random.below(8)) + &number.to_string());
    lines.collect::<Vec<_>>().join("\n")
}

/// What is told of it.
fn told(number: usize) -> String {
    format!("message {number} {:?}", data(number))
}

/// A server that remembers its latest 200 events.
struct Ring {
    events: VecDeque<(usize, String)>,
    next: usize,
}

impl Ring {
    /// The events after the last that the client has, as many bytes of them as are asked for. What is
    /// not there yet happens now.
    fn after(&mut self, last: Option<usize>, bytes: usize) -> String {
        let first = last.map_or(0, |last| last + 1);
        let oldest = self.events.front().map_or(0, |(number, _)| *number);
        assert!((oldest..=self.next).contains(&first), "{first} of {oldest}..{}", self.next);
        let held = self.events.iter().filter(|(number, _)| *number >= first);
        let mut text: String = held.map(|(_, event)| &**event).collect();
        while text.len() < bytes {
            let (number, data) = (self.next, data(self.next));
            let event = Fields::new().id(&number.to_string()).data(&data).to_bytes().unwrap();
            let event = String::from_utf8(event.to_vec()).unwrap();
            text += &event;
            self.events.push_back((number, event));
            if self.events.len() > 200 {
                self.events.pop_front();
            }
            self.next += 1;
        }
        text
    }
}

/// A response in one of the three framings. `whole`: it ends as it should.
fn response(stream: &str, framing: usize, whole: bool, random: &mut Random) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    match framing {
        0 => format!("{head}\r\n{stream}").into_bytes(),
        1 => {
            let length = stream.len() + usize::from(!whole);
            format!("{head}Content-Length: {length}\r\n\r\n{stream}").into_bytes()
        }
        _ => {
            let mut bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
            let mut rest = stream.as_bytes();
            while !rest.is_empty() {
                let (chunk, behind) = rest.split_at((1 + random.below(300)).min(rest.len()));
                bytes.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()));
                bytes.extend(b"\r\n");
                rest = behind;
            }
            if whole {
                bytes.extend(b"0\r\n\r\n");
            }
            bytes
        }
    }
}

async fn send_in_pieces(connection: &mut Connection, mut bytes: &[u8], random: &mut Random) {
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((1 + random.below(1000)).min(bytes.len()));
        // The client has gone before all of it is sent, if the end mark is in front.
        connection.offer(piece).await;
        tokio::task::yield_now().await;
        bytes = rest;
    }
}

/// Breaks a hundred connections, and ends the next as it should. How many events there were.
async fn serve(peer: Peer, mut random: Random) -> usize {
    let mut ring = Ring { events: VecDeque::new(), next: 0 };
    for disconnect in 0..=DISCONNECTS {
        let (request, mut connection) = peer.request().await;
        let last = request.last_event_id().map(|id| id.parse().unwrap());
        let whole = disconnect == DISCONNECTS;
        let stream =
            ring.after(last, random.below(4000)) + if whole { "data: end\n\n" } else { "" };
        let framing = random.below(3);
        let mut bytes = response(&stream, framing, whole, &mut random);
        if !whole {
            // As often as not in the head or in the first event.
            let most = if random.below(2) == 0 { 150 } else { usize::MAX };
            bytes.truncate(random.below(bytes.len().min(most) + 1));
        }
        send_in_pieces(&mut connection, &bytes, &mut random).await;
        if random.below(2) == 0 && !whole {
            connection.reset();
        }
    }
    ring.next
}

#[tokio::test]
async fn of_a_hundred_connections_that_break_anywhere_every_event_comes_once_and_in_order() {
    for seed in 0..5 {
        let peer = Peer::start().await;
        let mut source = peer.source(at_once().end_mark("end"));
        let server = tokio::spawn(serve(peer, Random(seed)));
        let (mut messages, mut errors) = (Vec::new(), 0);
        // Each poll is that of a new future.
        while let Some(event) = soon(poll_fn(|cx| pin!(source.next()).poll(cx))).await {
            match &event {
                Event::Message(_) => messages.push(line(&event)),
                Event::Error { ready_state: ReadyState::Connecting, .. } => errors += 1,
                Event::Open | Event::End => {}
                other => panic!("{other:?}"),
            }
        }
        let events = soon(server).await.unwrap();
        assert_eq!(errors, DISCONNECTS, "seed {seed}");
        assert!(events > 100, "{events} events");
        assert!(messages.iter().eq(&(0..events).map(told).collect::<Vec<_>>()), "seed {seed}");
    }
}

/// Passes bytes on, of the first hundred connections only some.
async fn cutting_proxy(listener: TcpListener, server: std::net::SocketAddr, mut random: Random) {
    for connection in 0.. {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(server).await.unwrap();
        if connection == DISCONNECTS {
            tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
            return;
        }
        let reset = random.below(2) == 0;
        let (mut from_client, mut to_client) = client.split();
        let (from_server, mut to_server) = server.split();
        let mut from_server = from_server.take(u64::try_from(random.below(3000)).unwrap());
        tokio::select! {
            sent = tokio::io::copy(&mut from_server, &mut to_client) => { sent.unwrap(); }
            asked = tokio::io::copy(&mut from_client, &mut to_server) => { asked.unwrap(); }
        }
        to_client.flush().await.unwrap();
        if reset {
            client.set_zero_linger().unwrap();
        }
    }
}

#[tokio::test]
async fn and_so_it_does_of_an_event_log_behind_a_line_that_breaks() {
    const EVENTS: usize = 5000;
    let log = EventLog::new(EVENTS + 1);
    let before = log.publish(Fields::new().data("before")).unwrap();
    for number in 0..EVENTS {
        log.publish(Fields::new().data(&data(number))).unwrap();
    }
    log.publish(Fields::new().data("end")).unwrap();
    let app = Endpoints::new().sse("/events", move |request: Request| {
        let events = log.subscribe(request.last_event_id().as_deref());
        async move { Sse::new(events) }
    });
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr();
    let server = tokio::spawn(async move { server.serve(app).await });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer_address = listener.local_addr().unwrap();
    let proxy = tokio::spawn(cutting_proxy(listener, address, Random(7)));

    let options: Options = at_once().last_event_id(before.to_string()).end_mark("end");
    let url = format!("http://{peer_address}/events");
    let mut source = rtwire_client::EventSource::builder(&url).options(options).build().unwrap();
    let (mut messages, mut errors) = (Vec::new(), 0);
    while let Some(event) = soon(source.next()).await {
        match event {
            Event::Message(event) => {
                assert_eq!(event.event_type, "message");
                messages.push(event.data.to_string());
            }
            Event::Error { ready_state: ReadyState::Connecting, .. } => errors += 1,
            Event::Open | Event::End => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(errors, DISCONNECTS);
    assert!(messages.into_iter().eq((0..EVENTS).map(data)));
    soon(proxy).await.unwrap();
    server.abort();
}
