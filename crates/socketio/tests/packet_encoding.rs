//! Packet encoding: the vectors, the limits, and the laws.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use proptest::prelude::*;
use rtwire_socketio::{
    Body, Data, Decoder, DisconnectReason, Error, Json, Limits, Message, Namespace, Packet,
    PayloadError, PreparedEvent, Rule, SendError,
};
use serde::Deserialize;

const NOW: Duration = Duration::from_secs(100);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    section: String,
    messages: Vec<VectorMessage>,
    #[serde(default)]
    packets: Vec<Seen>,
    error: Option<String>,
    offset: Option<u64>,
    #[serde(default = "yes")]
    canonical: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(untagged)]
enum VectorMessage {
    Text(String),
    Binary { hex: String },
}

impl VectorMessage {
    fn message(&self) -> Message {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Binary { hex } => Message::Binary(unhex(hex)),
        }
    }
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Seen {
    r#type: String,
    #[serde(default = "root")]
    namespace: String,
    id: Option<u64>,
    json: Option<String>,
    #[serde(default)]
    attachments: Vec<String>,
}

fn root() -> String {
    "/".into()
}

fn unhex(hex: &str) -> Bytes {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn seen(packet: &Packet) -> Seen {
    let (r#type, id, json, data) = match &packet.body {
        Body::Connect(json) => ("CONNECT", None, json.as_deref(), None),
        Body::Disconnect => ("DISCONNECT", None, None, None),
        Body::Event { id, data } => ("EVENT", *id, Some(&**data.json()), Some(data)),
        Body::Ack { id, data } => ("ACK", Some(*id), Some(&**data.json()), Some(data)),
        Body::ConnectError(json) => ("CONNECT_ERROR", None, Some(&**json), None),
    };
    let hex = |bytes: &Bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Seen {
        r#type: r#type.into(),
        namespace: packet.namespace.to_string(),
        id,
        json: json.map(Into::into),
        attachments: data.map_or(vec![], |data| data.attachments().iter().map(hex).collect()),
    }
}

fn packets(
    messages: impl IntoIterator<Item = Message>,
    limits: Limits,
) -> (Vec<Packet>, Option<Error>) {
    let mut decoder = Decoder::new(limits);
    let mut packets = Vec::new();
    for message in messages {
        match decoder.next_packet(message, NOW) {
            Ok(packet) => packets.extend(packet),
            Err(error) => {
                let after = decoder.next_packet("0".into(), NOW);
                assert_eq!(after, Ok(None), "an error is final");
                return (packets, Some(error));
            }
        }
    }
    assert_eq!(decoder.next_timeout(), None, "all attachments have come");
    (packets, None)
}

fn rule_name(rule: Rule) -> String {
    format!("{rule:?}").split([' ', '{']).next().unwrap().to_owned()
}

#[test]
fn vectors() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/packets.json")).unwrap();
    for vector in vectors {
        let name = &vector.name;
        assert!(!vector.section.is_empty(), "{name}");
        let messages: Vec<Message> = vector.messages.iter().map(VectorMessage::message).collect();
        let (packets, error) = packets(messages.clone(), Limits::default());
        assert_eq!(packets.iter().map(seen).collect::<Vec<_>>(), vector.packets, "{name}");
        assert_eq!(error.map(|error| rule_name(error.rule())), vector.error, "{name}");
        if let (Some(offset), Some(error)) = (vector.offset, error) {
            assert_eq!(error.offset(), offset, "{name}");
        }
        if let Some(error) = error {
            assert_eq!(error.rule().disconnect_reason(), DisconnectReason::ParseError, "{name}");
            continue;
        }
        let encoded: Vec<Message> = packets.iter().flat_map(messages_of).collect();
        assert_eq!(encoded == messages, vector.canonical, "{name}: {encoded:?}");
        assert_eq!(self::packets(encoded, Limits::default()), (packets, None), "{name}");
    }
}

fn messages_of(packet: &Packet) -> Vec<Message> {
    let mut messages = vec![Message::from(packet.encode())];
    if let Body::Event { data, .. } | Body::Ack { data, .. } = &packet.body {
        messages.extend(data.attachments().iter().cloned().map(Message::from));
    }
    messages
}

fn decode(text: &str, limits: Limits) -> Result<Packet, Rule> {
    Packet::decode(text.into(), &limits).map_err(|error| error.rule())
}

#[test]
fn a_hundred_thousand_brackets_are_refused_and_take_no_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("2[\"a\",{}1{}]", open.repeat(100_000), close.repeat(100_000));
        assert_eq!(decode(&deep, Limits::default()), Err(Rule::TooDeep { limit: 127 }));
        let cut = format!("2[\"a\",{}", open.repeat(100_000));
        assert_eq!(decode(&cut, Limits::default()), Err(Rule::TooDeep { limit: 127 }));
    }
}

