//! Rules that need more than a script.

use crate::driver::{Driver, Output};
use rtwire_sse::event_source::{BuildError, Event, Failure, Limits, Options, ReadyState, Url};
use rtwire_sse::{EventSource, Text};
use std::time::Duration;

fn error(url: &str, options: Options) -> Option<BuildError> {
    EventSource::new(url, options, || 0).err()
}

#[test]
fn s9_2_2_the_constructor_refuses_what_is_no_url() {
    for url in ["", "/events", "ws://a/", "http://u:p@a/", "http://a:99999/"] {
        assert_eq!(error(url, Options::get()), Some(BuildError::Url), "{url:?}");
    }
    assert_eq!(error("HTTP://A", Options::get()), None);
}

#[test]
fn s9_2_2_a_header_cannot_smuggle_in_another() {
    let with = |name: &'static str, value: &'static str| {
        error("http://a/", Options::get().header(name, value))
    };
    assert_eq!(with("X", "y\r\nZ: a"), Some(BuildError::HeaderValue));
    assert_eq!(with("X", "y\0"), Some(BuildError::HeaderValue));
    assert_eq!(with("X", " y"), Some(BuildError::HeaderValue));
    assert_eq!(with("X", "y\x7F"), Some(BuildError::HeaderValue));
    assert_eq!(with("X: y\r\nZ", "a"), Some(BuildError::HeaderName));
    assert_eq!(with("", "a"), Some(BuildError::HeaderName));
    assert_eq!(with("last-event-id", "a"), Some(BuildError::LastEventId));
    assert_eq!(with("X", "é\ty"), None);
    let post = Options::post("text/plain\n", "");
    assert_eq!(error("http://a/", post), Some(BuildError::HeaderValue));
}

#[test]
fn s9_2_2_url_and_the_state_before_anything() {
    let source = EventSource::new("HTTPS://Example.com/a#b", Options::get(), || 0).unwrap();
    assert_eq!(source.url().as_str(), "https://example.com/a");
    assert_eq!(source.current_url(), source.url());
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    assert!(!source.is_receiving());
    assert_eq!(source.next_timeout(), None);
    assert_eq!(source.reconnection_time(), Duration::from_secs(3));
}

#[test]
fn s9_2_3_nothing_is_waited_for_between_redirects() {
    let limits = Limits::default().idle_timeout(Some(Duration::from_secs(1)));
    let mut driver = Driver::with(Options::get().limits(limits));
    driver.request();
    assert_eq!(driver.source.next_timeout(), Some(Duration::from_secs(1)));
    driver.source.handle_response(302, [("Location", "/b")]);
    assert!(!driver.source.is_receiving());
    assert_eq!(driver.source.next_timeout(), None);
    assert_eq!(driver.request().url.target(), "/b");
    assert_eq!(driver.source.next_timeout(), Some(Duration::from_secs(1)));
}

#[test]
fn s9_2_3_close_drops_what_was_not_told() {
    let mut driver = Driver::with(Options::get());
    driver.request();
    driver.source.handle_response(200, [("Content-Type", "text/event-stream")]);
    driver.source.close();
    assert_eq!(driver.settle(b"data: a\n\n"), []);

    let mut driver = Driver::with(Options::get());
    driver.request();
    driver.open();
    let mut input = &b"data: a\n\ndata: b\n\n"[..];
    assert!(matches!(driver.source.next_event(&mut input), Some(Event::Message(_))));
    driver.source.close();
    assert_eq!(driver.source.next_event(&mut input), None);
    assert!(input.is_empty());
    assert_eq!(driver.source.ready_state(), ReadyState::Closed);
    assert!(!driver.source.is_receiving());
}

#[test]
fn s9_2_3_events_are_told_before_the_next_request() {
    let mut driver = Driver::with(Options::get().reconnection_time(Duration::ZERO));
    driver.request();
    driver.source.handle_response(200, [("Content-Type", "text/event-stream")]);
    driver.source.handle_end();
    driver.source.handle_timeout(Duration::from_secs(1));
    assert!(driver.source.next_request().is_none());
    let outputs = driver.settle(b"");
    let error = Event::Error { failure: Failure::EndOfStream, ready_state: ReadyState::Connecting };
    assert_eq!(outputs[..2], [Output::Event(Event::Open), Output::Event(error)]);
    assert!(matches!(outputs[2..], [Output::Request(_)]));
}

