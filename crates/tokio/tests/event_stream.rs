//! An event stream (HTML #server-sent-events) over a transport.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod scripted;

use std::time::Duration;

use futures_util::StreamExt;
use rtwire_sse::{Decoder, Event, Limits, Oversize, Rule};
use rtwire_tokio::{EventStream, EventStreamError};
use scripted::{Read, Scripted, poll_times, soon};

const STREAM: &str = "\u{FEFF}: hello\r\nretry: 2500\r\n\r\nevent: tick\r\nid: 1\r\ndata: one\r\n\
                      data: two\r\n\r\ndata: €uro\n\nid: 2\ndata\n\nid: 3\n\ndata:last\r\r\
                      id: never\ndata: unfinished\n";

fn assert_stream(events: &[Event<'_>], name: &str) {
    let parts = |event: &Event<'_>| {
        format!("{} {} {:?}", &*event.event_type, &*event.last_event_id, &*event.data)
    };
    let expected =
        ["tick 1 \"one\\ntwo\"", "message 1 \"€uro\"", "message 2 \"\"", "message 3 \"last\""];
    assert_eq!(events.iter().map(parts).collect::<Vec<_>>(), expected, "{name}");
}

fn to_end(stream: &mut EventStream<Scripted>) -> (Vec<Event<'static>>, Option<EventStreamError>) {
    let mut events = Vec::new();
    while let Some(event) = soon(stream.next()) {
        match event {
            Ok(event) => events.push(event),
            Err(error) => {
                assert!(soon(stream.next()).is_none(), "an error is the last");
                return (events, Some(error));
            }
        }
    }
    assert!(soon(stream.next()).is_none(), "the end is the end");
    (events, None)
}

fn all_pieces() -> impl Iterator<Item = Vec<usize>> {
    let cuts = (1..STREAM.len()).map(|cut| vec![cut, STREAM.len() - cut]);
    [vec![STREAM.len()], vec![1], vec![3, 1, 50]].into_iter().chain(cuts)
}

#[test]
fn parsing_an_event_stream_however_it_is_cut() {
    for pieces in all_pieces() {
        let io = Scripted::in_pieces(STREAM.as_bytes(), &pieces).then(Read::Eof);
        let mut stream = EventStream::new(io);
        let (events, error) = to_end(&mut stream);
        assert!(error.is_none(), "{error:?}");
        assert_stream(&events, &format!("{pieces:?}"));
        assert_eq!(
            (stream.last_event_id(), stream.retry()),
            ("3", Some(Duration::from_millis(2500)))
        );
    }
}

#[test]
fn next_dropped_after_any_number_of_polls_loses_nothing_and_doubles_nothing() {
    for pieces in all_pieces() {
        for polls in 1..=4 {
            let io = Scripted::in_pieces(STREAM.as_bytes(), &pieces).then(Read::Eof);
            let (mut stream, mut events) = (EventStream::new(io), Vec::new());
            for attempt in 0.. {
                assert!(attempt < 1_000_000, "no end");
                match poll_times(stream.next(), polls) {
                    Some(Some(event)) => events.push(event.unwrap()),
                    Some(None) => break,
                    None => {}
                }
            }
            assert_stream(&events, &format!("{polls} polls, {pieces:?}"));
        }
    }
}

#[test]
fn it_is_a_stream_and_an_event_is_delivered_before_more_is_read() {
    let io = Scripted::new([Read::Bytes(b"data: a\n\ndata: b\n\nda".to_vec())]);
    let mut stream = EventStream::new(io.clone());
    for data in ["a", "b"] {
        let event = soon(StreamExt::next(&mut stream)).unwrap().unwrap();
        assert_eq!(&*event.data, data);
        assert_eq!(io.state().offered.len(), 1);
    }
    assert!(poll_times(stream.next(), 2).is_none(), "the body goes on");
}

#[test]
fn what_was_read_with_the_head_and_the_last_event_id_are_kept() {
    let (ahead, rest) = STREAM.as_bytes().split_at(40);
    let decoder = Decoder::new().with_last_event_id("before");
    let io = Scripted::in_pieces(rest, &[9]).then(Read::Eof);
    let mut stream = EventStream::from_decoder(io, decoder, ahead);
    assert_eq!(stream.last_event_id(), "before");
    assert_stream(&to_end(&mut stream).0, "read ahead");
}

#[test]
fn a_stream_over_a_limit_ends_with_an_error_or_skips() {
    // The longest line has 8 bytes: "data: 12".
    let body = b"data: 12\n\ndata: 34\ndata: 5\n\ndata: 67\n\n";
    for (max_line, max_event, rule) in [
        (7, 100, Some(Rule::LineTooLong { limit: 7 })),
        (8, 100, None),
        (9, 100, None),
        (100, 3, Some(Rule::EventTooLong { limit: 3 })),
        (100, 4, None),
        (100, 5, None),
    ] {
        let limits = Limits::default().max_line(max_line).max_event(max_event);
        for piece in [1, 5, 100] {
            let stream = |limits| {
                let io = Scripted::in_pieces(body, &[piece]).then(Read::Eof);
                EventStream::from_decoder(io, Decoder::with_limits(limits), &[])
            };
            let (events, error) = to_end(&mut stream(limits));
            match (rule, error) {
                (None, None) => assert_eq!(events.len(), 3),
                (Some(rule), Some(EventStreamError::Stream(error))) => {
                    assert_eq!(error.rule(), rule);
                }
                (rule, error) => panic!("{rule:?} is told as {error:?}"),
            }
            let (_, error) = to_end(&mut stream(limits.oversize(Oversize::Skip)));
            assert!(error.is_none(), "{error:?}");
        }
    }
}

#[test]
fn a_failing_transport_is_reported_once() {
    let kind = std::io::ErrorKind::ConnectionReset;
    let io = Scripted::in_pieces(b"data: a\n\ndata: b\n", &[4]).then(Read::Error(kind));
    let mut stream = EventStream::new(io);
    let (events, error) = to_end(&mut stream);
    assert_eq!(events.len(), 1);
    assert!(matches!(error, Some(EventStreamError::Io(error)) if error.kind() == kind));
}

#[tokio::test]
async fn a_body_of_chunks_is_read_through_tokio_util() {
    let chunks = STREAM.as_bytes().chunks(7).map(Ok::<_, std::io::Error>);
    let body = tokio_util::io::StreamReader::new(futures_util::stream::iter(chunks));
    let events: Vec<_> = EventStream::new(body).map(Result::unwrap).collect().await;
    assert_stream(&events, "chunks");
}

#[test]
fn idle_streams_share_one_read_buffer_with_all_others() {
    let [first, second] = [(); 2].map(|()| Scripted::new([Read::Bytes(b"data: a\n\n".to_vec())]));
    let (mut one, mut other) = (EventStream::new(first.clone()), EventStream::new(second.clone()));
    assert!(soon(one.next()).unwrap().is_ok());
    assert!(soon(other.next()).unwrap().is_ok());
    assert_eq!(first.state().offered, second.state().offered);
}