#[test]
fn what_is_deep_as_the_limit_is_read_by_serde_json() {
    let nested =
        |depth: usize| format!("2[\"a\",{}{}]", "[".repeat(depth - 1), "]".repeat(depth - 1));
    for limit in [5, 127] {
        let limits = Limits::default().max_depth(limit);
        let limit = usize::from(limit);
        for depth in [limit - 1, limit] {
            let Body::Event { data, .. } = decode(&nested(depth), limits).unwrap().body else {
                panic!("an event")
            };
            data.into_args::<serde_json::Value>().unwrap();
        }
        let rule = Rule::TooDeep { limit: limit.try_into().unwrap() };
        assert_eq!(decode(&nested(limit + 1), limits), Err(rule));
    }
    assert_eq!(Limits::default().max_depth(128).max_depth, 127);
}

fn with_attachments(count: usize, bytes: usize) -> Vec<Message> {
    let attachments = vec![Bytes::from(vec![7; bytes]); count];
    let data = Data::binary_event("a", attachments).unwrap();
    let packet = Packet { namespace: Namespace::default(), body: Body::Event { id: None, data } };
    messages_of(&packet)
}

#[test]
fn the_number_of_attachments_is_limited() {
    let limits = Limits::default().max_attachments(4);
    for count in [3, 4] {
        assert_eq!(packets(with_attachments(count, 1), limits).1, None);
    }
    let error = packets(with_attachments(5, 1), limits).1.unwrap();
    assert_eq!(error.rule(), Rule::TooManyAttachments { limit: 4 });
    assert_eq!(packets(with_attachments(64, 1), Limits::default()).1, None);
}

#[test]
fn a_number_of_attachments_allocates_nothing() {
    let limits = Limits::default().max_attachments(usize::MAX);
    let text = format!("5{}-[\"a\"]", usize::MAX / 2);
    assert_eq!(decode(&text, limits), Err(Rule::UnusedAttachment));
}

#[test]
fn what_lacks_attachments_is_neither_read_nor_sent() {
    let Message::Text(text) = with_attachments(1, 1).remove(0) else { panic!("a text") };
    let packet = Packet::decode(text, &Limits::default()).unwrap();
    let Body::Event { data, .. } = packet.body else { panic!("an event") };
    assert_eq!(data.missing_attachments(), 1);
    let prepared = PreparedEvent::new(&packet.namespace, data.clone());
    assert_eq!(prepared.unwrap_err(), SendError::Incomplete);
    let args = data.into_args::<serde_json::Value>();
    assert!(matches!(args, Err(PayloadError::Incomplete)));
}

#[test]
fn text_and_attachments_are_limited_together() {
    let text = match &with_attachments(2, 0)[0] {
        Message::Text(text) => text.len(),
        Message::Binary(_) => panic!("a text"),
    };
    let limit = text + 20;
    let limits = Limits::default().max_packet(limit);
    for second in [9, 10, 11] {
        let mut messages = with_attachments(2, 10);
        messages[2] = Message::Binary(vec![7; second].into());
        let rule = packets(messages, limits).1.map(|error| error.rule());
        assert_eq!(rule, (second > 10).then_some(Rule::PacketTooBig { limit }));
    }
    for limit in [6, 5, 4] {
        let rule = decode("2[\"\"]", Limits::default().max_packet(limit)).err();
        assert_eq!(rule, (limit < 5).then_some(Rule::PacketTooBig { limit }));
    }
}

