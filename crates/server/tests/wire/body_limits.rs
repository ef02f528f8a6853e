use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use rtwire_server::{Endpoints, Limits, Request};

use crate::peer::{Running, field, post, start, status};

async fn counting(limits: Limits) -> Running {
    let count = |_: Request, body: Bytes| async move {
        if body.iter().all(|byte| *byte == b'x') { StatusCode::OK } else { StatusCode::BAD_REQUEST }
    };
    start(Endpoints::new().post("/", count).limits(limits)).await
}

#[tokio::test]
async fn a_body_over_its_limit_is_413() {
    let default = Limits::default();
    for limits in [default.clone().max_body(10), default.clone().max_body(100_000), default] {
        let limit = limits.max_body;
        let server = counting(limits).await;
        for (length, expected) in [(limit - 1, 200), (limit, 200), (limit + 1, 413)] {
            let body = "x".repeat(length);
            let answer = server.ask(&post("/", "", &body)).await;
            assert_eq!(status(&answer), expected, "{length} of {limit}, by its length");

            let chunked = format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
            );
            let answer = server.ask(&chunked).await;
            assert_eq!(status(&answer), expected, "{length} of {limit}, in a chunk");
        }
    }
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_before_the_body_is_sent() {
    let server = counting(Limits::default().max_body(10)).await;
    let mut peer = server.peer().await;
    peer.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n").await;
    peer.send("Expect: 100-continue\r\n\r\n").await;
    let answer = peer.rest().await;
    assert_eq!(status(&answer), 413, "{answer}");
    assert_eq!(field(&answer, "connection"), Some("close"));
}

#[tokio::test]
async fn endless_chunks_are_413_at_the_limit() {
    let server = counting(Limits::default().max_body(1000)).await;
    let mut peer = server.peer().await;
    peer.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for _ in 0..100_000 {
        if peer.offer("a\r\nxxxxxxxxxx\r\n").await.is_err() {
            return; // The server has given up on us; the answer may be lost, and that is fair.
        }
        if peer.has_answer() {
            break;
        }
    }
    assert_eq!(status(&peer.head().await), 413);
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_408() {
    let server = counting(Limits::default().body_deadline(Duration::from_millis(200))).await;
    let mut peer = server.peer().await;
    peer.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nxxx").await;
    let answer = peer.rest().await;
    assert_eq!(status(&answer), 408, "{answer}");
    assert_eq!(field(&answer, "connection"), Some("close"));
}

#[tokio::test]
async fn a_broken_chunk_is_400() {
    let server = counting(Limits::default()).await;
    let request = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    assert_eq!(status(&server.ask(request).await), 400);
}

#[tokio::test]
async fn rfc9112_9_6_a_peer_that_is_still_sending_can_read_why_it_was_refused() {
    let server = counting(Limits::default()).await;
    let mut peer = server.peer().await;
    // More than the buffers of two sockets hold, so that it cannot all be sent unless it is read.
    peer.send(post("/", "", &"x".repeat(16 << 20))).await;
    assert_eq!(status(&peer.rest().await), 413);
}
