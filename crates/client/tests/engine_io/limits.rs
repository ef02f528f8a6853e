//! The client's own limits, each below, at and above, and those of the machine where the driver has a part.

use std::time::Duration;

use rtwire_client::NetworkError;
use rtwire_client::engine_io::{
    EngineIoBuilder, Error, Limits, Message, Rule, SendError, Transport,
};
use rtwire_websocket::CloseCode;

use crate::peer::{OPEN, OPEN_TO_UPGRADE, Peer, answer, open_with};
use crate::server::{line, message, soon, to_end};

/// Whether a session opens with an answer of this head.
async fn opens(head: String, set: impl Fn(EngineIoBuilder) -> EngineIoBuilder) -> bool {
    let peer = Peer::start().await;
    let mut socket = set(peer.builder().upgrade(false)).build().unwrap();
    let server = async {
        let (_, mut connection) = peer.request().await;
        // The client may have left.
        connection.offer(head).await;
        connection.offer(OPEN).await;
        connection
    };
    let (event, _connection) = tokio::join!(soon(socket.next()), server);
    let told = line(&event.unwrap());
    if told != "open" {
        let Some(Error::Network(NetworkError::Http(error))) = socket.error() else {
            panic!("{socket:?}")
        };
        assert!(error.is_parse() && error.to_string().contains("too large"), "{error}");
    }
    told == "open"
}

fn head_of(length: usize) -> String {
    let status = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", OPEN.len());
    let empty = status.len() + "X: \r\n\r\n".len();
    format!("{status}X: {}\r\n\r\n", "x".repeat(length - empty))
}

#[tokio::test]
async fn a_head_over_its_bytes_is_an_error() {
    for limit in [100, 16 * 1024] {
        for (length, fits) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            let set = |builder: EngineIoBuilder| match limit {
                100 => builder.max_head(limit),
                _ => builder,
            };
            assert_eq!(opens(head_of(length), set).await, fits, "{length} of {limit}");
        }
    }
}

#[tokio::test]
async fn a_head_over_its_fields_is_an_error() {
    for limit in [3, 100] {
        for (fields, fits) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            let length = OPEN.len();
            let more = "X: x\r\n".repeat(fields - 1);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{more}\r\n");
            let set = |builder: EngineIoBuilder| match limit {
                3 => builder.max_head_fields(limit),
                _ => builder,
            };
            assert_eq!(opens(head, set).await, fits, "{fields} of {limit}");
        }
    }
}

#[tokio::test]
async fn an_answer_over_its_length_is_an_error_be_it_without_end() {
    let limits = Limits::default().max_payload(1000);
    for (length, fits) in [(999, true), (1000, true), (1001, false), (usize::MAX, false)] {
        let peer = Peer::start().await;
        let mut socket = peer.builder().upgrade(false).limits(limits).build().unwrap();
        let server = async {
            let (_, mut connection) = peer.request().await;
            connection.send(answer(OPEN)).await;
            connection.request().await;
            if length == usize::MAX {
                connection.send("HTTP/1.1 200 OK\r\n\r\n4").await;
                while connection.offer("x".repeat(100)).await {}
            } else {
                connection.send(answer(&format!("4{}", "x".repeat(length - 1)))).await;
            }
            connection
        };
        let client = async {
            assert_eq!(line(&soon(socket.next()).await.unwrap()), "open");
            line(&soon(socket.next()).await.unwrap())
        };
        let (told, _connection) = tokio::join!(client, server);
        if fits {
            assert_eq!(told.len(), length - 1);
        } else {
            assert_eq!(told, "transport error");
            let Some(Error::Protocol(error)) = socket.error() else { panic!("{socket:?}") };
            assert_eq!(error.rule(), Rule::PayloadTooBig { limit: 1000 });
        }
    }
}

