//! An event stream (HTML #server-sent-events) from a body of chunks.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod scripted;

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_core::Stream;
use futures_util::StreamExt;
use rtwire_sse::{Decoder, Event, Limits, Oversize, Rule};
use rtwire_tokio::{EventStream, EventStreamError};
use scripted::{Read, Scripted, poll_times, soon};
use serde_json::Value;

const STREAM: &str = "\u{FEFF}: hello\r\nretry: 2500\r\n\r\nevent: tick\r\nid: 1\r\ndata: one\r\n\
                      data: two\r\n\r\ndata: €uro\n\nid: 2\ndata\n\nid: 3\n\ndata:last\r\r\
                      id: never\ndata: unfinished\n";

/// A body that waits once before each chunk, and before its end.
struct Chunks {
    script: VecDeque<Result<Vec<u8>, Broken>>,
    waited: bool,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("broken")]
struct Broken;

impl Chunks {
    fn new(script: impl IntoIterator<Item = Result<Vec<u8>, Broken>>) -> Self {
        Self { script: script.into_iter().collect(), waited: false, ended: false }
    }

    /// `input` in these pieces, the last one again and again. A piece of zero is an empty chunk.
    fn in_pieces(input: &[u8], pieces: &[usize]) -> Self {
        let (mut rest, mut pieces, mut chunks) =
            (input, pieces.iter().copied().cycle(), Vec::new());
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(pieces.next().unwrap().min(rest.len()));
            chunks.push(Ok(chunk.to_vec()));
            rest = behind;
        }
        Self::new(chunks)
    }
}

impl Stream for Chunks {
    type Item = Result<Vec<u8>, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(!self.ended, "asked again after the end, or after an error");
        self.waited = !self.waited;
        if self.waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let chunk = self.script.pop_front();
        self.ended = !matches!(chunk, Some(Ok(_)));
        Poll::Ready(chunk)
    }
}

fn assert_stream(events: &[Event<'_>], name: &str) {
    let parts = |event: &Event<'_>| {
        format!("{} {} {:?}", &*event.event_type, &*event.last_event_id, &*event.data)
    };
    let expected =
        ["tick 1 \"one\\ntwo\"", "message 1 \"€uro\"", "message 2 \"\"", "message 3 \"last\""];
    assert_eq!(events.iter().map(parts).collect::<Vec<_>>(), expected, "{name}");
}

