//! From polling to a WebSocket.

use rtwire_engineio::{CloseReason, Event, Frame, Limits, Rule, SendError, Session, Transport};

use crate::{assert_ended, at, events, frames, message, polling, post, text};

/// A session whose WebSocket has been probed, at time 0.
fn probed() -> Session {
    let mut session = polling();
    session.start_upgrade().unwrap();
    at(&mut session, 0);
    session.receive(text("2probe")).unwrap();
    assert_eq!(frames(&mut session), [text("3probe")]);
    session
}

/// Asserts that the WebSocket is to be closed, and that polling works on.
#[track_caller]
fn assert_back_on_polling(session: &mut Session) {
    assert_eq!(frames(session), [Frame::Close]);
    assert_eq!(events(session), []);
    assert_eq!(session.transport(), Transport::Polling);
    session.send("on").unwrap();
    assert_eq!(frames(session), []);
    session.poll().unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("4on"));
    post(session, "4back").unwrap();
    assert_eq!(events(session), [message("back")]);
    session.start_upgrade().unwrap();
}

#[test]
fn the_waiting_get_is_answered_with_a_noop_and_the_queue_moves() {
    let mut session = polling();
    session.poll().unwrap();
    session.start_upgrade().unwrap();
    assert_eq!(session.payload(), None, "a WebSocket alone is no probe");
    session.receive(text("2probe")).unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("6"));
    assert_eq!(frames(&mut session), [text("3probe")]);
    session.send("a").unwrap();
    session.send(vec![7]).unwrap();
    assert_eq!(frames(&mut session), [], "until the upgrade packet");
    session.receive(text("5")).unwrap();
    session.send("b").unwrap();
    assert_eq!(frames(&mut session), [text("4a"), Frame::Binary(vec![7].into()), text("4b")]);
    assert_eq!(session.transport(), Transport::WebSocket);
    assert_eq!(session.poll().unwrap_err().rule(), Rule::TransportMismatch);
    session.receive(text("4c")).unwrap();
    assert_eq!(events(&mut session), [message("c")]);
    at(&mut session, 10_000);
    assert!(!session.is_closed(), "the upgrade's deadline is over");
}

#[test]
fn the_reply_to_the_probe_leaves_before_the_queue() {
    let mut session = polling();
    session.send("a").unwrap();
    session.start_upgrade().unwrap();
    session.receive(text("2probe")).unwrap();
    session.receive(text("5")).unwrap();
    assert_eq!(frames(&mut session), [text("3probe"), text("4a")]);
}

#[test]
fn a_get_that_waits_at_the_switch_is_answered_with_a_noop() {
    let mut session = probed();
    session.poll().unwrap();
    session.receive(text("5")).unwrap();
    session.send("a").unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("6"));
    assert_eq!(frames(&mut session), [text("4a")]);

    let mut session = probed();
    session.poll().unwrap();
    session.receive(text("5")).unwrap();
    session.abort_poll();
    assert_eq!(events(&mut session), [], "who has moved may drop it");
}

#[test]
fn polls_during_an_upgrade_are_answered_every_100_ms() {
    let mut session = probed();
    for round in 0..5 {
        let now = 1_000 + round * 100;
        session.poll().unwrap();
        at(&mut session, now);
        assert_eq!(session.next_timeout().unwrap().as_millis(), u128::from(now) + 100);
        at(&mut session, now + 99);
        assert_eq!(session.payload(), None);
        at(&mut session, now + 100);
        assert_eq!(session.payload().unwrap().as_text(), Some("6"));
    }
    session.send("a").unwrap();
    session.poll().unwrap();
    assert_eq!(
        session.payload().unwrap().as_text(),
        Some("4a"),
        "a message does not wait for the upgrade"
    );
    session.receive(text("5")).unwrap();
    assert_eq!(frames(&mut session), [], "and does not leave twice");
}

