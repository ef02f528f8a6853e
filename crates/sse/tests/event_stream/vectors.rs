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

const STREAM_TO_LINES: &str = include_str!("../vectors/stream_to_lines.json");
const LINES_TO_FIELDS: &str = include_str!("../vectors/lines_to_fields.json");
const DISPATCH: &str = include_str!("../vectors/dispatch.json");

#[test]
fn stream_to_lines() {
    check(STREAM_TO_LINES);
}

#[test]
fn lines_to_fields() {
    check(LINES_TO_FIELDS);
}

#[test]
fn dispatch() {
    check(DISPATCH);
}

/// What another reader of event streams makes of vectors, and which sentence says that it is wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disagreement {
    oracle: String,
    version: String,
    wrong: String,
    what: String,
    rule: String,
    sentence: String,
    vectors: Vec<String>,
}

/// Whether they disagree is seen where they are run, in the repository's whole-system tests.
#[test]
fn disagreements_are_of_known_oracles_about_vectors_that_there_are() {
    let all: Vec<Vector> =
        [STREAM_TO_LINES, LINES_TO_FIELDS, DISPATCH].into_iter().flat_map(vectors).collect();
    let names: BTreeSet<&str> = all.iter().map(|vector| vector.name.as_str()).collect();
    assert_eq!(names.len(), all.len(), "names are unique among the files");

    let list = include_str!("../vectors/disagreements.json");
    let list: Vec<Disagreement> = serde_json::from_str(list).expect("the schema");
    let mut listed = BTreeSet::new();
    for entry in &list {
        let oracle = entry.oracle.as_str();
        assert!(["Chromium", "npm eventsource", "npm eventsource-parser"].contains(&oracle));
        assert_eq!(entry.wrong, oracle, "where we are wrong we change");
        assert!(entry.rule.starts_with("HTML #") && !entry.version.is_empty());
        assert!(!entry.what.is_empty() && entry.sentence.ends_with('.'), "{}", entry.what);
        assert!(!entry.vectors.is_empty(), "{}", entry.what);
        for name in &entry.vectors {
            assert!(names.contains(name.as_str()), "no vector {name}");
            assert!(listed.insert((oracle, name)), "{name} twice");
        }
    }
}