type Ended = (Vec<Event<'static>>, Option<EventStreamError<Broken>>);

fn to_end(stream: &mut EventStream<Chunks>) -> Ended {
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

fn all_pieces(len: usize) -> impl Iterator<Item = Vec<usize>> {
    let cuts = (1..len).map(move |cut| vec![cut, len - cut]);
    [vec![len], vec![1], vec![0, 1, 0, 0], vec![3, 1, 50]].into_iter().chain(cuts)
}

#[test]
fn parsing_an_event_stream_however_it_is_cut() {
    for pieces in all_pieces(STREAM.len()) {
        let mut stream = EventStream::new(Chunks::in_pieces(STREAM.as_bytes(), &pieces));
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
fn every_vector_of_the_decoder_however_it_is_cut() {
    for file in [
        include_str!("../../sse/tests/vectors/stream_to_lines.json"),
        include_str!("../../sse/tests/vectors/lines_to_fields.json"),
        include_str!("../../sse/tests/vectors/dispatch.json"),
    ] {
        let vectors: Vec<Value> = serde_json::from_str(file).unwrap();
        assert!(!vectors.is_empty());
        for vector in vectors {
            let chunks = vector["chunks"].as_array().unwrap();
            let chunk = |chunk: &Value| STANDARD.decode(chunk.as_str().unwrap()).unwrap();
            let body: Vec<u8> = chunks.iter().flat_map(chunk).collect();
            let event = |event: &Value| {
                ["type", "data", "lastEventId"].map(|name| event[name].as_str().unwrap().to_owned())
            };
            let expected: Vec<_> = vector["events"].as_array().unwrap().iter().map(event).collect();
            // A long one is cut at a hundred places.
            let step = body.len() / 100 + 1;
            for pieces in all_pieces(body.len()).step_by(step) {
                let id = vector["initialLastEventId"].as_str().unwrap_or_default();
                let decoder = Decoder::new().with_last_event_id(id);
                let chunks = Chunks::in_pieces(&body, &pieces);
                let mut stream = EventStream::with_decoder(chunks, decoder);
                let (events, error) = to_end(&mut stream);
                assert!(error.is_none(), "{error:?}");
                let events: Vec<_> = events
                    .iter()
                    .map(|event| [&event.event_type, &event.data, &event.last_event_id])
                    .map(|event| event.map(|text| text.to_string()))
                    .collect();
                assert_eq!(events, expected, "{} in {pieces:?}", vector["name"]);
                assert_eq!(stream.last_event_id(), vector["lastEventIdAtEnd"].as_str().unwrap());
                let retry = stream.retry().map(|time| u64::try_from(time.as_millis()).unwrap());
                assert_eq!(retry, vector["retry"].as_u64());
            }
        }
    }
}

#[test]
fn next_dropped_after_any_number_of_polls_loses_nothing_and_doubles_nothing() {
    for pieces in all_pieces(STREAM.len()) {
        for polls in 1..=4 {
            let mut stream = EventStream::new(Chunks::in_pieces(STREAM.as_bytes(), &pieces));
            let mut events = Vec::new();
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
fn it_is_a_stream_and_an_event_is_delivered_before_more_is_asked_for() {
    let chunks = [b"data: a\n\ndata: b\n\nda".to_vec(), b"ta: c\n\n".to_vec()].map(Ok);
    let mut stream = EventStream::new(Chunks::new(chunks));
    for (data, left) in [("a", 1), ("b", 1), ("c", 0)] {
        let event = soon(StreamExt::next(&mut stream)).unwrap().unwrap();
        assert_eq!((&*event.data, stream.get_ref().script.len()), (data, left));
    }
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
                let chunks = Chunks::in_pieces(body, &[piece]);
                EventStream::with_decoder(chunks, Decoder::with_limits(limits))
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
fn a_failing_body_is_reported_once_after_the_events_before() {
    let body = b"data: a\n\ndata: b\n\ndata: c\n";
    for pieces in all_pieces(body.len()) {
        let mut chunks = Chunks::in_pieces(body, &pieces);
        chunks.script.extend([Err(Broken), Ok(b"\n".to_vec())]);
        let (events, error) = to_end(&mut EventStream::new(chunks));
        assert_eq!(events.iter().map(|event| &*event.data).collect::<Vec<_>>(), ["a", "b"]);
        assert!(matches!(error, Some(EventStreamError::Body(Broken))));
    }
}

#[test]
fn thousands_of_events_in_a_chunk_cost_no_more_than_each_by_itself() {
    let allocated = |events: usize| {
        let mut stream = EventStream::new(Chunks::new([Ok(b"data: 12345678\n\n".repeat(events))]));
        let measured = allocation_counter::measure(|| {
            for _ in 0..events {
                assert_eq!(soon(stream.next()).unwrap().unwrap().data, "12345678");
            }
            assert!(soon(stream.next()).is_none());
        });
        measured.bytes_total
    };
    // What is left of the chunk is not copied for each event of it.
    assert!(allocated(20_000) <= 11 * allocated(2_000), "{} bytes", allocated(20_000));
}

#[test]
fn long_data_is_shared_with_its_chunk() {
    let body = format!("data: {}\n\n", "x".repeat(1 << 19));
    let mut stream = EventStream::new(Chunks::new([Ok(body.into_bytes())]));
    let measured = allocation_counter::measure(|| {
        assert_eq!(soon(stream.next()).unwrap().unwrap().data.len(), 1 << 19);
    });
    assert!(measured.bytes_total < 1000, "{measured:?}");
}

#[test]
fn a_reader_is_a_body_too() {
    for pieces in all_pieces(STREAM.len()).filter(|pieces| !pieces.contains(&0)) {
        let io = Scripted::in_pieces(STREAM.as_bytes(), &pieces).then(Read::Eof);
        let mut stream = EventStream::from_reader(io);
        let mut events = Vec::new();
        while let Some(event) = soon(stream.next()) {
            events.push(event.unwrap());
        }
        assert_stream(&events, &format!("{pieces:?}"));
    }
    let kind = std::io::ErrorKind::ConnectionReset;
    let io = Scripted::in_pieces(b"data: a\n\ndata: b\n", &[4]).then(Read::Error(kind));
    let mut stream = EventStream::from_reader(io);
    assert_eq!(soon(stream.next()).unwrap().unwrap().data, "a");
    let error = soon(stream.next()).unwrap().unwrap_err();
    assert!(matches!(error, EventStreamError::Body(error) if error.kind() == kind));
    assert!(soon(stream.next()).is_none());
}
