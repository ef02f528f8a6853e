//! A session that begins on a WebSocket.

use rtwire_engineio::{
    CloseReason, Frame, Limits, PreparedMessage, Rule, SendError, Session, Transport,
};

use crate::{assert_ended, events, frames, message, text, websocket};

#[test]
fn the_open_packet_offers_no_upgrade() {
    let mut session = Session::new("s", Transport::WebSocket, Limits::default());
    assert_eq!(
        session.next_frame(),
        Some(text(
            r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        ))
    );
}

#[test]
fn a_frame_is_a_packet_and_a_binary_one_a_message() {
    let mut session = websocket();
    session.receive(text("4a\x1eb")).unwrap();
    session.receive(Frame::Binary(vec![4, 1].into())).unwrap();
    session.receive(text("bAQID")).unwrap();
    let received = events(&mut session);
    let binary = |bytes: &[u8]| rtwire_engineio::Event::Message(bytes.into());
    assert_eq!(received, [message("a\x1eb"), binary(&[4, 1]), binary(&[1, 2, 3])]);

    session.send("x\x1ey").unwrap();
    session.send(vec![1, 2, 3]).unwrap();
    assert_eq!(frames(&mut session), [text("4x\x1ey"), Frame::Binary(vec![1, 2, 3].into())]);
    session.set_base64(true);
    session.send(vec![1, 2, 3]).unwrap();
    assert_eq!(frames(&mut session), [text("bAQID")]);
}

#[test]
fn polling_requests_are_refused_and_harm_nothing() {
    let mut session = websocket();
    assert_eq!(session.poll().unwrap_err().rule(), Rule::TransportMismatch);
    assert_eq!(session.start_post().unwrap_err().rule(), Rule::TransportMismatch);
    assert_eq!(session.start_upgrade().unwrap_err().rule(), Rule::TransportMismatch);
    assert_eq!(session.payload(), None);
    session.send("a").unwrap();
    assert_eq!(frames(&mut session), [text("4a")]);
}

#[test]
fn what_is_not_understood_ends_the_session() {
    for (packet, rule, reason) in [
        ("", Rule::EmptyPacket, CloseReason::ParseError),
        ("abc", Rule::UnknownType { byte: b'a' }, CloseReason::ParseError),
        ("b!", Rule::InvalidBase64, CloseReason::ParseError),
        ("1x", Rule::UnexpectedData, CloseReason::ParseError),
        ("2", Rule::UnexpectedPacket, CloseReason::TransportError),
        ("5", Rule::UnexpectedPacket, CloseReason::TransportError),
    ] {
        let mut session = websocket();
        session.send("dropped").unwrap();
        assert_eq!(session.receive(text(packet)).unwrap_err().rule(), rule, "{packet}");
        assert_eq!(frames(&mut session), [Frame::Close], "{packet}");
        assert_ended(&mut session, reason);
        assert_eq!(session.receive(text("4late")), Ok(()));
        assert_eq!(events(&mut session), []);
        assert!(session.is_finished());
    }
}

#[test]
fn a_close_packet_ends_at_once() {
    let mut session = websocket();
    session.receive(text("1")).unwrap();
    assert!(!session.is_finished(), "the WebSocket is to be closed");
    assert_eq!(frames(&mut session), [Frame::Close]);
    assert_ended(&mut session, CloseReason::TransportClose);
    assert!(session.is_finished());
    assert_eq!(session.transport(), Transport::WebSocket);
}

#[test]
fn the_end_of_the_websocket_is_the_end_of_the_session() {
    let mut session = websocket();
    session.receive(Frame::Close).unwrap();
    assert_eq!(frames(&mut session), []);
    assert_ended(&mut session, CloseReason::TransportClose);

    let mut session = websocket();
    session.websocket_failed();
    assert_eq!(frames(&mut session), []);
    assert_ended(&mut session, CloseReason::TransportError);
    assert!(session.is_finished());
}

#[test]
fn closing_sends_the_queue_and_then_closes_the_websocket() {
    let mut session = websocket();
    session.send("a").unwrap();
    session.close();
    assert_eq!(session.send("b"), Err(SendError::Closed));
    assert_eq!(frames(&mut session), [text("4a"), Frame::Close]);
    assert_ended(&mut session, CloseReason::ForcedClose);

    let mut session = websocket();
    session.send("a").unwrap();
    session.close();
    session.websocket_failed();
    assert_eq!((frames(&mut session), session.queued()), (vec![], 0));
    assert!(session.is_finished());
}

#[test]
fn a_message_says_whether_it_may_be_compressed() {
    let mut session = websocket();
    assert!(session.may_compress(), "the open packet");
    let quiet = PreparedMessage::from("a").compress(false);
    session.send_prepared(quiet.clone()).unwrap();
    session.send("b").unwrap();
    session.send_all_prepared(&[quiet.clone(), quiet.clone().compress(true)]).unwrap();
    session.send_prepared(PreparedMessage::from(vec![1]).compress(false)).unwrap();
    session.send_prepared(quiet).unwrap();
    session.close();
    let taken: Vec<_> =
        std::iter::from_fn(|| session.next_frame().map(|frame| (frame, session.may_compress())))
            .collect();
    let expected = [
        (text("4a"), false),
        (text("4b"), true),
        (text("4a"), false),
        (text("4a"), true),
        (Frame::Binary(vec![1].into()), false),
        (text("4a"), false),
        (Frame::Close, true),
    ];
    assert_eq!(taken, expected);
}
