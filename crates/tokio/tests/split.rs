//! The two halves of a WebSocket: what each does for the other, and what it does not wait for.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod scripted;

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use rtwire_tokio::{Error, WebSocket};
use rtwire_websocket::{
    CloseCode, CloseReason, Connection, Message, PreparedMessage, SendError, State,
};
use scripted::{CLIENT, Read, Scripted, bounded, drain, events, poll_times, quiet, soon, wire};
use tokio::io::duplex;
use tokio::sync::Barrier;

fn normal() -> CloseReason {
    CloseReason::new(CloseCode::NORMAL)
}

/// Each end sends and receives at once, through a transport much smaller than what is on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halves_on_two_threads_send_and_receive_at_once() {
    const MESSAGES: usize = 2000;
    let numbered = |number: usize| match number % 2 {
        0 => Message::from(vec![u8::try_from(number % 251).unwrap(); number % 500]),
        _ => Message::from(number.to_string()),
    };
    let (ours, theirs) = duplex(100);
    let limits = || quiet().max_output(300);
    let mut tasks = tokio::task::JoinSet::new();
    let sent = Arc::new(Barrier::new(2));
    for end in [WebSocket::server(ours, limits()), WebSocket::client(theirs, limits())] {
        let (mut writer, mut reader) = end.split();
        let sent = Arc::clone(&sent);
        tasks.spawn(async move {
            for number in 0..MESSAGES {
                match number % 3 {
                    1 => {
                        let prepared = PreparedMessage::new(numbered(number));
                        writer.feed_prepared(&prepared).await.unwrap();
                    }
                    2 => SinkExt::send(&mut writer, numbered(number)).await.unwrap(),
                    _ => writer.feed(numbered(number)).await.unwrap(),
                }
                writer.ping(b"still there?").ok();
            }
            writer.flush().await.unwrap();
            // Who hears of a Close sends nothing more.
            sent.wait().await;
            writer.close(normal()).await.unwrap();
        });
        tasks.spawn(async move {
            for number in 0..MESSAGES {
                let message = match number % 2 {
                    0 => reader.next().await,
                    _ => StreamExt::next(&mut reader).await,
                };
                assert_eq!(message.unwrap().unwrap(), numbered(number), "message {number}");
            }
            assert!(reader.next().await.is_none());
            assert_eq!(reader.close_reason(), Some(normal()));
            assert_eq!(reader.state(), State::Closed);
        });
    }
    while let Some(task) = bounded(tasks.join_next()).await {
        task.unwrap();
    }
}

#[tokio::test]
async fn the_reader_answers_pings_while_the_writer_waits_for_a_peer_that_does_not_read() {
    let (ours, theirs) = duplex(64);
    let (mut writer, mut reader) = WebSocket::server(ours, quiet().max_output(200)).split();
    let writing = tokio::spawn(async move { writer.send(vec![7; 5000]).await });
    let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
    let reading = tokio::spawn(async move {
        while let Some(Ok(message)) = reader.next().await {
            sender.send(message).unwrap();
        }
    });
    let mut peer = WebSocket::client(theirs, quiet());
    peer.ping(b"p").unwrap();
    peer.send("heard").await.unwrap();
    assert_eq!(bounded(received.recv()).await, Some("heard".into()));
    assert!(!writing.is_finished(), "the peer has not read yet");
    assert_eq!(bounded(peer.next()).await.unwrap().unwrap().len(), 5000);
    bounded(writing).await.unwrap().unwrap();
    peer.close(normal()).await.unwrap();
    bounded(reading).await.unwrap();
}

#[test]
fn s5_5_2_a_reader_alone_writes_the_pong() {
    let mut peer = Connection::new(CLIENT, quiet());
    peer.send_ping(b"1").unwrap();
    let io = Scripted::new([Read::Bytes(drain(&mut peer))]);
    let (_writer, mut reader) = WebSocket::server(io.clone(), quiet()).split();
    assert!(poll_times(reader.next(), 2).is_none());
    assert_eq!(events(CLIENT, io.state().written.clone()), ["pong 1"]);
}

#[tokio::test]
async fn s7_1_2_closing_by_the_writer_is_completed_by_the_reader() {
    let (ours, theirs) = duplex(1024);
    let (mut writer, mut reader) = WebSocket::client(ours, quiet()).split();
    let mut server = WebSocket::server(theirs, quiet());
    server.send("before").await.unwrap();
    writer.close(CloseReason::new(CloseCode::GOING_AWAY)).await.unwrap();
    assert!(matches!(writer.send("late").await, Err(Error::Send(SendError::Closing))));
    assert_eq!(writer.state(), State::Closing);
    let serving = tokio::spawn(async move {
        assert!(server.next().await.is_none());
        server.close_reason().unwrap().code
    });
    assert_eq!(bounded(reader.next()).await.unwrap().unwrap(), "before".into());
    assert!(bounded(reader.next()).await.is_none());
    assert_eq!(bounded(serving).await.unwrap(), CloseCode::GOING_AWAY);
    assert_eq!(reader.close_reason().unwrap().code, CloseCode::GOING_AWAY);
}

#[tokio::test]
async fn s7_1_2_a_writer_alone_completes_its_closing() {
    for by_sink in [false, true] {
        let (ours, theirs) = duplex(1024);
        let (mut writer, reader) = WebSocket::client(ours, quiet()).split();
        drop(reader);
        let mut server = WebSocket::server(theirs, quiet());
        let serving = tokio::spawn(async move { server.next().await.is_none() });
        if by_sink {
            bounded(SinkExt::close(&mut writer)).await.unwrap();
        } else {
            bounded(writer.close(normal())).await.unwrap();
        }
        assert_eq!(writer.state(), State::Closed);
        assert!(bounded(serving).await.unwrap());
    }
}

#[test]
fn dropped_futures_of_both_halves_lose_nothing_and_double_nothing() {
    let messages = || (0..20).map(|n| Message::from(vec![n; usize::from(n) * 30]));
    for polls in 1..=4 {
        let sent: Vec<Message> = messages().collect();
        let io = Scripted::in_pieces(&wire(CLIENT, &sent), &[7, 100]).then(Read::Eof);
        io.state().max_write = 50;
        io.state().hesitate = true;
        let (mut writer, mut reader) =
            WebSocket::server(io.clone(), quiet().max_output(100)).split();
        let (mut to_send, mut received) = (messages().peekable(), Vec::new());
        for attempt in 0.. {
            assert!(attempt < 100_000, "no end");
            if let Some(message) = to_send.peek()
                && let Some(fed) = poll_times(writer.feed(message.clone()), polls)
            {
                fed.unwrap();
                to_send.next();
            }
            poll_times(writer.flush(), polls);
            match poll_times(reader.next(), polls) {
                Some(Some(message)) => received.push(message.unwrap()),
                Some(None) => break,
                None => {}
            }
            if to_send.peek().is_none() {
                soon(writer.flush()).ok();
            }
        }
        assert_eq!(received, sent, "{polls} polls");
        let mut peer = Connection::new(CLIENT, quiet());
        let written = &mut io.state().written;
        let (mut input, mut heard) = (&mut written[..], Vec::new());
        while let Some(event) = peer.next_event(&mut input).unwrap() {
            heard.extend(event.into_message());
        }
        assert_eq!(heard, sent[..heard.len()], "{polls} polls");
        assert!(heard.len() > 10, "{} were sent", heard.len());
    }
}
