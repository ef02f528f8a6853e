//! The encoder: what it writes, what it refuses, and that a decoder reads the same back.

use crate::feed;
use crate::vectors::Expected;
use bytes::BytesMut;
use proptest::option;
use proptest::prelude::*;
use rtwire_sse::{Decoder, EncodeError, Fields, KEEP_ALIVE, Rule};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// A case of `encoder.json`: fields, and what they are on the wire or why they cannot be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    rule: String,
    fields: FieldsOfVector,
    stream: Option<String>,
    events: Option<Vec<Expected>>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldsOfVector {
    comment: Option<String>,
    event: Option<String>,
    id: Option<String>,
    retry: Option<u64>,
    data: Option<String>,
}

impl FieldsOfVector {
    fn fields(&self) -> Fields<'_> {
        let mut fields = Fields::new();
        if let Some(text) = &self.comment {
            fields = fields.comment(text);
        }
        if let Some(event_type) = &self.event {
            fields = fields.event(event_type);
        }
        if let Some(id) = &self.id {
            fields = fields.id(id);
        }
        if let Some(milliseconds) = self.retry {
            fields = fields.retry(Duration::from_millis(milliseconds));
        }
        if let Some(data) = &self.data {
            fields = fields.data(data);
        }
        fields
    }
}

#[test]
fn vectors() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../vectors/encoder.json")).expect("the schema");
    let names: BTreeSet<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert!(!names.is_empty() && names.len() == vectors.len(), "names are unique");
    for Vector { name, rule, fields, stream, events, error } in &vectors {
        assert!(rule.starts_with("HTML #"), "{name}");
        let mut out = BytesMut::from("before\n");
        let result = fields.fields().encode(&mut out);
        let written = out.strip_prefix(b"before\n").expect("it is still there");
        match (stream, events, error) {
            (Some(stream), Some(events), None) => {
                assert_eq!((result, written), (Ok(()), stream.as_bytes()), "{name}");
                let (got, fault, _, retry, _) = feed::every_way(&Decoder::new, written);
                let got: Vec<Expected> = got.iter().map(Expected::from).collect();
                assert_eq!((&got, fault), (events, None), "{name}");
                assert_eq!(retry, fields.retry.map(u128::from), "{name}");
            }
            (None, None, Some(error)) => {
                let refused = result.expect_err(name);
                assert_eq!((format!("{refused:?}"), written), (error.clone(), &b""[..]), "{name}");
            }
            _ => panic!("{name} is neither written nor refused"),
        }
    }
}

#[test]
fn a_keep_alive_is_an_empty_comment() {
    assert_eq!(Fields::new().comment("").to_bytes().unwrap(), KEEP_ALIVE);
}

#[test]
fn retry_is_rounded_down_and_saturates() {
    for (time, written) in [
        (Duration::from_nanos(1), "0"),
        (Duration::from_micros(1999), "1"),
        (Duration::from_millis(u64::MAX) + Duration::from_millis(1), "18446744073709551615"),
        (Duration::MAX, "18446744073709551615"),
    ] {
        let bytes = Fields::new().retry(time).to_bytes().unwrap();
        assert_eq!(bytes, format!("retry: {written}\n\n"));
    }
}

#[test]
fn no_id_differs_from_an_empty_one() {
    let mut decoder = Decoder::new().with_last_event_id("7");
    let kept = Fields::new().data("a").to_bytes().unwrap();
    assert_eq!(feed::chunk(&mut decoder, &kept).unwrap()[0].last_event_id, "7");
    let reset = Fields::new().data("a").id("").to_bytes().unwrap();
    assert_eq!(feed::chunk(&mut decoder, &reset).unwrap()[0].last_event_id, "");
}

/// A line break in an event type, in an id, and a NUL in an id.
const E: Result<&str, EncodeError> = Err(EncodeError::LineBreakInEvent);
const I: Result<&str, EncodeError> = Err(EncodeError::LineBreakInId);
const N: Result<&str, EncodeError> = Err(EncodeError::NulInId);

/// A value, and what it arrives as, or why it is refused: as an event type, as an id, as data. As a
/// comment each of them is written, and nothing of it arrives.
type Row = (
    &'static str,
    Result<&'static str, EncodeError>,
    Result<&'static str, EncodeError>,
    &'static str,
);

