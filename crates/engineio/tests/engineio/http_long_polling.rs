//! GETs that wait, POSTs, and two of a kind at once.

use bytes::Bytes;
use rtwire_engineio::{
    CloseReason, Event, Frame, Limits, Message, PreparedMessage, Rule, Session, Transport,
};

use crate::{assert_ended, at, events, message, polling, post, text};

#[test]
fn the_open_packet_has_exactly_five_keys() {
    let mut session = Session::new("s", Transport::Polling, Limits::default());
    session.poll().unwrap();
    assert_eq!(
        session.payload().unwrap().as_text(),
        Some(
            r#"0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        )
    );
    assert_eq!(session.transport(), Transport::Polling);
}

#[test]
fn a_get_waits_until_there_is_something_to_say() {
    let mut session = polling();
    session.poll().unwrap();
    assert_eq!(session.payload(), None);
    session.send("a").unwrap();
    session.send(vec![1, 2, 3, 4]).unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("4a\x1ebAQIDBA=="));
    session.send("b").unwrap();
    assert_eq!(session.payload(), None, "no GET waits");
    session.poll().unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("4b"));
    assert_eq!(session.queued(), 0);
}

#[test]
fn a_post_brings_its_packets_in_order() {
    let mut session = polling();
    assert_eq!(post(&mut session, "4a\x1e6\x1e4b"), Ok(()));
    assert_eq!(events(&mut session), [message("a"), message("b")]);
}

#[test]
fn of_two_gets_at_once_the_first_gets_a_close_packet_and_the_second_400() {
    let mut session = polling();
    session.poll().unwrap();
    let error = session.poll().unwrap_err();
    assert_eq!((error.rule(), error.rule().http_status()), (Rule::Overlap, 400));
    assert_eq!(session.payload().unwrap().as_text(), Some("1"));
    assert_ended(&mut session, CloseReason::TransportError);
    assert_eq!(session.poll().unwrap_err().rule(), Rule::UnknownSession);
    assert!(session.is_finished());
}

#[test]
fn two_posts_at_once_end_the_session() {
    let mut session = polling();
    session.poll().unwrap();
    session.start_post().unwrap();
    assert_eq!(session.start_post().unwrap_err().rule(), Rule::Overlap);
    assert_eq!(session.payload().unwrap().as_text(), Some("1"));
    assert_eq!(session.finish_post("4a").unwrap_err().rule(), Rule::UnknownSession);
    assert_ended(&mut session, CloseReason::TransportError);
}

#[test]
fn a_close_packet_answers_the_waiting_get_with_a_noop() {
    let mut session = polling();
    session.poll().unwrap();
    assert_eq!(post(&mut session, "4a\x1e1\x1e4after"), Ok(()));
    assert_eq!(session.payload().unwrap().as_text(), Some("6"));
    assert_eq!(session.next_event(), Some(message("a")));
    assert_ended(&mut session, CloseReason::TransportClose);
    assert!(session.is_finished());
}

#[test]
fn packets_before_a_malformed_one_are_delivered() {
    for (body, rule) in [
        ("4a\x1eabc", Rule::UnknownType { byte: b'a' }),
        ("4a\x1e", Rule::EmptyPacket),
        ("4a\x1ebA", Rule::InvalidBase64),
    ] {
        let mut session = polling();
        session.poll().unwrap();
        let error = post(&mut session, body).unwrap_err();
        assert_eq!((error.rule(), error.rule().http_status()), (rule, 400));
        assert_eq!(session.payload().unwrap().as_text(), Some("1"));
        assert_eq!(session.next_event(), Some(message("a")));
        assert_ended(&mut session, CloseReason::ParseError);
    }
}

#[test]
fn a_packet_out_of_place_ends_the_session() {
    let open = r#"0{"sid":"s","upgrades":[],"pingInterval":1,"pingTimeout":1,"maxPayload":1}"#;
    for packet in ["2", "2probe", "3probe", "5", open] {
        let mut session = polling();
        let error = post(&mut session, &format!("4a\x1e{packet}\x1e4b")).unwrap_err();
        assert_eq!((error.rule(), error.offset()), (Rule::UnexpectedPacket, 3), "{packet}");
        assert_eq!(session.next_event(), Some(message("a")));
        assert_ended(&mut session, CloseReason::TransportError);
    }
}

