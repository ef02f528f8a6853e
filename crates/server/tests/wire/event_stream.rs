use std::time::Duration;

use futures_util::{StreamExt, stream};
use http::StatusCode;
use http_body_util::BodyExt;
use rtwire_server::{EncodedEvent, Endpoints, EventLog, Fields, Request, Sse};

use crate::peer::{endpoints, field, get, post, start, status};

#[tokio::test]
async fn a_post_reaches_every_stream() {
    let server = start(endpoints(&EventLog::new(10))).await;
    let (mut one, mut other) = (server.peer().await, server.peer().await);
    for peer in [&mut one, &mut other] {
        peer.send(get("/events", "Accept: text/event-stream\r\n")).await;
        let head = peer.head().await;
        assert_eq!(status(&head), 200);
        assert_eq!(field(&head, "content-type"), Some("text/event-stream"));
        assert_eq!(field(&head, "cache-control"), Some("no-store"));
        assert_eq!(field(&head, "x-content-type-options"), Some("nosniff"));
        // nginx.
        assert_eq!(field(&head, "x-accel-buffering"), Some("no"));
        assert_eq!(field(&head, "transfer-encoding"), Some("chunked"));
    }
    assert_eq!(status(&server.ask(&post("/events", "", "hello\nworld")).await), 204);
    for peer in [&mut one, &mut other] {
        peer.until("data: hello\ndata: world\n\n").await;
    }
}

#[tokio::test]
async fn a_stream_resumes_after_its_last_event_id() {
    let log = EventLog::new(10);
    let first = log.publish(Fields::new().data("one")).unwrap();
    log.publish(Fields::new().data("two")).unwrap();
    let server = start(endpoints(&log)).await;
    let mut peer = server.peer().await;
    peer.send(get("/events", &format!("Last-Event-ID: {first}\r\n"))).await;
    peer.head().await;
    let events = peer.until("data: two\n\n").await;
    assert!(!events.contains("data: one"), "{events}");
    assert!(!events.contains("gap"), "{events}");
    log.publish(Fields::new().data("three")).unwrap();
    peer.until("data: three\n\n").await;
}

#[tokio::test]
async fn a_stream_whose_last_event_id_is_gone_hears_of_the_gap() {
    let log = EventLog::new(1);
    let first = log.publish(Fields::new().data("one")).unwrap();
    log.publish(Fields::new().data("two")).unwrap();
    log.publish(Fields::new().data("three")).unwrap();
    let server = start(endpoints(&log)).await;
    let mut peer = server.peer().await;
    peer.send(get("/events", &format!("Last-Event-ID: {first}\r\n"))).await;
    let events = peer.until("data: three\n\n").await;
    assert!(events.contains("event: gap\ndata: 1\n\n"), "{events}");
    assert!(!events.contains("data: two"), "{events}");

    // An id that the log never gave: nobody knows how many.
    let mut peer = server.peer().await;
    peer.send(get("/events", "Last-Event-ID: another server's\r\n")).await;
    let events = peer.until("data: three\n\n").await;
    assert!(events.contains("event: gap\ndata:\n\n"), "{events}");
}

#[tokio::test]
async fn head_has_the_fields_and_no_stream() {
    let server = start(endpoints(&EventLog::new(1))).await;
    let answer =
        server.ask("HEAD /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&answer), 200);
    assert_eq!(field(&answer, "content-type"), Some("text/event-stream"));
    assert_eq!(field(&answer, "content-length"), None);
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn an_accept_that_excludes_event_streams_is_406() {
    let server = start(endpoints(&EventLog::new(1))).await;
    let answer = server.ask(&get("/events", "Accept: application/json\r\n")).await;
    assert_eq!(status(&answer), 406);
}

#[tokio::test]
async fn silence_is_filled_with_comments() {
    let quiet =
        async |_: Request| Sse::new(stream::pending()).heartbeat(Some(Duration::from_millis(20)));
    let server = start(Endpoints::new().sse("/", quiet)).await;
    let mut peer = server.peer().await;
    peer.send(get("/", "")).await;
    for _ in 0..3 {
        peer.until(":\n\n").await;
    }
}

/// After how many seconds each of the first frames comes; `None` if none does within a day.
async fn arrivals(sse: Sse, frames: usize) -> Vec<Option<u64>> {
    let mut sse = std::pin::pin!(sse);
    let start = tokio::time::Instant::now();
    let mut arrivals = Vec::new();
    for _ in 0..frames {
        let frame = tokio::time::timeout(Duration::from_secs(86_400), sse.frame()).await.ok();
        arrivals.push(frame.map(|frame| {
            assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), ":\n\n");
            start.elapsed().as_secs()
        }));
    }
    arrivals
}

#[tokio::test(start_paused = true)]
async fn the_heartbeat_is_as_it_is_set() {
    let quiet = || Sse::new(stream::pending());
    assert_eq!(arrivals(quiet(), 3).await, [Some(15), Some(30), Some(45)]);
    let every = |seconds| quiet().heartbeat(Some(Duration::from_secs(seconds)));
    assert_eq!(arrivals(every(7), 3).await, [Some(7), Some(14), Some(21)]);
    assert_eq!(arrivals(every(0), 1).await, [None]);
    assert_eq!(arrivals(quiet().heartbeat(None), 1).await, [None]);
}

#[tokio::test(start_paused = true)]
async fn an_event_puts_the_comment_off() {
    let event = || EncodedEvent::new(&Fields::new().data("x")).unwrap();
    let events = stream::once(async {}).then(move |()| async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        event()
    });
    let mut sse = Sse::new(events.chain(stream::pending()));
    let start = tokio::time::Instant::now();
    let mut arrivals = Vec::new();
    for _ in 0..3 {
        let frame = sse.frame().await.unwrap().unwrap().into_data().unwrap();
        arrivals.push((start.elapsed().as_secs(), frame));
    }
    assert_eq!(arrivals, [(10, "data: x\n\n".into()), (25, ":\n\n".into()), (40, ":\n\n".into())]);
}

#[tokio::test]
async fn a_handler_may_refuse() {
    let refuse = async |request: Request| -> Result<Sse, StatusCode> {
        match request.query().as_deref() {
            Some("key=right") => Ok(Sse::new(stream::empty())),
            _ => Err(StatusCode::UNAUTHORIZED),
        }
    };
    let server = start(Endpoints::new().sse("/", refuse)).await;
    assert_eq!(status(&server.ask(&get("/?key=wrong", "")).await), 401);
    assert_eq!(status(&server.ask(&get("/?key=right", "")).await), 200);
}
