//! HTML #reestablish-the-connection, #last-event-id.

use std::time::Duration;

use rtwire_client::event_source::{Limits, Options, Reconnect};

use crate::peer::{HEAD, Peer, at_once, soon, to_end};

const ENDED: &str = "end of the stream: Connecting";

#[tokio::test]
async fn it_connects_again_after_the_reconnection_time_of_the_stream() {
    let peer = Peer::start().await;
    // An hour, were it not for the stream.
    let options = Options::get().reconnection_time(Duration::from_secs(3600));
    let mut source = peer.source(options.limits(Limits::default().max_backoff(Duration::ZERO)));
    let server = tokio::spawn(async move {
        peer.answer(format!("{HEAD}retry: 1\n\ndata: a\n\n")).await;
        peer.answer(format!("{HEAD}data: b\n\n")).await;
        peer.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
    });
    let expected =
        ["open", "message  \"a\"", ENDED, "open", "message  \"b\"", ENDED, "status 204: Closed"];
    assert_eq!(to_end(&mut source).await, expected);
    assert_eq!(source.reconnection_time(), Duration::from_millis(1));
    soon(server).await.unwrap();
}

#[tokio::test]
async fn the_id_goes_over_connections_that_bring_none() {
    let peer = Peer::start().await;
    let mut source = peer.source(at_once());
    let server = tokio::spawn(async move {
        let mut ids = Vec::new();
        for body in ["id: 7\ndata: a\n\n", "data: b\n\n", ": nothing\n\n", "id: €\ndata: c\n\n"] {
            let request = peer.answer(format!("{HEAD}{body}")).await;
            ids.push(request.last_event_id().map(str::to_owned));
        }
        let request = peer.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
        ids.push(request.last_event_id().map(str::to_owned));
        ids
    });
    let told = to_end(&mut source).await;
    let messages: Vec<_> = told.iter().filter(|line| line.starts_with("message")).collect();
    assert_eq!(messages, ["message 7 \"a\"", "message 7 \"b\"", "message € \"c\""]);
    // The three bytes of UTF-8, as characters.
    let euro = Some("\u{E2}\u{82}\u{AC}".to_owned());
    let seven = || Some("7".to_owned());
    assert_eq!(soon(server).await.unwrap(), [None, seven(), seven(), seven(), euro]);
}

#[tokio::test]
async fn blocks_of_an_id_or_a_retry_alone_count() {
    let peer = Peer::start().await;
    let mut source = peer.source(at_once());
    let server = tokio::spawn(async move {
        peer.answer(format!("{HEAD}id: 1\n\n")).await;
        let request = peer.answer(format!("{HEAD}retry: 2\n\nid\n\n")).await;
        assert_eq!(request.last_event_id(), Some("1"));
        // An empty id takes it back.
        let request = peer.answer(format!("{HEAD}id: cut\n")).await;
        assert_eq!(request.last_event_id(), None);
        // The block was not ended.
        let request = peer.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(request.last_event_id(), None);
    });
    let expected = ["open", ENDED, "open", ENDED, "open", ENDED, "status 204: Closed"];
    assert_eq!(to_end(&mut source).await, expected);
    assert_eq!(source.reconnection_time(), Duration::from_millis(2));
    soon(server).await.unwrap();
}

#[tokio::test]
async fn an_id_that_no_header_can_hold_is_left_out_and_one_with_nul_is_ignored() {
    let peer = Peer::start().await;
    let mut source = peer.source(at_once());
    let server = tokio::spawn(async move {
        peer.answer(format!("{HEAD}id: bell\u{7}\ndata: a\n\n")).await;
        let request = peer.answer(format!("{HEAD}id: 2\n\nid: 3\0\ndata: b\n\n")).await;
        assert_eq!(request.last_event_id(), None);
        let request = peer.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(request.last_event_id(), Some("2"));
    });
    let told = to_end(&mut source).await;
    assert_eq!(told[1], "message bell\u{7} \"a\"");
    assert_eq!(told[4], "message 2 \"b\"");
    assert_eq!(source.last_event_id(), "2");
    soon(server).await.unwrap();
}

#[tokio::test]
async fn an_id_from_an_earlier_time_goes_into_the_first_request() {
    let peer = Peer::start().await;
    let mut source = peer.source(at_once().last_event_id("before"));
    let server = tokio::spawn(async move {
        let request = peer.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(request.last_event_id(), Some("before"));
    });
    assert_eq!(to_end(&mut source).await, ["status 204: Closed"]);
    soon(server).await.unwrap();
}

#[tokio::test]
async fn what_a_post_began_goes_on_with_a_get() {
    let peer = Peer::start().await;
    let options = Options::post("application/json", r#"{"id":1}"#)
        .header("Authorization", "Bearer secret")
        .reconnection_time(Duration::from_millis(1))
        .reconnect(Reconnect::Get)
        .end_mark("[DONE]");
    let mut source = peer.source(options);
    let server = tokio::spawn(async move {
        let post = peer.answer(format!("{HEAD}id: prime\n\n")).await;
        assert_eq!((post.line(), &post.body[..]), ("POST /events", &br#"{"id":1}"#[..]));
        assert_eq!(post.header("Content-Type"), Some("application/json"));
        assert_eq!(post.header("Content-Length"), Some("8"));
        let get = peer.answer(format!("{HEAD}data: answer\n\ndata: [DONE]\n\ndata: no\n\n")).await;
        assert_eq!((get.line(), &get.body[..]), ("GET /events", &b""[..]));
        assert_eq!(get.last_event_id(), Some("prime"));
        assert_eq!(get.header("Content-Length"), None);
        for request in [post, get] {
            assert_eq!(request.header("Authorization"), Some("Bearer secret"));
        }
    });
    let expected = ["open", ENDED, "open", "message prime \"answer\"", "end"];
    assert_eq!(to_end(&mut source).await, expected);
    soon(server).await.unwrap();
}
