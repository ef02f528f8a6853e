use rtwire_server::EventLog;

use crate::peer::{endpoints, start, start_with, status};

fn request(host: &str) -> String {
    format!("GET /livez HTTP/1.1\r\n{host}Connection: close\r\n\r\n")
}

#[tokio::test]
async fn a_name_that_was_rebound_to_loopback_is_403() {
    let server = start(endpoints(&EventLog::new(1))).await;
    for (host, expected) in [
        ("Host: localhost\r\n", 200),
        ("Host: localhost:1\r\n", 200),
        ("Host: app.localhost\r\n", 200),
        ("Host: 127.0.0.1:3000\r\n", 200),
        ("Host: [::1]:3000\r\n", 200),
        ("Host: evil.example\r\n", 403),
        ("Host: localhost.evil.example\r\n", 403),
        ("Host: 0.0.0.0\r\n", 403),
        ("Host: \r\n", 403),
        ("", 400),
        ("Host: localhost\r\nHost: localhost\r\n", 400),
        ("Host: local host\r\n", 400),
    ] {
        assert_eq!(status(&server.ask(&request(host)).await), expected, "{host:?}");
    }
}

#[tokio::test]
async fn behind_a_proxy_the_check_is_off() {
    let server = start_with(endpoints(&EventLog::new(1)), |server| server.check_host(false)).await;
    assert_eq!(status(&server.ask(&request("Host: example.com\r\n")).await), 200);
    assert_eq!(status(&server.ask(&request("")).await), 400);
}
