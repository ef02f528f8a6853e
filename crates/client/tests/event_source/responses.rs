//! What the response is, and how its body is delimited (RFC 9112 §6).

use std::time::Duration;

use rtwire_client::event_source::{Event, Failure, Limits, Options, ReadyState};

use crate::peer::{HEAD, Peer, at_once, next, soon, to_end};

async fn told(options: Options, response: &'static str) -> Vec<String> {
    let peer = Peer::start().await;
    let mut source = peer.source(options);
    let server = tokio::spawn(async move {
        peer.answer(response).await;
        // If it comes back.
        peer.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
    });
    let told = to_end(&mut source).await;
    server.abort();
    told
}

const ENDED: &str = "end of the stream: Connecting";
const BROKEN: &str = "network error: Connecting";
const CLOSED: &str = "status 204: Closed";

#[tokio::test]
async fn a_body_of_any_framing_is_the_same_stream() {
    for response in [
        "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\ndata: two\n\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 22\r\n\r\n\
         data: one\n\ndata: two\n\n: and no more of it",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\ndata:\r\n1\r\n \r\n10;ext=1\r\none\n\ndata: two\n\n\r\n0\r\nTrailer: data\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
         HTTP/1.1 200 \r\ncontent-type:TEXT/EVENT-STREAM;charset=utf-8\r\n\r\n\
         data: one\n\ndata: two\n\n",
    ] {
        let expected = ["open", "message  \"one\"", "message  \"two\"", ENDED, CLOSED];
        assert_eq!(told(at_once(), response).await, expected, "{response}");
    }
}

#[tokio::test]
async fn a_body_that_ends_before_its_length_is_a_network_error() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\n\
         data: one\n\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
         b\r\ndata: one\n\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
         b\r\ndata: one\n\n\r\nno size\r\n",
    ] {
        let expected = ["open", "message  \"one\"", BROKEN, CLOSED];
        assert_eq!(told(at_once(), response).await, expected, "{response}");
    }
}

#[tokio::test]
async fn another_type_is_for_good() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\ndata: a\n\n",
        "HTTP/1.1 200 OK\r\n\r\ndata: a\n\n",
    ] {
        assert_eq!(told(at_once(), response).await, ["not an event stream: Closed"]);
    }
}

#[tokio::test]
async fn a_failed_response_is_told_with_status_headers_and_body() {
    for status in [201, 204, 205, 304, 400, 401, 404, 429, 500, 503] {
        let peer = Peer::start().await;
        let mut source = peer.source(at_once());
        let body = if matches!(status, 204 | 304) { "" } else { "no" };
        let head = format!("HTTP/1.1 {status} X\r\nX-Why: one\r\nX-Why: two\r\n");
        let server = tokio::spawn(async move {
            let length = if body.is_empty() { "" } else { "Content-Length: 2\r\n" };
            let (_, mut connection) = peer.request().await;
            connection.send(format!("{head}{length}\r\n{body}")).await;
            connection.closed().await;
        });
        let event = soon(source.next()).await.unwrap();
        let Event::Error { failure: Failure::Status(response), ready_state } = event else {
            panic!("{event:?}")
        };
        assert_eq!(ready_state, ReadyState::Closed);
        assert_eq!((response.status, &response.body[..]), (status, body.as_bytes()));
        assert!(response.complete);
        let why: Vec<_> = response.headers.iter().filter(|(name, _)| name == "x-why").collect();
        assert_eq!(why.iter().map(|(_, value)| &value[..]).collect::<Vec<_>>(), [b"one", b"two"]);
        assert!(source.next().await.is_none());
        soon(server).await.unwrap();
    }
}

#[tokio::test]
async fn of_a_long_body_the_beginning_is_told() {
    for (length, kept, complete) in [(99, 99, true), (100, 100, true), (101, 100, false)] {
        let peer = Peer::start().await;
        let options = Options::get().limits(Limits::default().max_failed_body(100));
        let mut source = peer.source(options);
        let server = tokio::spawn(async move {
            peer.answer(format!("HTTP/1.1 500 X\r\n\r\n{}", "x".repeat(length))).await;
        });
        let event = soon(source.next()).await.unwrap();
        let Event::Error { failure: Failure::Status(response), .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!((response.body.len(), response.complete), (kept, complete));
        soon(server).await.unwrap();
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again_if_that_is_wanted() {
    let peer = Peer::start().await;
    let mut source = peer.source(at_once().retry_statuses(true));
    let server = tokio::spawn(async move {
        peer.answer("HTTP/1.1 429 Slow down\r\nRetry-After: 0\r\n\r\n").await;
        peer.answer("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
        peer.answer(format!("{HEAD}data: a\n\n")).await;
        peer.answer("HTTP/1.1 404 Not Found\r\n\r\n").await;
    });
    let expected = [
        "status 429: Connecting",
        "status 503: Connecting",
        "open",
        "message  \"a\"",
        ENDED,
        "status 404: Closed",
    ];
    assert_eq!(to_end(&mut source).await, expected);
    soon(server).await.unwrap();
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let peer = Peer::start().await;
    let mut source = peer.source(at_once().retry_statuses(true));
    let server = tokio::spawn(async move {
        peer.answer("HTTP/1.1 429 Slow down\r\nRetry-After: 50\r\n\r\n").await;
        peer.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
    });
    assert_eq!(next(&mut source).await, "status 429: Connecting");
    tokio::time::pause();
    let told = tokio::time::Instant::now();
    // Only the time is waited for; then there is a connection again, which is.
    let nothing = tokio::time::timeout(Duration::from_secs(49), source.next()).await;
    assert!(nothing.is_err() && told.elapsed() >= Duration::from_secs(49));
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    assert_eq!(to_end(&mut source).await, [CLOSED]);
    soon(server).await.unwrap();
}
