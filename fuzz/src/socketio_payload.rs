use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use rtwire_socketio::{Binary, Data, PayloadError, Varargs};
use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Arguments through serde, and arguments that are forwarded without it. Lines with a `B` are
/// attachments, a line with an `N` is the name of an event, the others are the JSON.
///
/// - What is read is what a plain reader of JSON makes of the array, with the attachments where
///   placeholders name them.
/// - What was read and is written again is read as the same. It is refused if its plain data looks
///   like a placeholder beside bytes, and only then.
/// - It is as deep as what is read may be, and no deeper.
/// - An argument is the same whether or not there is an attachment elsewhere in the packet.
/// - The conversions of events and acks keep arguments and attachments, and nothing of the name.
pub fn socketio_payload(input: &[u8]) {
    let (mut json, mut name, mut attachments) = (Vec::new(), "name", Vec::new());
    for line in input.split(|&byte| byte == b'\n') {
        match line {
            [b'B', bytes @ ..] => attachments.push(Bytes::copy_from_slice(bytes)),
            [b'N', text @ ..] => name = std::str::from_utf8(text).unwrap_or_default(),
            line => json.push(line),
        }
    }
    let Ok(json) = String::from_utf8(json.join(&b'\n')) else { return };
    let Ok(data) = Data::from_parts(json.into(), attachments) else { return };
    conversions(&data, name);
    if let Some(args) = read(&data) {
        let data = Data::ack(&Varargs(args.clone()));
        written(data, &args, |data| Ok(data.into_ack_args::<Varargs<Value>>()?.0));
        let data = Data::event(name, &Varargs(args.clone()));
        match data {
            Err(PayloadError::ReservedEvent) => assert!(is_reserved(name)),
            data => written(data, &args, |data| Ok(data.into_args::<Varargs<Value>>()?.0)),
        }
        deepest(Value::Array(args));
    }
    if data.attachments().is_empty() {
        beside_an_attachment(&data);
    }
}

/// All elements of the array, if serde has a value for each of them.
fn read(data: &Data) -> Option<Vec<Value>> {
    let args = data.clone().into_ack_args::<Varargs<Value>>();
    let plain = serde_json::from_str::<Vec<Value>>(data.json());
    // A number that no f64 holds and half a surrogate pair are JSON, and no values of Rust.
    assert_eq!(args.is_ok(), plain.is_ok(), "{args:?} {plain:?}");
    let (Varargs(args), plain) = (args.ok()?, plain.ok()?);
    let expected: Vec<Value> =
        plain.into_iter().map(|value| value.with(data.attachments())).collect();
    assert_eq!(args, expected);
    if data.event_name().is_some() {
        let Varargs(event_args) =
            data.clone().into_args::<Varargs<Value>>().expect("the same without the name");
        assert_eq!(event_args, expected[1..]);
    }
    Some(args)
}

fn written(
    data: Result<Data, PayloadError>,
    args: &[Value],
    read: fn(Data) -> Result<Vec<Value>, PayloadError>,
) {
    let bytes: usize = args.iter().map(Value::attachments).sum();
    let forged = bytes > 0 && args.iter().any(|arg| arg.has_key("_placeholder"));
    let data = match data {
        Err(PayloadError::Placeholder) if forged => return,
        data => data.expect("nothing else is refused"),
    };
    assert!(!forged);
    assert_eq!(data.attachments().len(), bytes);
    let checked = Data::from_parts(data.json().clone(), data.attachments().to_vec());
    assert_eq!(checked.as_ref(), Ok(&data));
    // serde_json reads the shortest text for a large number as one that is too large.
    if !args.iter().any(Value::is_huge) {
        assert_eq!(read(data).expect("what was written can be read"), args);
    }
}

/// The value within as many arrays as there may be around it.
fn deepest(value: Value) {
    const MOST: usize = 127;
    if value.has_key("_placeholder") {
        return;
    }
    for depth in [MOST - 1, MOST, MOST + 1] {
        // 1: the array of the arguments.
        let Some(arrays) = depth.checked_sub(1 + value.depth()) else { continue };
        let nested = (0..arrays).fold(value.clone(), |value, _| Value::Array(vec![value]));
        match Data::ack(&(nested,)) {
            Ok(data) => {
                assert!(depth <= MOST);
                let read = Data::from_parts(data.json().clone(), data.attachments().to_vec());
                assert_eq!(read, Ok(data));
            }
            Err(error) => assert!(depth > MOST, "{error}"),
        }
    }
}

fn conversions(data: &Data, name: &str) {
    let reserved = is_reserved(name);
    let is_event = data.event_name().is_some();
    let event = data.clone().into_event(name);
    let of_ack = data.clone().ack_into_event(name);
    assert_eq!(event.is_some(), is_event && !reserved);
    assert_eq!(of_ack.is_some(), !reserved);
    let ack = data.clone().into_ack();
    if !is_event {
        assert_eq!(&ack, data);
    }
    let conversions = event.iter().chain(of_ack.iter()).chain([&ack]);
    for converted in conversions {
        assert_eq!(converted.attachments(), data.attachments());
        let parts = (converted.json().clone(), converted.attachments().to_vec());
        assert_eq!(Data::from_parts(parts.0, parts.1).as_ref(), Ok(converted));
    }
    let all = |data: &Data| data.clone().into_ack_args::<Varargs<Value>>().ok().map(|args| args.0);
    if let Some(of_ack) = of_ack {
        assert_eq!(of_ack.event_name().as_deref(), Some(name));
        let back = of_ack.into_ack();
        assert_eq!(inside(&back), inside(data));
        assert_eq!(all(&back), all(data));
    }
    if let Some(event) = event {
        assert_eq!(event.event_name().as_deref(), Some(name));
        assert_eq!(event.clone().into_ack(), ack);
        assert_eq!(ack.ack_into_event(name).as_ref(), Some(&event));
        assert_eq!(event.clone().into_event(name), Some(event));
    } else if is_event {
        assert!(ack.json().len() < data.json().len());
    }
}

