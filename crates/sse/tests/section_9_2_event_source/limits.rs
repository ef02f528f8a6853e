//! Limits: one below, at, and one above.

use crate::driver::Driver;
use rtwire_sse::event_source::{Event, Failure, Limits, Options, ReadyState, Reconnect};
use rtwire_sse::{Oversize, Rule};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);

fn with(limits: Limits) -> Driver {
    Driver::with(Options::get().limits(limits))
}

fn failure(driver: &mut Driver) -> (Failure, ReadyState) {
    let mut events = driver.events(b"");
    match events.pop() {
        Some(Event::Error { failure, ready_state }) if events.is_empty() => (failure, ready_state),
        event => panic!("{events:?}, {event:?}"),
    }
}

#[test]
fn the_defaults() {
    let limits = Limits::default();
    assert_eq!(limits.stream, rtwire_sse::Limits::default());
    assert_eq!((limits.max_redirects, limits.max_failed_body), (20, 16_384));
    assert_eq!((limits.idle_timeout, limits.max_retries), (None, None));
    assert_eq!(limits.failed_body_timeout, 5 * SECOND);
    let post = limits.idle_timeout(Some(300 * SECOND)).max_retries(Some(4));
    assert_eq!(Limits::post(), post);
    assert_eq!((limits.max_backoff, limits.max_retry_after), (30 * SECOND, 300 * SECOND));
}

#[test]
fn max_redirects() {
    for count in [19, 20, 21] {
        let mut driver = with(Limits::default());
        driver.request();
        for hop in 1..=count {
            driver.source.handle_response(302, [("Location", format!("/{hop}"))]);
            if hop <= 20 {
                assert_eq!(driver.request().url.target(), format!("/{hop}"));
            }
        }
        if count <= 20 {
            driver.open();
        } else {
            let told = (Failure::TooManyRedirects { limit: 20 }, ReadyState::Connecting);
            assert_eq!(failure(&mut driver), told);
        }
    }
    let mut driver = with(Limits::default().max_redirects(0));
    driver.request();
    driver.source.handle_response(302, [("Location", "/b")]);
    assert_eq!(failure(&mut driver).0, Failure::TooManyRedirects { limit: 0 });
}

#[test]
fn max_failed_body() {
    for (limit, length) in [(16_384, 16_383), (16_384, 16_384), (16_384, 16_385), (0, 0), (0, 1)] {
        for size in [1, 4096, 1 << 20] {
            let mut driver = with(Limits::default().max_failed_body(limit));
            driver.request();
            driver.source.handle_response(500, [("A", "b")]);
            let body = vec![b'x'; length];
            let mut events = Vec::new();
            for part in body.chunks(size) {
                events.extend(driver.events(part));
            }
            driver.source.handle_end();
            events.extend(driver.events(b""));
            let [Event::Error { failure, ready_state: ReadyState::Closed }] = &events[..] else {
                panic!("{events:?}")
            };
            let response = failure.response().unwrap();
            assert_eq!(response.body.len(), length.min(limit));
            // With a limit of zero nobody waits for what is not kept.
            assert_eq!(response.complete, length <= limit && limit > 0);
        }
    }
}

#[test]
fn failed_body_timeout() {
    for (time, over) in [(5 * SECOND - NANO, false), (5 * SECOND, true), (5 * SECOND + NANO, true)]
    {
        let mut driver = with(Limits::default());
        driver.request();
        driver.source.handle_response(500, [("A", "b")]);
        assert_eq!(driver.events(b"x"), []);
        driver.now = time;
        driver.source.handle_timeout(time);
        assert_eq!(driver.events(b"").len(), usize::from(over));
        assert_eq!(driver.source.is_receiving(), !over);
    }
}

#[test]
fn idle_timeout() {
    let limits = Limits::default().idle_timeout(Some(SECOND));
    for (time, over) in [(SECOND - NANO, false), (SECOND, true), (SECOND + NANO, true)] {
        // Before the response, before the first byte, and behind a comment.
        for stage in 0..3 {
            let mut driver = with(limits);
            driver.request();
            driver.settle(b"");
            if stage > 0 {
                driver.now += SECOND / 2;
                driver.open();
            }
            if stage > 1 {
                driver.now += SECOND / 2;
                driver.settle(b":");
            }
            driver.now += time;
            driver.source.handle_timeout(driver.now);
            if over {
                let told = (Failure::Silence { timeout: SECOND }, ReadyState::Connecting);
                assert_eq!(failure(&mut driver), told, "stage {stage}");
            } else {
                assert_eq!(driver.events(b""), [], "stage {stage}");
            }
            assert_eq!(driver.source.is_receiving(), !over);
        }
    }
}

