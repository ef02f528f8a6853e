//! Senders: from anywhere, without holding a connection open, waiting for a handler, or meeting
//! each other in a deadlock.

use std::sync::{Arc, Mutex};

use rtwire_server::{
    CloseCode, CloseReason, Endpoints, Limits, Part, PreparedMessage, SendError, WebSocket,
    WebSocketError, WebSocketLimits, WebSocketSender,
};
use tokio::sync::mpsc;

use crate::peer::{Peer, Running, soon, start, status, upgrade};

/// A server whose handlers give their senders away and then wait for `next` to end.
async fn giving() -> (Running, mpsc::UnboundedReceiver<WebSocketSender>) {
    let (give, given) = mpsc::unbounded_channel();
    let endpoints = Endpoints::new().websocket("/ws", move |mut ws: WebSocket| {
        give.send(ws.sender()).unwrap();
        async move { while let Some(Ok(_)) = ws.next().await {} }
    });
    let limits = Limits::default().websocket(WebSocketLimits::default().max_output(1000));
    (start(endpoints.limits(limits)).await, given)
}

async fn open(server: &Running) -> Peer {
    let mut peer = server.peer().await;
    peer.send(upgrade("/ws", "")).await;
    assert_eq!(status(&peer.head().await), 101);
    peer
}