/// The text behind the opening bracket.
fn inside(data: &Data) -> Option<&str> {
    Some(data.json().trim_start().strip_prefix('[')?.trim_start())
}

/// The first argument as various types, with and without an attachment behind it.
fn beside_an_attachment(data: &Data) {
    let Ok(elements) = serde_json::from_str::<Vec<Value>>(data.json()) else { return };
    if elements.is_empty() || elements.iter().any(|element| element.has_key("_placeholder")) {
        return;
    }
    let Some(inside) = data.json().trim_end().strip_suffix(']') else { return };
    let json = format!("{inside},{{\"_placeholder\":true,\"num\":0}}]");
    let beside = Data::from_parts(json.into(), vec![Bytes::new()]).expect("one more element");
    same::<Value>(data, &beside);
    same::<Option<Wrapper>>(data, &beside);
    same::<Shape>(data, &beside);
    same::<Record>(data, &beside);
    same::<BTreeMap<i16, Option<u8>>>(data, &beside);
    same::<BTreeMap<bool, Vec<char>>>(data, &beside);
    same::<BTreeMap<Side, i64>>(data, &beside);
    same::<Binary>(data, &beside);
}

fn same<T: DeserializeOwned + PartialEq + fmt::Debug>(data: &Data, beside: &Data) {
    let one = data.clone().into_ack_args::<T>().ok();
    assert_eq!(beside.clone().into_ack_args::<T>().ok(), one);
}

#[derive(Debug, PartialEq, Deserialize)]
struct Wrapper((u8, Option<i64>));

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    Empty,
    Of(Option<Box<Shape>>),
    Pair(f64, String),
    Named { a: char, b: Option<()> },
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Side {
    #[serde(rename = "a")]
    Left,
    #[serde(rename = "b")]
    Right,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Record {
    a: Option<Vec<Shape>>,
    b: Option<[u64; 2]>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

fn is_reserved(name: &str) -> bool {
    Data::binary_event(name, Vec::new()).is_none()
}

/// Any JSON value, members in order, or bytes.
#[derive(Clone, Debug)]
enum Value {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
    Bytes(Binary),
}

impl Value {
    /// What its placeholders stand for in place of them.
    fn with(self, attachments: &[Bytes]) -> Self {
        match self {
            Self::Array(elements) => {
                Self::Array(elements.into_iter().map(|value| value.with(attachments)).collect())
            }
            Self::Object(members) => {
                let member = |name| members.iter().find(|(key, _)| key == name);
                match (member("_placeholder"), member("num"), members.len()) {
                    (Some((_, Self::Bool(true))), Some((_, Self::Unsigned(num))), 2)
                        if !attachments.is_empty() =>
                    {
                        let num = usize::try_from(*num).expect("in range");
                        Self::Bytes(attachments[num].clone().into())
                    }
                    _ => {
                        let with = |(key, value): (_, Self)| (key, value.with(attachments));
                        Self::Object(members.into_iter().map(with).collect())
                    }
                }
            }
            leaf => leaf,
        }
    }

    fn any(&self, predicate: &dyn Fn(&Self) -> bool) -> bool {
        predicate(self)
            || match self {
                Self::Array(elements) => elements.iter().any(|value| value.any(predicate)),
                Self::Object(members) => members.iter().any(|(_, value)| value.any(predicate)),
                _ => false,
            }
    }

    fn has_key(&self, name: &str) -> bool {
        self.any(&|value| match value {
            Self::Object(members) => members.iter().any(|(key, _)| key == name),
            _ => false,
        })
    }

    fn is_huge(&self) -> bool {
        self.any(&|value| matches!(value, Self::Float(number) if number.abs() > 1e308))
    }

    /// Arrays and objects in each other; a placeholder is one.
    fn depth(&self) -> usize {
        let deepest = |values: &mut dyn Iterator<Item = &Self>| {
            1 + values.map(Self::depth).max().unwrap_or_default()
        };
        match self {
            Self::Array(elements) => deepest(&mut elements.iter()),
            Self::Object(members) => deepest(&mut members.iter().map(|(_, value)| value)),
            Self::Bytes(_) => 1,
            _ => 0,
        }
    }

    fn attachments(&self) -> usize {
        match self {
            Self::Array(elements) => elements.iter().map(Self::attachments).sum(),
            Self::Object(members) => members.iter().map(|(_, value)| value.attachments()).sum(),
            Self::Bytes(_) => 1,
            _ => 0,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Unsigned(a), Self::Unsigned(b)) => a == b,
            (Self::Signed(a), Self::Signed(b)) => a == b,
            // serde_json reads to the last digit or so.
            (Self::Float(a), Self::Float(b)) => (a - b).abs() <= (a.abs() * 1e-14).max(1e-320),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Unsigned(number) => serializer.serialize_u64(*number),
            Self::Signed(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(elements) => {
                let mut seq = serializer.serialize_seq(None)?;
                for element in elements {
                    seq.serialize_element(element)?;
                }
                seq.end()
            }
            Self::Object(members) => {
                let mut map = serializer.serialize_map(None)?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::Bytes(bytes) => bytes.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Signed(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Value::Object(members))
    }
}
