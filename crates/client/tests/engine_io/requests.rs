//! What is asked for, and on which connection.

use std::time::Duration;

use rtwire_client::EngineIoSocket;
use rtwire_client::engine_io::{EngineIoBuilder, Message, Transport};

use crate::http::Request;
use crate::peer::{
    Connection, OPEN, OPEN_TO_UPGRADE, Opened, Peer, answer, next_text, open, open_with,
};
use crate::server::{line, message, soon, to_end};

/// Without the line and the host.
fn fields(request: &Request) -> Vec<String> {
    let mut fields: Vec<_> = request.head.lines().skip(1).map(str::to_ascii_lowercase).collect();
    fields.retain(|field| !field.is_empty() && !field.starts_with("host: "));
    fields.sort();
    fields
}

#[tokio::test]
async fn a_get_and_a_post_are_these_and_no_more() {
    let peer = Peer::start().await;
    let (mut socket, opened) = open(&peer, Transport::Polling).await;
    let Opened::Polling(mut gets) = opened else { panic!() };
    socket.try_send("one").unwrap();
    socket.try_send(vec![1, 2]).unwrap();
    let server = async {
        let get = gets.request().await;
        assert_eq!(get.line(), "GET /engine.io/?EIO=4&transport=polling&sid=s");
        assert_eq!(get.header("Host"), Some(&*peer.authority()));
        assert_eq!(fields(&get), ["accept: */*"]);
        let (post, mut posts) = peer.request().await;
        assert_eq!(post.line(), "POST /engine.io/?EIO=4&transport=polling&sid=s");
        assert_eq!(post.body, b"4one\x1ebAQI=");
        let expected =
            ["accept: */*", "content-length: 10", "content-type: text/plain; charset=utf-8"];
        assert_eq!(fields(&post), expected);
        posts.send(answer("ok")).await;
        gets.send(answer("4hello")).await;
        gets
    };
    let (received, _gets) = tokio::join!(message(&mut socket), server);
    assert_eq!(received, Message::from("hello"));
}

#[tokio::test]
async fn own_parameters_and_headers_are_in_each_request() {
    for (url, target) in [
        ("/engine.io/", "/engine.io/?"),
        ("", "/?"),
        ("/a?", "/a?"),
        ("/a/../b?x=1&y", "/b?x=1&y&"),
    ] {
        let peer = Peer::start().await;
        let own = |builder: EngineIoBuilder| {
            builder
                .header("Authorization", "Bearer é")
                .header("Cookie", "a=b")
                .header("Origin", "http://example.com")
                .header("Accept", "text/plain")
                .header("Content-Type", "text/html")
                .build()
                .unwrap()
        };
        let check = |request: &Request, line: &str| {
            assert_eq!(request.line(), line);
            assert_eq!(request.header("Authorization"), Some("Bearer Ã©"));
            assert_eq!(request.header("Cookie"), Some("a=b"));
            assert_eq!(request.header("Origin"), Some("http://example.com"));
            assert_eq!(request.header("Accept"), Some("text/plain"));
        };
        let mut socket = own(EngineIoSocket::builder(&peer.url(url)));
        let server = async {
            let (get, mut gets) = peer.request().await;
            check(&get, &format!("GET {target}EIO=4&transport=polling"));
            assert_eq!(get.header("Content-Type"), None);
            gets.send(answer(OPEN)).await;
            let (post, mut posts) = peer.request().await;
            check(&post, &format!("POST {target}EIO=4&transport=polling&sid=s"));
            assert_eq!(post.header("Content-Type"), Some("text/plain; charset=UTF-8"));
            posts.send(answer("ok")).await;
            (gets, posts)
        };
        let client = async {
            soon(socket.send("x")).await.unwrap();
            soon(socket.flush()).await.unwrap();
        };
        tokio::join!(client, server);

        let builder = EngineIoSocket::builder(&peer.url(url)).transport(Transport::WebSocket);
        let mut socket = own(builder);
        let (_, request) = tokio::join!(to_end(&mut socket), peer.answer("HTTP/1.1 404 X\r\n\r\n"));
        check(&request, &format!("GET {target}EIO=4&transport=websocket"));
        assert_eq!(request.header("Content-Type"), None);
    }
}

/// The next POST, and the GETs that have come before, which wait.
async fn post(peer: &Peer) -> (Request, Connection, Vec<Connection>) {
    let mut gets = Vec::new();
    loop {
        match peer.request().await {
            (request, connection) if request.line().starts_with("GET ") => gets.push(connection),
            (request, connection) => return (request, connection, gets),
        }
    }
}

