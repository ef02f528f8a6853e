//! Pings at an interval, and a deadline for each pong.

use std::time::Duration;

use rtwire_engineio::{CloseReason, Event, Frame, Limits, Session, Transport};

use crate::{assert_ended, at, events, frames, polling, post, text, websocket};

fn due(session: &Session) -> Option<u64> {
    session.next_timeout().map(|at| u64::try_from(at.as_millis()).unwrap())
}

#[test]
fn the_first_ping_goes_out_one_interval_after_open() {
    let mut session = Session::new("s", Transport::WebSocket, Limits::default());
    assert_eq!(due(&session), Some(0), "to learn the time");
    at(&mut session, 7_000);
    session.next_frame();
    assert_eq!(due(&session), Some(32_000));
    at(&mut session, 31_999);
    assert_eq!(frames(&mut session), []);
    at(&mut session, 32_000);
    assert_eq!(frames(&mut session), [text("2")]);
    assert_eq!(due(&session), Some(52_000));
}

#[test]
fn a_pong_restarts_the_interval() {
    let mut session = websocket();
    let mut now = 0;
    for _ in 0..5 {
        now += 25_000;
        assert_eq!(due(&session), Some(now));
        at(&mut session, now);
        assert_eq!(frames(&mut session), [text("2")]);
        now += 19_000;
        session.receive(text("3")).unwrap();
        assert_eq!(due(&session), Some(0));
        at(&mut session, now);
    }
    assert_eq!(events(&mut session), []);
}

#[test]
fn a_pong_that_nobody_asked_for_changes_nothing() {
    let mut session = websocket();
    for millis in 0..100 {
        session.receive(text("3")).unwrap();
        at(&mut session, millis * 100);
        assert_eq!(due(&session), Some(25_000));
    }
}

/// As in the reference: what comes first may be long, and the pong behind it.
#[test]
fn something_else_puts_the_deadline_of_a_pong_off_once() {
    for something in ["4a", "6"] {
        let mut session = websocket();
        let mut now = 0;
        for answered in [true, true, false] {
            now += 25_000;
            at(&mut session, now);
            assert_eq!(frames(&mut session), [text("2")]);
            for later in [19_999, 5_000, 14_999] {
                now += later;
                at(&mut session, now);
                session.receive(text(something)).unwrap();
                at(&mut session, now);
            }
            events(&mut session);
            if answered {
                session.receive(text("3")).unwrap();
                at(&mut session, now);
            }
        }
        assert_eq!(due(&session), Some(now + 1));
        assert_eq!(events(&mut session), []);
        at(&mut session, now + 1);
        assert_eq!(frames(&mut session), [Frame::Close]);
        assert_ended(&mut session, CloseReason::PingTimeout);
    }
}

#[test]
fn what_came_before_the_ping_does_not_put_its_deadline_off() {
    let mut session = websocket();
    session.receive(text("4a")).unwrap();
    at(&mut session, 25_000);
    assert_eq!(due(&session), Some(45_000));
}

#[test]
fn a_waiting_get_brings_the_ping_and_then_the_end() {
    let mut session = polling();
    session.poll().unwrap();
    at(&mut session, 25_000);
    assert_eq!(session.payload().unwrap().as_text(), Some("2"));
    post(&mut session, "3").unwrap();
    at(&mut session, 26_000);
    session.poll().unwrap();
    at(&mut session, 51_000);
    assert_eq!(session.payload().unwrap().as_text(), Some("2"));
    session.poll().unwrap();
    at(&mut session, 71_000);
    assert_eq!(session.payload().unwrap().as_text(), Some("1"));
    assert_ended(&mut session, CloseReason::PingTimeout);
}

#[test]
fn a_session_that_never_polls_ends_by_its_ping_timeout() {
    let mut session = Session::new("s", Transport::Polling, Limits::default());
    at(&mut session, 0);
    session.send("a").unwrap();
    at(&mut session, 25_000);
    at(&mut session, 44_999);
    assert_eq!(events(&mut session), [Event::Open]);
    at(&mut session, 45_000);
    assert_ended(&mut session, CloseReason::PingTimeout);
    assert!(session.is_finished());
    assert_eq!(session.queued(), 0);
}

#[test]
fn pongs_without_a_get_do_not_let_pings_pile_up() {
    let mut session = Session::new("s", Transport::Polling, Limits::default());
    at(&mut session, 0);
    session.poll().unwrap();
    session.payload().unwrap();
    for round in 1..=3 {
        at(&mut session, round * 25_000);
        assert_eq!(session.queued(), 65, "one ping");
        post(&mut session, "3").unwrap();
        at(&mut session, round * 25_000);
    }
    session.poll().unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("2"));
    at(&mut session, 100_000);
    session.poll().unwrap();
    assert_eq!(
        session.payload().unwrap().as_text(),
        Some("2"),
        "once taken, the next one is queued"
    );
    at(&mut session, 120_000);
    assert_eq!(events(&mut session), [Event::Open, Event::Close(CloseReason::PingTimeout)]);
}

#[test]
fn a_ping_goes_before_what_waits_and_a_full_queue_ends_nothing() {
    let mut session = Session::new("s", Transport::WebSocket, Limits::default().max_queue(200));
    at(&mut session, 0);
    frames(&mut session);
    while session.send("news").is_ok() {}
    at(&mut session, 25_000);
    assert_eq!(session.next_frame(), Some(text("2")));
    session.receive(text("3")).unwrap();
    at(&mut session, 45_000);
    assert!(!session.is_closed());
    assert_eq!(session.next_frame(), Some(text("4news")));
}

#[test]
fn a_peer_that_takes_no_ping_is_not_excused() {
    let mut session = Session::new("s", Transport::WebSocket, Limits::default());
    at(&mut session, 0);
    frames(&mut session);
    at(&mut session, 25_000);
    session.excuse_silence();
    at(&mut session, 45_000);
    assert_eq!(events(&mut session), [Event::Open, Event::Close(CloseReason::PingTimeout)]);
}

#[test]
fn a_peer_that_is_not_read_is_excused() {
    let mut session = Session::new("s", Transport::WebSocket, Limits::default());
    at(&mut session, 0);
    session.excuse_silence();
    at(&mut session, 25_000);
    frames(&mut session);
    at(&mut session, 44_000);
    session.excuse_silence();
    at(&mut session, 45_000);
    assert!(!session.is_closed());
    assert_eq!(session.next_timeout(), Some(Duration::from_millis(65_000)));
    at(&mut session, 65_000);
    assert_eq!(events(&mut session), [Event::Open, Event::Close(CloseReason::PingTimeout)]);
}

#[test]
fn the_deadline_goes_on_during_an_upgrade() {
    let mut session = polling();
    at(&mut session, 25_000);
    session.start_upgrade().unwrap();
    at(&mut session, 44_000);
    session.receive(text("2probe")).unwrap();
    at(&mut session, 45_000);
    assert_eq!(frames(&mut session), [Frame::Close], "the probe is not answered any more");
    assert_ended(&mut session, CloseReason::PingTimeout);
}

#[test]
fn a_clock_at_its_end_does_not_overflow() {
    let limits = Limits::default().ping_interval(Duration::MAX).ping_timeout(Duration::MAX);
    let mut session = Session::new("s", Transport::WebSocket, limits);
    session.handle_timeout(Duration::MAX);
    session.handle_timeout(Duration::MAX);
    session.receive(text("3")).unwrap();
    session.handle_timeout(Duration::MAX);
    assert!(!session.is_closed());
}
