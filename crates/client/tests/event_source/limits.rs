//! The client's own limits, each below, at and above. Those of the machine are tested with it.

use rtwire_client::event_source::EventSourceBuilder;
use rtwire_client::{EventSource, NetworkError};

use crate::peer::{Peer, at_once, next, soon};

const STATUS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";

/// What is told of a response with this head, which may be cut.
async fn told(
    head: String,
    cut: usize,
    set: impl Fn(EventSourceBuilder) -> EventSourceBuilder,
) -> String {
    let peer = Peer::start().await;
    let builder = EventSource::builder(&peer.url("/")).options(at_once());
    let mut source = set(builder).build().unwrap();
    let server = tokio::spawn(async move {
        let (_, mut connection) = peer.request().await;
        // An interim response has a head of its own.
        connection.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n").await;
        let (one, other) = head.split_at(cut);
        connection.send(one).await;
        tokio::task::yield_now().await;
        connection.offer(other).await;
        connection.offer("data: a\n\n").await;
        connection
    });
    let told = next(&mut source).await;
    if told != "open" {
        let Some(NetworkError::Http(error)) = source.network_error() else { panic!("{source:?}") };
        assert!(error.is_parse() && error.to_string().contains("too large"), "{error}");
    }
    soon(server).await.unwrap();
    told
}

#[tokio::test]
async fn a_head_over_its_bytes_is_an_error() {
    let head = |length: usize| {
        let empty = STATUS.len() + "X: \r\n\r\n".len();
        format!("{STATUS}X: {}\r\n\r\n", "x".repeat(length - empty))
    };
    for limit in [100, 1024, 16 * 1024, 40_000] {
        for (length, fits) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            for cut in [0, 50, limit - 2] {
                let told = told(head(length), cut, |builder| {
                    if limit == 16 * 1024 { builder } else { builder.max_head(limit) }
                });
                assert_eq!(told.await == "open", fits, "{length} of {limit}, cut at {cut}");
            }
        }
    }
}

#[tokio::test]
async fn a_head_over_its_fields_is_an_error() {
    for limit in [2, 100, 200] {
        for (fields, fits) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            let head = format!("{STATUS}{}\r\n", "X: x\r\n".repeat(fields - 1));
            let told =
                told(
                    head,
                    10,
                    |builder| {
                        if limit == 100 { builder } else { builder.max_head_fields(limit) }
                    },
                );
            assert_eq!(told.await == "open", fits, "{fields} of {limit}");
        }
    }
}

#[tokio::test]
async fn no_number_of_fields_is_too_much_to_ask_for() {
    let set = |builder: EventSourceBuilder| builder.max_head_fields(usize::MAX).max_head(1 << 20);
    for (fields, fits) in [(24_575, true), (24_576, true), (24_577, false)] {
        let head = format!("{STATUS}{}\r\n", "X: x\r\n".repeat(fields - 1));
        assert_eq!(told(head, 10, set).await == "open", fits, "{fields}");
    }
}

/// A listener whose queue is full: Linux answers nobody then.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_takes_too_long_is_an_error() {
    use rtwire_client::event_source::Limits;
    use std::time::Duration;
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
    // Silence is told by whichever comes first.
    for (idle, expected) in [(9, "nothing came for 9s"), (11, "network error")] {
        let limits = Limits::default().idle_timeout(Some(Duration::from_secs(idle)));
        let builder = EventSource::builder(&format!("http://{address}/"));
        let mut source = builder.options(at_once().limits(limits)).build().unwrap();
        tokio::time::pause();
        assert_eq!(next(&mut source).await, format!("{expected}: Connecting"));
        tokio::time::resume();
    }
    let ten = Duration::from_secs(10);
    for timeout in [ten, Duration::from_millis(1), Duration::from_secs(50), Duration::ZERO] {
        let mut builder = EventSource::builder(&format!("http://{address}/")).options(at_once());
        if timeout != ten {
            builder = builder.connect_timeout(timeout);
        }
        let mut source = builder.build().unwrap();
        tokio::time::pause();
        let start = tokio::time::Instant::now();
        assert_eq!(next(&mut source).await, "network error: Connecting");
        assert!((timeout..=timeout + Duration::from_millis(1)).contains(&start.elapsed()));
        tokio::time::resume();
        let Some(NetworkError::ConnectTimeout { timeout: told }) = source.network_error() else {
            panic!("{source:?}")
        };
        assert_eq!(*told, timeout);
    }
    assert!(soon(listener.accept()).await.is_ok());
}