#[test]
fn attachments_come_in_time() {
    let timeout = Duration::from_secs(10);
    for (late, ok) in [(9_999, true), (10_000, false), (10_001, false)] {
        let later = NOW + Duration::from_millis(late);
        let mut messages = with_attachments(2, 1).into_iter();
        let mut decoder = Decoder::new(Limits::default());
        assert_eq!(decoder.next_packet(messages.next().unwrap(), NOW), Ok(None));
        assert_eq!(decoder.next_packet(messages.next().unwrap(), NOW + timeout / 2), Ok(None));
        assert_eq!(decoder.next_timeout(), Some(NOW + timeout), "counted from the text");
        let by_timer = decoder.handle_timeout(later);
        assert_eq!(by_timer.is_ok(), ok);
        if let Err(error) = by_timer {
            assert_eq!(error.rule(), Rule::AttachmentsTimeout);
            assert_eq!(decoder.handle_timeout(later), Ok(()), "once");
        }
        assert_eq!(decoder.next_packet(messages.next().unwrap(), later).unwrap().is_some(), ok);
    }
    let mut messages = with_attachments(1, 1).into_iter();
    let mut decoder = Decoder::new(Limits::default());
    decoder.next_packet(messages.next().unwrap(), NOW).unwrap();
    let late = decoder.next_packet(messages.next().unwrap(), NOW + timeout).unwrap_err();
    assert_eq!(late.rule(), Rule::AttachmentsTimeout, "without the timer too");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn any_data(head: Option<&'static str>) -> impl Strategy<Value = Data> {
    let elements = prop::collection::vec(any_json(), 0..4);
    (elements, prop::collection::vec(any::<Vec<u8>>(), 0..4)).prop_map(move |(args, binary)| {
        let mut array: Vec<serde_json::Value> = head.map(Into::into).into_iter().collect();
        array.extend(args);
        let holes = (0..binary.len()).map(|n| serde_json::json!({"_placeholder": true, "num": n}));
        array.extend(holes.rev());
        let json = serde_json::Value::from(array).to_string();
        Data::from_parts(json.into(), binary.into_iter().map(Bytes::from).collect()).unwrap()
    })
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let object = prop::collection::vec((any::<String>(), any_json()), 0..4)
        .prop_map(|members| {
            let object: serde_json::Map<_, _> = members.into_iter().collect();
            Json::from_serialize(&object).unwrap()
        })
        .boxed();
    let id = prop_oneof![0..=u64::from(u32::MAX), Just((1 << 53) - 1)];
    let body = prop_oneof![
        prop::option::of(object.clone()).prop_map(Body::Connect),
        Just(Body::Disconnect),
        (prop::option::of(id.clone()), any_data(Some("ev")))
            .prop_map(|(id, data)| Body::Event { id, data }),
        (id, any_data(None)).prop_map(|(id, data)| Body::Ack { id, data }),
        object.prop_map(Body::ConnectError),
    ];
    ("/[^,]{0,12}", body).prop_map(|(namespace, body)| Packet {
        namespace: Namespace::try_from(namespace.as_str()).unwrap(),
        body,
    })
}

proptest! {
    #[test]
    fn decode_inverts_encode(packet in any_packet()) {
        let decoded = packets(messages_of(&packet), Limits::default());
        prop_assert_eq!(decoded, (vec![packet], None));
    }

    #[test]
    fn what_is_decoded_is_encoded_to_the_same_meaning(
        text in r#"[0-6]([0-9]{0,2}-)?(/[a-z?=]{0,3},?)?[0-9]{0,17}[ \[\]{}",:a_0-9\\.eE+-]{0,20}"#,
    ) {
        if let Ok(packet) = Packet::decode(text.as_str().into(), &Limits::default()) {
            let encoded = packet.encode();
            prop_assert_eq!(Packet::decode(encoded, &Limits::default()), Ok(packet));
        }
    }

    #[test]
    fn any_text_is_decoded_or_refused_within_it(text: String, kind in "[0-6]?[0-9]?-?") {
        let text = kind + &text;
        if let Err(error) = Packet::decode(text.as_str().into(), &Limits::default()) {
            prop_assert!(error.offset() <= text.len() as u64);
        }
    }

    #[test]
    fn json_is_what_serde_json_takes_for_it(
        json in prop_oneof![
            r#"[ \[\]{}",:a0-9\\.eE+-]{0,12}"#,
            r#"[\[{]?("[a-z\\"/u]{0,6}"|-?[0-9.eE+-]{1,6}|true|nul+|false)[,:\]} ]{0,2}[0-9]?[\]}]?"#,
            any_json().prop_map(|value| value.to_string()),
        ],
    ) {
        let ours = Json::decode(ByteString::from(json.as_str())).is_ok();
        // What it ignores, serde_json neither decodes nor computes; nor do we.
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok();
        prop_assert_eq!(ours, theirs, "{}", json);
    }
}

#[test]
fn short_data_keeps_no_long_packet() {
    let limits = Limits::default();
    for (text, shares) in [
        (format!("2/{},[\"short\"]", "x".repeat(1000)), false),
        (format!("2{}1[\"short\"]", "0".repeat(1000)), false),
        (format!("2/x,1[\"{}\"]", "x".repeat(1000)), true),
    ] {
        let text = ByteString::from(text);
        let within = text.as_bytes().as_ptr_range();
        let packet = Packet::decode(text.clone(), &limits).unwrap();
        let Body::Event { data, .. } = packet.body else { panic!() };
        assert_eq!(within.contains(&data.json().as_ptr()), shares);
    }
}