/// Opens a session, and posts twice with a pause between. Whether both came on one connection.
async fn keeps(pause: Duration, set: impl Fn(EngineIoBuilder) -> EngineIoBuilder) -> bool {
    let peer = Peer::start().await;
    let builder = set(peer.builder());
    let (mut socket, _gets) = open_with(&peer, Transport::Polling, builder).await;
    let server = async {
        let (post, mut posts, gets) = post(&peer).await;
        assert_eq!(post.body, b"4first");
        posts.send(answer("ok")).await;
        (posts, gets)
    };
    let client = async {
        soon(socket.send("first")).await.unwrap();
        soon(socket.flush()).await.unwrap();
    };
    let ((), (mut posts, _gets)) = tokio::join!(client, server);
    tokio::time::pause();
    tokio::time::advance(pause).await;
    // It asks at once, though nobody has the answer yet.
    soon(socket.send("second")).await.unwrap();
    tokio::time::resume();
    let second = async { soon(socket.flush()).await.unwrap() };
    let server = async {
        // Either the request comes, or the end and the request on another.
        let kept = soon(posts.tcp.peek(&mut [0])).await.is_ok_and(|bytes| bytes > 0);
        let (post, mut posts) = match kept {
            true => (posts.request().await, posts),
            false => {
                let (post, posts, _) = post(&peer).await;
                (post, posts)
            }
        };
        assert_eq!(post.body, b"4second");
        posts.send(answer("ok")).await;
        kept
    };
    tokio::join!(second, server).1
}

#[tokio::test]
async fn a_connection_is_kept_for_a_while() {
    let ms = Duration::from_millis;
    for limit in [1000, 10_000] {
        let set = |builder: EngineIoBuilder| match limit {
            1000 => builder,
            limit => builder.keep_alive(ms(limit)),
        };
        // A moment has passed since the answer, be it on a slow machine.
        assert!(keeps(ms(limit - 500), set).await);
        assert!(!keeps(ms(limit), set).await);
        assert!(!keeps(ms(limit + 1), set).await);
    }
    assert!(!keeps(Duration::ZERO, |builder| builder.keep_alive(Duration::ZERO)).await);
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_not_used_again() {
    for field in ["Connection: close\r\n", ""] {
        let peer = Peer::start().await;
        let mut socket = peer.builder().keep_alive(Duration::MAX).build().unwrap();
        let server = async {
            for number in 0..10 {
                let (request, mut connection) = peer.request().await;
                let body = match number {
                    0 => OPEN.to_owned(),
                    _ => {
                        assert!(request.line().starts_with("GET "));
                        format!("4{number}")
                    }
                };
                let length = body.len();
                let head = format!("HTTP/1.1 200 OK\r\n{field}Content-Length: {length}\r\n\r\n");
                connection.send(head + &body).await;
                // Dropped: closed without a word.
            }
        };
        let client = async {
            assert_eq!(line(&soon(socket.next()).await.unwrap()), "open");
            for number in 1..10 {
                assert_eq!(message(&mut socket).await, Message::from(number.to_string()));
            }
        };
        tokio::join!(client, server);
    }
}

#[tokio::test]
async fn polls_end_before_the_websocket_takes_over() {
    let peer = Peer::start().await;
    let mut socket = peer.builder().build().unwrap();
    let server = async {
        let (_, mut gets) = peer.request().await;
        gets.send(answer(OPEN_TO_UPGRADE)).await;
        assert!(gets.request().await.line().starts_with("GET "));
        let mut websocket = peer.websocket().await;
        assert_eq!(next_text(&mut websocket).await, "2probe");
        websocket.send("3probe").await.unwrap();
        gets.send(answer("4over polling")).await;
        // The client may see the one first, or the other and ask again.
        while soon(gets.tcp.peek(&mut [0])).await.is_ok_and(|bytes| bytes > 0) {
            assert!(gets.request().await.line().starts_with("GET "));
            gets.send(answer("6")).await;
        }
        gets.closed().await;
        assert_eq!(next_text(&mut websocket).await, "5");
        websocket.send("4over the WebSocket").await.unwrap();
        websocket
    };
    let client = async {
        let mut told = Vec::new();
        while told.len() < 4 {
            let event = soon(socket.next()).await.unwrap();
            told.push(line(&event));
        }
        told
    };
    let (told, _websocket) = tokio::join!(client, server);
    assert_eq!(told, ["open", "over polling", "upgraded", "over the WebSocket"]);
}

#[tokio::test]
async fn what_is_secret_is_in_no_log() {
    let peer = Peer::start().await;
    let builder = EngineIoSocket::builder(&peer.url("/engine.io/?token=secret"))
        .header("Authorization", "Bearer secret");
    assert!(!format!("{builder:?}").contains("secret"));
    let mut socket = builder.build().unwrap();
    let open = OPEN.replace(r#""sid":"s""#, r#""sid":"secret""#);
    let server = async {
        let (_, mut connection) = peer.request().await;
        connection.send(answer(&open)).await;
    };
    let (event, ()) = tokio::join!(soon(socket.next()), server);
    assert_eq!(line(&event.unwrap()), "open");
    socket.try_send("secret").unwrap();
    assert!(!format!("{socket:?}").contains("secret"), "{socket:?}");
}
