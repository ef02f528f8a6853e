//! The encoder: what it writes, what it refuses, and that a decoder reads the same back.

use crate::feed;
use bytes::BytesMut;
use proptest::option;
use proptest::prelude::*;
use rtwire_sse::{Decoder, EncodeError, Fields, KEEP_ALIVE};
use std::time::Duration;

fn text(fields: Fields<'_>) -> String {
    let bytes = fields.to_bytes().expect("harmless values");
    String::from_utf8(bytes.to_vec()).expect("UTF-8 in, UTF-8 out")
}

#[test]
fn each_field_is_a_line() {
    let fields = Fields::new()
        .data("a")
        .retry(Duration::from_millis(3000))
        .id("5")
        .event("tick")
        .comment("hello");
    assert_eq!(text(fields), ": hello\nevent: tick\nid: 5\nretry: 3000\ndata: a\n\n");
}

#[test]
fn empty_values_still_write_the_field() {
    assert_eq!(text(Fields::new().data("")), "data:\n\n");
    assert_eq!(text(Fields::new().id("")), "id:\n\n");
    assert_eq!(text(Fields::new().event("")), "event:\n\n");
    assert_eq!(text(Fields::new().comment("")).as_bytes(), KEEP_ALIVE);
    assert_eq!(text(Fields::new()), "\n");
}

#[test]
fn data_and_comments_are_split_into_lines() {
    let value = "a\nb\rc\r\nd\n\r\ne\n";
    let lines =
        |name| ["a", "b", "c", "d", "", "e", ""].map(|line| format!("{name} {line}\n")).concat();
    let written = text(Fields::new().comment(value).data(value));
    let expected =
        lines(":").replace(": \n", ":\n") + &lines("data:").replace(": \n", ":\n") + "\n";
    assert_eq!(written, expected);
}

#[test]
fn retry_is_whole_milliseconds() {
    for (time, written) in [
        (Duration::ZERO, "0"),
        (Duration::from_micros(1999), "1"),
        (Duration::from_secs(2), "2000"),
        (Duration::MAX, "18446744073709551615"),
    ] {
        assert_eq!(text(Fields::new().retry(time)), format!("retry: {written}\n\n"));
    }
}

#[test]
fn an_error_writes_nothing() {
    let mut out = BytesMut::from("before");
    let fields = Fields::new().comment("c").data("d").id("1\n2");
    assert_eq!(fields.encode(&mut out), Err(EncodeError::LineBreakInId));
    assert_eq!(out, "before");
    Fields::new().data("d").encode(&mut out).unwrap();
    assert_eq!(out, "beforedata: d\n\n");
}

#[test]
fn no_id_differs_from_an_empty_one() {
    let mut decoder = Decoder::new().with_last_event_id("7");
    let kept = Fields::new().data("a").to_bytes().unwrap();
    assert_eq!(feed::chunk(&mut decoder, &kept).unwrap()[0].last_event_id, "7");
    let reset = Fields::new().data("a").id("").to_bytes().unwrap();
    assert_eq!(feed::chunk(&mut decoder, &reset).unwrap()[0].last_event_id, "");
}

const HOSTILE: [&str; 34] = [
    "",
    " ",
    "  two",
    "trailing ",
    "\t",
    ":",
    ": comment",
    "data: x",
    "id",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\r",
    "\n\r",
    "a\n",
    "\na",
    "a\r\n",
    "a\r",
    "a\n\nb",
    "a\ndata: injected\n\n",
    "a\rdata: injected\r\r",
    "a\r\nid: injected\r\n\r\n",
    "a\nevent: injected",
    "a\nretry: 1\n",
    "\0",
    "a\0b",
    "\u{FEFF}",
    "\u{FEFF}data: x",
    "\u{85}\u{2028}\u{2029}\u{B}\u{C}",
    "é€😀",
    "\u{FFFD}",
    "message",
    "[DONE]",
];

/// In each field: a typed error, or one event with exactly that value.
#[test]
fn hostile_values_are_refused_or_arrive() {
    for value in HOSTILE {
        let line_break = value.contains(['\n', '\r']);
        let is = |fields: Fields<'_>, event_type: &str, id: &str, data: &str| {
            let bytes = fields.to_bytes().unwrap();
            let (events, ..) = feed::every_way(&Decoder::new, &bytes);
            assert_eq!(events.len(), 1, "{value:?}");
            let event = &events[0];
            let got = (&*event.event_type, &*event.last_event_id, &*event.data);
            assert_eq!(got, (event_type, id, data), "{value:?}");
        };

        let fields = Fields::new().event(value).data("d");
        if line_break {
            assert_eq!(fields.to_bytes(), Err(EncodeError::LineBreakInEvent), "{value:?}");
        } else {
            is(fields, if value.is_empty() { "message" } else { value }, "", "d");
        }

        let fields = Fields::new().id(value).data("d");
        if line_break {
            assert_eq!(fields.to_bytes(), Err(EncodeError::LineBreakInId), "{value:?}");
        } else if value.contains('\0') {
            assert_eq!(fields.to_bytes(), Err(EncodeError::NulInId), "{value:?}");
        } else {
            is(fields, "message", value, "d");
        }

        is(Fields::new().comment(value).data("d"), "message", "", "d");
        let arrives = value.replace("\r\n", "\n").replace('\r', "\n");
        is(Fields::new().data(value), "message", "", &arrives);
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
