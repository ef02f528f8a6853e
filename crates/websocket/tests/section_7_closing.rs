//! The closing handshake (RFC 6455 §7), and what may be sent when.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rtwire_websocket::{
    CloseCode, CloseReason, Connection, Event, FrameHeader, Limits, Message, Opcode,
    PreparedMessage, Role, Rule, SendError, State,
};

const CLIENT: Role = Role::Client { masking_key: || [9, 8, 7, 6] };

fn server() -> Connection {
    Connection::new(Role::Server, Limits::default())
}

fn client() -> Connection {
    Connection::new(CLIENT, Limits::default())
}

fn written(connection: &mut Connection) -> Vec<u8> {
    let output = connection.output();
    output.copy_to_bytes(output.remaining()).to_vec()
}

/// Carries all output of `from` to `to`; returns the messages and the close that it meant.
fn carry(from: &mut Connection, to: &mut Connection) -> (Vec<Message>, Option<CloseReason>) {
    let mut bytes = written(from);
    let mut input = &mut bytes[..];
    let (mut messages, mut close) = (Vec::new(), None);
    while let Some(event) = to.next_event(&mut input).unwrap() {
        match event {
            Event::Close(reason) => close = Some(reason),
            event => messages.extend(event.into_message()),
        }
    }
    (messages, close)
}

fn going_away() -> CloseReason {
    CloseReason { code: CloseCode::GOING_AWAY, reason: "bye".into() }
}

#[test]
fn s7_1_2_either_end_starts_and_the_other_echoes_the_code() {
    for (mut one, mut two) in [(server(), client()), (client(), server())] {
        one.close(&going_away()).unwrap();
        assert_eq!((one.state(), one.is_receiving()), (State::Closing, true));
        assert_eq!(carry(&mut one, &mut two), (vec![], Some(going_away())));
        assert_eq!((two.state(), two.is_receiving()), (State::Closing, false));

        let echo = CloseReason::new(CloseCode::GOING_AWAY);
        assert_eq!(carry(&mut two, &mut one), (vec![], Some(echo.clone())));
        assert!(!one.is_receiving());
        assert!(written(&mut one).is_empty(), "a Close frame is answered once");

        one.handle_eof();
        two.handle_eof();
        assert_eq!((one.state(), two.state()), (State::Closed, State::Closed));
        assert_eq!(one.close_reason(), Some(&echo));
        assert_eq!(two.close_reason(), Some(&going_away()));
    }
}

#[test]
fn s7_1_2_both_ends_may_start_at_once() {
    let (mut one, mut two) = (server(), client());
    one.close(&CloseReason::new(CloseCode::NORMAL)).unwrap();
    two.close(&going_away()).unwrap();
    let from_one = written(&mut one);
    assert_eq!(carry(&mut two, &mut one).1, Some(going_away()));
    let mut bytes = from_one;
    assert!(matches!(two.next_event(&mut &mut bytes[..]), Ok(Some(Event::Close(_)))));
    assert!(written(&mut one).is_empty() && written(&mut two).is_empty());
}

#[test]
fn s5_5_1_messages_still_arrive_until_the_peer_answers() {
    let (mut one, mut two) = (server(), client());
    one.close(&going_away()).unwrap();
    two.send("on its way").unwrap();
    assert_eq!(carry(&mut two, &mut one).0, [Message::from("on its way")]);
}

#[test]
fn s5_5_1_after_a_close_frame_nothing_is_sent() {
    let mut connection = server();
    connection.close(&going_away()).unwrap();
    written(&mut connection);
    let prepared = PreparedMessage::new("late".into());
    assert_eq!(connection.ready(), Err(SendError::Closing));
    assert_eq!(connection.send("late"), Err(SendError::Closing));
    assert_eq!(connection.send_text("late"), Err(SendError::Closing));
    assert_eq!(connection.send_binary(b"late"), Err(SendError::Closing));
    assert_eq!(connection.send_prepared(&prepared), Err(SendError::Closing));
    assert_eq!(connection.send_ping(b""), Err(SendError::Closing));
    assert_eq!(connection.send_pong(b""), Err(SendError::Closing));
    assert_eq!(connection.close(&going_away()), Err(SendError::Closing));
    let mut ping = *b"\x89\x80\0\0\0\0";
    assert!(matches!(connection.next_event(&mut &mut ping[..]), Ok(Some(Event::Ping(_)))));
    assert!(written(&mut connection).is_empty(), "nor is a Ping answered");
}