#[test]
fn anything_else_closes_only_the_new_websocket() {
    for packet in ["2", "3probe", "5", "4a", "1", "6", "abc", "", "2Probe"] {
        let mut session = polling();
        session.start_upgrade().unwrap();
        assert!(session.receive(text(packet)).is_err(), "{packet}");
        assert_back_on_polling(&mut session);
    }
    for packet in ["2probe", "2", "3", "4a", "1", "6", "5x", ""] {
        let mut session = probed();
        assert!(session.receive(text(packet)).is_err(), "{packet}");
        assert_back_on_polling(&mut session);
    }
    let mut session = probed();
    assert!(session.receive(Frame::Binary(vec![5].into())).is_err());
    assert_back_on_polling(&mut session);
    let mut session = probed();
    let error = session.receive(text(&"5".repeat(1_000_001))).unwrap_err();
    assert_eq!(error.rule(), Rule::PayloadTooBig { limit: 1_000_000 });
    assert_back_on_polling(&mut session);
}

#[test]
fn a_failed_probe_leaves_the_waiting_get_waiting() {
    let mut session = polling();
    session.poll().unwrap();
    session.start_upgrade().unwrap();
    session.receive(text("4a")).unwrap_err();
    assert_eq!(session.payload(), None);
    session.send("b").unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("4b"));
}

#[test]
fn an_upgrade_has_10_seconds() {
    let mut session = polling();
    session.start_upgrade().unwrap();
    at(&mut session, 1_000);
    at(&mut session, 10_999);
    assert_eq!(frames(&mut session), []);
    session.receive(text("2probe")).unwrap();
    assert_eq!(frames(&mut session), [text("3probe")]);
    at(&mut session, 11_000);
    assert_back_on_polling(&mut session);
}

#[test]
fn the_end_of_the_new_websocket_is_not_the_end_of_the_session() {
    let mut session = probed();
    session.receive(Frame::Close).unwrap();
    assert_eq!(frames(&mut session), []);
    session.start_upgrade().unwrap();
    session.websocket_failed();
    assert_eq!(frames(&mut session), []);
    assert_eq!(events(&mut session), []);
    session.start_upgrade().unwrap();
}

#[test]
fn a_second_upgrade_is_refused() {
    let mut session = polling();
    session.start_upgrade().unwrap();
    assert_eq!(session.start_upgrade().unwrap_err().rule(), Rule::TransportMismatch);
    session.receive(text("2probe")).unwrap();
    assert_eq!(session.start_upgrade().unwrap_err().rule(), Rule::TransportMismatch);
    session.receive(text("5")).unwrap();
    assert_eq!(session.start_upgrade().unwrap_err().rule(), Rule::TransportMismatch);
    assert_eq!(frames(&mut session), [text("3probe")], "the first goes on");

    let mut session = probed();
    session.receive(text("oops")).unwrap_err();
    assert!(session.start_upgrade().is_err(), "the WebSocket before has not been closed");
    session.receive(text("5")).unwrap();
    assert_eq!(session.transport(), Transport::Polling, "and is not heard any more");
    assert_eq!(frames(&mut session), [Frame::Close]);
    session.start_upgrade().unwrap();
}

#[test]
fn a_post_that_the_switch_overtakes_still_counts() {
    let mut session = probed();
    session.start_post().unwrap();
    session.receive(text("5")).unwrap();
    session.finish_post("4a").unwrap();
    assert_eq!(events(&mut session), [message("a")]);
}

#[test]
fn the_end_of_the_session_closes_the_new_websocket_too() {
    let mut session = probed();
    session.poll().unwrap();
    post(&mut session, "1").unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("6"));
    assert_eq!(frames(&mut session), [Frame::Close]);
    assert_ended(&mut session, CloseReason::TransportClose);
    assert!(session.is_finished());

    let mut session = polling();
    session.start_upgrade().unwrap();
    session.close();
    assert_eq!(frames(&mut session), [Frame::Close]);

    // Its client has not been told that it works, and so cannot have moved.
    let mut session = polling();
    session.start_upgrade().unwrap();
    session.receive(text("2probe")).unwrap();
    session.close();
    assert_eq!(frames(&mut session), [Frame::Close]);
}