#[rustfmt::skip]
const HOSTILE: [Row; 48] = [
    ("", Ok("message"), Ok(""), ""),
    (" ", Ok(" "), Ok(" "), " "),
    ("  two", Ok("  two"), Ok("  two"), "  two"),
    ("trailing ", Ok("trailing "), Ok("trailing "), "trailing "),
    ("\t", Ok("\t"), Ok("\t"), "\t"),
    ("\u{A0}", Ok("\u{A0}"), Ok("\u{A0}"), "\u{A0}"),
    (":", Ok(":"), Ok(":"), ":"),
    (": comment", Ok(": comment"), Ok(": comment"), ": comment"),
    ("::", Ok("::"), Ok("::"), "::"),
    ("data: x", Ok("data: x"), Ok("data: x"), "data: x"),
    ("id", Ok("id"), Ok("id"), "id"),
    ("retry: 1", Ok("retry: 1"), Ok("retry: 1"), "retry: 1"),
    ("message", Ok("message"), Ok("message"), "message"),
    ("[DONE]", Ok("[DONE]"), Ok("[DONE]"), "[DONE]"),
    // Line breaks: never another field.
    ("\n", E, I, "\n"),
    ("\r", E, I, "\n"),
    ("\r\n", E, I, "\n"),
    ("\n\n", E, I, "\n\n"),
    ("\r\r", E, I, "\n\n"),
    ("\n\r", E, I, "\n\n"),
    ("\r\r\n", E, I, "\n\n"),
    ("\r\n\r\n", E, I, "\n\n"),
    ("a\n", E, I, "a\n"),
    ("\na", E, I, "\na"),
    ("a\r", E, I, "a\n"),
    ("a\r\n", E, I, "a\n"),
    ("a\n\nb", E, I, "a\n\nb"),
    ("\n a\n  b", E, I, "\n a\n  b"),
    // Injections.
    ("a\ndata: injected\n\n", E, I, "a\ndata: injected\n\n"),
    ("a\rdata: injected\r\r", E, I, "a\ndata: injected\n\n"),
    ("a\r\nid: injected\r\n\r\n", E, I, "a\nid: injected\n\n"),
    ("a\nevent: injected", E, I, "a\nevent: injected"),
    ("a\nretry: 1\n", E, I, "a\nretry: 1\n"),
    ("a\nid\n\ndata: b\n\n", E, I, "a\nid\n\ndata: b\n\n"),
    ("\n: comment\n\n", E, I, "\n: comment\n\n"),
    ("a\0\nid: injected", E, I, "a\0\nid: injected"),
    // NUL: a decoder would ignore such an id.
    ("\0", Ok("\0"), N, "\0"),
    ("a\0b", Ok("a\0b"), N, "a\0b"),
    ("0\0", Ok("0\0"), N, "0\0"),
    // What other standards have as line ends, or as nothing at all.
    ("\u{85}", Ok("\u{85}"), Ok("\u{85}"), "\u{85}"),
    ("\u{2028}data: x\u{2029}", Ok("\u{2028}data: x\u{2029}"), Ok("\u{2028}data: x\u{2029}"), "\u{2028}data: x\u{2029}"),
    ("\u{B}\u{C}\u{1C}\u{1E}", Ok("\u{B}\u{C}\u{1C}\u{1E}"), Ok("\u{B}\u{C}\u{1C}\u{1E}"), "\u{B}\u{C}\u{1C}\u{1E}"),
    ("\u{FEFF}", Ok("\u{FEFF}"), Ok("\u{FEFF}"), "\u{FEFF}"),
    ("\u{FEFF}data: x", Ok("\u{FEFF}data: x"), Ok("\u{FEFF}data: x"), "\u{FEFF}data: x"),
    // Text around the edges of Unicode.
    ("é€😀", Ok("é€😀"), Ok("é€😀"), "é€😀"),
    ("\u{FFFD}\u{FFFF}\u{10FFFF}", Ok("\u{FFFD}\u{FFFF}\u{10FFFF}"), Ok("\u{FFFD}\u{FFFF}\u{10FFFF}"), "\u{FFFD}\u{FFFF}\u{10FFFF}"),
    ("\u{D7FF}\u{E000}", Ok("\u{D7FF}\u{E000}"), Ok("\u{D7FF}\u{E000}"), "\u{D7FF}\u{E000}"),
    (r"\uD83D \n &#10; %0A", Ok(r"\uD83D \n &#10; %0A"), Ok(r"\uD83D \n &#10; %0A"), r"\uD83D \n &#10; %0A"),
];

