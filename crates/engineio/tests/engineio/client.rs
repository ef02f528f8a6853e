//! The client's end: what it asks for, what answers mean, and when it moves.

use std::time::Duration;

use rtwire_engineio::client::{Event, Limits, Request};
use rtwire_engineio::{
    ClientSession, CloseReason, Frame, PreparedMessage, Rule, SendError, Transport,
};

use crate::text;

/// An open packet, with the `maxPayload` of the server.
fn open(upgrades: &str, max_payload: u64) -> String {
    format!(
        r#"0{{"sid":"s/1","upgrades":[{upgrades}],"pingInterval":25000,"pingTimeout":20000,"maxPayload":{max_payload}}}"#
    )
}

fn events(session: &mut ClientSession) -> Vec<Event> {
    std::iter::from_fn(|| session.next_event()).collect()
}

fn frames(session: &mut ClientSession) -> Vec<Frame> {
    std::iter::from_fn(|| session.next_frame()).collect()
}

/// The requests that are due: `GET`, `WebSocket`, or the body of a POST.
fn requests(session: &mut ClientSession) -> Vec<String> {
    let requests = std::iter::from_fn(|| session.next_request());
    requests
        .map(|request| match request {
            Request::Get { .. } => "GET".to_owned(),
            Request::WebSocket { .. } => "WebSocket".to_owned(),
            Request::Post { body, .. } => body.to_string(),
        })
        .collect()
}

fn at(session: &mut ClientSession, millis: u64) {
    session.handle_timeout(Duration::from_millis(millis));
}

fn message(text: &str) -> Event {
    Event::Message(text.into())
}

/// A session over polling, open at time 0, whose next GET waits.
fn polling_with(limits: Limits, upgrades: &str, max_payload: u64) -> ClientSession {
    let mut session = ClientSession::new(Transport::Polling, limits);
    assert_eq!(requests(&mut session), ["GET"]);
    session.finish_get(200, open(upgrades, max_payload)).unwrap();
    at(&mut session, 0);
    assert!(matches!(events(&mut session)[..], [Event::Open(_)]));
    assert_eq!(requests(&mut session)[0], "GET");
    session
}

fn polling() -> ClientSession {
    polling_with(Limits::default(), "", 1_000_000)
}

/// A session over a WebSocket, open at time 0.
fn websocket_with(limits: Limits, max_payload: u64) -> ClientSession {
    let mut session = ClientSession::new(Transport::WebSocket, limits);
    assert_eq!(requests(&mut session), ["WebSocket"]);
    session.websocket_opened();
    assert_eq!(frames(&mut session), []);
    session.receive(text(&open("", max_payload))).unwrap();
    at(&mut session, 0);
    assert!(matches!(events(&mut session)[..], [Event::Open(_)]));
    session
}

fn websocket() -> ClientSession {
    websocket_with(Limits::default(), 1_000_000)
}

