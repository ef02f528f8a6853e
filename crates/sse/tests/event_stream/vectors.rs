//! `tests/vectors/*.json`: one named vector for each rule.

use crate::{feed, plain};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rtwire_sse::{Decoder, Event};
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Vector {
    name: String,
    rule: String,
    chunks: Vec<String>,
    #[serde(default)]
    initial_last_event_id: String,
    events: Vec<Expected>,
    events_after_chunk: Option<Vec<usize>>,
    retry: Option<u64>,
    last_event_id_at_end: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Expected {
    r#type: String,
    data: String,
    last_event_id: String,
}

impl From<&Event<'_>> for Expected {
    fn from(event: &Event<'_>) -> Self {
        Self {
            r#type: event.event_type.to_string(),
            data: event.data.to_string(),
            last_event_id: event.last_event_id.to_string(),
        }
    }
}

impl Vector {
    fn chunks(&self) -> Vec<Vec<u8>> {
        let decode = |chunk| BASE64_STANDARD.decode(chunk).expect("base64");
        self.chunks.iter().map(decode).collect()
    }

    fn decoder(&self) -> Decoder {
        Decoder::new().with_last_event_id(&self.initial_last_event_id)
    }
}

fn vectors(json: &str) -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(json).expect("the schema");
    let names: BTreeSet<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert!(!names.is_empty() && names.len() == vectors.len(), "names are unique");
    assert!(vectors.iter().all(|vector| vector.rule.starts_with("HTML #")));
    vectors
}

fn check(json: &str) {
    for vector in vectors(json) {
        let name = &vector.name;
        let chunks = vector.chunks();

        let (mut decoder, mut events, mut after) = (vector.decoder(), Vec::new(), Vec::new());
        for chunk in &chunks {
            events.extend(feed::chunk(&mut decoder, chunk).expect("the limits are far"));
            after.push(events.len());
        }
        assert_eq!(events.iter().map(Expected::from).collect::<Vec<_>>(), vector.events, "{name}");
        if let Some(expected) = &vector.events_after_chunk {
            assert_eq!(&after, expected, "{name}: events after each chunk");
        }

        let stream = chunks.concat();
        let (same, error, last_event_id, retry, skipped) =
            feed::every_way(&|| vector.decoder(), &stream);
        assert_eq!((same, error, skipped), (events, None, 0), "{name}");
        assert_eq!(last_event_id, vector.last_event_id_at_end, "{name}: last event ID");
        assert_eq!(retry, vector.retry.map(u128::from), "{name}: reconnection time");
        earliest_dispatch(&stream);
    }
}

/// After each byte, all events have been delivered that the bytes so far make.
fn earliest_dispatch(stream: &[u8]) {
    let (mut decoder, mut delivered) = (Decoder::new(), 0);
    for end in 1..=stream.len() {
        let byte = &stream[end - 1..end];
        delivered += feed::chunk(&mut decoder, byte).expect("the limits are far").len();
        let due = plain::decode(&stream[..end]).events().len();
        assert_eq!(delivered, due, "after {end} bytes of {:?}", String::from_utf8_lossy(stream));
    }
}

#[test]
fn stream_to_lines() {
    check(include_str!("../vectors/stream_to_lines.json"));
}

#[test]
fn lines_to_fields() {
    check(include_str!("../vectors/lines_to_fields.json"));
}

#[test]
fn dispatch() {
    check(include_str!("../vectors/dispatch.json"));
}
