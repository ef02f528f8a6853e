use rtwire_server::{EventLog, OriginPolicy};

use crate::peer::{Running, endpoints, field, get, post, start, status, upgrade};

async fn with(policy: OriginPolicy) -> (Running, EventLog) {
    let log = EventLog::new(10);
    (start(endpoints(&log).origin_policy(policy)).await, log)
}

/// The head of the answer to each technique, asked from `origin`.
async fn answers(server: &Running, origin: &str) -> Vec<(&'static str, String)> {
    let origin = format!("Origin: {origin}\r\n");
    let mut stream = server.peer().await;
    stream.send(get("/events", &origin)).await;
    let preflight = format!(
        "OPTIONS /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{origin}\
         Access-Control-Request-Method: POST\r\n\r\n"
    );
    let mut websocket = server.peer().await;
    websocket.send(upgrade("/ws", &origin)).await;
    vec![
        ("WebSocket", websocket.head().await),
        ("event stream", stream.head().await),
        ("POST", server.ask(&post("/events", &origin, "x")).await),
        ("preflight", server.ask(&preflight).await),
    ]
}

#[tokio::test]
async fn a_page_of_another_site_is_403() {
    let (server, log) = with(OriginPolicy::default()).await;
    let first = log.publish(rtwire_server::Fields::new().data("before")).unwrap();
    for origin in ["https://evil.example", "null", "http://localhost:1", "http://localhost.evil"] {
        for (technique, answer) in answers(&server, origin).await {
            assert_eq!(status(&answer), 403, "{technique} from {origin}");
            assert_eq!(field(&answer, "access-control-allow-origin"), None);
        }
    }
    let after = log.publish(rtwire_server::Fields::new().data("after")).unwrap();
    assert_eq!(after, first + 1, "a refused POST was published");
}

#[tokio::test]
async fn our_own_page_is_served_without_further_fields() {
    let (server, _) = with(OriginPolicy::default()).await;
    for (technique, answer) in answers(&server, "http://localhost").await {
        assert!(status(&answer) < 300, "{technique}");
        assert_eq!(field(&answer, "access-control-allow-origin"), None, "{technique}");
    }
}

#[tokio::test]
async fn a_listed_origin_may_read_the_answer() {
    let policy = OriginPolicy::same_origin().allow("https://app.example").unwrap();
    let (server, _) = with(policy).await;
    for (technique, answer) in answers(&server, "https://app.example").await {
        assert!(status(&answer) < 300, "{technique}");
        let allowed = field(&answer, "access-control-allow-origin");
        assert_eq!(allowed, Some("https://app.example"), "{technique}");
        assert_eq!(field(&answer, "access-control-allow-credentials"), Some("true"));
        assert_eq!(field(&answer, "vary"), Some("Origin"), "{technique}");
    }
    for (technique, answer) in answers(&server, "https://evil.example").await {
        assert_eq!(status(&answer), 403, "{technique}");
    }
}

/// WHATWG Fetch #cors-preflight-fetch: what a page adds to its requests it has to ask for.
#[tokio::test]
async fn a_page_that_may_ask_may_add_header_fields() {
    let policy = OriginPolicy::same_origin().allow("https://app.example").unwrap();
    for policy in [policy, OriginPolicy::any()] {
        let (server, _) = with(policy).await;
        for (asked, allowed) in [
            (
                "Access-Control-Request-Headers: authorization,x-tenant\r\n",
                "authorization,x-tenant",
            ),
            ("", "content-type, last-event-id"),
        ] {
            let preflight = format!(
                "OPTIONS /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n{asked}\r\n"
            );
            let answer = server.ask(&preflight).await;
            assert_eq!(field(&answer, "access-control-allow-headers"), Some(allowed));
        }
    }
}

#[tokio::test]
async fn a_refusal_by_another_rule_can_be_read_by_a_listed_origin() {
    let policy = OriginPolicy::same_origin().allow("https://app.example").unwrap();
    let (server, _) = with(policy).await;
    let fields = "Origin: https://app.example\r\nAccept: text/html\r\n";
    let answer = server.ask(&get("/events", fields)).await;
    assert_eq!(status(&answer), 406);
    let allowed = field(&answer, "access-control-allow-origin");
    assert_eq!(allowed, Some("https://app.example"));
}

#[tokio::test]
async fn any_origin_is_let_in_without_credentials() {
    let (server, _) = with(OriginPolicy::any()).await;
    for origin in ["https://whoever.example", "null"] {
        for (technique, answer) in answers(&server, origin).await {
            assert!(status(&answer) < 300, "{technique} from {origin}");
            assert_eq!(field(&answer, "access-control-allow-origin"), Some("*"), "{technique}");
            assert_eq!(field(&answer, "access-control-allow-credentials"), None);
        }
    }
}

#[tokio::test]
async fn a_client_without_an_origin_is_let_in_unless_one_is_required() {
    let (server, _) = with(OriginPolicy::same_origin().require_origin()).await;
    assert_eq!(status(&server.ask(&post("/events", "", "x")).await), 403);
    let own = post("/events", "Origin: http://localhost\r\n", "x");
    assert_eq!(status(&server.ask(&own).await), 204);
    // What is no event stream, WebSocket or POST is public.
    assert_eq!(status(&server.ask(&get("/livez", "")).await), 200);
}
