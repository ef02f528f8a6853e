//! What is sent, and where redirects lead (Fetch #http-redirect-fetch).

use std::time::Duration;

use rtwire_client::event_source::{BuildError, Limits, Options};
use rtwire_client::{EventSource, NetworkError};
use tokio::net::TcpListener;

use crate::peer::{HEAD, Peer, at_once, next, soon, to_end};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[tokio::test]
async fn a_get_is_what_a_browser_sends_and_no_more() {
    let peer = Peer::start().await;
    let url = peer.url("/a%20b?q=\u{e9}#fragment");
    let mut source = EventSource::builder(&url).build().unwrap();
    let expected = format!(
        "GET /a%20b?q=%C3%A9 HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n\
         cache-control: no-cache\r\n\r\n",
        peer.authority()
    );
    let server = tokio::spawn(async move { peer.answer(NO_CONTENT).await });
    to_end(&mut source).await;
    assert_eq!(soon(server).await.unwrap().head, expected);
}

#[tokio::test]
async fn headers_are_the_callers_but_for_the_length() {
    let peer = Peer::start().await;
    let options = Options::post("text/plain", "hello")
        .header("Host", "example.com")
        .header("X-Name", "caf\u{e9}")
        .header("Accept", "application/json, text/event-stream")
        .header("Content-Length", "1")
        .header("Transfer-Encoding", "gzip");
    let mut source = peer.source(options);
    let server = tokio::spawn(async move { peer.answer(NO_CONTENT).await });
    to_end(&mut source).await;
    let request = soon(server).await.unwrap();
    assert_eq!(request.header("Host"), Some("example.com"));
    assert_eq!(request.header("X-Name"), Some("caf\u{C3}\u{A9}"));
    assert_eq!(request.header("Accept"), Some("application/json, text/event-stream"));
    assert_eq!(request.header("Content-Length"), Some("5"));
    assert_eq!(request.header("Transfer-Encoding"), None);
    assert_eq!(request.body, b"hello");
}

#[tokio::test]
async fn a_post_without_a_body_says_so() {
    let peer = Peer::start().await;
    let mut source = peer.source(Options::post("text/plain", ""));
    let server = tokio::spawn(async move { peer.answer(NO_CONTENT).await });
    to_end(&mut source).await;
    let request = soon(server).await.unwrap();
    assert_eq!((request.line(), request.header("Content-Length")), ("POST /events", Some("0")));
}

#[tokio::test]
async fn an_address_of_ipv6_stands_in_brackets() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        return; // a machine without IPv6
    };
    let authority = listener.local_addr().unwrap().to_string();
    assert!(authority.starts_with("[::1]:"));
    let mut source = EventSource::builder(&format!("http://{authority}/")).build().unwrap();
    let server = tokio::spawn(async move { Peer::from(listener).answer(NO_CONTENT).await });
    assert_eq!(to_end(&mut source).await, ["status 204: Closed"]);
    assert_eq!(soon(server).await.unwrap().header("Host"), Some(&*authority));
}

#[tokio::test]
async fn a_name_is_looked_up() {
    let peer = Peer::start().await;
    let url = peer.url("/").replace("127.0.0.1", "localhost");
    let mut source = EventSource::builder(&url).build().unwrap();
    let server = tokio::spawn(async move { peer.answer(NO_CONTENT).await });
    assert_eq!(to_end(&mut source).await, ["status 204: Closed"]);
    assert!(soon(server).await.unwrap().header("Host").unwrap().starts_with("localhost:"));
}

#[tokio::test]
async fn redirects_are_followed_wherever_they_lead() {
    for status in ["301 A", "302 B", "303 C", "307 D", "308 E"] {
        let (peer, other) = (Peer::start().await, Peer::start().await);
        let options = at_once().header("Authorization", "secret").header("Accept-Language", "de");
        let mut source = peer.source(options);
        let (elsewhere, origin) = (other.url("/there?x=1"), other.url(""));
        let first = peer.url("/events");
        let server = tokio::spawn(async move {
            // Relative to the path, to the host, and to nothing.
            for (location, line) in [
                ("a/b", "GET /events"),
                ("../c", "GET /a/b"),
                ("?d", "GET /c"),
                (&*elsewhere, "GET /c?d"),
            ] {
                let head = format!("HTTP/1.1 {status}\r\nLocation: {location}\r\n");
                // What it says besides is read by nobody.
                let request = peer.answer(format!("{head}Content-Length: 9999\r\n\r\nmoved")).await;
                assert_eq!(request.line(), line);
                assert_eq!(request.header("Authorization"), Some("secret"));
            }
            let (request, mut connection) = other.request().await;
            connection.send(format!("{HEAD}data: a\n\n")).await;
            assert_eq!(request.line(), "GET /there?x=1");
            assert_eq!(request.header("Authorization"), None);
            assert_eq!(request.header("Accept-Language"), Some("de"));
            connection
        });
        assert_eq!(next(&mut source).await, "open");
        assert_eq!(source.current_url().origin(), origin);
        assert_eq!(source.url().as_str(), first);
        assert_eq!(next(&mut source).await, "message  \"a\"");
        soon(server).await.unwrap();
    }
}