#[test]
fn idle_timeout_is_not_over_while_bytes_come() {
    let mut driver = with(Limits::default().idle_timeout(Some(SECOND)));
    driver.request();
    driver.open();
    for byte in b"data: slow\n\n".chunks(1) {
        driver.now += SECOND - NANO;
        driver.settle(byte);
        assert_eq!(driver.source.ready_state(), ReadyState::Open);
    }
    // Bytes count before the time that they came too late for.
    driver.now += SECOND;
    assert_eq!(driver.settle(b":"), []);
    // Without bytes it is no sign of life to ask.
    driver.now += SECOND;
    assert_eq!(driver.events(b"").len(), 1);
}

#[test]
fn max_retries() {
    for failures in [1, 2, 3] {
        let mut driver = with(Limits::default().max_retries(Some(2)));
        for number in 1..=failures {
            driver.request();
            driver.source.handle_error();
            let state = if number <= 2 { ReadyState::Connecting } else { ReadyState::Closed };
            assert_eq!(failure(&mut driver), (Failure::Network, state));
            if number <= 2 {
                driver.wait();
            }
        }
    }
    let mut driver = with(Limits::default().max_retries(Some(0)));
    driver.request();
    driver.open();
    assert_eq!(driver.events(b"data: a\n\n").len(), 1);
    driver.source.handle_end();
    assert_eq!(failure(&mut driver), (Failure::EndOfStream, ReadyState::Closed));
}

#[test]
fn max_retries_counts_statuses_too() {
    let limits = Limits::default().max_retries(Some(1)).max_failed_body(0);
    let options = Options::get().retry_statuses(true).limits(limits);
    let mut driver = Driver::with(options);
    for state in [ReadyState::Connecting, ReadyState::Closed] {
        driver.request();
        driver.source.handle_response(503, [("A", "b")]);
        assert_eq!(failure(&mut driver).1, state);
        if state == ReadyState::Connecting {
            driver.wait();
        }
    }
}

#[test]
fn max_backoff() {
    // The number just below 1: the wait is at most the reconnection time and the limit.
    for (limit, wait) in [(2999, 5999), (3000, 6000), (3001, 6000), (0, 3000)] {
        let limits = Limits::default().max_backoff(Duration::from_millis(limit));
        let mut driver = Driver::new("http://a/", Options::get().limits(limits), || u64::MAX);
        driver.request();
        driver.source.handle_error();
        driver.events(b"");
        let wait = Duration::from_millis(wait);
        let told = driver.source.next_timeout().unwrap();
        assert!(told <= wait && wait - told <= NANO, "{told:?}");
    }
}

#[test]
fn max_retry_after() {
    for (seconds, again) in [(299, true), (300, true), (301, false)] {
        let mut driver = Driver::with(Options::get().retry_statuses(true));
        driver.request();
        driver.source.handle_response(429, [("Retry-After", seconds.to_string())]);
        driver.source.handle_end();
        let state = if again { ReadyState::Connecting } else { ReadyState::Closed };
        assert_eq!(failure(&mut driver).1, state, "{seconds} s");
        let at = driver.source.next_timeout();
        assert_eq!(at, again.then_some(seconds * SECOND));
    }
}

#[test]
fn stream() {
    for oversize in [Oversize::Fail, Oversize::Skip] {
        for (data, fits) in [("x", true), ("xx", true), ("xxx", false)] {
            let stream = rtwire_sse::Limits::default().max_event(2).oversize(oversize);
            let options = Options::get().reconnect(Reconnect::Repeat);
            let mut driver = Driver::with(options.limits(Limits::default().stream(stream)));
            driver.request();
            driver.open();
            let events = driver.events(format!("data: {data}\n\n").as_bytes());
            match (fits, oversize) {
                (true, _) => assert!(matches!(events[..], [Event::Message(_)])),
                (false, Oversize::Skip) => {
                    assert_eq!((events.len(), driver.source.skipped()), (0, 1));
                }
                (false, _) => {
                    let [Event::Error { failure: Failure::Stream(error), ready_state }] =
                        &events[..]
                    else {
                        panic!("{events:?}")
                    };
                    assert_eq!(error.rule(), Rule::EventTooLong { limit: 2 });
                    assert_eq!(*ready_state, ReadyState::Closed);
                }
            }
        }
    }
}