/// The one event that `fields` make, however they are cut: type, id, data.
fn arrives(fields: Fields<'_>, retry: Option<u128>) -> Result<[String; 3], EncodeError> {
    let bytes = fields.to_bytes()?;
    let (events, error, _, read_retry, _) = feed::every_way(&Decoder::new, &bytes);
    assert_eq!((events.len(), error, read_retry), (1, None, retry), "{bytes:?}");
    let event = &events[0];
    Ok([&event.event_type, &event.last_event_id, &event.data].map(|text| text.to_string()))
}

#[test]
fn hostile_values_are_refused_or_arrive() {
    let event = |[event_type, id, data]: [&str; 3]| [event_type, id, data].map(str::to_owned);
    for (value, as_type, as_id, as_data) in HOSTILE {
        let fields = Fields::new().data("d");
        let expected = as_type.map(|arrived| event([arrived, "", "d"]));
        assert_eq!(arrives(fields.event(value), None), expected, "event {value:?}");
        let expected = as_id.map(|arrived| event(["message", arrived, "d"]));
        assert_eq!(arrives(fields.id(value), None), expected, "id {value:?}");
        let expected = Ok(event(["message", "", as_data]));
        assert_eq!(arrives(Fields::new().data(value), None), expected, "data {value:?}");
        let expected = Ok(event(["message", "", "d"]));
        assert_eq!(arrives(fields.comment(value), None), expected, "comment {value:?}");
        // All of them at once: a comment and data around what may be refused.
        let expected = as_type.and_then(|arrived| Ok(event([arrived, as_id?, as_data])));
        let all = Fields::new().comment(value).event(value).id(value).data(value);
        assert_eq!(arrives(all.retry(Duration::from_secs(1)), Some(1000)), expected, "{value:?}");
    }
}

#[test]
fn a_very_long_value_arrives_up_to_the_decoders_limit() {
    for (length, fits) in [((1 << 20) - 6, true), ((1 << 20) - 5, false)] {
        let value = "x".repeat(length);
        let bytes = Fields::new().data(&value).to_bytes().unwrap();
        match feed::chunk(&mut Decoder::new(), &bytes) {
            Ok(events) => assert!(fits && events.len() == 1 && events[0].data == *value),
            Err(error) => {
                assert_eq!((error.rule(), fits), (Rule::LineTooLong { limit: 1 << 20 }, false))
            }
        }
    }
}

/// Text in which the characters that matter are frequent.
fn value() -> impl Strategy<Value = String> {
    "([\n\r :\0ade\u{FEFF}\u{2028}é😀]|data: |\r\n){0,12}"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn decode_inverts_encode(
        comment in option::of(value()),
        event_type in option::of("[^\r\n]{0,8}"),
        id in option::of("[^\r\n\0]{0,8}"),
        retry in option::of(any::<u64>()),
        data in value(),
    ) {
        let mut fields = Fields::new().data(&data);
        if let Some(comment) = &comment {
            fields = fields.comment(comment);
        }
        if let Some(event_type) = &event_type {
            fields = fields.event(event_type);
        }
        if let Some(id) = &id {
            fields = fields.id(id);
        }
        if let Some(retry) = retry {
            fields = fields.retry(Duration::from_millis(retry));
        }
        let bytes = fields.to_bytes().unwrap();
        let new = || Decoder::new().with_last_event_id("before");
        let (events, error, last_event_id, read_retry, _) = feed::every_way(&new, &bytes);

        prop_assert_eq!((events.len(), error), (1, None));
        let expected = event_type.filter(|value| !value.is_empty());
        prop_assert_eq!(&*events[0].event_type, expected.as_deref().unwrap_or("message"));
        prop_assert_eq!(&*events[0].data, data.replace("\r\n", "\n").replace('\r', "\n"));
        prop_assert_eq!(last_event_id.as_str(), id.as_deref().unwrap_or("before"));
        prop_assert_eq!(read_retry, retry.map(u128::from));

        // Every proper prefix means more.
        for end in 0..bytes.len() {
            let events = feed::chunk(&mut Decoder::new(), &bytes[..end]).unwrap();
            prop_assert!(events.is_empty(), "{} of {} bytes", end, bytes.len());
        }
    }
}