#[test]
fn s9_2_3_what_comes_out_of_place_changes_nothing() {
    let mut driver = Driver::with(Options::get());
    driver.source.handle_response(200, [("Content-Type", "text/event-stream")]);
    driver.source.handle_end();
    driver.source.handle_error();
    driver.source.handle_timeout(Duration::from_secs(9));
    driver.request();
    assert_eq!(driver.events(b"data: before its head\n\n"), []);
    driver.open();
    driver.source.handle_response(404, [("Content-Type", "text/html")]);
    assert_eq!(driver.source.ready_state(), ReadyState::Open);
    driver.source.handle_error();
    assert_eq!(driver.events(b"").len(), 1);
    driver.source.handle_error();
    driver.source.handle_end();
    driver.source.handle_response(200, [("Content-Type", "text/event-stream")]);
    assert_eq!(driver.events(b"data: late\n\n"), []);
    assert_eq!(driver.source.next_timeout(), Some(Duration::from_secs(3)));
}

/// Web platform tests, request-status-error: the connection is announced by a 200 and nothing else.
#[test]
fn s9_2_3_any_other_status_fails_the_connection() {
    for status in (0..=999).chain([u16::MAX]) {
        if matches!(status, 200 | 301 | 302 | 303 | 307 | 308) {
            continue;
        }
        let mut driver = Driver::with(Options::get());
        driver.request();
        let headers = [("Content-Type", "text/event-stream"), ("Location", "/b")];
        driver.source.handle_response(status, headers);
        assert_eq!(driver.events(b"data: a\n\n"), []);
        driver.source.handle_end();
        let events = driver.events(b"");
        let [Event::Error { failure: Failure::Status(response), ready_state }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((response.status, *ready_state), (status, ReadyState::Closed));
        assert_eq!((driver.settle(b""), driver.source.next_timeout()), (vec![], None));
    }
}

#[test]
fn s9_2_3_a_failed_response_keeps_its_headers() {
    let mut driver = Driver::with(Options::get());
    driver.request();
    driver.source.handle_response(
        401,
        [("WWW-Authenticate", &b"Basic"[..]), ("x", b" \xFF "), ("X", b"second")],
    );
    assert!(driver.source.is_receiving());
    assert_eq!(driver.events(b"who\xFF"), []);
    driver.source.handle_end();
    let [Event::Error { failure, .. }] = &driver.events(b"")[..] else { panic!() };
    assert_eq!(failure.section(), "HTML #fail-the-connection");
    let response = failure.response().unwrap();
    assert_eq!(
        (response.status, &response.body[..], response.complete),
        (401, &b"who\xFF"[..], true)
    );
    assert_eq!(response.headers.len(), 3);
    assert_eq!(response.header("www-authenticate"), Some(&b"Basic"[..]));
    assert_eq!(response.header("X"), Some(&b"\xFF"[..]));
    assert_eq!(response.header("Y"), None);
    assert!(!driver.source.is_receiving());
}

#[test]
fn s9_2_6_a_message_within_a_chunk_borrows_it() {
    let mut driver = Driver::with(Options::get());
    driver.request();
    driver.open();
    let chunk = &b"id: 7\ndata: one\n\ndata: two\n\n"[..];
    let mut input = chunk;
    for _ in 0..2 {
        let Some(Event::Message(event)) = driver.source.next_event(&mut input) else { panic!() };
        // The source is free while the event is held.
        assert_eq!(driver.source.ready_state(), ReadyState::Open);
        let Text::Borrowed(data) = event.data else { panic!("{event:?}") };
        assert!(chunk.as_ptr_range().contains(&data.as_ptr()));
    }
}

#[test]
fn random_numbers_are_asked_for_once_a_wait() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let random = || (CALLS.fetch_add(1, Ordering::Relaxed) % 2) << 63;
    let mut driver = Driver::new("http://a/", Options::get(), random);
    let mut waits = Vec::new();
    for _ in 0..4 {
        driver.request();
        let before = driver.now;
        driver.source.handle_error();
        driver.events(b"");
        driver.wait();
        waits.push((driver.now - before).as_millis());
    }
    // Without progress the most doubles: 3 s, 6 s, 12 s, 24 s beyond the reconnection time.
    assert_eq!(waits, [3000, 6000, 3000, 15_000]);
}

#[test]
fn debug_tells_no_secrets() {
    let options = Options::post("text/plain", "secret").header("Authorization", "secret");
    let mut driver = Driver::with(options.clone().last_event_id("secret"));
    let request = driver.request();
    for text in [format!("{options:?}"), format!("{request:?}"), format!("{:?}", driver.source)] {
        assert!(!text.contains("secret"), "{text}");
    }
    let url: &Url = driver.source.url();
    assert_eq!(format!("{url:?}"), "\"http://a.example/events\"");
}