#[tokio::test]
async fn one_redirect_too_many_and_one_that_leads_nowhere_are_network_errors() {
    let peer = Peer::start().await;
    let limits = Limits::default().max_redirects(2).max_backoff(Duration::ZERO);
    let mut source = peer.source(at_once().limits(limits));
    let server = tokio::spawn(async move {
        let redirect = |to: &str| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\n\r\n");
        for line in ["GET /events", "GET /a", "GET /b"] {
            let next = if line.ends_with('a') { "/b" } else { "/a" };
            assert_eq!(peer.answer(redirect(next)).await.line(), line);
        }
        assert_eq!(peer.answer(redirect("ftp://127.0.0.1/")).await.line(), "GET /events");
        assert_eq!(peer.answer(NO_CONTENT).await.line(), "GET /events");
    });
    let expected = [
        "over 2 redirects: Connecting",
        "redirect without a usable Location: Connecting",
        "status 204: Closed",
    ];
    assert_eq!(to_end(&mut source).await, expected);
    soon(server).await.unwrap();
}

#[tokio::test]
async fn a_post_stays_one_only_after_307_and_308() {
    for (status, line) in [
        ("301", "GET /b"),
        ("302", "GET /b"),
        ("303", "GET /b"),
        ("307", "POST /b"),
        ("308", "POST /b"),
    ] {
        let peer = Peer::start().await;
        let mut source = peer.source(Options::post("text/plain", "hello"));
        let server = tokio::spawn(async move {
            peer.answer(format!("HTTP/1.1 {status} Moved\r\nLocation: /b\r\n\r\n")).await;
            peer.answer(NO_CONTENT).await
        });
        assert_eq!(to_end(&mut source).await, ["status 204: Closed"]);
        let request = soon(server).await.unwrap();
        let body = if line.starts_with("POST") { &b"hello"[..] } else { b"" };
        assert_eq!((request.line(), &request.body[..]), (line, body));
    }
}

#[tokio::test]
async fn https_is_refused_and_a_redirect_there_is_a_network_error_that_says_so() {
    let error = EventSource::builder("https://127.0.0.1/").build().unwrap_err();
    assert!(matches!(error, BuildError::Https), "{error:?}");

    let peer = Peer::start().await;
    let mut source = peer.source(at_once());
    let server = tokio::spawn(async move {
        peer.answer("HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\n\r\n").await;
        peer.answer(NO_CONTENT).await;
    });
    assert_eq!(next(&mut source).await, "network error: Connecting");
    assert!(matches!(source.network_error(), Some(NetworkError::Https)), "{source:?}");
    assert_eq!(to_end(&mut source).await, ["status 204: Closed"]);
    assert!(source.network_error().is_none());
    soon(server).await.unwrap();
}

#[test]
fn what_cannot_be_asked_for_is_told_before() {
    for url in ["", "/events", "ftp://127.0.0.1/", "http://user@127.0.0.1/"] {
        let error = EventSource::builder(url).build().unwrap_err();
        assert!(matches!(error, BuildError::Invalid(_)), "{url}: {error:?}");
    }
    let options = Options::get().header("no token", "");
    let error = EventSource::builder("http://127.0.0.1/").options(options).build().unwrap_err();
    assert!(matches!(error, BuildError::Invalid(_)), "{error:?}");
    for (length, fits) in [(65_533, true), (65_534, true), (65_535, false)] {
        let url = format!("http://127.0.0.1/{}", "x".repeat(length - 1));
        let built = EventSource::builder(&url).build();
        assert_eq!(built.is_ok(), fits, "{length}");
        assert!(fits || matches!(built, Err(BuildError::TooLong(_))));
    }
}