#[tokio::test]
async fn a_websocket_message_over_its_length_is_an_error() {
    let limits = Limits::default().max_payload(1000);
    for (length, fits) in [(999, true), (1000, true), (1001, false)] {
        let peer = Peer::start().await;
        let builder = peer.builder().transport(Transport::WebSocket).limits(limits);
        let mut socket = builder.build().unwrap();
        let server = async {
            let mut websocket = peer.websocket().await;
            websocket.send(OPEN).await.unwrap();
            websocket.send(vec![7; length]).await.unwrap();
            if !fits {
                assert!(soon(websocket.next()).await.is_none());
                let code = websocket.close_reason().unwrap().code;
                assert_eq!(code, CloseCode::MESSAGE_TOO_BIG);
            }
            websocket
        };
        let client = async {
            assert_eq!(line(&soon(socket.next()).await.unwrap()), "open");
            let event = line(&soon(socket.next()).await.unwrap());
            if !fits {
                assert_eq!(soon(socket.next()).await, None);
            }
            event
        };
        let (told, _websocket) = tokio::join!(client, server);
        assert_eq!(told == "transport error", !fits, "{length}");
        if !fits {
            assert!(matches!(socket.error(), Some(Error::WebSocket(_))), "{socket:?}");
        }
    }
}

/// Lets the answer to a GET be what it says, and what comes behind it is cut off.
#[tokio::test]
async fn of_a_long_refusal_the_beginning_is_read() {
    let peer = Peer::start().await;
    let mut socket = peer.builder().build().unwrap();
    let server = async {
        let (_, mut connection) = peer.request().await;
        connection.send("HTTP/1.1 503 X\r\n\r\n").await;
        while connection.offer("no ".repeat(100)).await {}
    };
    let (told, ()) = tokio::join!(to_end(&mut socket), server);
    assert_eq!(told, ["transport error"]);
    let Some(Error::Protocol(error)) = socket.error() else { panic!("{socket:?}") };
    assert_eq!(error.rule(), Rule::Refused { status: 503, code: None });
}

#[tokio::test]
async fn send_waits_while_the_queue_is_full() {
    let peer = Peer::start().await;
    // One message of a byte counts itself, its type and 64 bytes.
    let limits = Limits::default().max_queue(66).max_packets_sent(1);
    let builder = peer.builder().limits(limits);
    let (mut socket, _gets) = open_with(&peer, Transport::Polling, builder).await;
    let server = async {
        let (post, posts) = peer.request().await;
        assert_eq!(post.body, b"4a");
        posts
    };
    soon(socket.send("a")).await.unwrap();
    let mut posts = tokio::select! {
        flushed = socket.flush() => panic!("{flushed:?}"),
        posts = server => posts,
    };
    // One is on its way, and one is queued.
    socket.try_send("b").unwrap();
    assert_eq!(socket.try_send("c"), Err(SendError::Full));
    let server = async {
        // Not before it has an answer is there room for another.
        posts.send(answer("ok")).await;
        assert_eq!(posts.request().await.body, b"4b");
        posts
    };
    let (sent, mut posts) = tokio::join!(soon(socket.send("c")), server);
    sent.unwrap();
    let server = async {
        posts.send(answer("ok")).await;
        assert_eq!(posts.request().await.body, b"4c");
        posts.send(answer("ok")).await;
    };
    let (flushed, ()) = tokio::join!(soon(socket.flush()), server);
    flushed.unwrap();
}

#[tokio::test]
async fn what_nobody_takes_is_not_asked_for() {
    let peer = Peer::start().await;
    let limits = Limits::default().max_unread(3 * 65);
    let mut socket = peer.builder().upgrade(false).limits(limits).build().unwrap();
    let server = async {
        let (_, mut gets) = peer.request().await;
        gets.send(answer(OPEN)).await;
        gets.request().await;
        gets.send(answer("4a\x1e4b\x1e4c")).await;
        let (post, mut posts) = peer.request().await;
        assert_eq!(post.body, b"4x");
        posts.send(answer("ok")).await;
        gets
    };
    let client = async {
        soon(socket.send("x")).await.unwrap();
        soon(socket.flush()).await.unwrap();
    };
    let (_, mut gets) = tokio::join!(client, server);
    // It is read meanwhile, up to the limit: the next GET waits for somebody to take one.
    let more = tokio::time::timeout(Duration::from_millis(100), async {
        tokio::join!(socket.send("y"), gets.request())
    });
    assert!(more.await.is_err());
    assert_eq!(line(&soon(socket.next()).await.unwrap()), "open");
    for expected in ["a", "b", "c"] {
        assert_eq!(message(&mut socket).await, Message::from(expected));
    }
    let server = async {
        gets.request().await;
        gets.send(answer("4d")).await;
    };
    assert_eq!(tokio::join!(message(&mut socket), server).0, Message::from("d"));
}

