//! The endpoints as a `tower` service, as another server sees them.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use rtwire_server::{Body, Endpoints, Error, EventLog, Fields, Limits, Sse};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::peer::{endpoints, field, soon, upgrade};

/// What axum's `Router::fallback_service` asks for.
fn mounted<S>(service: S) -> S
where
    S: Service<http::Request<Full<Bytes>>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    service
}

fn request(method: &str, path: &str, body: &'static str) -> http::Request<Full<Bytes>> {
    http::Request::builder()
        .method(method)
        .uri(path)
        .header("host", "example.com")
        .body(Full::from(body))
        .unwrap()
}

#[tokio::test]
async fn a_stream_and_a_post_through_the_service() {
    let mut service = mounted(endpoints(&EventLog::new(4)).into_service());
    let response = service.call(request("GET", "/events", "")).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body: Body = response.into_body();
    let posted = service.clone().call(request("POST", "/events", "hello")).await.unwrap();
    assert_eq!(posted.status(), 204);
    let frame = soon(body.frame()).await.unwrap().unwrap().into_data().unwrap();
    assert!(frame.ends_with(b"data: hello\n\n"));
}

#[tokio::test]
async fn a_handler_sees_the_head() {
    use rtwire_server::{EncodedEvent, Request};
    let echo = async |request: Request| {
        let seen = format!(
            "{} {:?} {:?} {:?} {:?}",
            request.path(),
            request.query(),
            request.origin(),
            request.last_event_id(),
            request.peer_addr()
        );
        assert_eq!(format!("{request:?}"), "Request { path: \"/a\", peer: None, .. }");
        let event = EncodedEvent::new(&Fields::new().data(&seen)).unwrap();
        Sse::new(futures_util::stream::iter([event]))
    };
    let mut service = Endpoints::new().sse("/a", echo).into_service();
    let mut asked = request("GET", "/a?b=c", "");
    asked.headers_mut().insert("origin", "http://example.com".parse().unwrap());
    asked.headers_mut().insert("last-event-id", "\u{e9}7".parse().unwrap());
    let response = service.call(asked).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let expected = "data: /a Some(\"b=c\") Some(\"http://example.com\") Some(\"\u{e9}7\") None\n\n";
    assert_eq!(bytes, expected);
}

#[tokio::test]
async fn shutdown_ends_streams_and_waits_for_them() {
    let mut service = endpoints(&EventLog::new(4)).into_service();
    let body = service.call(request("GET", "/events", "")).await.unwrap().into_body();
    let reading = tokio::spawn(body.collect());
    soon(service.shutdown()).await.unwrap();
    assert!(soon(reading).await.unwrap().unwrap().to_bytes().is_empty());
    let late = service.call(request("GET", "/events", "")).await.unwrap().into_body();
    assert!(soon(late.collect()).await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn shutdown_says_what_did_not_end() {
    let limits = Limits::default().drain_deadline(Duration::from_millis(50));
    let mut service = endpoints(&EventLog::new(4)).limits(limits).into_service();
    let _never_read = service.call(request("GET", "/events", "")).await.unwrap();
    let outcome = soon(service.shutdown()).await;
    assert!(matches!(outcome, Err(Error::Drain { tasks: 1 })), "{outcome:?}");
}

/// A connection of another server; and the client's end.
fn other_server<S, B>(service: S) -> (DuplexStream, JoinHandle<hyper::Result<()>>)
where
    S: HttpService<Incoming, ResBody = B, Error = Infallible, Future: Send> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let (ours, theirs) = duplex(4096);
    let connection = http1::Builder::new().serve_connection(TokioIo::new(ours), service);
    (theirs, tokio::spawn(connection.with_upgrades().into_future()))
}

/// An event stream on hyper, without any of our endpoints.
#[tokio::test]
async fn an_event_stream_alone_on_another_server_resumes_ends_and_notices_who_goes() {
    let log = EventLog::new(4);
    let first = log.publish(Fields::new().data("one")).unwrap();
    log.publish(Fields::new().event("tick").data("two")).unwrap();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let id = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
        let sse = Sse::new(log.subscribe(id)).until(stopped.clone().cancelled_owned());
        async move { Ok(sse.into_response()) }
    });
    let ask = format!("GET / HTTP/1.1\r\nHost: a.example\r\nLast-Event-ID: {first}\r\n\r\n");
    let event = format!("id: {}\ndata: two\n\n\r\n", first + 1);
    let begin = async || {
        let (mut client, connection) = other_server(service.clone());
        client.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(event.as_bytes()) {
            assert_ne!(soon(client.read_buf(&mut answer)).await.unwrap(), 0, "{answer:?}");
        }
        (client, connection, String::from_utf8(answer).unwrap())
    };

    let (mut client, connection, answer) = begin().await;
    assert_eq!(field(&answer, "content-type"), Some("text/event-stream"));
    assert_eq!(field(&answer, "cache-control"), Some("no-store"));
    assert_eq!(field(&answer, "x-accel-buffering"), Some("no"));
    assert!(!answer.contains("gap") && !answer.contains("one"), "{answer}");

    let (gone, of_gone, _) = begin().await;
    drop(gone);
    soon(of_gone).await.unwrap().expect_err("its client is gone");

    stop.cancel();
    let mut end = [0; 5];
    soon(client.read_exact(&mut end)).await.unwrap();
    assert_eq!(end, *b"0\r\n\r\n");
    drop(client);
    soon(connection).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_websocket_on_another_server_is_served_and_closed_at_shutdown() {
    let service = endpoints(&EventLog::new(1)).into_service();
    let hosted = service.clone();
    let hosted = service_fn(move |request| hosted.clone().call(request));
    let (mut client, connection) = other_server(hosted);
    // With a masked frame right behind it, of which the key is zero.
    let all = [upgrade("/ws", "").as_bytes(), b"\x81\x82\0\0\0\0hi"].concat();
    client.write_all(&all).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\x81\x02hi") {
        assert_ne!(soon(client.read_buf(&mut answer)).await.unwrap(), 0, "{answer:?}");
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    soon(connection).await.unwrap().unwrap();

    let ended = tokio::spawn(async move { service.shutdown().await });
    let mut close = [0; 4];
    soon(client.read_exact(&mut close)).await.unwrap();
    assert_eq!(close, *b"\x88\x02\x03\xE9");
    assert!(!ended.is_finished());
    client.write_all(b"\x88\x82\0\0\0\0\x03\xE9").await.unwrap();
    assert_eq!(soon(client.read(&mut close)).await.unwrap(), 0);
    soon(ended).await.unwrap().unwrap();
}