#[tokio::test]
async fn a_thread_without_a_runtime_sends_in_order_and_closes() {
    let (server, mut given) = giving().await;
    let mut peer = open(&server).await;
    let sender = soon(given.recv()).await.unwrap();
    std::thread::spawn(move || {
        sender.try_send("one").unwrap();
        sender.try_send_prepared(&PreparedMessage::new("two".into())).unwrap();
        sender.close(&CloseReason::new(CloseCode::new(4000))).unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(peer.bytes(14).await, b"\x81\x03one\x81\x03two\x88\x02\x0F\xA0");
}

#[tokio::test]
async fn a_peer_that_does_not_read_fills_the_inbox_and_can_be_closed() {
    let (server, mut given) = giving().await;
    let _peer = open(&server).await;
    let sender = soon(given.recv()).await.unwrap();
    let message = PreparedMessage::new(vec![7; 1 << 20].into());
    // What the sockets hold is the system's; beyond that, the output and then the inbox fill.
    let full = async {
        while sender.try_send_prepared(&message) != Err(SendError::Full) {
            tokio::task::yield_now().await;
        }
    };
    soon(full).await;
    let reason = CloseReason::new(CloseCode::TRY_AGAIN_LATER);
    assert_eq!(sender.close(&reason), Ok(()));
    let closing = async {
        while sender.try_send("more") != Err(SendError::Closing) {
            tokio::task::yield_now().await;
        }
    };
    soon(closing).await;
    let unsendable = CloseReason::new(CloseCode::ABNORMAL);
    assert_eq!(sender.close(&unsendable), Err(SendError::CloseCode));
}

#[tokio::test]
async fn the_inbox_at_its_limit() {
    // A message counts 64 bytes beside its payload. A handler that never waits keeps the inbox from being emptied.
    for (sent, expected) in
        [(935, Ok(())), (936, Err(SendError::Full)), (937, Err(SendError::Full))]
    {
        let outcome = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&outcome);
        let endpoints = Endpoints::new().websocket("/ws", move |ws: WebSocket| {
            let sender = ws.sender();
            sender.try_send(vec![1; sent]).unwrap();
            *noted.lock().unwrap() = Some(sender.try_send("x"));
            async move { drop(ws) }
        });
        let limits = Limits::default().websocket(WebSocketLimits::default().max_output(1000));
        let server = start(endpoints.limits(limits)).await;
        let mut peer = open(&server).await;
        peer.bytes(sent).await;
        assert_eq!(*outcome.lock().unwrap(), Some(expected), "{sent} bytes");
    }
}

#[tokio::test]
async fn empty_messages_are_bounded_and_a_close_is_the_last() {
    let outcome = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&outcome);
    let endpoints = Endpoints::new().websocket("/ws", move |ws: WebSocket| {
        let sender = ws.sender();
        let mut noted = noted.lock().unwrap();
        noted.extend((0..20).map(|_| sender.try_send("")));
        let reason = CloseReason::new(CloseCode::NORMAL);
        noted.extend([sender.close(&reason), sender.close(&reason), sender.try_send("")]);
        async move { drop(ws) }
    });
    let limits = Limits::default().websocket(WebSocketLimits::default().max_output(1000));
    let server = start(endpoints.limits(limits)).await;
    let _peer = open(&server).await;
    let mut expected = vec![Ok(()); 16];
    expected.extend([Err(SendError::Full); 4]);
    expected.extend([Ok(()), Err(SendError::Closing), Err(SendError::Closing)]);
    let noted = async {
        while outcome.lock().unwrap().len() < expected.len() {
            tokio::task::yield_now().await;
        }
    };
    soon(noted).await;
    assert_eq!(*outcome.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_sender_does_not_keep_a_connection_open() {
    for panics in [false, true] {
        let (give, mut given) = mpsc::unbounded_channel();
        let endpoints = Endpoints::new().websocket("/ws", move |mut ws: WebSocket| {
            give.send(ws.sender()).unwrap();
            async move {
                ws.next().await;
                assert!(!panics, "this one panics on purpose");
            }
        });
        let server = start(endpoints).await;
        let mut peer = open(&server).await;
        let sender = soon(given.recv()).await.unwrap();
        peer.send(b"\x81\x80\0\0\0\0").await;
        // A Close frame from the one that returned, nothing but the end from the one that did not.
        assert_eq!(peer.bytes(if panics { 0 } else { 4 }).await.is_empty(), panics);
        if !panics {
            peer.send(b"\x88\x82\0\0\0\0\x03\xE8").await;
        }
        peer.closed().await;
        let ended = async {
            while sender.try_send("late") != Err(SendError::Closing) {
                tokio::task::yield_now().await;
            }
        };
        soon(ended).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_send_to_each_other_from_for_each_never_wait_for_each_other() {
    const MESSAGES: usize = 500;
    let room = Arc::new(Mutex::new(Vec::<WebSocketSender>::new()));
    let members = Arc::clone(&room);
    let endpoints = Endpoints::new().websocket("/ws", move |mut ws: WebSocket| {
        room.lock().unwrap().push(ws.sender());
        let room = Arc::clone(&room);
        async move {
            ws.for_each(|_, _| {
                for member in &*room.lock().unwrap() {
                    member.try_send("x").map_err(WebSocketError::from)?;
                }
                Ok::<_, WebSocketError>(())
            })
            .await
        }
    });
    let server = start(endpoints).await;
    let (mut one, mut two) = (open(&server).await, open(&server).await);
    while members.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    let frames = b"\x81\x80\0\0\0\0".repeat(MESSAGES);
    let everything = async {
        tokio::join!(one.send(&frames), two.send(&frames));
        tokio::join!(one.bytes(2 * MESSAGES * 3), two.bytes(2 * MESSAGES * 3))
    };
    let (first, second) = soon(everything).await;
    assert_eq!(first, b"\x81\x01x".repeat(2 * MESSAGES));
    assert_eq!(second, first);
}

#[tokio::test]
async fn what_senders_send_waits_for_the_end_of_an_unfinished_message() {
    let go_on = Arc::new(tokio::sync::Notify::new());
    let waits = Arc::clone(&go_on);
    let endpoints = Endpoints::new().websocket("/ws", move |mut ws: WebSocket| {
        let waits = Arc::clone(&waits);
        async move {
            ws.send_fragment("Hel", false).await?;
            ws.sender().try_send("other")?;
            waits.notified().await;
            ws.send_fragment("lo", true).await?;
            // In parts, and as a whole.
            let mut size = 0;
            while let Some(part) = ws.next_part().await {
                if let Part::Binary { bytes, fin } = part? {
                    size += bytes.len();
                    if fin {
                        ws.send(size.to_string()).await?;
                    }
                }
            }
            Ok::<_, WebSocketError>(())
        }
    });
    let server = start(endpoints).await;
    let mut peer = open(&server).await;
    assert_eq!(peer.bytes(5).await, b"\x01\x03Hel");
    let more = tokio::time::timeout(std::time::Duration::from_millis(50), peer.bytes(1)).await;
    assert!(more.is_err(), "{more:?}");
    go_on.notify_one();
    assert_eq!(peer.bytes(11).await, b"\x80\x02lo\x81\x05other");
    let payload = vec![0; 100_000];
    peer.send(b"\x02\xFF\0\0\0\0\0\x01\x86\xA0\0\0\0\0").await;
    peer.send(&payload).await;
    peer.send(b"\x80\x83\0\0\0\0abc").await;
    assert_eq!(peer.bytes(8).await, b"\x81\x06100003");
}
