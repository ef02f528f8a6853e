//! A client that goes, and what is left of its event stream: nothing.

use std::task::Poll;
use std::time::Duration;

use futures_util::stream;
use rtwire_server::{EncodedEvent, Endpoints, Fields, Limits, Sse};
use tokio::sync::mpsc;

use crate::peer::{Peer, Running, get, soon, start};

/// Reports when it is dropped.
struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        // The test may be over.
        self.0.send(()).ok();
    }
}

/// A server of the streams that `make` makes, and what is told of those that were dropped.
async fn serve(
    limits: Limits,
    make: impl Fn(Dropped) -> Sse + Send + Sync + 'static,
) -> (Running, mpsc::UnboundedReceiver<()>) {
    let (sender, dropped) = mpsc::unbounded_channel();
    let app = Endpoints::new().sse("/", move |_| {
        let sse = make(Dropped(sender.clone()));
        async move { sse }
    });
    (start(app.limits(limits)).await, dropped)
}

/// Nothing but the heartbeat.
fn idle(dropped: Dropped, heartbeat: Option<Duration>) -> Sse {
    let events = stream::poll_fn(move |_| {
        let _ = &dropped;
        Poll::Pending
    });
    Sse::new(events).heartbeat(heartbeat)
}

fn endless(dropped: Dropped, data: String) -> Sse {
    Sse::new(stream::unfold(dropped, move |dropped| {
        let event = EncodedEvent::new(&Fields::new().data(&data));
        async move {
            tokio::task::yield_now().await;
            Some((event.ok()?, dropped))
        }
    }))
}

/// Without a heartbeat, nothing is written that could fail: the end of what the client sends is enough.
async fn ends_an_idle_stream(go: impl AsyncFn(Peer) -> Option<Peer>) {
    let (server, mut dropped) = serve(Limits::default(), |dropped| idle(dropped, None)).await;
    for request in [get("/", ""), get("/", "").replace("Connection: close\r\n", "")] {
        let mut peer = server.peer().await;
        peer.send(request).await;
        peer.head().await;
        let _what_is_left_of_it = go(peer).await;
        soon(dropped.recv()).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_closes_ends_its_idle_stream() {
    ends_an_idle_stream(async |peer| {
        drop(peer);
        None
    })
    .await;
}

#[tokio::test]
async fn a_client_that_only_finishes_sending_counts_as_gone() {
    ends_an_idle_stream(async |mut peer| {
        peer.finish().await;
        Some(peer)
    })
    .await;
}

#[tokio::test]
async fn a_client_that_resets_ends_its_idle_stream() {
    ends_an_idle_stream(async |peer| {
        peer.reset();
        None
    })
    .await;
}

/// hyper reads no further while a request is behind that of the stream, so that it does not see the end: a
/// heartbeat that cannot be written does.
#[tokio::test]
async fn a_client_that_goes_behind_another_request_is_noticed_by_the_heartbeat() {
    let heartbeat = Some(Duration::from_millis(20));
    let make = move |dropped| idle(dropped, heartbeat);
    let (server, mut dropped) = serve(Limits::default(), make).await;
    let mut peer = server.peer().await;
    let request = get("/", "").replace("Connection: close\r\n", "");
    peer.send(request.repeat(2)).await;
    peer.head().await;
    drop(peer);
    soon(dropped.recv()).await.unwrap();
}

#[tokio::test]
async fn a_client_that_goes_ends_its_busy_stream() {
    let (server, mut dropped) =
        serve(Limits::default(), |dropped| endless(dropped, "x".into())).await;
    let mut peer = server.peer().await;
    peer.send(get("/", "")).await;
    peer.until("data: x\n\n").await;
    drop(peer);
    soon(dropped.recv()).await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_at_the_write_deadline() {
    let limits = Limits::default().write_deadline(Duration::from_millis(200));
    let make = |dropped| endless(dropped, "x".repeat(100_000));
    let (server, mut dropped) = serve(limits, make).await;
    let mut peer = server.peer().await;
    peer.send(get("/", "")).await;
    peer.head().await;
    soon(dropped.recv()).await.unwrap();
}
