//! What decoding allocates.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use allocation_counter::measure;
use rtwire_sse::{Decoder, Limits};

/// A stream of `count` events within chunks, with a type and an id each.
fn stream(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|id| {
            format!("event: tick\nid: {id:04}\n: comment\ndata: é {id}\n\n").into_bytes()
        })
        .collect()
}

fn events(decoder: &mut Decoder, mut chunk: &[u8]) -> usize {
    let mut events = 0;
    while decoder.next_event(&mut chunk).unwrap().is_some() {
        events += 1;
    }
    events
}

#[test]
fn a_borrowed_event_allocates_nothing() {
    let (stream, mut decoder) = (stream(1000), Decoder::new());
    // The last event ID has its room from the first event on.
    assert_eq!(events(&mut decoder, &stream), 1000);
    let allocated = measure(|| assert_eq!(events(&mut decoder, &stream), 1000));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn an_owned_event_allocates_once_for_each_text() {
    let mut decoder = Decoder::new();
    let chunks: Vec<&[u8]> = [&b"data: one\nda"[..], b"ta: two\n\n"].repeat(1000);
    let mut run = || chunks.iter().map(|chunk| events(&mut decoder, chunk)).sum::<usize>();
    assert_eq!(run(), 1000);
    let allocated = measure(|| assert_eq!(run(), 1000));
    assert_eq!(allocated.count_total, 1000);
}

#[test]
fn a_line_of_16_mib_needs_2_2_times_its_length_or_once_with_room_reserved() {
    let length = 16 << 20;
    let (chunk, limit) = ([b'x'; 16 * 1024], length + 6);
    for (reserved, tenths) in [(0, 22), (length, 11)] {
        let mut decoder = Decoder::with_limits(Limits::default().max_line(limit));
        let allocated = measure(|| {
            decoder.reserve(reserved);
            assert_eq!(events(&mut decoder, b"data: "), 0);
            for _ in 0..length / chunk.len() {
                assert_eq!(events(&mut decoder, &chunk), 0);
            }
            assert_eq!(events(&mut decoder, b"\n\n"), 1);
        });
        let most = (length / 10 * tenths) as u64;
        assert!(allocated.bytes_max <= most, "{allocated:?}, {reserved} reserved");
    }
}
