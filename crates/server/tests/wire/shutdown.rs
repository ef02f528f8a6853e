use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use rtwire_server::{Endpoints, EventLog, Limits, Request, Sse};
use tokio::sync::Notify;

use crate::peer::{endpoints, get, post, soon, start, status};

#[tokio::test]
async fn nothing_that_idles_holds_shutdown_up() {
    let server = start(endpoints(&EventLog::new(1))).await;
    let mut streaming = server.peer().await;
    streaming.send(get("/events", "")).await;
    streaming.head().await;
    let mut persistent = server.peer().await;
    persistent.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    persistent.until("ok\n").await;
    let mut silent = server.peer().await;
    // Connections are accepted in order, so that the silent one is known when this is answered.
    server.ask(&get("/livez", "")).await;

    let before = Instant::now();
    let address = server.address;
    soon(server.stop()).await.unwrap().unwrap();
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());

    assert_eq!(streaming.rest().await, "0\r\n\r\n", "the stream did not end as a whole");
    assert_eq!(persistent.rest().await, "");
    assert_eq!(silent.rest().await, "");
    tokio::net::TcpStream::connect(address).await.expect_err("it still listens");
}

#[tokio::test]
async fn a_request_in_flight_is_answered() {
    let go_on = Arc::new(Notify::new());
    let (begun, waits) = (Arc::new(Notify::new()), Arc::clone(&go_on));
    let has_begun = Arc::clone(&begun);
    let app = Endpoints::new().post("/", move |_, _| {
        let (begun, waits) = (Arc::clone(&begun), Arc::clone(&waits));
        async move {
            begun.notify_one();
            waits.notified().await;
            StatusCode::OK
        }
    });
    let server = start(app).await;
    let mut peer = server.peer().await;
    peer.send(post("/", "", "x")).await;
    soon(has_begun.notified()).await;
    let ended = server.stop();
    go_on.notify_one();
    assert_eq!(status(&peer.rest().await), 200);
    soon(ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_does_not_end_is_cut_at_the_deadline() {
    let deadline = Duration::from_millis(200);
    let stuck = async |_: Request, _| std::future::pending::<StatusCode>().await;
    let stuck_too = async |_: Request| std::future::pending::<Sse>().await;
    let app = Endpoints::new().post("/", stuck).sse("/", stuck_too);
    let server = start(app.limits(Limits::default().drain_deadline(deadline))).await;
    let (mut one, mut other, mut cut) =
        (server.peer().await, server.peer().await, server.peer().await);
    one.send(post("/", "", "x")).await;
    other.send(get("/", "")).await;
    cut.send("GET / HTTP/1.1\r\nHost: ").await;
    // Connections are accepted in order, so that all three are known when this is answered.
    server.ask(&get("/livez", "")).await;

    let before = Instant::now();
    soon(server.stop()).await.unwrap().unwrap();
    assert!(before.elapsed() >= deadline);
    for peer in [&mut one, &mut other, &mut cut] {
        assert_eq!(peer.closed().await, "");
    }
}

#[tokio::test]
async fn dropping_the_server_ends_its_connections() {
    let server = start(endpoints(&EventLog::new(1))).await;
    let mut streaming = server.peer().await;
    streaming.send(get("/events", "")).await;
    streaming.head().await;
    server.abort();
    assert_eq!(streaming.rest().await, "0\r\n\r\n");
}