#[tokio::test]
async fn a_server_that_does_not_open_is_left() {
    for (set, expected) in [(None, 20), (Some(9), 9)] {
        for transport in [Transport::Polling, Transport::WebSocket] {
            let peer = Peer::start().await;
            let mut builder = peer.builder().transport(transport);
            if let Some(seconds) = set {
                let timeout = Duration::from_secs(seconds);
                builder = builder.limits(Limits::default().open_timeout(timeout));
            }
            let mut socket = builder.build().unwrap();
            // It connects, asks, and gets no answer.
            let (asked, _request) = tokio::join!(
                tokio::time::timeout(Duration::from_millis(200), socket.next()),
                peer.request()
            );
            assert!(asked.is_err());
            tokio::time::pause();
            let start = tokio::time::Instant::now();
            assert_eq!(to_end(&mut socket).await, ["transport error"]);
            // Some of it was over before.
            let expected = Duration::from_secs(expected);
            assert!((expected / 2..=expected).contains(&start.elapsed()), "{:?}", start.elapsed());
            tokio::time::resume();
            assert!(socket.error().is_none(), "{socket:?}");
        }
    }
}

#[tokio::test]
async fn an_upgrade_that_takes_too_long_is_given_up() {
    let peer = Peer::start().await;
    let limits = Limits::default().upgrade_timeout(Duration::from_secs(3));
    let mut socket = peer.builder().limits(limits).build().unwrap();
    let server = async {
        let (_, mut gets) = peer.request().await;
        gets.send(answer(OPEN_TO_UPGRADE)).await;
        gets.request().await;
        let websocket = peer.websocket().await;
        (gets, websocket)
    };
    let (event, (mut gets, mut websocket)) = tokio::join!(
        async {
            let event = soon(socket.next()).await.unwrap();
            let more = tokio::time::timeout(Duration::from_millis(200), socket.next()).await;
            assert!(more.is_err());
            event
        },
        server
    );
    assert_eq!(line(&event), "open");
    tokio::time::pause();
    let silent = tokio::time::timeout(Duration::from_secs(4), socket.next()).await;
    assert!(silent.is_err());
    tokio::time::resume();
    let server = async {
        assert_eq!(crate::peer::next_text(&mut websocket).await, "2probe");
        assert!(soon(websocket.next()).await.is_none());
        gets.send(answer("4still here")).await;
    };
    let (received, ()) = tokio::join!(message(&mut socket), server);
    assert_eq!(received, Message::from("still here"));
    assert_eq!(socket.transport(), Transport::Polling);
}

/// A listener whose queue is full: Linux answers nobody then.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_takes_too_long_is_an_error() {
    use rtwire_client::EngineIoSocket;
    use tokio::net::{TcpSocket, TcpStream};

    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        queued.push(connected.unwrap());
        assert!(queued.len() < 100, "no end of the queue");
    }
    // Whichever comes first: it has 20 s to be open.
    for (set, expected) in [(None, Some(10)), (Some(19), Some(19)), (Some(21), None)] {
        for transport in [Transport::Polling, Transport::WebSocket] {
            let url = format!("http://{address}/engine.io/");
            let mut builder = EngineIoSocket::builder(&url).transport(transport);
            if let Some(seconds) = set {
                builder = builder.connect_timeout(Duration::from_secs(seconds));
            }
            let mut socket = builder.build().unwrap();
            tokio::time::pause();
            assert_eq!(to_end(&mut socket).await, ["transport error"]);
            tokio::time::resume();
            let told = match socket.error() {
                Some(Error::Network(NetworkError::ConnectTimeout { timeout })) => {
                    Some(timeout.as_secs())
                }
                None => None,
                other => panic!("{other:?}"),
            };
            assert_eq!(told, expected);
        }
    }
}
