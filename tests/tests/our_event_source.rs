//! rtwire-client's EventSource at servers that others wrote.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use rtwire_client::EventSource;
use rtwire_client::event_source::{Event, Failure, Limits, Options, ReadyState};
use rtwire_tests::{LONG, Server};
use std::time::Duration;

/// Starts a server on a port, or on a free one.
type Start = fn(Option<u16>) -> Server;

/// Runs a test of each server against it, as `SERVER_NAME`.
macro_rules! against_each_server {
    ($($name:ident),* $(,)?) => {
        mod node_http_server {
            $(#[test]
            #[ignore = "needs Node"]
            fn $name() {
                super::block_on(super::$name(super::Server::node_sse));
            })*
        }

        mod python_sse_starlette_server {
            $(#[test]
            #[ignore = "needs Python"]
            fn $name() {
                super::block_on(super::$name(super::Server::python_sse));
            })*
        }
    };
}

against_each_server! {
    hears_every_event_over_connections_that_end_or_break,
    goes_on_after_a_restart,
    posts_and_reads_up_to_the_end_mark,
    tells_what_a_failed_response_says,
    is_missed_when_it_is_dropped,
}

fn block_on(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LONG, test).await.expect("it hangs") });
}

fn source(server: &Server, path: &str, options: Options) -> EventSource {
    EventSource::builder(&server.url(path)).options(options).build().unwrap()
}

/// Without a random wait: the server says when.
fn get() -> Options {
    Options::get().limits(Limits::default().max_backoff(Duration::ZERO))
}

/// Type, id and data of the next message. Errors before it are those of a connection that is made again.
async fn message(source: &mut EventSource) -> [String; 3] {
    loop {
        match source.next().await.unwrap() {
            Event::Message(event) => {
                return [event.event_type, event.last_event_id, event.data]
                    .map(|it| it.to_string());
            }
            Event::Open => {}
            Event::Error { ready_state: ReadyState::Connecting, .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn hears_every_event_over_connections_that_end_or_break(start: Start) {
    let server = start(None);
    let mut source = source(&server, "/numbers", get());
    for number in 1..=20 {
        let expected = ["number", &number.to_string(), &format!("number {number}\nof 20 €")];
        assert_eq!(message(&mut source).await, expected);
    }
    // A 204 ends it, after the connection that brought the last.
    loop {
        match source.next().await.unwrap() {
            Event::Error { ready_state: ReadyState::Connecting, .. } => {}
            Event::Error { failure: Failure::Status(response), .. } => {
                assert_eq!(response.status, 204);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(source.next().await.is_none());
}

async fn goes_on_after_a_restart(start: Start) {
    let mut server = start(None);
    let port = server.address().port();
    let mut source = source(&server, "/live", get());
    let [_, first, data] = message(&mut source).await;
    assert_eq!(data, "after nothing");
    server.terminate();
    // It hears of the end while the server shuts down.
    let event = source.next().await.unwrap();
    let Event::Error { failure, ready_state: ReadyState::Connecting } = event else {
        panic!("{event:?}")
    };
    assert!(matches!(failure, Failure::Network | Failure::EndOfStream), "{failure}");
    server.finish();
    let _again = start(Some(port));
    let [_, second, data] = message(&mut source).await;
    assert_eq!(data, format!("after {first}"));
    assert_ne!(first, second);
}

async fn posts_and_reads_up_to_the_end_mark(start: Start) {
    let server = start(None);
    let options = Options::post("application/json", r#"{"text":"one two né"}"#).end_mark("[DONE]");
    let mut source = source(&server, "/words", options);
    assert_eq!(source.next().await, Some(Event::Open));
    for word in ["one", "two", "né"] {
        let [_, _, data] = message(&mut source).await;
        let data: serde_json::Value = serde_json::from_str(&data).unwrap();
        assert_eq!(data["word"], word);
    }
    assert_eq!(source.next().await, Some(Event::End));
    assert_eq!(source.next().await, None);
}

async fn tells_what_a_failed_response_says(start: Start) {
    let server = start(None);
    let mut source = source(&server, "/nothing", get());
    let event = source.next().await.unwrap();
    let Event::Error { failure: Failure::Status(response), ready_state: ReadyState::Closed } =
        event
    else {
        panic!("{event:?}")
    };
    assert_eq!((response.status, &response.body[..]), (404, &b"there is nothing"[..]));
    let content_type = response.header("Content-Type").unwrap();
    assert!(content_type.starts_with(b"text/plain"), "{content_type:?}");
    assert!(response.complete);
}

async fn is_missed_when_it_is_dropped(start: Start) {
    let mut server = start(None);
    let mut source = source(&server, "/live", get());
    message(&mut source).await;
    drop(source);
    assert_eq!(server.line(), "gone");
}
