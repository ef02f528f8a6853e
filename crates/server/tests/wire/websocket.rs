use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rtwire_server::{
    CompressionConfig, Endpoints, EventLog, Limits, OriginPolicy, WebSocket, WebSocketError,
    WebSocketLimits, WebSocketOptions,
};

use crate::peer::{Peer, Running, endpoints, field, get, post, soon, start, status, upgrade};

const KEY: [u8; 4] = [1, 2, 3, 4];

/// A masked frame (RFC 6455 §5.2).
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

async fn open(server: &Running, path: &str) -> Peer {
    let mut peer = server.peer().await;
    peer.send(upgrade(path, "")).await;
    let head = peer.head().await;
    assert_eq!(status(&head), 101, "{head}");
    assert_eq!(field(&head, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    peer
}

/// The code of the Close frame that must come next.
async fn close_code(peer: &mut Peer) -> u16 {
    let header = peer.bytes(2).await;
    assert_eq!(header[0], 0x88, "{header:?} is no Close frame");
    let body = peer.bytes(header[1].into()).await;
    u16::from_be_bytes([body[0], body[1]])
}

#[tokio::test]
async fn frames_that_come_with_the_handshake_are_not_lost() {
    let server = start(endpoints(&EventLog::new(1))).await;
    let mut peer = server.peer().await;
    let mut all = upgrade("/ws", "").into_bytes();
    all.extend(frame(0x81, b"early"));
    peer.send(all).await;
    assert_eq!(status(&peer.head().await), 101);
    assert_eq!(peer.bytes(7).await, b"\x81\x05early");
}

#[tokio::test]
async fn s4_2_1_a_handshake_that_is_none_is_refused() {
    let server = start(endpoints(&EventLog::new(1))).await;
    let good = upgrade("/ws", "Connection: close\r\n");
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (request, expected) in [
        (good.replace("Version: 13", "Version: 8"), 426),
        (get("/ws", ""), 426),
        (good.replace(key, ""), 400),
        (good.replace("==", "!!"), 400),
        (good.replace("GET", "PUT"), 405),
        (post("/ws", "", "x"), 405),
        (good.replace("/ws", "/none"), 404),
        (good.replace("localhost", "evil.example"), 403),
    ] {
        let answer = server.ask(&request).await;
        assert_eq!(status(&answer), expected, "{request}");
        if request.contains("Version: 8") {
            // §4.4: the versions that the server speaks.
            assert_eq!(field(&answer, "sec-websocket-version"), Some("13"));
        }
    }
}

#[tokio::test]
async fn a_page_and_a_websocket_share_a_path() {
    let app = endpoints(&EventLog::new(1));
    let app = app.websocket("/livez", |ws: WebSocket| async move { drop(ws) });
    let server = start(app).await;
    assert_eq!(status(&server.ask(&get("/livez", "")).await), 200);
    let mut peer = open(&server, "/livez").await;
    assert_eq!(close_code(&mut peer).await, 1000);
}

#[tokio::test]
async fn bystanders_outlive_every_bad_peer() {
    let log = EventLog::new(10);
    let server = start(endpoints(&log)).await;
    let mut bystander = open(&server, "/ws").await;
    let mut stream = server.peer().await;
    stream.send(get("/events", "")).await;
    stream.head().await;

    let limit = usize::try_from(Limits::default().websocket.max_message).unwrap();
    let unmasked = b"\x81\x05Hello".to_vec();
    // The frame says that more is to come, and its first byte is already wrong (§8.1).
    let invalid_utf8 = frame(0x81, b"\xffxx")[..7].to_vec();
    for (what, bytes, code) in [
        ("unmasked", unmasked, 1002),
        ("invalid UTF-8, cut", invalid_utf8, 1007),
        ("too large", frame(0x82, &vec![0; limit + 1]), 1009),
        ("Close of one byte", frame(0x88, b"x"), 1002),
        ("reserved bit", frame(0xc1, b"x"), 1002),
        ("reserved opcode", frame(0x83, b"x"), 1002),
        ("continuation of nothing", frame(0x80, b"x"), 1002),
        ("long Ping", frame(0x89, &[0; 126]), 1002),
    ] {
        let mut peer = open(&server, "/ws").await;
        peer.send(bytes).await;
        assert_eq!(close_code(&mut peer).await, code, "{what}");
        assert_eq!(peer.rest().await, "", "{what}");

        bystander.send(frame(0x81, b"still here")).await;
        assert_eq!(bystander.bytes(12).await, b"\x81\x0astill here", "{what}");
        let id = log.publish(rtwire_server::Fields::new().data("still here")).unwrap();
        stream.until(&format!("id: {id}\ndata: still here\n\n")).await;
    }
}

#[tokio::test]
async fn a_message_over_its_limit_is_1009() {
    let limits = Limits::default().websocket(WebSocketLimits::default().max_message(300));
    let server = start(endpoints(&EventLog::new(1)).limits(limits)).await;
    for (length, fits) in [(299, true), (300, true), (301, false)] {
        let mut peer = open(&server, "/ws").await;
        peer.send(frame(0x82, &vec![7; length])).await;
        if fits {
            let echo = peer.bytes(4 + length).await;
            assert_eq!(echo[4..], vec![7; length]);
        } else {
            assert_eq!(close_code(&mut peer).await, 1009);
        }
    }
}

#[tokio::test]
async fn an_open_websocket_counts_as_a_connection() {
    let limits = Limits::default().max_connections(1);
    let server = start(endpoints(&EventLog::new(1)).limits(limits)).await;
    let peer = open(&server, "/ws").await;
    assert_eq!(status(&server.ask(&get("/livez", "")).await), 503);
    drop(peer);
    soon(async {
        while status(&server.ask(&get("/livez", "")).await) != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The handler runs in the task of its connection, which it takes along.
#[tokio::test]
async fn a_handler_that_panics_gives_the_place_of_its_connection_back() {
    let at_once = |_: WebSocket| -> std::future::Ready<()> { panic!("as told") };
    let later = async |mut ws: WebSocket| -> () {
        ws.next().await;
        panic!("as told");
    };
    let limits = Limits::default().max_connections(1);
    let app =
        endpoints(&EventLog::new(1)).websocket("/at_once", at_once).websocket("/later", later);
    let server = start(app.limits(limits)).await;
    for path in ["/at_once", "/later"] {
        let mut peer = open(&server, path).await;
        let _ = peer.offer(frame(0x81, b"go")).await;
        peer.closed().await;
        soon(async {
            while status(&server.ask(&get("/livez", "")).await) != 200 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(status(&server.ask(&get("/livez", "")).await), 200, "{path}");
    }
    soon(server.stop()).await.unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_closes_with_1001_and_waits_for_the_answer() {
    let server = start(endpoints(&EventLog::new(1))).await;
    let mut peer = open(&server, "/ws").await;
    let ended = server.stop();
    assert_eq!(close_code(&mut peer).await, 1001);
    assert!(!ended.is_finished());
    peer.send(frame(0x88, &1001_u16.to_be_bytes())).await;
    assert_eq!(peer.rest().await, "");
    drop(peer);
    soon(ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn neither_a_stuck_handler_nor_a_silent_peer_outlives_the_drain_deadline() {
    let deadline = Duration::from_millis(200);
    let stuck = |ws: WebSocket| async move {
        std::future::pending::<()>().await;
        drop(ws);
    };
    let app = Endpoints::new().websocket("/", stuck);
    let server = start(app.limits(Limits::default().drain_deadline(deadline))).await;
    let mut peer = open(&server, "/").await;
    soon(server.stop()).await.unwrap().unwrap();
    assert_eq!(close_code(&mut peer).await, 1001);
    peer.closed().await;
}

#[tokio::test]
async fn peers_that_reset_during_the_upgrade_leave_nothing_behind() {
    let limits = Limits::default().max_connections(1);
    let server = start(endpoints(&EventLog::new(1)).limits(limits)).await;
    for _ in 0..100 {
        // Only let in when the one before is gone without a trace, or a 503 is in its place.
        let mut peer = server.peer().await;
        let _ = peer.offer(upgrade("/ws", "")).await;
        peer.reset();
    }
    let upgraded = async {
        loop {
            let mut peer = server.peer().await;
            if peer.offer(upgrade("/ws", "")).await.is_ok() && peer.is_upgraded().await {
                break peer;
            }
        }
    };
    drop(soon(upgraded).await);
    soon(server.stop()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_transport_that_fails_does_not_keep_a_busy_handler_busier() {
    let (note, mut polled) = tokio::sync::mpsc::unbounded_channel();
    let server = start(Endpoints::new().websocket("/ws", move |mut ws: WebSocket| {
        let note = note.clone();
        async move {
            ws.next().await;
            // Until the failure is noticed, and then some more, without reading.
            while ws.send(vec![1; 1000]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let mut polls = 0_u32;
            let idle = std::future::poll_fn(|cx| {
                polls += 1;
                if polls == 1 {
                    let waker = cx.waker().clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        waker.wake();
                    });
                    return std::task::Poll::Pending;
                }
                std::task::Poll::Ready(polls)
            });
            note.send(idle.await).unwrap();
        }
    }))
    .await;
    let mut peer = open(&server, "/ws").await;
    peer.send(frame(0x81, b"go")).await;
    peer.reset();
    assert_eq!(soon(polled.recv()).await, Some(2), "polled when it asked to be, and not before");
}

/// It uses up what tokio lets a task do in one turn, each time.
#[tokio::test]
async fn a_handler_that_never_waits_does_not_keep_back_what_it_has_sent() {
    let handler = async |mut ws: WebSocket| -> () {
        ws.send("hello").await.unwrap();
        loop {
            tokio::task::consume_budget().await;
        }
    };
    let server = start(Endpoints::new().websocket("/ws", handler)).await;
    let mut peer = open(&server, "/ws").await;
    assert_eq!(peer.bytes(7).await, frame_of_server(b"hello"));
}

#[tokio::test]
async fn s1_9_the_first_subprotocol_of_ours_that_is_offered_is_chosen() {
    let handler = async |mut ws: WebSocket| {
        let protocol = ws.protocol().unwrap_or("none").to_owned();
        ws.send(protocol).await
    };
    let options = WebSocketOptions::new().protocols(["b", "a"]);
    let app = Endpoints::new().websocket_with("/own", options, handler).websocket("/ws", handler);
    let server = start(app).await;
    for (path, offered, chosen) in [
        ("/own", Some("a, b"), Some("b")),
        ("/own", Some("c, a"), Some("a")),
        ("/own", Some("B"), None),
        ("/own", None, None),
        ("/ws", Some("a, b"), None),
    ] {
        let offer = offered.map(|offered| format!("Sec-WebSocket-Protocol: {offered}\r\n"));
        let mut peer = server.peer().await;
        peer.send(upgrade(path, &offer.unwrap_or_default())).await;
        let head = peer.head().await;
        assert_eq!(status(&head), 101);
        assert_eq!(field(&head, "sec-websocket-protocol"), chosen, "{path} {offered:?}");
        let told = chosen.unwrap_or("none");
        let expected = frame_of_server(told.as_bytes());
        assert_eq!(peer.bytes(expected.len()).await, expected);
    }
}

fn frame_of_server(payload: &[u8]) -> Vec<u8> {
    [&[0x81, u8::try_from(payload.len()).unwrap()], payload].concat()
}

#[tokio::test]
async fn limits_and_origins_of_a_path_are_its_own() {
    let echo = async |mut ws: WebSocket| {
        while let Some(message) = ws.next().await {
            ws.send(message?).await?;
        }
        Ok::<_, WebSocketError>(())
    };
    let allowed = OriginPolicy::same_origin().allow("https://example.com").unwrap();
    let options = || WebSocketOptions::new();
    let app = Endpoints::new()
        .websocket_with("/small", options().limits(WebSocketLimits::default().max_message(3)), echo)
        .websocket_with("/open", options().origin_policy(allowed), echo)
        .websocket_with(
            "/closed",
            options().origin_policy(OriginPolicy::same_origin().require_origin()),
            echo,
        )
        .websocket("/ws", echo);
    let server = start(app).await;

    for path in ["/small", "/ws"] {
        let mut peer = open(&server, path).await;
        for length in [2, 3] {
            peer.send(frame(0x82, &vec![7; length])).await;
            peer.bytes(2 + length).await;
        }
        peer.send(frame(0x82, &[7; 4])).await;
        match path {
            "/small" => assert_eq!(close_code(&mut peer).await, 1009),
            _ => assert_eq!(peer.bytes(6).await, b"\x82\x04\x07\x07\x07\x07"),
        }
    }
    let foreign = "Origin: https://example.com\r\n";
    for (path, origin, expected) in [
        ("/open", foreign, 101),
        ("/ws", foreign, 403),
        ("/small", foreign, 403),
        ("/closed", foreign, 403),
        ("/closed", "", 403),
        ("/closed", "Origin: http://localhost\r\n", 101),
        ("/ws", "", 101),
    ] {
        let mut peer = server.peer().await;
        peer.send(upgrade(path, origin)).await;
        assert_eq!(status(&peer.head().await), expected, "{path} {origin}");
    }
}

#[tokio::test]
async fn rfc_7692_s5_1_messages_are_compressed_where_a_path_and_a_client_have_it_so() {
    let echo = async |mut ws: WebSocket| {
        while let Some(message) = ws.next().await {
            ws.send(message?).await?;
        }
        Ok::<_, WebSocketError>(())
    };
    let options = WebSocketOptions::new().compression(CompressionConfig::default().threshold(5));
    let app = Endpoints::new().websocket_with("/small", options, echo).websocket("/ws", echo);
    let server = start(app).await;
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    for (path, offered, answered) in [
        ("/small", "permessage-deflate; client_max_window_bits", Some(agreed)),
        ("/small", "other; x=1, permessage-deflate; unknown, permessage-deflate", Some(agreed)),
        ("/small", "permessage-deflate; server_max_window_bits=8", None),
        ("/ws", "permessage-deflate", None),
    ] {
        let mut peer = server.peer().await;
        peer.send(upgrade(path, &format!("Sec-WebSocket-Extensions: {offered}\r\n"))).await;
        let head = peer.head().await;
        assert_eq!(status(&head), 101);
        assert_eq!(field(&head, "sec-websocket-extensions"), answered, "{path} {offered}");
        peer.send(frame(0x81, b"tiny")).await;
        assert_eq!(peer.bytes(6).await, b"\x81\x04tiny");
        peer.send(frame(0xC1, hello)).await;
        match answered {
            // It does not get shorter.
            Some(_) => assert_eq!(peer.bytes(7).await, b"\x81\x05Hello"),
            None => assert_eq!(close_code(&mut peer).await, 1002),
        }
        if answered.is_some() {
            peer.send(frame(0x81, &[b'x'; 125])).await;
            let header = peer.bytes(2).await;
            assert_eq!((header[0], header[1] < 20), (0xC1, true), "{header:?}");
        }
    }

    // A field that is none: 400 where it is read, and only there.
    for (path, expected) in [("/small", 400), ("/ws", 101)] {
        let mut peer = server.peer().await;
        peer.send(upgrade(path, "Sec-WebSocket-Extensions: permessage-deflate;;\r\n")).await;
        assert_eq!(status(&peer.head().await), expected, "{path}");
    }
}

#[tokio::test]
async fn senders_do_not_wake_a_handler_and_its_peer_does() {
    let (told, mut senders) = tokio::sync::mpsc::unbounded_channel();
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let handler = move |mut ws: WebSocket| {
        told.send(ws.sender()).unwrap();
        let mut echo = Box::pin(async move {
            while let Some(message) = ws.next().await {
                ws.send(message?).await?;
            }
            Ok::<_, WebSocketError>(())
        });
        let counted = Arc::clone(&counted);
        std::future::poll_fn(move |cx| {
            counted.fetch_add(1, Ordering::Relaxed);
            echo.as_mut().poll(cx)
        })
    };
    let server = start(Endpoints::new().websocket("/ws", handler)).await;
    let mut peer = open(&server, "/ws").await;
    let sender = soon(senders.recv()).await.unwrap();
    for round in 0..3 {
        // The first message may find the handler still to be polled once more.
        sender.try_send("first").unwrap();
        assert_eq!(peer.bytes(7).await, b"\x81\x05first");
        let before = polls.load(Ordering::Relaxed);
        for _ in 0..50 {
            sender.try_send("next").unwrap();
            assert_eq!(peer.bytes(6).await, b"\x81\x04next");
        }
        assert_eq!(polls.load(Ordering::Relaxed), before, "in round {round}");
        peer.send(frame(0x81, b"heard?")).await;
        assert_eq!(peer.bytes(8).await, b"\x81\x06heard?");
        assert!(polls.load(Ordering::Relaxed) > before, "in round {round}");
    }
    peer.send(frame(0x88, b"\x03\xe8")).await;
    assert_eq!(close_code(&mut peer).await, 1000);
}
