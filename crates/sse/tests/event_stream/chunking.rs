//! Chunking: random streams in random chunks, borrowing, new connections.

use crate::{feed, plain};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use rtwire_sse::{Decoder, Text};

/// Pieces from which nearly every rule can be met.
fn piece() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![
        &b"data"[..],
        b"data:",
        b"data: ",
        b"event: ",
        b"id: ",
        b"retry: ",
        b":",
        b" ",
        b"\n",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r",
        b"\r\n",
        b"\r\n\r\n",
        b"a",
        b"12",
        b"\0",
        "é".as_bytes(),
        "€".as_bytes(),
        "😀".as_bytes(),
        b"\xEF\xBB\xBF",
        b"\xEF\xBB",
        b"\xE2\x82",
        b"\xF0\x9F",
        b"\x80",
        b"\xC0",
        b"\xFF",
        b"a value that is long enough for the validation of long values, which is another one",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_chunking_is_the_plain_reading(
        pieces in vec(piece(), 0..60),
        cuts in vec(1..40usize, 1..20),
    ) {
        let stream = pieces.concat();
        let expected = plain::decode(&stream);
        let (mut rest, mut parts) = (&stream[..], Vec::new());
        for cut in cuts.iter().cycle() {
            let (part, after) = rest.split_at(rest.len().min(*cut));
            parts.push(part);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        for parts in [vec![&stream[..]], stream.chunks(1).collect(), parts] {
            let mut decoder = Decoder::new();
            let (items, error) = feed::items(&mut decoder, parts.iter().copied());
            prop_assert_eq!((&items, error), (&expected.items, None));
            let mut decoder = Decoder::new();
            let (events, error) = feed::chunks(&mut decoder, parts);
            prop_assert_eq!(error, None);
            prop_assert_eq!(events.iter().collect::<Vec<_>>(), expected.events());
            prop_assert_eq!(decoder.last_event_id(), &expected.last_event_id);
            let retry = decoder.retry().map(|time| time.as_millis());
            prop_assert_eq!(retry, expected.retry.map(u128::from));
        }
    }
}

/// `text` lies within `chunk`.
fn lies_in(text: &Text<'_>, chunk: &[u8]) -> bool {
    matches!(text, Text::Borrowed(text) if chunk.as_ptr_range().contains(&text.as_ptr()))
}

#[test]
fn an_event_within_a_chunk_borrows_it() {
    let mut decoder = Decoder::new();
    let chunk =
        b"event: tick\r\nid: 7\r\n: comment\r\nretry: 5\r\nfoo\r\ndata: one\r\n\r\ndata: two\n\n";
    let mut input = &chunk[..];

    let event = decoder.next_event(&mut input).unwrap().unwrap();
    for text in [&event.event_type, &event.data, &event.last_event_id] {
        assert!(lies_in(text, chunk), "{text:?}");
    }

    let event = decoder.next_event(&mut input).unwrap().unwrap();
    assert!(lies_in(&event.data, chunk));
    assert!(matches!(event.event_type, Text::Borrowed("message")));
    assert!(matches!(event.last_event_id, Text::Owned(ref id) if id == "7"));
}

#[test]
fn long_data_within_a_chunk_is_shared_with_it_and_short_data_is_not() {
    for (length, shared) in [(4095, false), (4096, true), (4097, true)] {
        let chunk = Bytes::from(format!("id: 7\ndata: {}\n\ndata: after\n\n", "x".repeat(length)));
        let (within, mut rest) = (chunk.as_ptr_range(), chunk.clone());
        let mut decoder = Decoder::new();
        let event = decoder.next_owned(&mut rest).unwrap().unwrap();
        assert_eq!((event.data.len(), &*event.last_event_id), (length, "7"));
        assert_eq!(within.contains(&event.data.as_ptr()), shared, "{length}");
        assert_eq!(rest, "data: after\n\n");
    }
}

#[test]
fn events_that_inherit_an_id_share_it() {
    let mut decoder = Decoder::new();
    let mut input = &b"id: seven\n\ndata: one\n\ndata: two\n\n"[..];
    let mut shared = || match decoder.next_event(&mut input).unwrap().unwrap().last_event_id {
        Text::Owned(id) => id,
        Text::Borrowed(id) => panic!("borrowed {id:?}"),
    };
    let (one, two) = (shared(), shared());
    assert_eq!((&*one, one.as_ptr()), ("seven", two.as_ptr()));
}

#[test]
fn a_large_value_that_was_cut_is_whole() {
    for length in [4095, 4096, 4097, 70_000] {
        let value = "é".repeat(length / 2) + &"x".repeat(length % 2);
        let stream = format!("id: {value}\ndata: {value}\n\ndata: after\n\n");
        for size in [1, 1000, 65_537] {
            let mut decoder = Decoder::new();
            let (events, error) = feed::chunks(&mut decoder, stream.as_bytes().chunks(size));
            assert_eq!((events.len(), error), (2, None));
            assert!(events[0].data == *value && events[0].last_event_id == *value);
            assert_eq!(events[1].data, "after");
        }
    }
}

#[test]
fn a_new_connection_begins_with_the_last_event_id_string() {
    let mut decoder = Decoder::new();
    let first = b"retry: 5\nid: 1\ndata: a\n\nid: 2\nevent: lost\ndata: lost\ndata: lo";
    assert_eq!(feed::chunk(&mut decoder, first).unwrap().len(), 1);
    assert_eq!(decoder.last_event_id(), "1");

    decoder.reset();
    let second = b"\xEF\xBB\xBFdata: b\n\nid: 3\r";
    let events = feed::chunk(&mut decoder, second).unwrap();
    assert_eq!((&*events[0].event_type, &*events[0].data), ("message", "b"));
    assert_eq!(events[0].last_event_id, "1");

    decoder.reset();
    let events = feed::chunk(&mut decoder, b"\n\ndata: c\n\n").unwrap();
    assert_eq!((&*events[0].data, &*events[0].last_event_id), ("c", "1"));
    assert_eq!(decoder.retry().unwrap().as_millis(), 5);
}
