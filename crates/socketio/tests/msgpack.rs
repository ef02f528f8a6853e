//! The parser that speaks MessagePack: vectors of `socket.io-msgpack-parser`, limits, and laws.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use rtwire_socketio::{
    Binary, Body, Connection, Data, Decoder, Error, Event, Json, Limits, Message, Namespace,
    Packet, Parser, PreparedEvent, Rule, Varargs,
};
use serde::Deserialize;
use serde_json::Value;

const NOW: Duration = Duration::from_secs(100);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    hex: String,
    packet: Option<Seen>,
    error: Option<String>,
    #[serde(default = "yes")]
    canonical: bool,
}

fn yes() -> bool {
    true
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

fn hex(bytes: &Bytes) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn seen(packet: &Packet) -> Seen {
    let (r#type, id, json, data) = match &packet.body {
        Body::Connect(json) => ("CONNECT", None, json.as_deref(), None),
        Body::Disconnect => ("DISCONNECT", None, None, None),
        Body::Event { id, data } => ("EVENT", *id, Some(&**data.json()), Some(data)),
        Body::Ack { id, data } => ("ACK", Some(*id), Some(&**data.json()), Some(data)),
        Body::ConnectError(json) => ("CONNECT_ERROR", None, Some(&**json), None),
    };
    Seen {
        r#type: r#type.into(),
        namespace: packet.namespace.to_string(),
        id,
        json: json.map(Into::into),
        attachments: data.map_or(vec![], |data| data.attachments().iter().map(hex).collect()),
    }
}

fn decode(message: Bytes, limits: Limits) -> Result<Packet, Error> {
    let result = Packet::decode_msgpack(message.clone(), &limits);
    let mut decoder = Decoder::new(limits).with_parser(Parser::Msgpack);
    assert_eq!(decoder.next_packet(message.clone().into(), NOW), result.clone().map(Some));
    if let Err(error) = &result {
        assert!(error.offset() <= message.len() as u64, "{error}");
        assert_eq!(decoder.next_packet(message.into(), NOW), Ok(None), "an error is final");
    }
    result
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/msgpack.json")).unwrap()
}

#[test]
fn vectors_of_the_reference() {
    for Vector { name, hex: expected, packet, error, canonical } in vectors() {
        let result = decode(unhex(&expected), Limits::default());
        let rule = result.as_ref().err().map(|error| {
            let name = format!("{:?}", error.rule());
            name.split([' ', '{']).next().unwrap().to_owned()
        });
        assert_eq!(rule, error, "{name}");
        let Ok(decoded) = result else { continue };
        assert_eq!(Some(seen(&decoded)), packet, "{name}");
        let encoded = decoded.encode_msgpack();
        assert_eq!(hex(&encoded) == expected, canonical, "{name}: {}", hex(&encoded));
        assert_eq!(decode(encoded, Limits::default()), Ok(decoded), "{name}");
    }
}

#[test]
fn what_is_cut_off_is_no_packet() {
    for Vector { name, hex, .. } in vectors().into_iter().filter(|vector| vector.packet.is_some()) {
        let whole = unhex(&hex);
        for cut in 0..whole.len() {
            assert!(decode(whole.slice(..cut), Limits::default()).is_err(), "{name} at {cut}");
        }
    }
}

fn event(args: &[u8]) -> Bytes {
    [b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data", args].concat().into()
}

fn rule(args: &[u8], limits: Limits) -> Option<Rule> {
    decode(event(args), limits).err().map(|error| error.rule())
}

#[test]
fn attachments_are_slices_of_the_message_unless_they_are_the_lesser_part_of_it() {
    let head = event(b"\x92\xa1e\xc4").len() + 1;
    for (length, shares) in
        [(0, false), (head - 1, false), (head, true), (head + 1, true), (200, true)]
    {
        let content = vec![7; length];
        let args = [b"\x92\xa1e\xc4", &[length.try_into().unwrap()][..], &content].concat();
        let message = event(&args);
        let packet = decode(message.clone(), Limits::default()).unwrap();
        let Body::Event { data, .. } = packet.body else { panic!("an event") };
        let [attachment] = data.attachments() else { panic!("one attachment") };
        assert_eq!(message.as_ptr_range().contains(&attachment.as_ptr()), shares, "{length}");
        assert_eq!(data.into_args::<Binary>().unwrap().0, content);
    }
}

#[test]
fn stated_lengths_allocate_nothing_and_nesting_takes_no_stack() {
    for args in [
        &b"\xdd\xff\xff\xff\xff"[..],
        b"\xdf\xff\xff\xff\xff",
        b"\x92\xa1e\xc6\xff\xff\xff\xff",
        b"\x92\xa1e\xdb\xff\xff\xff\xff",
        b"\x92\xa1e\xc9\xff\xff\xff\xff\x00",
    ] {
        assert_eq!(rule(args, Limits::default()), Some(Rule::InvalidMsgpack));
    }
    let deep = [0x91].repeat(500_000);
    assert_eq!(rule(&deep, Limits::default()), Some(Rule::TooDeep { limit: 127 }));
    // Deeper than its own limit, as values of the application may be: the writer does not recurse.
    let json = ["[".repeat(100), "]".repeat(100)].concat();
    let json = ["[\"e\",", &json, "]"].concat();
    let data = Data::from_parts(json.as_str().into(), vec![]).unwrap();
    let packet = Packet { namespace: Namespace::default(), body: Body::Event { id: None, data } };
    assert_eq!(decode(packet.encode_msgpack(), Limits::default()), Ok(packet));
}

#[test]
fn limits_hold() {
    let args = b"\x93\xa1e\x91\x90\xc4\x01\x00";
    let size = event(args).len();
    for (limit, fits) in [(size - 1, false), (size, true), (size + 1, true)] {
        let expected = (!fits).then_some(Rule::PacketTooBig { limit });
        assert_eq!(rule(args, Limits::default().max_packet(limit)), expected);
    }
    for (limit, fits) in [(2, false), (3, true), (4, true)] {
        let expected = (!fits).then_some(Rule::TooDeep { limit });
        assert_eq!(rule(args, Limits::default().max_depth(limit)), expected);
    }
    for (limit, fits) in [(0, false), (1, true), (2, true)] {
        let expected = (!fits).then_some(Rule::TooManyAttachments { limit });
        assert_eq!(rule(args, Limits::default().max_attachments(limit)), expected);
    }
    // A placeholder is an object, and an ext of the application's an array around one.
    for args in
        [&b"\x92\xa1e\x91\xc4\x01\x00"[..], b"\x92\xa1e\xc7\x01\x05\x00", b"\x92\xa1e\xd4\x05\x00"]
    {
        for (limit, fits) in [(2, false), (3, true), (4, true)] {
            let expected = (!fits).then_some(Rule::TooDeep { limit });
            assert_eq!(rule(args, Limits::default().max_depth(limit)), expected);
        }
    }
    // What is skipped is limited alike.
    let skipped = b"\x83\xa4type\x01\xa3nsp\xa1/\xa1x\x91\x91\x90";
    let error = decode(skipped[..].into(), Limits::default().max_depth(2)).unwrap_err();
    assert_eq!(error.rule(), Rule::TooDeep { limit: 2 });
}

#[test]
fn both_ends_talk_as_with_text() {
    let root = Namespace::default();
    let mut server = Connection::new(Limits::default(), NOW).with_parser(Parser::Msgpack);
    let mut client = Connection::client(Limits::default()).with_parser(Parser::Msgpack);
    let auth = Json::decode(r#"{"token":"abc"}"#.into()).unwrap();
    client.connect(&root, Some(&auth), None).unwrap();
    let asked = server.next_event(client.output().pop().unwrap(), NOW).unwrap();
    assert_eq!(asked, Some(Event::Connect { namespace: root.clone(), auth: Some(auth) }));
    server.accept(&root, "id-1").unwrap();
    let joined = client.next_event(server.output().pop().unwrap(), NOW).unwrap();
    assert!(matches!(joined, Some(Event::Connected { .. })));

    let args = ("a.txt", Binary::from(&b"bytes"[..]), 7);
    let data = Data::event("upload", &args).unwrap();
    client.send_event_with_ack(&root, 3, data.clone(), None).unwrap();
    let message = client.output().pop().unwrap();
    assert!(client.output().is_empty(), "attachments are within");
    let heard = server.next_event(message, NOW).unwrap();
    let Some(Event::Event { data, ack: Some(ack), .. }) = heard else { panic!("{heard:?}") };
    let (name, file, number): (String, Binary, u8) = data.clone().into_args().unwrap();
    assert_eq!((&*name, file, number), args);
    server.send_ack(ack, data.into_ack()).unwrap();
    let answer = client.next_event(server.output().pop().unwrap(), NOW).unwrap();
    assert!(matches!(answer, Some(Event::Ack { id: 3, .. })));

    // An event that was prepared for the other parser is encoded once more.
    let data = Data::event("news", &args).unwrap();
    let prepared = [
        PreparedEvent::new(&root, data.clone()).unwrap(),
        PreparedEvent::with_parser(Parser::Msgpack, &root, data.clone()).unwrap(),
    ];
    assert_eq!(prepared.each_ref().map(|prepared| prepared.messages().count()), [2, 1]);
    for prepared in &prepared {
        server.send_prepared(prepared).unwrap();
        let event = client.next_event(server.output().pop().unwrap(), NOW).unwrap();
        let expected = Event::Event { namespace: root.clone(), data: data.clone(), ack: None };
        assert_eq!(event, Some(expected));
        let mut text = Connection::new(Limits::default(), NOW);
        text.next_event("0".into(), NOW).unwrap();
        text.accept(&root, "id").unwrap();
        text.output().pop();
        text.send_prepared(prepared).unwrap();
        let sent: Vec<_> = std::iter::from_fn(|| text.output().pop()).collect();
        let expected = PreparedEvent::new(&root, data.clone()).unwrap();
        assert_eq!(sent, expected.messages().collect::<Vec<_>>());
    }

    // Then too it is answered under its id.
    server.await_ack(&root, 5, None).unwrap();
    server.send_prepared(&PreparedEvent::with_ack(Parser::Text, &root, 5, data).unwrap()).unwrap();
    let event = client.next_event(server.output().pop().unwrap(), NOW).unwrap();
    let Some(Event::Event { ack: Some(ack), .. }) = event else { panic!("{event:?}") };
    client.send_ack(ack, Data::ack(&()).unwrap()).unwrap();
    let answer = server.next_event(client.output().pop().unwrap(), NOW).unwrap();
    assert!(matches!(answer, Some(Event::Ack { id: 5, .. })));

    let error = server.next_event("2[\"text\"]".into(), NOW).unwrap_err();
    assert_eq!(error.rule(), Rule::UnexpectedText);
}

#[test]
fn half_a_surrogate_pair_and_long_numbers() {
    for (json, expected) in [
        (r#"["e","\ud83d\ude00\u00e9"]"#, "[\"e\",\"\u{1f600}\u{e9}\"]"),
        (
            r#"["e","\ud83d","\ude00x","\ud83d\u0041"]"#,
            "[\"e\",\"\u{fffd}\",\"\u{fffd}x\",\"\u{fffd}A\"]",
        ),
        (
            r#"["e",1e400,123456789012345678901234567890,-0,1.0]"#,
            r#"["e",null,1.2345678901234568e+29,0,1.0]"#,
        ),
        (" [ \"e\" , { \"a\" : [ 1 , 2 ] } ] ", r#"["e",{"a":[1,2]}]"#),
    ] {
        let data = Data::from_parts(json.into(), vec![]).unwrap();
        let packet =
            Packet { namespace: Namespace::default(), body: Body::Event { id: None, data } };
        let decoded = decode(packet.encode_msgpack(), Limits::default()).unwrap();
        assert_eq!(seen(&decoded).json.as_deref(), Some(expected), "{json}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a\"\\\\/\u{0}-\u{20}]{0,40}".prop_map(Value::from),
        (0..70_000usize).prop_map(|length| "x".repeat(length).into()),
    ];
    leaf.prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..20)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_written_is_read(
        args in prop::collection::vec(any_json(), 0..20),
        blobs in prop::collection::vec(any::<Vec<u8>>(), 0..3),
        id in prop::option::of(0..1u64 << 53),
    ) {
        let blobs: Vec<_> = blobs.into_iter().map(Binary::from).collect();
        let data = Data::event("e", &(Varargs(args), blobs)).unwrap();
        let packet = Packet { namespace: Namespace::default(), body: Body::Event { id, data } };
        let message = packet.encode_msgpack();
        let limits = Limits::default().max_packet(usize::MAX);
        prop_assert_eq!(decode(message, limits), Ok(packet));
    }

    #[test]
    fn any_bytes_are_a_packet_or_an_error(bytes in any::<Vec<u8>>()) {
        if let Ok(packet) = decode(event(&bytes), Limits::default()) {
            let again = decode(packet.encode_msgpack(), Limits::default());
            prop_assert_eq!(again, Ok(packet));
        }
    }

    #[test]
    fn dates_are_written_as_by_anybody_else(days in -700_000..2_900_000i64, millis in 0..86_400_000i64) {
        let time = days * 86_400_000 + millis;
        let args = [&b"\x92\xa1e\xd7\x00"[..], &time.to_be_bytes()].concat();
        let Body::Event { data, .. } = decode(event(&args), Limits::default()).unwrap().body else {
            panic!("an event")
        };
        let text: String = data.into_args().unwrap();
        // Back again, day by day from the first of March of the year 0.
        let field = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
        let (year, month, day) = (field(0..4), field(5..7), field(8..10));
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let months = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let past = year - 1;
        let before = 365 * year + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400);
        let in_year: i64 = months.iter().take(usize::try_from(month - 1).unwrap()).sum();
        prop_assert_eq!(before + in_year + day - 1 - 719_527, days);
        let clock = (field(11..13) * 60 + field(14..16)) * 60 + field(17..19);
        prop_assert_eq!(clock * 1000 + field(20..23), millis);
    }
}

#[test]
fn a_message_of_the_other_kind_is_refused() {
    let mut decoder = Decoder::new(Limits::default()).with_parser(Parser::Msgpack);
    let error = decoder.next_packet(Message::from("2[\"e\"]"), NOW).unwrap_err();
    assert_eq!(error.rule(), Rule::UnexpectedText);
    assert_eq!(decoder.next_timeout(), None);
}
