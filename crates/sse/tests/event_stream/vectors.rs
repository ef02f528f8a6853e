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
pub(crate) struct Expected {
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
    // Cuts are there to say when.
    assert!(vectors.iter().all(|v| v.chunks.len() == 1 || v.events_after_chunk.is_some()));
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

fn all() -> Vec<Vector> {
    let all: Vec<Vector> =
        [STREAM_TO_LINES, LINES_TO_FIELDS, DISPATCH].into_iter().flat_map(vectors).collect();
    let names: BTreeSet<&str> = all.iter().map(|vector| vector.name.as_str()).collect();
    assert_eq!(names.len(), all.len(), "names are unique among the files");
    all
}

/// An event is there with the byte that ends its empty line: after each byte of each vector, all events
/// have been delivered that the twin finds in the bytes so far, and they are the vector's.
#[test]
fn each_event_is_delivered_with_the_earliest_byte() {
    for vector in all() {
        let (stream, mut decoder, mut delivered) = (vector.chunks().concat(), vector.decoder(), 0);
        for end in 1..=stream.len() {
            let events =
                feed::chunk(&mut decoder, &stream[end - 1..end]).expect("the limits are far");
            for event in &events {
                assert_eq!(Expected::from(event), vector.events[delivered], "{}", vector.name);
                delivered += 1;
            }
            let due = plain::decode(&stream[..end]).events().len();
            assert_eq!(delivered, due, "{} after {end} bytes", vector.name);
        }
        assert_eq!(delivered, vector.events.len(), "{}", vector.name);
    }
}

/// What the standard says of an event stream, sentence by sentence.
const RULES: [&str; 20] = [
    "HTML #server-sent-events: examples",
    "HTML #parsing-an-event-stream: any-char",
    "HTML #event-stream-interpretation: streams are decoded with UTF-8 decode",
    "Encoding #utf-8-decoder: a byte that does not go on with a sequence is read again",
    "HTML #event-stream-interpretation: UTF-8 decode strips one leading byte order mark",
    "HTML #event-stream-interpretation: a line ends with CRLF, LF or CR",
    "HTML #event-stream-interpretation: a line that begins with a colon is ignored",
    "HTML #event-stream-interpretation: collect the characters after the first colon; a leading space is removed",
    "HTML #event-stream-interpretation: a line without a colon is a name with an empty value",
    "HTML #event-stream-interpretation: once the end of the file is reached, pending data is discarded",
    "HTML #event-stream-interpretation: field names are compared literally",
    "HTML #event-stream-interpretation: event: set the event type buffer to the field value",
    "HTML #event-stream-interpretation: data: append the field value and an LF to the data buffer",
    "HTML #event-stream-interpretation: id: if the field value does not contain U+0000, set the last event ID buffer to it",
    "HTML #event-stream-interpretation: retry: if the field value consists of only ASCII digits, set the reconnection time",
    "HTML #event-stream-interpretation: the last event ID buffer persists (web-platform-tests, format-field-id)",
    "HTML #dispatchMessage: set the last event ID string to the last event ID buffer",
    "HTML #dispatchMessage: if the data buffer is an empty string, set the buffers to the empty string and return",
    "HTML #dispatchMessage: if the data buffer's last character is an LF, remove it",
    "HTML #dispatchMessage: the buffers are set to the empty string after dispatch",
];

#[test]
fn each_rule_has_vectors_and_no_vector_another() {
    let all = all();
    let rules: BTreeSet<&str> = all.iter().map(|vector| vector.rule.as_str()).collect();
    assert_eq!(rules, BTreeSet::from(RULES));
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
    let all = all();
    let names: BTreeSet<&str> = all.iter().map(|vector| vector.name.as_str()).collect();

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
