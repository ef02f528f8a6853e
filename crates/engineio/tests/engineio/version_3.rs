//! Sessions of version 3: what they do otherwise than those of version 4.

use std::time::Duration;

use bytes::Bytes;
use rtwire_engineio::{
    CloseReason, Event, Frame, Limits, Message, Rule, Session, Transport, jsonp,
};

use crate::{assert_ended, at, events, frames, post, text};

/// A session whose handshake is done, at time 0.
fn polling() -> Session {
    let mut session = Session::new_v3("sid", Transport::Polling, Limits::default());
    session.handle_timeout(Duration::ZERO);
    session.poll().unwrap();
    let open = session.payload().unwrap();
    let open = open.as_text().unwrap();
    let (length, open) = open.split_once(':').unwrap();
    assert_eq!(length, open.len().to_string());
    assert!(open.starts_with(r#"0{"sid":"sid","upgrades":["websocket"],"#), "{open}");
    assert_eq!((session.version(), events(&mut session)), (3, vec![Event::Open]));
    session
}

fn websocket() -> Session {
    let mut session = Session::new_v3("sid", Transport::WebSocket, Limits::default());
    session.handle_timeout(Duration::ZERO);
    assert!(session.next_frame().unwrap().as_text().unwrap().starts_with("0{"));
    assert_eq!(events(&mut session), [Event::Open]);
    session
}

fn payload(session: &mut Session) -> Option<Frame> {
    session.poll().unwrap();
    session.payload()
}

fn binary(bytes: &[u8]) -> Frame {
    Frame::Binary(bytes.to_vec().into())
}

#[test]
fn payload_has_lengths_and_is_binary_where_there_is_binary() {
    let mut session = polling();
    session.send("a€").unwrap();
    session.send("\x1e").unwrap();
    assert_eq!(payload(&mut session), Some(text("3:4a€2:4\x1e")));
    session.send("a€").unwrap();
    session.send(vec![1, 2]).unwrap();
    let expected = [&b"\0\x05\xff4a"[..], "€".as_bytes(), b"\x01\x03\xff\x04\x01\x02"].concat();
    assert_eq!(payload(&mut session), Some(binary(&expected)));

    session.set_base64(true);
    session.send("a€").unwrap();
    session.send(vec![1, 2]).unwrap();
    assert_eq!(payload(&mut session), Some(text("3:4a€6:b4AQI=")));
}

#[test]
fn posts_are_text_or_binary() {
    let mut session = polling();
    post(&mut session, "3:4a€6:b4AQI=").unwrap();
    session.start_post().unwrap();
    session.finish_binary_post(&b"\0\x02\xff4b\x01\x03\xff\x04\x03\x04"[..]).unwrap();
    let messages = [
        Event::Message("a€".into()),
        Event::Message(vec![1, 2].into()),
        Event::Message("b".into()),
        Event::Message(vec![3, 4].into()),
    ];
    assert_eq!(events(&mut session), messages);

    // Version 4 has no such body.
    let mut session = crate::polling();
    session.start_post().unwrap();
    let error = session.finish_binary_post(&b"\0\x02\xff4b"[..]).unwrap_err();
    assert_eq!(error.rule(), Rule::InvalidUtf8);
    assert_ended(&mut session, CloseReason::TransportError);
}

#[test]
fn a_binary_post_is_bounded() {
    for (length, fits) in [(99_u8, true), (100, true), (101, false)] {
        let limits = Limits::default().max_payload(100);
        let mut session = Session::new_v3("sid", Transport::Polling, limits);
        session.start_post().unwrap();
        let packet = length - 4;
        let mut body = vec![1, packet / 10, packet % 10, 0xFF];
        body.resize(length.into(), 4);
        let outcome = session.finish_binary_post(body).map_err(|error| error.rule());
        assert_eq!(outcome, if fits { Ok(()) } else { Err(Rule::PayloadTooBig { limit: 100 }) });
        assert!(!session.is_closed(), "the session goes on");
    }
}

#[test]
fn a_short_message_does_not_keep_a_long_payload() {
    let mut session = polling();
    let long = vec![0; 1000];
    let mut body = b"\x01\x03\xff\x04\x03\x04\x01\x01\x00\x00\x01\xff\x04".to_vec();
    body.extend(&long);
    session.start_post().unwrap();
    session.finish_binary_post(body).unwrap();
    let Some(Event::Message(Message::Binary(short))) = session.next_event() else { panic!() };
    assert_eq!(&short[..], [3, 4]);
    assert!(short.is_unique(), "its bytes are its own");
}

#[test]
fn websocket_binary_has_its_type_in_front() {
    let mut session = websocket();
    session.receive(binary(&[4, 1, 2])).unwrap();
    session.receive(text("b4AwQ=")).unwrap();
    session.receive(text("4€")).unwrap();
    let messages = [
        Event::Message(vec![1, 2].into()),
        Event::Message(vec![3, 4].into()),
        Event::Message("€".into()),
    ];
    assert_eq!(events(&mut session), messages);
    session.send(vec![1, 2]).unwrap();
    session.send("a").unwrap();
    assert_eq!(frames(&mut session), [binary(&[4, 1, 2]), text("4a")]);
    session.set_base64(true);
    session.send(vec![1, 2]).unwrap();
    assert_eq!(frames(&mut session), [text("b4AQI=")]);
    for malformed in [binary(&[]), binary(&[2]), binary(b"4a"), text("bAQI="), text("")] {
        let mut session = websocket();
        session.receive(malformed).unwrap_err();
        assert_ended(&mut session, CloseReason::ParseError);
    }
}

#[test]
fn the_client_pings_and_the_server_answers() {
    let mut session = websocket();
    let mut now = 0;
    for _ in 0..5 {
        now += 44_000;
        at(&mut session, now);
        assert_eq!(frames(&mut session), [], "the server does not ping");
        session.receive(text("2")).unwrap();
        at(&mut session, now);
        assert_eq!(frames(&mut session), [text("3")]);
    }
    at(&mut session, now + 44_999);
    assert_eq!(events(&mut session), []);
    at(&mut session, now + 45_000);
    assert_ended(&mut session, CloseReason::PingTimeout);
}

#[test]
fn messages_are_no_heartbeat() {
    let mut session = websocket();
    at(&mut session, 30_000);
    session.receive(text("4a")).unwrap();
    events(&mut session);
    at(&mut session, 45_000);
    assert_ended(&mut session, CloseReason::PingTimeout);
}

#[test]
fn a_ping_over_polling_is_answered_before_what_is_queued() {
    let mut session = polling();
    session.send("a").unwrap();
    post(&mut session, "1:2").unwrap();
    assert_eq!(payload(&mut session), Some(text("1:32:4a")));
}

#[test]
fn pings_without_end_queue_one_pong() {
    let mut session = polling();
    for _ in 0..1000 {
        post(&mut session, "1:2").unwrap();
    }
    assert_eq!(payload(&mut session), Some(text("1:3")));
    post(&mut session, "1:2").unwrap();
    assert_eq!(payload(&mut session), Some(text("1:3")), "once taken, the next one is queued");
}

#[test]
fn a_pong_of_the_client_is_out_of_place() {
    let mut session = websocket();
    assert_eq!(session.receive(text("3")).unwrap_err().rule(), Rule::UnexpectedPacket);
    assert_ended(&mut session, CloseReason::TransportError);
}

#[test]
fn upgrade() {
    let mut session = polling();
    session.poll().unwrap();
    session.start_upgrade().unwrap();
    session.receive(text("2probe")).unwrap();
    assert_eq!(session.next_frame(), Some(text("3probe")));
    assert_eq!(session.payload(), Some(text("1:6")), "a noop, with its length");
    session.send(vec![1]).unwrap();
    session.receive(text("5")).unwrap();
    assert_eq!(frames(&mut session), [binary(&[4, 1])]);
    assert_eq!(session.transport(), Transport::WebSocket);
}

#[test]
fn what_waits_is_told_the_end_with_a_length() {
    let mut session = polling();
    session.poll().unwrap();
    session.close();
    assert_eq!(session.payload(), Some(text("1:1")));
    let mut session = polling();
    session.poll().unwrap();
    session.poll().unwrap_err();
    assert_eq!(session.payload(), Some(text("1:1")));
}

#[test]
fn a_short_payload_keeps_no_long_form() {
    for (other, shares) in [(1000, false), (0, true)] {
        let form = Bytes::from(format!("x={}&d=6:4hello", "a".repeat(other)));
        let payload = jsonp::decode_form(form.clone()).unwrap();
        assert_eq!(payload, "6:4hello");
        assert_eq!(form.as_ptr_range().contains(&payload.as_ptr()), shares);
    }
}
