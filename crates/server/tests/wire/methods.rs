use rtwire_server::EventLog;

use crate::peer::{endpoints, field, get, start, status};

fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn paths_are_exact() {
    let server = start(endpoints(&EventLog::new(1))).await;
    for (path, expected) in [
        ("/livez", 200),
        ("/livez?x", 200),
        ("/livez/", 404),
        ("/Livez", 404),
        ("/%6civez", 404),
        ("//livez", 404),
        ("/", 404),
    ] {
        assert_eq!(status(&server.ask(&get(path, "")).await), expected, "{path}");
    }
}

#[tokio::test]
async fn rfc9110_15_5_6_405_lists_what_is_allowed() {
    let server = start(endpoints(&EventLog::new(1))).await;
    for (method, path, allow) in [
        ("DELETE", "/events", "GET, HEAD, POST, OPTIONS"),
        ("PUT", "/livez", "GET, HEAD, OPTIONS"),
        ("POST", "/livez", "GET, HEAD, OPTIONS"),
        ("BREW", "/livez", "GET, HEAD, OPTIONS"),
    ] {
        let answer = server.ask(&request(method, path)).await;
        assert_eq!(status(&answer), 405, "{method} {path}");
        assert_eq!(field(&answer, "allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn rfc9110_9_3_2_head_is_get_without_its_content() {
    let server = start(endpoints(&EventLog::new(1))).await;
    let answer = server.ask(&request("HEAD", "/livez")).await;
    assert_eq!(status(&answer), 200);
    assert_eq!(field(&answer, "content-length"), Some("3"));
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn rfc9110_9_3_7_options() {
    let server = start(endpoints(&EventLog::new(1))).await;
    let answer = server.ask(&request("OPTIONS", "/events")).await;
    assert_eq!(status(&answer), 204);
    assert_eq!(field(&answer, "allow"), Some("GET, HEAD, POST, OPTIONS"));
}
