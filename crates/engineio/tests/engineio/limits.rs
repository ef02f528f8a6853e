//! Each limit one below, at, and one over.

use std::time::Duration;

use rtwire_engineio::{
    CloseReason, Frame, Limits, OpenPacket, PreparedMessage, Rule, SendError, Session, Transport,
};

use crate::{assert_ended, events, frames, message, polling, polling_with, post, text, websocket};

#[test]
fn max_payload_of_a_post() {
    for (len, fits) in [(99, true), (100, true), (101, false)] {
        let mut session = polling_with(Limits::default().max_payload(100));
        let body = format!("4{}", "a".repeat(len - 1));
        let outcome = post(&mut session, &body);
        assert_eq!(outcome.is_ok(), fits, "{len}");
        if let Err(error) = outcome {
            assert_eq!(error.rule(), Rule::PayloadTooBig { limit: 100 });
            assert_eq!(error.rule().http_status(), 413);
            assert_eq!(events(&mut session), []);
            post(&mut session, "4alive").unwrap();
            assert_eq!(events(&mut session), [message("alive")]);
        }
    }
    let mut session = polling();
    session.start_post().unwrap();
    assert_eq!(session.refuse_post().rule(), Rule::PayloadTooBig { limit: 1_000_000 });
    post(&mut session, "4alive").unwrap();
}

#[test]
fn max_payload_of_a_websocket_message() {
    for (len, fits) in [(999_999, true), (1_000_000, true), (1_000_001, false)] {
        let mut session = websocket();
        let outcome = session.receive(Frame::Binary(vec![0; len].into()));
        assert_eq!(outcome.is_ok(), fits, "{len}");
        if let Err(error) = outcome {
            assert_eq!(error.rule(), Rule::PayloadTooBig { limit: 1_000_000 });
            assert_eq!(frames(&mut session), [Frame::Close]);
            assert_ended(&mut session, CloseReason::TransportError);
        }
    }
}

#[test]
fn max_packets() {
    for (count, fits) in [(16_383, true), (16_384, true), (16_385, false)] {
        let mut session = polling();
        let outcome = post(&mut session, &vec!["4"; count].join("\x1e"));
        assert_eq!(outcome.is_ok(), fits, "{count}");
        for _ in 0..count.min(16_384) {
            assert_eq!(session.next_event(), Some(message("")));
        }
        if let Err(error) = outcome {
            assert_eq!(error.rule(), Rule::TooManyPackets { limit: 16_384 });
            assert_ended(&mut session, CloseReason::ParseError);
        }
    }
}

#[test]
fn max_packets_sent() {
    for (count, rest) in [(2, None), (3, None), (4, Some("43"))] {
        let mut session = polling_with(Limits::default().max_packets_sent(3));
        for i in 0..count {
            session.send(format!("{i}")).unwrap();
        }
        session.poll().unwrap();
        assert_eq!(
            session.payload().unwrap().as_text().unwrap().split('\x1e').count(),
            count.min(3)
        );
        session.poll().unwrap();
        assert_eq!(session.payload().as_ref().and_then(Frame::as_text), rest);
    }
    let mut session = Session::new("s", Transport::Polling, Limits::default().max_packets_sent(0));
    session.poll().unwrap();
    assert!(session.payload().is_some(), "none at all would be no progress");
}

#[test]
fn max_queue() {
    let first = 1 + Limits::PACKET_OVERHEAD;
    for (limit, fits) in [(first - 1, false), (first, false), (first + 1, true)] {
        let mut session = polling_with(Limits::default().max_queue(limit));
        session.send("").unwrap();
        assert_eq!(session.queued(), first);
        let outcome = session.send("");
        assert_eq!(outcome, if fits { Ok(()) } else { Err(SendError::Full) }, "{limit}");
        session.poll().unwrap();
        session.payload().unwrap();
        assert_eq!(session.queued(), 0);
        session.send("again").unwrap();
    }
}

#[test]
fn max_unread() {
    let cost = 1 + Limits::PACKET_OVERHEAD;
    for (limit, fits) in [(cost - 1, false), (cost, false), (cost + 1, true)] {
        let mut session = polling_with(Limits::default().max_unread(limit));
        assert!(session.can_receive());
        session.start_post().unwrap();
        session.finish_post("4x").unwrap();
        assert_eq!(session.can_receive(), fits, "{limit}");
        while session.next_event().is_some() {}
        assert!(session.can_receive());
    }
}

#[test]
fn empty_messages_are_bounded_too() {
    let mut session = websocket();
    let sent = (0..100_000).take_while(|_| session.send(Vec::new()).is_ok()).count();
    assert_eq!(sent, (1 << 20) / Limits::PACKET_OVERHEAD);
}

#[test]
fn messages_that_belong_together_are_queued_all_or_none() {
    let packet = [PreparedMessage::new("a"), PreparedMessage::new(vec![1, 2])];
    let queued = 2 + 2 + 2 * Limits::PACKET_OVERHEAD;
    for (limit, packets) in [(0, 0), (1, 1), (queued, 1), (queued + 1, 2)] {
        let mut session = polling_with(Limits::default().max_queue(limit));
        for _ in 0..packets {
            session.send_all_prepared(&packet).unwrap();
        }
        assert_eq!(session.send_all_prepared(&packet), Err(SendError::Full), "{limit}");
        assert_eq!(session.queued(), packets * queued, "{limit}");
    }

    let mut session = polling();
    let late = [PreparedMessage::new("a"), PreparedMessage::new("\x1e")];
    assert_eq!(session.send_all_prepared(&late), Err(SendError::RecordSeparator));
    assert_eq!(session.queued(), 0);
    session.send_all_prepared(&packet).unwrap();
    session.send_all_prepared(&[]).unwrap();
    session.poll().unwrap();
    assert_eq!(session.payload().unwrap().as_text(), Some("4a\x1ebAQI="));
    session.close();
    assert_eq!(session.send_all_prepared(&packet), Err(SendError::Closed));

    let mut session = websocket();
    session.send_all_prepared(&late).unwrap();
    assert_eq!(frames(&mut session), [text("4a"), text("4\x1e")]);
}

#[test]
fn an_open_packet_is_short() {
    const LIMIT: usize = 16 << 10;
    for (len, fits) in [(LIMIT - 1, true), (LIMIT, true), (LIMIT + 1, false)] {
        let mut open = OpenPacket {
            sid: "s".into(),
            upgrades: vec![],
            ping_interval: Duration::from_millis(1),
            ping_timeout: Duration::from_millis(1),
            max_payload: 1,
        };
        open.sid = "s".repeat(len + 1 - open.encode().len()).into();
        let json = open.encode();
        assert_eq!(json.len(), len);
        assert_eq!(OpenPacket::decode(&json), if fits { Ok(open) } else { Err(Rule::InvalidOpen) });
    }
}
