//! A future that is dropped half-way loses nothing and does nothing twice, whichever poll was its
//! last and however the bytes come.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod scripted;

use rtwire_tokio::{Error, WebSocket};
use rtwire_websocket::permessage_deflate::{Config, negotiation::Offer};
use rtwire_websocket::{CloseCode, CloseReason, Connection, Deflate, Message, Role};
use scripted::{CLIENT, Read, Scripted, bounded, drain, events, poll_times, quiet, soon, wire};

/// Some of each kind: empty, small, cut by any read, large enough to be read directly.
fn messages() -> Vec<Message> {
    vec![
        "Hello".into(),
        "".into(),
        vec![0xFF; 300].into(),
        "€uro".repeat(50).as_str().into(),
        vec![7; 20_000].into(),
        "last".into(),
    ]
}

const PIECES: [&[usize]; 6] = [&[1], &[2], &[7, 1, 300], &[64 << 10, 5], &[4096], &[usize::MAX]];

#[test]
fn next_dropped_after_any_number_of_polls_loses_nothing_and_doubles_nothing() {
    for pieces in PIECES {
        for polls in 1..=5 {
            let io = Scripted::in_pieces(&wire(CLIENT, &messages()), pieces).then(Read::Eof);
            let mut server = WebSocket::server(io, quiet());
            let mut received = Vec::new();
            for attempt in 0.. {
                assert!(attempt < 1_000_000, "no end");
                match poll_times(server.next(), polls) {
                    Some(Some(message)) => received.push(message.unwrap()),
                    Some(None) => break,
                    None => {}
                }
            }
            assert_eq!(received, messages(), "{polls} polls, pieces of {pieces:?}");
        }
    }
}

#[test]
fn replies_survive_a_dropped_next() {
    for polls in 1..=4 {
        let mut peer = Connection::new(CLIENT, quiet());
        peer.send_ping(b"1").unwrap();
        peer.send_ping(b"2").unwrap();
        let io = Scripted::in_pieces(&drain(&mut peer), &[3]);
        io.state().max_write = 1;
        io.state().hesitate = true;
        let mut server = WebSocket::server(io.clone(), quiet());
        for _ in 0..50 {
            assert!(poll_times(server.next(), polls).is_none());
        }
        assert_eq!(events(CLIENT, io.state().written.clone()), ["pong 1", "pong 2"]);
    }
}

#[test]
fn for_each_dropped_after_any_number_of_polls_echoes_everything_once() {
    for pieces in PIECES {
        for (polls, max_output) in [(1, 1), (2, 300), (3, 1 << 20)] {
            let io = Scripted::in_pieces(&wire(CLIENT, &messages()), pieces);
            io.state().max_write = 700;
            io.state().hesitate = true;
            let mut server = WebSocket::server(io.clone(), quiet().max_output(max_output));
            let expected = wire(Role::Server, &messages());
            for attempt in 0.. {
                if io.state().written.len() >= expected.len() {
                    break;
                }
                assert!(attempt < 1_000_000, "no end");
                let echoed =
                    server.for_each(|event, connection| Ok::<_, Error>(connection.forward(event)?));
                assert!(poll_times(echoed, polls).is_none());
            }
            assert!(io.state().written == expected, "{polls} polls, pieces of {pieces:?}");
        }
    }
}