#[test]
fn s7_1_5_the_end_of_the_transport_without_a_close_frame_is_abnormal() {
    let mut connection = server();
    connection.handle_eof();
    assert_eq!(connection.close_reason(), Some(&CloseReason::new(CloseCode::ABNORMAL)));
    assert_eq!(connection.state(), State::Closed);
    assert_eq!(connection.send("x"), Err(SendError::Closing));
    assert_eq!(connection.next_timeout(), None);
}

#[test]
fn s7_1_7_after_a_fault_the_close_frame_is_all_that_follows() {
    let mut connection = server();
    connection.send("before").unwrap();
    let mut input = *b"\x83\x80\0\0\0\0\x81\x80\0\0\0\0";
    let error = connection.next_event(&mut &mut input[..]).unwrap_err();
    assert_eq!(error.rule(), Rule::ReservedOpcode { opcode: 3 });
    assert_eq!(connection.send("after"), Err(SendError::Closing));
    assert!(matches!(connection.next_event(&mut &mut input[..]), Ok(None)));
    let mut peer = client();
    let (messages, close) = carry(&mut connection, &mut peer);
    assert_eq!(messages, [Message::from("before")]);
    let close = close.unwrap();
    assert_eq!((close.code, &*close.reason), (CloseCode::PROTOCOL_ERROR, "reserved opcode 3"));
}

#[test]
fn s7_4_codes_that_must_not_be_sent_are_refused() {
    for code in [0, 999, 1004, 1006, 1015, 1016, 2999, 5000, 65535] {
        let reason = CloseReason::new(CloseCode::new(code));
        assert_eq!(server().close(&reason), Err(SendError::CloseCode), "{code}");
    }
    for code in [1000, 1003, 1007, 1014, 3000, 4999] {
        server().close(&CloseReason::new(CloseCode::new(code))).unwrap();
    }
    let mut connection = server();
    connection.close(&CloseReason::new(CloseCode::NO_STATUS)).unwrap();
    assert_eq!(written(&mut connection), b"\x88\x00");
    let spoken = CloseReason { code: CloseCode::NO_STATUS, reason: "why".into() };
    assert_eq!(server().close(&spoken), Err(SendError::CloseCode));
}

#[test]
fn s5_5_control_payloads_at_their_limit() {
    for (len, expected) in [(124, Ok(())), (125, Ok(())), (126, Err(SendError::TooLong))] {
        assert_eq!(server().send_ping(&vec![0; len]), expected);
        assert_eq!(server().send_pong(&vec![0; len]), expected);
    }
    for (len, expected) in [(122, Ok(())), (123, Ok(())), (124, Err(SendError::TooLong))] {
        let reason = CloseReason { code: CloseCode::NORMAL, reason: "r".repeat(len).into() };
        assert_eq!(server().close(&reason), expected);
    }
}

#[test]
fn max_output_at_its_limit() {
    for (queued, expected) in
        [(99, Ok(())), (100, Err(SendError::Full)), (101, Err(SendError::Full))]
    {
        let mut connection = Connection::new(Role::Server, Limits::default().max_output(100));
        connection.send_binary(&vec![0; queued - 2]).unwrap();
        assert_eq!(connection.ready(), expected, "{queued} bytes");
        assert_eq!(connection.send_binary(b"x"), expected);
        // Closing is always possible.
        connection.close(&going_away()).unwrap();
    }
}

#[test]
fn s5_5_3_a_peer_that_pings_and_never_reads_is_answered_with_its_last_ping() {
    let mut connection = Connection::new(Role::Server, Limits::default().max_output(1000));
    let mut input = Vec::new();
    for i in 0..10_000_u32 {
        let [a, b, c, d] = i.to_be_bytes();
        input.extend_from_slice(&[0x89, 0x84, 0, 0, 0, 0, a, b, c, d]);
    }
    let mut rest = &mut input[..];
    while connection.next_event(&mut rest).unwrap().is_some() {}
    assert!(connection.output().remaining() < 1010);
    written(&mut connection);
    assert_eq!(written(&mut connection), b"\x8A\x04\x00\x00\x27\x0F");
    assert!(written(&mut connection).is_empty());
}