#[test]
fn a_close_that_crosses_the_switch_loses_nothing() {
    let closing = || {
        let mut session = probed();
        session.send("a").unwrap();
        session.send(vec![7]).unwrap();
        session.close();
        assert_eq!(events(&mut session), [Event::Close(CloseReason::ForcedClose)]);
        assert_eq!(frames(&mut session), [], "the upgrade packet may be on its way");
        session
    };
    let mut session = closing();
    session.receive(text("5")).unwrap();
    session.receive(text("4late")).unwrap();
    let queued = [text("4a"), Frame::Binary(vec![7].into()), Frame::Close];
    assert_eq!(frames(&mut session), queued);
    assert_eq!(session.transport(), Transport::WebSocket);
    assert!(session.is_finished());
    assert_eq!((events(&mut session), session.next_timeout()), (vec![], None));

    // Or the client goes on over polling.
    let mut session = closing();
    session.poll().unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("4a\x1ebBw=="));
    session.poll().unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("1"));
    assert_eq!(frames(&mut session), [Frame::Close]);
    assert!(session.is_finished());

    // Or it has no use for the WebSocket.
    for last in [text("4a"), text("oops"), text(&"5".repeat(1_000_001)), Frame::Close] {
        let mut session = closing();
        session.receive(last.clone()).unwrap();
        let close = if last == Frame::Close { vec![] } else { vec![Frame::Close] };
        assert_eq!(frames(&mut session), close);
        session.receive(text("5")).unwrap();
        session.poll().unwrap();
        assert_eq!(session.payload().unwrap().as_text(), Some("4a\x1ebBw=="));
    }

    // Or it is gone.
    let mut session = closing();
    at(&mut session, 1_000);
    at(&mut session, 21_000);
    assert_eq!(frames(&mut session), [Frame::Close]);
    assert!(session.is_finished());
    assert_eq!(session.queued(), 0);
}

#[test]
fn a_record_separator_is_refused_until_the_session_has_moved() {
    let mut session = probed();
    assert_eq!(session.send("a\x1e4b"), Err(SendError::RecordSeparator));
    session.receive(text("5")).unwrap();
    session.send("a\x1e4b").unwrap();
    assert_eq!(frames(&mut session), [text("4a\x1e4b")]);
}

/// The answer to a GET, as text.
fn got(session: &mut Session) -> String {
    session.poll().unwrap();
    session.payload().unwrap().as_text().unwrap().to_owned()
}

#[test]
fn where_it_is_not_allowed_the_open_packet_names_none_and_a_websocket_is_refused() {
    let (polling, limits) = (Transport::Polling, Limits::default());
    for mut session in
        [Session::new("sid", polling, limits), Session::new_v3("sid", polling, limits)]
    {
        session.set_upgrade(false);
        let open = got(&mut session);
        assert!(open.contains(r#"0{"sid":"sid","upgrades":[],"pingInterval":25000,"#), "{open}");
        assert_eq!(session.queued(), 0);
        assert_eq!(events(&mut session), [Event::Open]);

        let refused = session.start_upgrade().unwrap_err().rule();
        assert_eq!((refused, refused.code()), (Rule::TransportMismatch, 3));
        assert_eq!((frames(&mut session), events(&mut session)), (vec![], vec![]));
        session.send("on").unwrap();
        assert!(got(&mut session).ends_with("4on"), "it is on polling");
    }
}

#[test]
fn who_begins_on_a_websocket_does_not_care_whether_it_is_allowed() {
    for allowed in [false, true] {
        let mut session = Session::new("sid", Transport::WebSocket, Limits::default());
        session.set_upgrade(allowed);
        let open = session.next_frame().unwrap();
        let open = open.as_text().unwrap();
        assert!(open.starts_with(r#"0{"sid":"sid","upgrades":[],"pingInterval":25000,"#), "{open}");
        session.receive(text("4hello")).unwrap();
        assert_eq!(events(&mut session), [Event::Open, message("hello")]);
    }
}

#[test]
fn the_open_packet_says_what_was_said_last_of_it_while_it_is_there() {
    let mut session = Session::new("sid", Transport::Polling, Limits::default());
    let opened = session.queued();
    session.set_upgrade(false);
    assert_eq!(session.queued() + r#""websocket""#.len(), opened);
    session.send("behind").unwrap();
    session.set_upgrade(true);
    let payload = got(&mut session);
    assert!(payload.contains(r#","upgrades":["websocket"],"#), "{payload}");
    assert!(payload.ends_with("\x1e4behind"), "{payload}");
    assert_eq!(session.queued(), 0);

    // Taken, it is not said again.
    session.send("queued").unwrap();
    session.set_upgrade(false);
    assert_eq!(session.start_upgrade().unwrap_err().rule(), Rule::TransportMismatch);
    assert_eq!(got(&mut session), "4queued");
}
