//! Events handled where they lie, and the output that holds them back.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use futures_util::poll;
use rtwire_tokio::{Error, WebSocket};
use rtwire_websocket::{CloseCode, CloseReason, Event, Limits, Message, SendError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(20);

fn pair(buffer: usize, limits: Limits) -> (WebSocket<DuplexStream>, WebSocket<DuplexStream>) {
    let (ours, theirs) = duplex(buffer);
    let theirs = WebSocket::client(theirs, Limits::default().max_output(usize::MAX));
    (WebSocket::server(ours, limits), theirs)
}

fn messages() -> Vec<Message> {
    let sizes = [0, 1, 125, 126, 5000, 70_000, 3, 300_000, 16_384, 1];
    sizes.iter().map(|&size| Message::from(vec![7_u8; size])).chain([Message::from("€")]).collect()
}

#[tokio::test]
async fn every_message_is_echoed_in_order_until_the_peer_closes() {
    // An output of one byte holds back each next event until the last one is written.
    for max_output in [1, 1000, 1 << 20] {
        let (mut server, mut client) = pair(777, Limits::default().max_output(max_output));
        let echo = server.for_each(|event, connection| Ok::<_, Error>(connection.forward(event)?));
        let check = async {
            // Queued whole before any of it is read back, so both directions fill up.
            for message in messages() {
                client.feed(message).await.unwrap();
            }
            for expected in messages() {
                assert_eq!(client.next().await.unwrap().unwrap(), expected);
            }
            client.close(CloseReason::new(CloseCode::NORMAL)).await.unwrap();
        };
        let (echoed, ()) = timeout(LONG, async { tokio::join!(echo, check) }).await.unwrap();
        echoed.unwrap();
        assert_eq!(server.close_reason().unwrap().code, CloseCode::NORMAL);
    }
}

#[tokio::test]
async fn while_the_output_is_full_no_event_is_handled() {
    let (from_client, mut to_server) = tokio::io::simplex(4096);
    let (mut from_server, to_client) = tokio::io::simplex(64);
    let io = tokio::io::join(from_client, to_client);
    let mut server = WebSocket::server(io, Limits::default().max_output(100));
    let handled = Cell::new(0);
    let mut echo = pin!(server.for_each(|event, connection| {
        handled.set(handled.get() + 1);
        Ok::<_, Error>(connection.forward(event)?)
    }));
    // Ten messages of 110 bytes, masked with zeros: all of them arrive in one read.
    let frame = [&[0x82, 0x80 | 110, 0, 0, 0, 0][..], &[1; 110]].concat();
    to_server.write_all(&frame.repeat(10)).await.unwrap();

    assert!(poll!(&mut echo).is_pending());
    // An echo is 112 bytes: 64 are in the pipe, 48 are queued, and so is the next one.
    assert_eq!(handled.get(), 2);

    let mut echoed = Vec::new();
    while echoed.len() < 10 * 112 {
        let before = handled.get();
        from_server.read_buf(&mut echoed).await.unwrap();
        assert!(poll!(&mut echo).is_pending());
        assert!(handled.get() <= before + 1, "one is written before the next is handled");
    }
    assert_eq!((handled.get(), echoed.len()), (10, 10 * 112));
}

#[tokio::test]
async fn what_the_handler_returns_ends_it() {
    let (mut server, mut client) = pair(1000, Limits::default());
    client.send("stop").await.unwrap();
    let ended = timeout(
        LONG,
        server.for_each(|event, _| match event {
            Event::Text(_) => Err(Error::Send(SendError::Closing)),
            _ => Ok(()),
        }),
    );
    assert!(matches!(ended.await.unwrap(), Err(Error::Send(SendError::Closing))));
}