#[test]
fn s5_3_a_client_masks_what_it_sends_and_keeps_what_it_shares() {
    let shared = Bytes::from(vec![7; 10_000]);
    let prepared = PreparedMessage::new(Message::from(shared.clone()));
    let (mut one, mut two) = (client(), server());
    one.send(shared.clone()).unwrap();
    one.send(Bytes::from(vec![7; 10_000])).unwrap();
    one.send_binary(&shared).unwrap();
    one.send_prepared(&prepared).unwrap();
    assert_eq!(carry(&mut one, &mut two).0, vec![Message::from(shared.clone()); 4]);
    assert!(shared.iter().all(|&byte| byte == 7));
}

#[test]
fn a_large_payload_is_neither_copied_nor_moved_by_a_server() {
    let payload = Bytes::from(vec![7; 1 << 20]);
    let mut connection = server();
    connection.send(payload.clone()).unwrap();
    connection.output().advance(10);
    assert_eq!(connection.output().chunk().as_ptr(), payload.as_ptr());
}

#[test]
fn a_large_payload_is_read_straight_into_its_own_buffer() {
    let payload: Vec<u8> = (0..200_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    for (first, step) in [(10, 1000), (0, 65_536), (100_000, 7777), (199_000, 1)] {
        let mut header = FrameHeader::new(Opcode::Binary, payload.len() as u64);
        header.masking_key = Some([1, 2, 3, 4]);
        let mut wire = BytesMut::new();
        header.encode(&mut wire);
        let mut masked = payload.clone();
        rtwire_websocket::apply_mask(&mut masked, [1, 2, 3, 4], 0);
        wire.extend_from_slice(&masked);
        wire.extend_from_slice(b"\x89\x80\0\0\0\0");

        let mut connection = server();
        let mut head = wire.split_to(header.encoded_len() + first);
        assert!(connection.next_event(&mut &mut head[..]).unwrap().is_none());
        let (mut direct, mut arrived) = (0, first);
        let message = loop {
            let count = if let Some(mut buffer) = connection.payload_buffer() {
                assert!(buffer.get_ref().capacity() <= (arrived * 4).max(arrived + (64 << 10)));
                let count = step.min(bytes::BufMut::remaining_mut(&buffer)).min(wire.len());
                bytes::BufMut::put(&mut buffer, wire.split_to(count));
                direct += count;
                count
            } else {
                0
            };
            let mut piece =
                if count == 0 { wire.split_to(step.min(wire.len())) } else { BytesMut::new() };
            arrived += count + piece.len();
            let mut input = &mut piece[..];
            if let Some(Event::Binary(message)) = connection.next_event(&mut input).unwrap() {
                let rest = input.to_vec();
                break (message.into_owned(), rest);
            }
        };
        assert_eq!(message.0, payload);
        assert_eq!(direct > 0, payload.len() - first >= 16 << 10);
        let mut rest = [message.1, wire.to_vec()].concat();
        assert!(matches!(connection.next_event(&mut &mut rest[..]), Ok(Some(Event::Ping(_)))));
        assert_eq!(connection.offset(), (header.encoded_len() + payload.len() + 6) as u64);
    }
}

#[test]
fn s7_1_1_closing_takes_no_longer_than_its_deadline() {
    let second = Duration::from_secs(1);
    let mut connection = server();
    connection.close(&going_away()).unwrap();
    assert_eq!(connection.next_timeout(), Some(Duration::ZERO), "it asks for the time");
    connection.handle_timeout(10 * second).unwrap();
    assert_eq!(connection.next_timeout(), Some(15 * second));
    connection.handle_timeout(15 * second - Duration::from_nanos(1)).unwrap();
    assert_eq!(connection.state(), State::Closing);
    connection.handle_timeout(15 * second).unwrap();
    assert_eq!(connection.state(), State::Closed);
    assert_eq!(connection.close_reason(), Some(&CloseReason::new(CloseCode::ABNORMAL)));
    assert_eq!(connection.next_timeout(), None);
}