#[test]
fn a_client_that_vanishes_ends_the_session() {
    let mut session = polling();
    session.abort_poll();
    session.abort_post();
    assert_eq!(events(&mut session), [], "nobody was there");
    session.poll().unwrap();
    session.abort_poll();
    assert_ended(&mut session, CloseReason::TransportError);
    assert!(session.is_finished());

    let mut session = polling();
    session.start_post().unwrap();
    session.abort_post();
    assert_ended(&mut session, CloseReason::TransportError);
}

#[test]
fn closing_sends_the_queue_and_then_a_close_packet_by_itself() {
    let mut session = polling();
    session.poll().unwrap();
    session.send("a").unwrap();
    session.close();
    assert_eq!(events(&mut session), [Event::Close(CloseReason::ForcedClose)]);
    assert_eq!(session.payload().unwrap().as_text(), Some("4a"));
    assert!(!session.is_finished() && !session.has_payload());
    session.poll().unwrap();
    assert!(session.has_payload());
    assert_eq!(session.payload().unwrap().as_text(), Some("1"));
    assert!(session.is_finished());
    assert_eq!(session.next_timeout(), None);
}

#[test]
fn closing_waits_for_a_get_up_to_the_ping_timeout() {
    let mut session = polling();
    session.close();
    assert_eq!(session.receive(text("4late")), Ok(()));
    assert_eq!(session.start_post().unwrap_err().rule(), Rule::UnknownSession);
    at(&mut session, 1_000);
    at(&mut session, 20_999);
    assert!(!session.is_finished());
    session.poll().unwrap();
    assert_eq!(session.poll().unwrap_err().rule(), Rule::Overlap);
    assert_eq!(session.payload().unwrap().as_text(), Some("1"));
    assert!(session.is_finished());

    let mut session = polling();
    session.close();
    at(&mut session, 1_000);
    at(&mut session, 21_000);
    assert!(session.is_finished());
    assert_eq!(session.poll().unwrap_err().rule(), Rule::UnknownSession);
    assert_eq!(session.queued(), 0);
}

#[test]
fn the_sid_is_a_secret_and_not_in_debug_output() {
    let session = Session::new("hunter2", Transport::Polling, Limits::default());
    assert!(!format!("{session:?}").contains("hunter2"));
    assert_eq!(session.sid(), "hunter2");
}

#[test]
fn a_short_message_keeps_no_long_payload() {
    let long = "x".repeat(1000);
    let body = Bytes::from(format!("4short\x1e4{long}"));
    let within = body.as_ptr_range();
    let mut session = polling();
    session.start_post().unwrap();
    session.finish_post(body).unwrap();
    for (expected, shares) in [("short", false), (&*long, true)] {
        let Some(Event::Message(Message::Text(text))) = session.next_event() else { panic!() };
        assert_eq!(text, expected);
        assert_eq!(within.contains(&text.as_ptr()), shares, "{}", text.len());
    }
}

#[test]
fn a_payload_may_be_compressed_for_the_sake_of_one_packet() {
    let new: [fn() -> Session; 2] = [polling, || {
        let mut session = Session::new_v3("sid", Transport::Polling, Limits::default());
        session.poll().unwrap();
        session.payload().unwrap();
        session
    }];
    for new in new {
        for (messages, may_compress) in [
            (&[true][..], true),
            (&[false], false),
            (&[false, false], false),
            (&[false, true], true),
            (&[true, false], true),
        ] {
            let mut session = new();
            for &compress in messages {
                session.send_prepared(PreparedMessage::from("a").compress(compress)).unwrap();
            }
            session.poll().unwrap();
            session.payload().unwrap();
            assert_eq!(session.may_compress(), may_compress, "{messages:?}");
            session.poll().unwrap();
            session.close();
            session.payload().unwrap();
            assert!(session.may_compress(), "a close packet is nobody's message");
        }
    }
}

#[test]
fn an_answer_takes_no_more_room_than_it_has_bytes() {
    let mut session = polling();
    while session.send("a").is_ok() {}
    session.poll().unwrap();
    let Some(Frame::Text(payload)) = session.payload() else { panic!("text") };
    let length = payload.len();
    let room = payload.into_bytes().try_into_mut().unwrap().capacity();
    assert_eq!((length, room), (16 * 3 - 1, length));
}
