//! Payloads without bytes are what serde_json makes of them, out and in.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::{borrow::Cow, collections::BTreeMap, fmt};

use proptest::prelude::*;
use rtwire_socketio::Data;
use serde::{
    Deserialize, Serialize, Serializer,
    de::{DeserializeOwned, IgnoredAny},
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};
use serde_json::{Value, value::RawValue};

/// Whatever a type may say to a serializer, but for bytes.
#[derive(Clone, Debug)]
enum Said {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    F32(f32),
    F64(f64),
    Char(char),
    Str(String),
    Shown(String),
    None,
    Unit,
    UnitStruct,
    UnitVariant,
    Raw(Box<RawValue>),
    Some(Box<Said>),
    Newtype(Box<Said>),
    NewtypeVariant(Box<Said>),
    Seq(Vec<Said>),
    Tuple(Vec<Said>),
    TupleStruct(Vec<Said>),
    TupleVariant(Vec<Said>),
    Struct(Vec<Said>),
    StructVariant(Vec<Said>),
    Map(Vec<(Said, Said)>),
}

const FIELDS: [&str; 4] = ["a", "num", "_placeholder", "\"\u{1}é"];

impl Serialize for Said {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        /// The elements, one by one, through the method that this form has for it.
        macro_rules! all {
            ($of:expr, $elements:expr, $method:ident) => {{
                let mut of = $of?;
                for element in $elements {
                    of.$method(element)?;
                }
                of.end()
            }};
        }
        match self {
            Self::Bool(value) => s.serialize_bool(*value),
            Self::I8(value) => s.serialize_i8(*value),
            Self::I16(value) => s.serialize_i16(*value),
            Self::I32(value) => s.serialize_i32(*value),
            Self::I64(value) => s.serialize_i64(*value),
            Self::I128(value) => s.serialize_i128(*value),
            Self::U8(value) => s.serialize_u8(*value),
            Self::U16(value) => s.serialize_u16(*value),
            Self::U32(value) => s.serialize_u32(*value),
            Self::U64(value) => s.serialize_u64(*value),
            Self::U128(value) => s.serialize_u128(*value),
            Self::F32(value) => s.serialize_f32(*value),
            Self::F64(value) => s.serialize_f64(*value),
            Self::Char(value) => s.serialize_char(*value),
            Self::Str(value) => s.serialize_str(value),
            Self::Shown(value) => s.collect_str(value),
            Self::None => s.serialize_none(),
            Self::Unit => s.serialize_unit(),
            Self::UnitStruct => s.serialize_unit_struct("T"),
            Self::UnitVariant => s.serialize_unit_variant("T", 0, "V\n"),
            Self::Raw(value) => value.serialize(s),
            Self::Some(value) => s.serialize_some(value),
            Self::Newtype(value) => s.serialize_newtype_struct("T", value),
            Self::NewtypeVariant(value) => s.serialize_newtype_variant("T", 1, "N\n", value),
            Self::Seq(all) => all!(s.serialize_seq(None), all, serialize_element),
            Self::Tuple(all) => all!(s.serialize_tuple(all.len()), all, serialize_element),
            Self::TupleStruct(all) => {
                all!(s.serialize_tuple_struct("T", all.len()), all, serialize_field)
            }
            Self::TupleVariant(all) => {
                all!(s.serialize_tuple_variant("T", 2, "P", all.len()), all, serialize_field)
            }
            Self::Struct(all) => {
                let mut fields = s.serialize_struct("T", all.len())?;
                for (name, value) in FIELDS.into_iter().zip(all) {
                    fields.serialize_field(name, value)?;
                }
                fields.end()
            }
            Self::StructVariant(all) => {
                let mut fields = s.serialize_struct_variant("T", 3, "S", all.len())?;
                for (name, value) in FIELDS.into_iter().zip(all) {
                    fields.serialize_field(name, value)?;
                }
                fields.end()
            }
            Self::Map(all) => {
                let mut map = s.serialize_map(None)?;
                for (key, value) in all {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

fn any_said() -> impl Strategy<Value = Said> {
    let floats = prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<i32>().prop_map(f64::from),
        (any::<i32>(), -30..30)
            .prop_map(|(digits, exponent)| f64::from(digits) * 10_f64.powi(exponent)),
        prop::sample::select(vec![0.0, -0.0, 1e15, 1e16, 1e17, 1e21, 1e-5, 1e-6, 1e-7, f64::MAX]),
    ];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Said::Bool),
        any::<i8>().prop_map(Said::I8),
        any::<i16>().prop_map(Said::I16),
        any::<i32>().prop_map(Said::I32),
        any::<i64>().prop_map(Said::I64),
        any::<i128>().prop_map(Said::I128),
        any::<u8>().prop_map(Said::U8),
        any::<u16>().prop_map(Said::U16),
        any::<u32>().prop_map(Said::U32),
        any::<u64>().prop_map(Said::U64),
        any::<u128>().prop_map(Said::U128),
        any::<u32>().prop_map(|bits| Said::F32(f32::from_bits(bits))),
        floats.prop_map(Said::F64),
        any::<char>().prop_map(Said::Char),
        any::<String>().prop_map(Said::Str),
        "[ -~\u{0}-\u{1f}é]{0,40}".prop_map(Said::Shown),
        Just(Said::None),
        Just(Said::Unit),
        Just(Said::UnitStruct),
        Just(Said::UnitVariant),
    ];
    let raw = any_json().prop_filter_map("valid", |text| RawValue::from_string(text).ok());
    let all = prop_oneof![5 => leaf, 1 => raw.prop_map(Said::Raw)];
    all.prop_recursive(5, 24, 4, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..4);
        // serde_json takes no `RawValue` for a key; one that is text does no harm.
        let key = inner.clone().prop_filter("not raw", |key| !key.is_raw());
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Said::Some),
            boxed().prop_map(Said::Newtype),
            boxed().prop_map(Said::NewtypeVariant),
            list().prop_map(Said::Seq),
            list().prop_map(Said::Tuple),
            list().prop_map(Said::TupleStruct),
            list().prop_map(Said::TupleVariant),
            list().prop_map(Said::Struct),
            list().prop_map(Said::StructVariant),
            prop::collection::vec((key, inner.clone()), 0..4).prop_map(Said::Map),
        ]
    })
}