#[test]
fn rfc_7692_compressed_messages_are_echoed_once_however_often_next_and_send_are_dropped() {
    for takeover in [true, false] {
        let config = Config::default()
            .server_no_context_takeover(!takeover)
            .client_no_context_takeover(!takeover)
            .threshold(0);
        let params = Offer::from(&config).accept(&config).unwrap();
        let deflate = Deflate { params, config };
        let mut peer = Connection::new(CLIENT, quiet()).with_deflate(deflate);
        for message in messages() {
            peer.send(message).unwrap();
        }
        let sent = drain(&mut peer);
        for pieces in PIECES {
            for polls in 1..=3 {
                let io = Scripted::in_pieces(&sent, pieces);
                io.state().max_write = 50;
                io.state().hesitate = true;
                let connection = Connection::new(Role::Server, quiet()).with_deflate(deflate);
                let mut server = WebSocket::from_connection(io.clone(), connection, &[]);
                let mut received = Vec::new();
                for attempt in 0.. {
                    assert!(attempt < 1_000_000, "no end");
                    if received.len() == messages().len() {
                        break;
                    }
                    if let Some(message) = poll_times(server.next(), polls) {
                        let message = message.unwrap().unwrap();
                        received.push(message.clone());
                        // There is room: it is queued by the first poll, and written by others.
                        let _ = poll_times(server.send(message), polls);
                    }
                }
                soon(server.flush()).unwrap();
                assert_eq!(received, messages());
                let mut echoes = io.state().written.clone();
                let mut peer = Connection::new(CLIENT, quiet()).with_deflate(deflate);
                let (mut input, mut echoed) = (&mut echoes[..], Vec::new());
                while let Some(event) = peer.next_event(&mut input).unwrap() {
                    echoed.extend(event.into_message());
                }
                assert_eq!(echoed, messages(), "{polls} polls, pieces of {pieces:?}");
            }
        }
    }
}

#[test]
fn send_dropped_after_any_number_of_polls_has_queued_its_message_whole_or_not_at_all() {
    for max_output in [1, 12, 4000] {
        for polls in 1..=40 {
            let io = Scripted::new([]);
            io.state().max_write = 3;
            io.state().hesitate = true;
            let mut server = WebSocket::server(io.clone(), quiet().max_output(max_output));
            let mut expected = Vec::new();
            for number in 0..20 {
                let text = format!("message {number}");
                let sent = poll_times(server.send(&*text), polls);
                expected.push((format!("text {text}"), sent.is_some()));
                sent.transpose().unwrap();
            }
            soon(server.flush()).unwrap();

            let mut received = events(CLIENT, io.state().written.clone()).into_iter().peekable();
            for (text, sent) in expected {
                let arrived = received.next_if_eq(&text).is_some();
                assert!(arrived || !sent, "{text:?} after {polls} polls");
            }
            assert_eq!(received.next(), None, "nothing twice, nothing else");
        }
    }
}

#[test]
fn close_may_be_dropped_and_asked_for_again() {
    for polls in 1..=6 {
        let mut peer = Connection::new(CLIENT, quiet());
        peer.send("still on its way").unwrap();
        peer.close(&CloseReason::new(CloseCode::new(4000))).unwrap();
        let io = Scripted::in_pieces(&drain(&mut peer), &[2]).then(Read::Eof);
        io.state().max_write = 1;
        io.state().hesitate = true;
        let mut server = WebSocket::server(io.clone(), quiet());
        let bye = || CloseReason::new(CloseCode::NORMAL);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _clock = runtime.enter();
        let closed = (0..1000).find_map(|_| poll_times(server.close(bye()), polls)).unwrap();
        assert!(matches!(closed, Ok::<(), Error>(())));
        assert_eq!(events(CLIENT, io.state().written.clone()), ["close 1000"]);
        assert_eq!(server.close_reason().unwrap().code.get(), 4000);
    }
}

#[tokio::test]
async fn one_byte_at_a_time_in_both_directions() {
    let (ours, theirs) = tokio::io::duplex(1);
    let mut server = WebSocket::server(ours, quiet());
    let mut client = WebSocket::client(theirs, quiet());
    let echo = async {
        while let Some(message) = server.next().await {
            server.send(message.unwrap()).await.unwrap();
        }
    };
    let ask = async {
        for message in messages() {
            client.send(message.clone()).await.unwrap();
            assert_eq!(client.next().await.unwrap().unwrap(), message);
        }
        client.close(CloseReason::new(CloseCode::new(4000))).await.unwrap();
    };
    bounded(async { tokio::join!(echo, ask) }).await;
    assert_eq!(server.close_reason().unwrap().code.get(), 4000);
}

#[test]
fn one_byte_writes_keep_the_order_of_small_and_large_messages() {
    let io = Scripted::new([]);
    io.state().max_write = 1;
    let mut server = WebSocket::server(io.clone(), quiet());
    for message in messages() {
        poll_times(server.send(message), 1).unwrap().unwrap();
    }
    assert_eq!(io.state().written, wire(Role::Server, &messages()));
}