/// A session whose WebSocket is asked whether it works.
fn probing() -> ClientSession {
    let mut session = polling_with(Limits::default(), r#""websocket""#, 1_000_000);
    session.websocket_opened();
    at(&mut session, 0);
    assert_eq!(frames(&mut session), [text("2probe")]);
    session
}

/// A session whose WebSocket works, while a GET waits.
fn paused() -> ClientSession {
    let mut session = probing();
    session.receive(text("3probe")).unwrap();
    assert_eq!((frames(&mut session), events(&mut session)), (vec![], vec![]));
    session
}

/// Asserts that the session ended just now, for `reason`, with nothing left to say.
#[track_caller]
fn assert_ended(session: &mut ClientSession, reason: CloseReason) {
    assert_eq!(events(session), [Event::Close(reason)]);
    assert!(session.is_finished() && session.is_closed() && !session.is_open());
    assert_eq!(session.next_timeout(), None);
    assert_eq!(session.send("late"), Err(SendError::Closed));
    session.close();
    session.websocket_failed();
    session.websocket_opened();
    session.get_failed();
    session.post_failed();
    assert_eq!(session.finish_get(200, "4late"), Ok(()));
    assert_eq!(session.finish_post(400, ""), Ok(()));
    assert_eq!(session.receive(text("4late")), Ok(()));
    at(session, u64::MAX);
    assert_eq!((events(session), requests(session), frames(session)), (vec![], vec![], vec![]));
    assert_eq!(session.queued(), 0);
}

#[test]
fn handshake_over_polling() {
    let mut session = ClientSession::new(Transport::Polling, Limits::default());
    let Some(Request::Get { query }) = session.next_request() else { panic!() };
    assert_eq!(query, "EIO=4&transport=polling");
    assert_eq!(session.next_request(), None, "one at a time");
    assert_eq!(session.send("early"), Err(SendError::NotOpen));
    session.finish_get(200, open("", 7) + "\x1e4first").unwrap();
    let [Event::Open(open), first] = &events(&mut session)[..] else { panic!() };
    assert_eq!((&*open.sid, open.max_payload), ("s/1", 7));
    assert_eq!(*first, message("first"));
    let Some(Request::Get { query }) = session.next_request() else { panic!() };
    assert_eq!(query, "EIO=4&transport=polling&sid=s%2F1");
    assert_eq!(requests(&mut session), [""; 0], "no upgrade was offered");
}

#[test]
fn handshake_over_a_websocket() {
    let mut session = ClientSession::new(Transport::WebSocket, Limits::default());
    let Some(Request::WebSocket { query }) = session.next_request() else { panic!() };
    assert_eq!(query, "EIO=4&transport=websocket");
    session.websocket_opened();
    session.receive(text(&open(r#""websocket""#, 7))).unwrap();
    session.receive(text("4a\x1eb")).unwrap();
    session.receive(Frame::Binary(vec![1].into())).unwrap();
    session.receive(text("bAQI=")).unwrap();
    assert!(matches!(session.next_event(), Some(Event::Open(_))));
    let binary = |bytes: &[u8]| Event::Message(bytes.into());
    assert_eq!(events(&mut session), [message("a\x1eb"), binary(&[1]), binary(&[1, 2])]);
    session.send("\x1e").unwrap();
    session.send(vec![3]).unwrap();
    assert_eq!(frames(&mut session), [text("4\x1e"), Frame::Binary(vec![3].into())]);
    assert_eq!(requests(&mut session), [""; 0]);
}

#[test]
fn a_handshake_may_be_refused() {
    for (status, body, code) in [
        (400, r#"{"code":5,"message":"Unsupported protocol version"}"#, Some(5)),
        (403, r#"{"code":4}"#, Some(4)),
        (502, "<html>", None),
        (302, "", None),
        (204, "", None),
        (400, r#"{"code":"1"}"#, None),
        (400, r#"{"code":256}"#, None),
    ] {
        let mut session = ClientSession::new(Transport::Polling, Limits::default());
        session.next_request();
        let error = session.finish_get(status, body).unwrap_err();
        assert_eq!(error.rule(), Rule::Refused { status, code }, "{body}");
        assert_ended(&mut session, CloseReason::TransportError);
    }
}

#[test]
fn a_handshake_that_is_none_ends_the_session() {
    let unfinished = r#"0{"sid":"s","upgrades":[],"pingInterval":1}"#;
    for (body, rule, reason) in [
        ("4a", Rule::UnexpectedPacket, CloseReason::TransportError),
        ("6", Rule::UnexpectedPacket, CloseReason::TransportError),
        ("", Rule::EmptyPacket, CloseReason::ParseError),
        (unfinished, Rule::InvalidOpen, CloseReason::ParseError),
    ] {
        let mut session = ClientSession::new(Transport::Polling, Limits::default());
        session.next_request();
        assert_eq!(session.finish_get(200, body).unwrap_err().rule(), rule, "{body}");
        assert_ended(&mut session, reason);

        let mut session = ClientSession::new(Transport::WebSocket, Limits::default());
        session.next_request();
        session.websocket_opened();
        assert_eq!(session.receive(text(body)).unwrap_err().rule(), rule, "{body}");
        assert_eq!(frames(&mut session), [Frame::Close]);
        assert_ended(&mut session, reason);
    }
    let mut session = ClientSession::new(Transport::WebSocket, Limits::default());
    session.next_request();
    session.websocket_failed();
    assert_ended(&mut session, CloseReason::TransportError);
    let mut session = ClientSession::new(Transport::Polling, Limits::default());
    session.next_request();
    session.get_failed();
    assert_ended(&mut session, CloseReason::TransportError);
}

#[test]
fn open_timeout() {
    let limits = Limits::default().open_timeout(Duration::from_millis(100));
    for (now, ended) in [(199, false), (200, true), (201, true)] {
        for transport in [Transport::Polling, Transport::WebSocket] {
            let mut session = ClientSession::new(transport, limits);
            session.next_request();
            at(&mut session, 100);
            assert_eq!(session.next_timeout(), Some(Duration::from_millis(200)));
            at(&mut session, now);
            assert_eq!(session.is_closed(), ended, "{now}");
            if ended {
                let close: &[Frame] =
                    if transport == Transport::Polling { &[] } else { &[Frame::Close] };
                assert_eq!(frames(&mut session), close);
                assert_ended(&mut session, CloseReason::TransportError);
            }
        }
    }
}

#[test]
fn one_get_and_one_post_at_a_time() {
    let mut session = polling();
    session.send("a").unwrap();
    assert_eq!(requests(&mut session), ["4a"]);
    session.send("b").unwrap();
    session.send(vec![1, 2, 3]).unwrap();
    assert_eq!(requests(&mut session), [""; 0]);
    session.finish_post(200, "ok").unwrap();
    assert_eq!(requests(&mut session), ["4b\x1ebAQID"], "what had to wait goes together");
    session.finish_get(200, "4x\x1e4y").unwrap();
    assert_eq!(events(&mut session), [message("x"), message("y")]);
    assert_eq!(requests(&mut session), ["GET"]);
}

#[test]
fn answers_that_are_not_200_or_do_not_come_end_the_session() {
    let refused = Rule::Refused { status: 400, code: Some(1) };
    let body = r#"{"code":1,"message":"Session ID unknown"}"#;
    let mut session = polling();
    assert_eq!(session.finish_get(400, body).unwrap_err().rule(), refused);
    assert_ended(&mut session, CloseReason::TransportError);

    let mut session = polling();
    session.send("a").unwrap();
    requests(&mut session);
    assert_eq!(session.finish_post(400, body).unwrap_err().rule(), refused);
    assert_ended(&mut session, CloseReason::TransportError);

    let mut session = polling();
    session.get_failed();
    assert_ended(&mut session, CloseReason::TransportError);

    let mut session = polling();
    session.send("a").unwrap();
    requests(&mut session);
    session.post_failed();
    assert_ended(&mut session, CloseReason::TransportError);
}

#[test]
fn a_message_over_max_payload_is_refused() {
    for (len, fits) in [(98, true), (99, true), (100, false)] {
        let outcome = if fits { Ok(()) } else { Err(SendError::TooBig { limit: 100 }) };
        let text = "a".repeat(len);
        let mut session = polling_with(Limits::default(), "", 100);
        assert_eq!(session.send(&*text), outcome);
        assert_eq!(requests(&mut session).len(), usize::from(fits));
        assert_eq!(websocket_with(Limits::default(), 100).send(text), outcome);
    }
    // Base64: 1 + 4 × 24 and 1 + 4 × 25. On a WebSocket bytes are bytes.
    for (len, polling, websocket) in
        [(72, true, true), (73, false, true), (100, false, true), (101, false, false)]
    {
        let outcome = |fits| if fits { Ok(()) } else { Err(SendError::TooBig { limit: 100 }) };
        let mut session = polling_with(Limits::default(), "", 100);
        assert_eq!(session.send(vec![0; len]), outcome(polling), "{len}");
        let mut session = websocket_with(Limits::default(), 100);
        assert_eq!(session.send(vec![0; len]), outcome(websocket), "{len}");
    }
    let mut session = polling_with(Limits::default(), "", 0);
    session.send("0 is no limit").unwrap();
}

#[test]
fn max_packets_sent() {
    for (count, posts) in [(2, 1), (3, 1), (4, 2)] {
        let mut session = polling_with(Limits::default().max_packets_sent(3), "", 1000);
        for _ in 0..count {
            session.send("").unwrap();
        }
        for post in 0..posts {
            let packets = (count - 3 * post).min(3);
            assert_eq!(requests(&mut session), [vec!["4"; packets].join("\x1e")], "{count}");
            session.finish_post(200, "ok").unwrap();
        }
        assert_eq!(requests(&mut session), [""; 0]);
    }
}

#[test]
fn max_queue() {
    let first = 1 + rtwire_engineio::Limits::PACKET_OVERHEAD;
    for (limit, fits) in [(first - 1, false), (first, false), (first + 1, true)] {
        let mut session = polling_with(Limits::default().max_queue(limit), "", 1000);
        session.send("").unwrap();
        assert_eq!(session.queued(), first);
        assert_eq!(session.send(""), if fits { Ok(()) } else { Err(SendError::Full) }, "{limit}");
        requests(&mut session);
        assert_eq!(session.queued(), 0);
        session.send("again").unwrap();
    }
}

#[test]
fn max_payload() {
    for (len, fits) in [(199, true), (200, true), (201, false)] {
        let limits = Limits::default().max_payload(200);
        let body = format!("4{}", "a".repeat(len - 1));
        let mut over_polling = polling_with(limits, "", 1000);
        let mut over_websocket = websocket_with(limits, 1000);
        for outcome in
            [over_polling.finish_get(200, body.clone()), over_websocket.receive(text(&body))]
        {
            let rule = outcome.map_err(|error| error.rule());
            assert_eq!(rule, if fits { Ok(()) } else { Err(Rule::PayloadTooBig { limit: 200 }) });
        }
        if !fits {
            assert_ended(&mut over_polling, CloseReason::TransportError);
            assert_eq!(frames(&mut over_websocket), [Frame::Close]);
            assert_ended(&mut over_websocket, CloseReason::TransportError);
        }
    }
}

#[test]
fn max_packets() {
    for (count, fits) in [(2, true), (3, true), (4, false)] {
        let mut session = polling_with(Limits::default().max_packets(3), "", 1000);
        let outcome = session.finish_get(200, vec!["4"; count].join("\x1e"));
        assert_eq!(outcome.is_ok(), fits, "{count}");
        let messages = events(&mut session).iter().filter(|event| **event == message("")).count();
        assert_eq!((messages, session.is_closed()), (count.min(3), !fits));
    }
}

#[test]
fn max_unread() {
    let cost = 1 + rtwire_engineio::Limits::PACKET_OVERHEAD;
    for (limit, fits) in [(cost - 1, false), (cost, false), (cost + 1, true)] {
        let mut session = polling_with(Limits::default().max_unread(limit), "", 1000);
        session.finish_get(200, "4x").unwrap();
        assert_eq!(session.can_receive(), fits, "{limit}");
        assert_eq!(requests(&mut session).len(), usize::from(fits), "no GET without room");
        assert_eq!(events(&mut session), [message("x")]);
        assert!(session.can_receive());
        assert_eq!(requests(&mut session).len(), usize::from(!fits));
    }
}

#[test]
fn a_ping_is_answered_before_what_is_queued_and_once() {
    let mut session = polling();
    session.send("a").unwrap();
    session.finish_get(200, "2\x1e2").unwrap();
    assert_eq!(requests(&mut session), ["3\x1e4a", "GET"]);
    session.finish_get(200, "2").unwrap();
    session.finish_post(200, "ok").unwrap();
    assert_eq!(requests(&mut session), ["3", "GET"]);

    let mut session = websocket();
    session.send("a").unwrap();
    session.receive(text("2")).unwrap();
    assert_eq!(frames(&mut session), [text("3"), text("4a")]);
}

#[test]
fn a_server_that_does_not_ping_is_gone() {
    let mut session = websocket();
    at(&mut session, 44_999);
    session.receive(text("2")).unwrap();
    at(&mut session, 50_000);
    assert_eq!(frames(&mut session), [text("3")]);
    session.send("dropped").unwrap();
    at(&mut session, 94_999);
    assert!(session.is_open());
    at(&mut session, 95_000);
    assert_eq!(frames(&mut session), [Frame::Close]);
    assert_ended(&mut session, CloseReason::PingTimeout);
}

#[test]
fn a_server_that_does_not_ping_over_polling_is_told_the_end() {
    let mut session = polling();
    session.send("a").unwrap();
    assert_eq!(requests(&mut session), ["4a"]);
    session.send("dropped").unwrap();
    at(&mut session, 45_000);
    assert_eq!(events(&mut session), [Event::Close(CloseReason::PingTimeout)]);
    assert_eq!(requests(&mut session), [""; 0], "a POST is on its way");
    session.finish_post(200, "ok").unwrap();
    assert_eq!(requests(&mut session), ["1"]);
    at(&mut session, 65_000);
    assert!(session.is_finished(), "nor is that waited for without end");
    assert_eq!(session.next_timeout(), None);
}

#[test]
fn messages_are_no_heartbeat() {
    let mut session = websocket();
    at(&mut session, 44_000);
    session.receive(text("4a")).unwrap();
    session.receive(text("6")).unwrap();
    events(&mut session);
    at(&mut session, 45_000);
    assert_eq!(events(&mut session), [Event::Close(CloseReason::PingTimeout)]);
}

#[test]
fn a_server_that_is_not_read_is_excused() {
    let mut session = websocket_with(Limits::default().max_unread(1), 1000);
    session.receive(text("4a")).unwrap();
    assert!(!session.can_receive());
    at(&mut session, 45_000);
    assert_eq!(session.next_timeout(), None);
    at(&mut session, 500_000);
    assert_eq!(events(&mut session), [message("a")]);
    at(&mut session, 500_001);
    assert_eq!(session.next_timeout(), Some(Duration::from_millis(545_001)), "all of its time");
    at(&mut session, 545_001);
    assert_eq!(events(&mut session), [Event::Close(CloseReason::PingTimeout)]);
}

#[test]
fn a_clock_and_an_interval_at_their_end_do_not_overflow() {
    let mut session = ClientSession::new(Transport::WebSocket, Limits::default());
    session.next_request();
    let max = u64::MAX;
    session
        .receive(text(&format!(
            r#"0{{"sid":"s","upgrades":[],"pingInterval":{max},"pingTimeout":{max},"maxPayload":{max}}}"#
        )))
        .unwrap();
    session.handle_timeout(Duration::MAX - Duration::from_nanos(1));
    session.handle_timeout(Duration::MAX - Duration::from_nanos(1));
    assert!(session.is_open());
    session.send("a").unwrap();
}

#[test]
fn the_upgrade_waits_for_what_is_on_its_way() {
    let mut session = probing();
    session.send("a").unwrap();
    assert_eq!(requests(&mut session), ["4a"], "polling goes on while the WebSocket is asked");
    session.receive(text("3probe")).unwrap();
    session.send("b").unwrap();
    session.send(vec![7]).unwrap();
    session.finish_get(200, "4x").unwrap();
    assert_eq!(requests(&mut session), [""; 0], "no further GET");
    assert_eq!((frames(&mut session), session.transport()), (vec![], Transport::Polling));
    session.finish_post(200, "ok").unwrap();
    assert_eq!(events(&mut session), [message("x"), Event::Upgraded]);
    let expected = [text("5"), text("4b"), Frame::Binary(vec![7].into())];
    assert_eq!(frames(&mut session), expected);
    assert_eq!(session.transport(), Transport::WebSocket);
    session.receive(text("4y")).unwrap();
    assert_eq!(events(&mut session), [message("y")]);
    at(&mut session, 10_000);
    assert!(!session.is_closed(), "the upgrade's deadline is over");
}

#[test]
fn a_ping_during_the_upgrade_is_answered_after_it() {
    let mut session = paused();
    session.finish_get(200, "2").unwrap();
    assert_eq!(frames(&mut session), [text("5"), text("3")]);
}

#[test]
fn a_failed_upgrade_leaves_the_session_on_polling() {
    type Failure = fn(&mut ClientSession);
    let failures: [Failure; 9] = [
        |session| assert!(session.receive(text("3")).is_err()),
        |session| assert!(session.receive(text("2probe")).is_err()),
        |session| assert!(session.receive(text("4a")).is_err()),
        |session| assert!(session.receive(text("1")).is_err()),
        |session| assert!(session.receive(text("oops")).is_err()),
        |session| assert!(session.receive(Frame::Binary(vec![3].into())).is_err()),
        |session| session.receive(Frame::Close).unwrap(),
        ClientSession::websocket_failed,
        |session| at(session, 10_000),
    ];
    for (index, fail) in failures.into_iter().enumerate() {
        for mut session in [probing(), paused()] {
            session.send("a").unwrap();
            fail(&mut session);
            assert_eq!(events(&mut session), [], "{index}");
            // Who has closed by itself is not to be closed.
            let ended = matches!(index, 6 | 7);
            let close = if ended { vec![] } else { vec![Frame::Close] };
            assert_eq!(frames(&mut session), close, "{index}");
            assert_eq!(requests(&mut session), ["4a"], "no second attempt");
            session.finish_get(200, "4x").unwrap();
            assert_eq!(requests(&mut session), ["GET"]);
            assert_eq!(events(&mut session), [message("x")]);
            session.websocket_opened();
            session.receive(text("3probe")).unwrap();
            session.finish_get(200, "6").unwrap();
            session.finish_post(200, "ok").unwrap();
            assert_eq!(session.transport(), Transport::Polling);
        }
    }
}

#[test]
fn an_answer_before_the_probe_has_left_is_none() {
    let mut session = polling_with(Limits::default(), r#""websocket""#, 1000);
    session.websocket_opened();
    let error = session.receive(text("3probe")).unwrap_err();
    assert_eq!(error.rule(), Rule::UnexpectedPacket);
    assert_eq!(frames(&mut session), [Frame::Close]);
    session.finish_get(200, "6").unwrap();
    assert_eq!((session.transport(), events(&mut session)), (Transport::Polling, vec![]));
}

#[test]
fn upgrade_timeout() {
    let limits = Limits::default().upgrade_timeout(Duration::from_millis(100));
    for (now, over) in [(99, false), (100, true), (101, true)] {
        let mut session = polling_with(limits, r#""websocket""#, 1000);
        at(&mut session, 0);
        at(&mut session, now);
        assert_eq!(frames(&mut session) == [Frame::Close], over, "{now}");
        session.websocket_opened();
        assert_eq!(frames(&mut session) == [text("2probe")], !over);
    }
}

#[test]
fn who_does_not_want_an_upgrade_stays() {
    let mut session = ClientSession::new(Transport::Polling, Limits::default());
    session.set_upgrade(false);
    session.next_request();
    session.finish_get(200, open(r#""websocket""#, 100)).unwrap();
    assert_eq!(requests(&mut session), ["GET"]);
}

#[test]
fn a_record_separator_is_refused_until_the_session_has_moved() {
    let mut session = paused();
    let both = [PreparedMessage::new("a"), PreparedMessage::new("\x1e")];
    assert_eq!(session.send_all_prepared(&both), Err(SendError::RecordSeparator));
    assert_eq!(session.queued(), 0, "all or none");
    session.finish_get(200, "6").unwrap();
    session.send_all_prepared(&both).unwrap();
    assert_eq!(frames(&mut session), [text("5"), text("4a"), text("4\x1e")]);
}

#[test]
fn a_close_packet_ends_the_session_after_what_is_before_it() {
    let mut session = polling();
    session.send("a").unwrap();
    session.finish_get(200, "4x\x1e1\x1e4y").unwrap();
    assert_eq!(session.next_event(), Some(message("x")));
    assert_ended(&mut session, CloseReason::TransportClose);

    let mut session = websocket();
    session.receive(text("1")).unwrap();
    assert_eq!(frames(&mut session), [Frame::Close]);
    assert_ended(&mut session, CloseReason::TransportClose);

    let mut session = websocket();
    session.receive(Frame::Close).unwrap();
    assert_ended(&mut session, CloseReason::TransportClose);

    let mut session = websocket();
    session.websocket_failed();
    assert_ended(&mut session, CloseReason::TransportError);
}

#[test]
fn a_packet_out_of_place_ends_the_session() {
    for packet in ["2probe", "3", "3probe", "5", &open("", 1)] {
        let mut session = polling();
        let error = session.finish_get(200, format!("4a\x1e{packet}\x1e4b")).unwrap_err();
        assert_eq!((error.rule(), error.offset()), (Rule::UnexpectedPacket, 3), "{packet}");
        assert_eq!(session.next_event(), Some(message("a")));
        assert_ended(&mut session, CloseReason::TransportError);
    }
}

#[test]
fn after_a_malformed_packet_the_server_is_told_the_end() {
    let mut session = polling();
    session.send("dropped").unwrap();
    let error = session.finish_get(200, "4a\x1e7").unwrap_err();
    assert_eq!((error.rule(), error.offset()), (Rule::UnknownType { byte: b'7' }, 3));
    assert_eq!(events(&mut session), [message("a"), Event::Close(CloseReason::ParseError)]);
    assert_eq!(requests(&mut session), ["1"]);
    assert!(!session.is_finished());
    session.finish_post(200, "ok").unwrap();
    assert!(session.is_finished());
}

#[test]
fn closing_over_polling_posts_what_is_queued_and_a_close_packet() {
    let mut session = polling_with(Limits::default().max_packets_sent(2), "", 1000);
    session.send("a").unwrap();
    assert_eq!(requests(&mut session), ["4a"]);
    session.send("b").unwrap();
    session.send("c").unwrap();
    session.close();
    assert_eq!(session.send("d"), Err(SendError::Closed));
    assert_eq!(events(&mut session), [Event::Close(CloseReason::ForcedClose)]);
    assert_eq!(requests(&mut session), [""; 0]);
    session.finish_post(200, "ok").unwrap();
    assert_eq!(requests(&mut session), ["4b\x1e4c"]);
    session.finish_get(200, "4x\x1e2").unwrap();
    assert_eq!((events(&mut session), requests(&mut session)), (vec![], vec![]));
    session.finish_post(200, "ok").unwrap();
    assert_eq!(requests(&mut session), ["1"]);
    assert!(!session.is_finished());
    session.finish_post(200, "ok").unwrap();
    assert!(session.is_finished());
    assert_eq!(session.next_timeout(), None);
}

#[test]
fn closing_on_a_websocket_sends_what_is_queued_and_closes_it() {
    let mut session = websocket();
    session.send("a").unwrap();
    session.close();
    assert_eq!(frames(&mut session), [text("4a"), Frame::Close]);
    assert_ended(&mut session, CloseReason::ForcedClose);

    let mut session = websocket();
    session.send("a").unwrap();
    session.close();
    session.websocket_failed();
    assert_ended(&mut session, CloseReason::ForcedClose);
}

#[test]
fn closing_during_an_upgrade_gives_that_up() {
    for mut session in [probing(), paused()] {
        session.send("a").unwrap();
        session.close();
        assert_eq!(frames(&mut session), [Frame::Close]);
        assert_eq!(requests(&mut session), ["4a\x1e1"]);
        session.finish_get(200, "6").unwrap();
        session.finish_post(200, "ok").unwrap();
        assert_ended(&mut session, CloseReason::ForcedClose);
    }
    // Until the switch: then all of it goes there.
    let mut session = paused();
    session.send("a").unwrap();
    session.finish_get(200, "6").unwrap();
    session.close();
    assert_eq!(frames(&mut session), [text("5"), text("4a"), Frame::Close]);
    assert_eq!(requests(&mut session), [""; 0]);
    let closed = [Event::Upgraded, Event::Close(CloseReason::ForcedClose)];
    assert_eq!(events(&mut session), closed);
    assert!(session.is_finished());
}

#[test]
fn closing_before_it_is_open() {
    // Nothing was asked for.
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut session = ClientSession::new(transport, Limits::default());
        session.close();
        assert_ended(&mut session, CloseReason::ForcedClose);
    }
    // The server may have opened a session.
    let mut session = ClientSession::new(Transport::Polling, Limits::default());
    session.next_request();
    session.close();
    assert_eq!(requests(&mut session), [""; 0]);
    session.finish_get(200, open(r#""websocket""#, 100)).unwrap();
    let Some(Request::Post { query, body }) = session.next_request() else { panic!() };
    assert_eq!((&*query, &*body), ("EIO=4&transport=polling&sid=s%2F1", "1"));
    session.post_failed();
    assert_ended(&mut session, CloseReason::ForcedClose);
    // Or not.
    type Answer = fn(&mut ClientSession);
    let answers: [Answer; 3] = [
        |session| session.finish_get(400, "").unwrap(),
        |session| session.finish_get(200, "4a").unwrap(),
        ClientSession::get_failed,
    ];
    for answer in answers {
        let mut session = ClientSession::new(Transport::Polling, Limits::default());
        session.next_request();
        session.close();
        answer(&mut session);
        assert_ended(&mut session, CloseReason::ForcedClose);
    }
    let mut session = ClientSession::new(Transport::WebSocket, Limits::default());
    session.next_request();
    session.close();
    assert_eq!(frames(&mut session), [Frame::Close]);
    assert_ended(&mut session, CloseReason::ForcedClose);
}

#[test]
fn close_timeout() {
    let limits = Limits::default().close_timeout(Duration::from_millis(100));
    for (now, over) in [(1099, false), (1100, true), (1101, true)] {
        let mut session = polling_with(limits, "", 1000);
        session.send("a").unwrap();
        session.close();
        at(&mut session, 1000);
        at(&mut session, now);
        assert_eq!(session.is_finished(), over, "{now}");
        assert_eq!(session.queued() == 0, over);

        let mut session = websocket_with(limits, 1000);
        session.send("a").unwrap();
        session.close();
        at(&mut session, 1000);
        at(&mut session, now);
        let expected = if over { vec![Frame::Close] } else { vec![text("4a"), Frame::Close] };
        assert_eq!(frames(&mut session), expected, "{now}");
    }
}

#[test]
fn the_sid_is_a_secret_and_not_in_debug_output() {
    let mut session = polling();
    session.send("hunter2").unwrap();
    let request = session.next_request().unwrap();
    assert!(request.query().contains("s%2F1"));
    for output in [format!("{session:?}"), format!("{request:?}")] {
        assert!(!output.contains("s%2F1") && !output.contains("s/1"), "{output}");
        assert!(!output.contains("hunter2"), "{output}");
    }
}