impl Said {
    fn is_raw(&self) -> bool {
        match self {
            Self::Raw(_) => true,
            Self::Some(of) | Self::Newtype(of) => of.is_raw(),
            _ => false,
        }
    }
}

/// JSON in which keys, numbers and strings are what the types below look for, or nearly.
fn any_json() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i8>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<i128>().prop_map(|number| number.to_string()),
        any::<u128>().prop_map(|number| number.to_string()),
        "-?[0-9]{1,3}(\\.[0-9]{1,3})?([eE][+-]?[0-9])?",
        prop::sample::select(vec![
            "0",
            "-0",
            "-0.0",
            "0e0",
            "1e400",
            "-1E-400",
            "18446744073709551616",
            "-9223372036854775809",
            "9223372036854775808",
            "1.0",
            "256",
            "65536",
        ])
        .prop_map(str::to_owned),
    ];
    let inside = prop_oneof![
        prop::sample::select(vec![
            "",
            "a",
            "b",
            "Empty",
            "Of",
            "Pair",
            "Named",
            "\\u0061",
            "\\ud83d",
            "\\ude00",
            "\\uD83D\\uDE00",
            "\\ud83d\\ud83d",
            "😀",
            "\\n\\/\\\"\\\\",
            "true",
            "false",
            "tru",
            "1",
            "-1",
            "1.5",
            "01",
            "1 ",
            "t",
            "c",
            "kind",
            "é",
        ])
        .prop_map(str::to_owned),
        "[ -!#-\\[\\]-~é]{0,20}",
        number.clone(),
    ];
    let string = inside.prop_map(|inside| format!("\"{inside}\""));
    let word = prop::sample::select(vec!["null", "true", "false"]).prop_map(str::to_owned);
    let leaf = prop_oneof![number, string.clone(), word];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let space = "[ \t\r\n]{0,1}";
        let member = (string.clone(), space, inner.clone())
            .prop_map(|(key, space, value)| format!("{key}{space}:{space}{value}{space}"));
        let lists = prop::collection::vec((space, inner), 0..4).prop_map(|elements| {
            let elements: Vec<_> = elements
                .into_iter()
                .map(|(space, element)| format!("{space}{element}{space}"))
                .collect();
            format!("[{}]", elements.join(","))
        });
        let objects = prop::collection::vec(member, 0..4)
            .prop_map(|members| format!("{{{}}}", members.join(",")));
        prop_oneof![lists, objects]
    })
}

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    Empty,
    Of(Option<Box<Shape>>),
    Pair(f64, String),
    Named { a: char, b: Option<()> },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i16),
    Text(String),
    Pair(u8, Option<f64>),
    Of { a: Box<Untagged> },
    Any(Value),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    A {
        b: Value,
    },
    #[serde(rename = "b")]
    B(BTreeMap<String, Value>),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "a", content = "b")]
