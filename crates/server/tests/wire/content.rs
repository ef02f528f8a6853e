//! Fixed content, and the client that a Socket.IO server gives to pages.

use http::{HeaderValue, header};
use rtwire_server::{Content, Endpoints, OriginPolicy, SocketIo};

use crate::peer::{field, get, start, status};

#[tokio::test]
async fn rfc9110_13_1_2_who_has_it_is_told_so() {
    let content = Content::new("text/plain", "ok\n");
    let tagged = content.clone().header(header::ETAG, HeaderValue::from_static("\"a\""));
    let server = start(Endpoints::new().get("/tagged", tagged).get("/plain", content)).await;
    for (path, condition, expected) in [
        ("/tagged", "\"a\"", 304),
        ("/tagged", "W/\"a\"", 304),
        ("/tagged", "\"b\", \"a\"", 304),
        ("/tagged", "*", 304),
        ("/tagged", "\"b\"", 200),
        ("/tagged", "a", 200),
        ("/plain", "\"a\"", 200),
        ("/plain", "*", 200),
    ] {
        let answer = server.ask(&get(path, &format!("If-None-Match: {condition}\r\n"))).await;
        assert_eq!(status(&answer), expected, "{path} {condition}");
        assert_eq!(answer.ends_with("\r\n\r\n"), expected == 304, "{path} {condition}: {answer}");
    }
}

#[tokio::test]
async fn a_client_bundle_is_beside_the_path() {
    let io = SocketIo::new()
        .path("/live")
        .client_bundle("socket.io.js", "let io;")
        .client_bundle("socket.io.js.map", "{}");
    let server = start(Endpoints::new().socket_io(io)).await;
    let answer = server.ask(&get("/live/socket.io.js", "")).await;
    assert_eq!(status(&answer), 200);
    assert_eq!(field(&answer, "content-type"), Some("text/javascript; charset=utf-8"));
    assert!(answer.ends_with("\r\n\r\nlet io;"), "{answer}");
    let tag = field(&answer, "etag").unwrap();
    let again = server.ask(&get("/live/socket.io.js", &format!("If-None-Match: {tag}\r\n"))).await;
    assert_eq!(status(&again), 304);
    let map = server.ask(&get("/live/socket.io.js.map", "")).await;
    assert_eq!(field(&map, "content-type"), Some("application/json"));
    assert_eq!(status(&server.ask(&get("/live/other.js", "")).await), 404);
}

/// It is for everybody, but a module is loaded with CORS.
#[tokio::test]
async fn content_may_be_read_by_pages_of_allowed_origins() {
    let policy = OriginPolicy::same_origin().allow("https://app.example").unwrap();
    let io = SocketIo::new().client_bundle("socket.io.esm.min.js", "export let io;");
    let server = start(Endpoints::new().socket_io(io).origin_policy(policy)).await;
    for (origin, allowed) in [
        ("https://app.example", Some("https://app.example")),
        ("https://evil.example", None),
        ("http://localhost", None),
    ] {
        let origin = format!("Origin: {origin}\r\n");
        let answer = server.ask(&get("/socket.io/socket.io.esm.min.js", &origin)).await;
        assert_eq!(status(&answer), 200);
        assert_eq!(field(&answer, "access-control-allow-origin"), allowed);
    }
}
