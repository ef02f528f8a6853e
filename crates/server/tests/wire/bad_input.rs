//! Whatever one peer does, the others do not notice.

use std::time::Duration;

use rtwire_server::{EventLog, Fields, Limits};

use crate::peer::{endpoints, get, post, start, status};

#[tokio::test]
async fn a_bystander_outlives_every_bad_peer() {
    let log = EventLog::new(10);
    let limits = Limits::default()
        .head_deadline(Duration::from_millis(200))
        .body_deadline(Duration::from_millis(200));
    let server = start(endpoints(&log).limits(limits)).await;
    let mut bystander = server.peer().await;
    bystander.send(get("/events", "")).await;
    bystander.head().await;

    let large = "x".repeat(20 * 1024);
    let long = "x".repeat(1024 * 1024 + 1);
    for (request, expected) in [
        (get("/livez", &format!("X: {large}\r\n")), Some(431)),
        (get("/livez", &"X: x\r\n".repeat(200)), Some(431)),
        (get(&format!("/{large}"), ""), Some(431)),
        (get("/events", "Origin: https://evil.example\r\n"), Some(403)),
        (post("/events", "Origin: https://evil.example\r\n", "x"), Some(403)),
        (post("/events", "", &long), Some(413)),
        (post("/events", "", "\n").replace("Content-Length: 1", "Content-Length: 2"), Some(408)),
        (post("/events", "Content-Length: 7\r\n", "x"), Some(400)),
        (post("/events", "Transfer-Encoding: gzip\r\n", "x"), Some(400)),
        (get("/livez", "").replace("HTTP/1.1", "HTTP/9.9"), Some(400)),
        (get("/livez", "").replace("localhost", "evil.example"), Some(403)),
        ("GET  / HTTP/1.1\r\n\r\n".into(), Some(400)),
        ("GET / HTTP/1.1\nHost localhost\n\n".into(), Some(400)),
        ("\u{16}\u{3}\u{1}\u{2}\0".into(), Some(400)),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), None),
        ("GET /livez HTTP/1.1\r\nHost: localhost\r\n".into(), None),
        (String::new(), None),
    ] {
        let answer = server.ask(&request).await;
        let shown: String = request.chars().take(60).collect();
        match expected {
            Some(expected) => assert_eq!(status(&answer), expected, "{shown:?}"),
            None => assert!(answer.is_empty() || status(&answer) == 400, "{shown:?}: {answer}"),
        }
        let id = log.publish(Fields::new().data("still here")).unwrap();
        bystander.until(&format!("id: {id}\ndata: still here\n\n")).await;
    }
}

#[tokio::test]
async fn rfc9112_6_3_a_request_with_two_framings_is_not_smuggled() {
    let server = start(endpoints(&EventLog::new(10))).await;
    let smuggled = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut peer = server.peer().await;
    peer.send(format!(
        "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
        5 + smuggled.len()
    ))
    .await;
    // hyper takes the chunked framing and closes after it, or refuses; a second answer would mean
    // that two readers of this stream could disagree.
    let answer = peer.rest().await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}