enum Adjacent {
    #[serde(rename = "a")]
    Unit,
    #[serde(rename = "b")]
    Of(Value),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Record {
    a: Value,
    b: Option<[i64; 2]>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    #[serde(default)]
    a: Option<f32>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Side {
    #[serde(rename = "a")]
    Left,
    #[serde(rename = "b")]
    Right,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Wrapper<T>(T);

#[derive(Debug, PartialEq, Deserialize)]
struct Unit;

fn same<T: DeserializeOwned + PartialEq + fmt::Debug>(data: &Data, json: &str) {
    let ours = data.clone().into_ack_args::<(T,)>().ok().map(|args| args.0);
    // From bytes: from text it makes text of the first byte of a key that is no `bool`.
    let theirs = serde_json::from_slice::<T>(json.as_bytes()).ok();
    if ours.is_some() && theirs.is_some() && has_rounded(json) {
        return;
    }
    assert_eq!(ours, theirs, "{}", std::any::type_name::<T>());
}

/// Whether there is a number that serde_json reads to the last digit or so; we read it as Rust does.
fn has_rounded(json: &str) -> bool {
    let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    json.split(|c| !is_of_number(c)).any(|number| {
        let theirs = serde_json::from_str::<f64>(number);
        theirs.is_ok_and(|theirs| number.parse() != Ok(theirs))
    })
}

fn read_as_all_types(json: &str) {
    let data = Data::from_parts(format!("[{json}]").into(), vec![]);
    let plain = serde_json::from_str::<(IgnoredAny,)>(&format!("[{json}]"));
    if plain.is_err() {
        // One element is another matter than a text that is no JSON.
        assert!(
            data.is_err() || serde_json::from_str::<Vec<IgnoredAny>>(&format!("[{json}]")).is_ok()
        );
        return;
    }
    let data = data.unwrap();
    same::<Value>(&data, json);
    same::<()>(&data, json);
    same::<Unit>(&data, json);
    same::<bool>(&data, json);
    same::<u8>(&data, json);
    same::<i8>(&data, json);
    same::<i64>(&data, json);
    same::<u64>(&data, json);
    same::<i128>(&data, json);
    same::<u128>(&data, json);
    same::<f32>(&data, json);
    same::<f64>(&data, json);
    same::<char>(&data, json);
    same::<String>(&data, json);
    same::<Cow<'static, str>>(&data, json);
    same::<Option<Wrapper<(u8, Option<i64>)>>>(&data, json);
    same::<Vec<Option<u128>>>(&data, json);
    same::<(Value, u8)>(&data, json);
    same::<Shape>(&data, json);
    same::<Vec<Shape>>(&data, json);
    same::<Untagged>(&data, json);
    same::<Tagged>(&data, json);
    same::<Adjacent>(&data, json);
    same::<Record>(&data, json);
    same::<Strict>(&data, json);
    same::<BTreeMap<String, Vec<Value>>>(&data, json);
    same::<BTreeMap<i16, Value>>(&data, json);
    same::<BTreeMap<u64, Value>>(&data, json);
    same::<BTreeMap<i128, Value>>(&data, json);
    same::<BTreeMap<u128, Value>>(&data, json);
    same::<BTreeMap<bool, Value>>(&data, json);
    same::<BTreeMap<char, Value>>(&data, json);
    same::<BTreeMap<Side, Value>>(&data, json);
    same::<BTreeMap<Option<Wrapper<i64>>, Value>>(&data, json);
    let raw = data.into_ack_args::<(Box<RawValue>,)>().ok().map(|args| args.0.get().to_owned());
    let expected = serde_json::from_str::<Box<RawValue>>(json).unwrap();
    assert_eq!(raw.as_deref(), Some(expected.get()));
}

#[test]
fn keys_of_128_bits_are_read() {
    read_as_all_types(r#"{"340282366920938463463374607431768211455":1}"#);
    read_as_all_types(r#"{"-170141183460469231731687303715884105728":1}"#);
    for key in ["-0", "1.5", "1e2", "a", "", "340282366920938463463374607431768211456"] {
        read_as_all_types(&format!(r#"{{"{key}":1}}"#));
    }
}

#[test]
fn a_variant_is_named_and_not_numbered() {
    for json in ["[0,0]", "[\"A\",0]", "{\"kind\":0,\"b\":0}", "{\"a\":1,\"b\":2}", "[1,2]"] {
        read_as_all_types(json);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_what_serde_json_writes(said in any_said()) {
        let ours = Data::ack(&(&said,)).ok().map(|data| data.json().to_string());
        let theirs = serde_json::to_string(&[&said]).ok();
        prop_assert_eq!(&ours, &theirs);
        if let Some(json) = ours {
            Data::from_parts(json.into(), vec![]).unwrap();
        }
    }

    #[test]
    fn what_is_read_is_what_serde_json_reads(json in any_json()) {
        read_as_all_types(&json);
    }

    #[test]
    fn what_is_refused_is_what_serde_json_refuses(
        json in any_json(),
        at in any::<prop::sample::Index>(),
        with in prop::sample::select(vec!["", "\"", "\\", ",", ":", "]", "}", "0", "-", ".", "e", " ", "\u{1}", "u"]),
    ) {
        let mut characters: Vec<_> = json.chars().map(String::from).collect();
        let at = at.index(characters.len());
        characters[at] = with.to_owned();
        read_as_all_types(&characters.concat());
    }
}
