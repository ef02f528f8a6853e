//! Closing, dropping, and not being polled.

use std::future::{Future, poll_fn};
use std::pin::pin;

use futures_util::StreamExt;
use rtwire_client::event_source::ReadyState;

use crate::peer::{HEAD, Peer, at_once, line, next, soon};

#[tokio::test]
async fn close_drops_what_has_come_and_the_connection() {
    let peer = Peer::start().await;
    let mut source = peer.source(at_once());
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    let server = tokio::spawn(async move {
        let (_, mut connection) = peer.request().await;
        connection.send(format!("{HEAD}{}", "data: a\n\n".repeat(10))).await;
        connection.closed().await;
    });
    assert_eq!(next(&mut source).await, "open");
    assert_eq!(source.ready_state(), ReadyState::Open);
    assert_eq!(next(&mut source).await, "message  \"a\"");
    source.close();
    soon(server).await.unwrap();
    assert_eq!(next(&mut source).await, "closed");
    assert_eq!(source.ready_state(), ReadyState::Closed);
    source.close();
    assert_eq!(next(&mut source).await, "closed");
}

#[tokio::test]
async fn closed_before_it_is_polled_it_asks_for_nothing() {
    let peer = Peer::start().await;
    let mut source = peer.source(at_once());
    source.close();
    assert_eq!(next(&mut source).await, "closed");
}

#[tokio::test]
async fn dropping_it_closes_the_connection_in_every_state() {
    for beginning in ["", "HTTP/1.1 200 OK\r\n", HEAD, "HTTP/1.1 500 X\r\n\r\nbec"] {
        let peer = Peer::start().await;
        let mut source = peer.source(at_once());
        let (sent, mut has_sent) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(async move {
            let (_, mut connection) = peer.request().await;
            connection.send(beginning).await;
            sent.send(()).unwrap();
            connection.closed().await;
        });
        loop {
            tokio::select! {
                event = source.next() => assert_eq!(line(&event.unwrap()), "open"),
                sent = &mut has_sent => break sent.unwrap(),
            }
        }
        drop(source);
        soon(server).await.unwrap();
    }
}

#[tokio::test]
async fn the_end_mark_closes_the_connection_at_once() {
    let peer = Peer::start().await;
    let mut source = peer.source(at_once().end_mark("[DONE]"));
    let server = tokio::spawn(async move {
        let (_, mut connection) = peer.request().await;
        connection.send(format!("{HEAD}data: a\n\ndata: [DONE]\n\ndata: b\n\n")).await;
        connection.closed().await;
    });
    for expected in ["open", "message  \"a\"", "end"] {
        assert_eq!(next(&mut source).await, expected);
    }
    soon(server).await.unwrap();
    assert_eq!(next(&mut source).await, "closed");
}

#[tokio::test]
async fn next_dropped_at_every_poll_loses_nothing_and_doubles_nothing() {
    let peer = Peer::start().await;
    let mut source = peer.source(at_once().end_mark("end"));
    let server = tokio::spawn(async move {
        peer.answer("HTTP/1.1 307 X\r\nLocation: /b\r\n\r\n").await;
        for (from, mark) in [(0, ""), (100, "data: end\n\n")] {
            let (request, mut connection) = peer.request().await;
            let id = request.last_event_id().map_or(0, |id| id.parse::<u32>().unwrap() + 1);
            assert_eq!(id, from);
            let event = |id| format!("id: {id}\ndata: {id}\n\n");
            let response =
                HEAD.to_owned() + &(from..from + 100).map(event).collect::<String>() + mark;
            for piece in response.as_bytes().chunks(7) {
                connection.send(piece).await;
                tokio::task::yield_now().await;
            }
        }
    });
    let mut told = Vec::new();
    // Each poll is that of a new future, which is dropped with what it knows.
    while let Some(event) = soon(poll_fn(|cx| pin!(source.next()).poll(cx))).await {
        told.push(line(&event));
    }
    told.retain(|line| line.starts_with("message"));
    let expected: Vec<_> = (0..200).map(|n| format!("message {n} \"{n}\"")).collect();
    assert_eq!(told, expected);
    soon(server).await.unwrap();
}

#[tokio::test]
async fn it_is_a_stream_that_another_task_may_have() {
    let peer = Peer::start().await;
    let source = peer.source(at_once());
    let server = tokio::spawn(async move {
        peer.answer(format!("{HEAD}data: a\n\n")).await;
        peer.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
    });
    let told = tokio::spawn(source.map(|event| line(&event)).collect::<Vec<_>>());
    let told = soon(told).await.unwrap();
    let expected =
        ["open", "message  \"a\"", "end of the stream: Connecting", "status 204: Closed"];
    assert_eq!(told, expected);
    soon(server).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_sends_without_end_leaves_others_their_turn() {
    // Thousands of either are in what is read at a time.
    for body in ["data\n\n", ":\n"] {
        let peer = Peer::start().await;
        let mut source = peer.source(at_once());
        let server = tokio::spawn(async move {
            let (_, mut connection) = peer.request().await;
            connection.send(HEAD).await;
            let body = body.repeat(10_000);
            while connection.offer(&body).await {}
        });
        let mut turns = 0;
        // One that waits for a message, and does something whenever it has to wait.
        soon(poll_fn(|cx| {
            let mut events = 0;
            while pin!(source.next()).poll(cx).is_ready() {
                events += 1;
            }
            assert!(events < 1000, "{events} events without a pause");
            turns += 1;
            if turns == 100 {
                source.close();
                return std::task::Poll::Ready(());
            }
            std::task::Poll::Pending
        }))
        .await;
        assert_eq!(next(&mut source).await, "closed");
        soon(server).await.unwrap();
    }
}
