//! Rust values through serde: arguments, attachments, and placeholders that nobody can forge.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use rtwire_socketio::{Binary, Data, Json, PayloadError, Rule, Varargs};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};

fn bin(bytes: &[u8]) -> Binary {
    Binary(Bytes::copy_from_slice(bytes))
}

fn text<T: Serialize + ?Sized>(args: &T) -> String {
    Data::event("e", args).unwrap().json().to_string()
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, PayloadError> {
    Data::from_parts(json.into(), vec![]).unwrap().into_args()
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Pair(u8, u8);

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Wrapper<T>(T);

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
enum Shape {
    Empty,
    Blob(Binary),
    Two(u8, Binary),
    Named { file: Binary, size: Option<u32> },
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Upload {
    name: String,
    parts: Vec<Binary>,
    by_number: BTreeMap<u32, Binary>,
    by_flag: BTreeMap<bool, f64>,
    shapes: Vec<Shape>,
    absent: Option<Binary>,
    present: Option<Binary>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[test]
fn a_tuple_is_as_many_arguments_and_anything_else_is_one() {
    assert_eq!(text(&()), r#"["e"]"#);
    assert_eq!(text("x"), r#"["e","x"]"#);
    assert_eq!(text(&("x",)), r#"["e","x"]"#);
    assert_eq!(text(&("x", 1, None::<u8>)), r#"["e","x",1,null]"#);
    assert_eq!(text(&[1, 2]), r#"["e",1,2]"#);
    assert_eq!(text(&Pair(1, 2)), r#"["e",1,2]"#);
    assert_eq!(text(&Wrapper((1, 2))), r#"["e",1,2]"#);
    assert_eq!(text(&Varargs(vec![1, 2])), r#"["e",1,2]"#);
    assert_eq!(text(&Varargs::<u8>(vec![])), r#"["e"]"#);
    assert_eq!(text(&vec![1, 2]), r#"["e",[1,2]]"#);
    assert_eq!(text(&[1, 2][..]), r#"["e",[1,2]]"#);
    assert_eq!(text(&([1, 2],)), r#"["e",[1,2]]"#);
    assert_eq!(text(&Some((1, 2))), r#"["e",[1,2]]"#);
    assert_eq!(text(&None::<u8>), r#"["e",null]"#);
    assert_eq!(text(&Wrapper("x")), r#"["e","x"]"#);
    assert_eq!(text(&json!({"a": [1]})), r#"["e",{"a":[1]}]"#);
    assert_eq!(text(&Shape::Empty), r#"["e","Empty"]"#);
    assert_eq!(*Data::ack(&()).unwrap().json(), "[]");
    assert_eq!(*Data::ack(&(1, "x")).unwrap().json(), "[1,\"x\"]");
    assert_eq!(*Data::ack("x").unwrap().json(), "[\"x\"]");
}

#[test]
fn arguments_are_read_as_they_are_written() {
    assert_eq!(read::<String>(r#"["e","x",1]"#).unwrap(), "x");
    assert_eq!(read::<(String,)>(r#"["e","x",1]"#).unwrap(), ("x".into(),), "others are ignored");
    assert_eq!(read::<(String, u8)>(r#"["e","x",1]"#).unwrap(), ("x".into(), 1));
    assert_eq!(read::<[u8; 2]>(r#"["e",1,2]"#).unwrap(), [1, 2]);
    assert_eq!(read::<Vec<u8>>(r#"["e",[1,2],3]"#).unwrap(), [1, 2]);
    assert_eq!(read::<Varargs<u8>>(r#"["e",1,2]"#).unwrap().0, [1, 2]);
    assert_eq!(read::<Pair>(r#"["e",1,2]"#).unwrap(), Pair(1, 2));
    assert_eq!(read::<Wrapper<(u8, u8)>>(r#"["e",1,2]"#).unwrap(), Wrapper((1, 2)));
    assert_eq!(read::<Wrapper<u8>>(r#"["e",1,2]"#).unwrap(), Wrapper(1));
    assert_eq!(read::<Value>(r#"["e",{"a":1}]"#).unwrap(), json!({"a": 1}));
    assert_eq!(read::<Option<u8>>(r#"["e"]"#).unwrap(), None);
    read::<()>(r#"["e",1]"#).unwrap();
    assert!(read::<String>(r#"["e"]"#).is_err());
    assert!(read::<(String, u8)>(r#"["e","x"]"#).is_err());
    assert!(read::<String>(r#"["e",1]"#).is_err());
    assert!(read::<String>(r#"["e","\ud83d"]"#).is_err(), "half a surrogate pair is no text");
    let ack = Data::from_parts("[1,2]".into(), vec![]).unwrap();
    assert_eq!(ack.clone().into_ack_args::<(u8, u8)>().unwrap(), (1, 2));
    assert_eq!(ack.into_ack_args::<u8>().unwrap(), 1);
}

#[test]
fn bytes_anywhere_become_attachments_and_come_back() {
    let upload = Upload {
        name: "n".into(),
        parts: vec![bin(b"0"), bin(b""), bin(&[0xFF; 10_000])],
        by_number: [(7, bin(b"7"))].into(),
        by_flag: [(true, 0.5), (false, -1e30)].into(),
        shapes: vec![
            Shape::Empty,
            Shape::Blob(bin(b"b")),
            Shape::Two(2, bin(b"t")),
            Shape::Named { file: bin(b"f"), size: Some(1) },
        ],
        absent: None,
        present: Some(bin(b"p")),
        rest: [("more".to_owned(), json!([1, -1, null, {"a": 1.5}]))].into(),
    };
    let data = Data::event("up", &(&upload, 5, bin(b"last"))).unwrap();
    assert_eq!(data.attachments().len(), 9);
    let checked = Data::from_parts(data.json().clone(), data.attachments().to_vec());
    assert_eq!(checked.as_ref(), Ok(&data), "what is written is valid");
    let (back, five, last): (Upload, u8, Binary) = data.clone().into_args().unwrap();
    assert_eq!((back, five, last), (upload.clone(), 5, bin(b"last")));
    assert_eq!(data.into_args::<Upload>().unwrap(), upload);
}

#[test]
fn an_attachment_is_not_copied_when_nobody_else_holds_it() {
    let bytes = Bytes::from(vec![1; 1000]);
    let at = bytes.as_ptr();
    let data = Data::binary_event("b", vec![bytes]).unwrap();
    let Binary(bytes) = data.into_args().unwrap();
    assert_eq!(bytes.as_ptr(), at);
}

#[test]
fn placeholders_out_of_order_take_the_attachment_that_num_names() {
    let json = r#"["e",{"num":1,"_placeholder":true},{"_placeholder":true,"num":0}]"#;
    let attachments = vec![Bytes::from_static(b"0"), Bytes::from_static(b"1")];
    let data = Data::from_parts(json.into(), attachments).unwrap();
    assert_eq!(data.into_args::<(Binary, Binary)>().unwrap(), (bin(b"1"), bin(b"0")));
}

#[test]
fn without_attachments_nothing_is_bytes() {
    let forged = r#"["e",{"_placeholder":true,"num":0}]"#;
    let plain = json!({"_placeholder": true, "num": 0});
    assert_eq!(read::<Value>(forged).unwrap(), plain);
    assert!(read::<Binary>(forged).is_err());
    assert!(read::<Binary>(r#"["e","text"]"#).is_err());
    assert!(read::<Binary>(r#"["e",[1,2]]"#).is_err());
    assert_eq!(text(&plain), forged, "plain data passes where no bytes are");
    for text in [
        r#"["e",{"_placeholder":true,"num":0},"text"]"#,
        r#"["e",{"_placeholder":true,"num":0},[1]]"#,
    ] {
        let data = Data::from_parts(text.into(), vec![Bytes::new()]).unwrap();
        assert!(data.into_args::<(Binary, Binary)>().is_err());
    }
}

#[test]
fn a_key_that_is_neither_true_nor_false_is_an_error() {
    for key in ["ñ", "é=", "😀", "tru", "\u{fffd}", ""] {
        let map = format!(r#"{{"{key}":1}}"#);
        assert!(read::<BTreeMap<bool, u8>>(&format!(r#"["e",{map}]"#)).is_err(), "{key}");
        let auth = Json::decode(map.into()).unwrap();
        assert!(auth.deserialize::<BTreeMap<bool, u8>>().is_err(), "{key}");
    }
}

#[test]
fn an_attachment_is_neither_text_nor_json() {
    let data = Data::binary_event("b", vec![Bytes::from_static(b"text")]).unwrap();
    assert!(data.clone().into_args::<String>().is_err());
    assert!(data.clone().into_args::<Value>().is_err());
    assert!(data.clone().into_args::<BTreeMap<String, Value>>().is_err());
    assert_eq!(data.into_args::<Binary>().unwrap(), bin(b"text"));
}

#[test]
fn data_that_looks_like_a_placeholder_is_not_sent_beside_bytes() {
    for forged in [
        json!({"_placeholder": true, "num": 0}),
        json!([{"a": {"_placeholder": false}}]),
        json!({"num": 0, "_placeholder": null}),
    ] {
        for args in [(bin(b"x"), forged.clone(), bin(b"y")), (bin(b"x"), json!([]), bin(b"y"))] {
            let error = Data::event("e", &args).err();
            let refused = matches!(error, Some(PayloadError::Placeholder));
            assert_eq!(refused, args.1 == forged);
        }
        let late = Data::event("e", &(forged, bin(b"x")));
        assert!(matches!(late, Err(PayloadError::Placeholder)));
    }
    let similar =
        json!({"_placeholder\"": 1, "\"_placeholder": 2, "_placeholder_": 3, "a": "_placeholder"});
    Data::event("e", &(bin(b"x"), similar)).unwrap();
}

#[test]
fn raw_json_is_an_argument_and_forges_nothing_either() {
    let raw = |text: &str| RawValue::from_string(text.into()).unwrap();
    assert_eq!(text(&raw("[1, 2]")), r#"["e",[1, 2]]"#);
    assert_eq!(read::<Box<RawValue>>(r#"["e",[1, 2],3]"#).unwrap().get(), "[1, 2]");
    for harmless in ["[1, 2]", r#"{"a":"\u00e9"}"#, r#"{"_placeholder_":"\\u005fplaceholder"}"#] {
        Data::event("e", &(bin(b"x"), raw(harmless))).unwrap();
    }
    for forged in [r#"{"_placeholder":true,"num":0}"#, r#"[{"\u005fplaceholder":true,"num":0}]"#] {
        let error = Data::event("e", &(raw(forged), bin(b"x")));
        assert!(matches!(error, Err(PayloadError::Placeholder)));
        assert_eq!(text(&raw(forged)), format!("[\"e\",{forged}]"));
    }
}

#[test]
fn an_absent_argument_is_no_json_that_is_empty() {
    let absent: Box<RawValue> = read(r#"["e"]"#).unwrap();
    assert_eq!(absent.get(), "null");
    assert_eq!(text(&("x", absent)), r#"["e","x",null]"#);
    for error in [read::<Shape>(r#"["e"]"#).err(), read::<u128>(r#"["e"]"#).err()] {
        assert!(error.unwrap().to_string().contains("null"));
    }
}

#[test]
fn what_is_written_is_no_deeper_than_what_is_read() {
    let nested = |depth: usize| {
        let mut value = Value::Null;
        (0..depth)
            .for_each(|n| value = if n % 2 == 0 { json!([value]) } else { json!({"a": value}) });
        value
    };
    let raw = |depth: usize| RawValue::from_string(nested(depth).to_string()).unwrap();
    // 1: the array of the event.
    for (depth, is_written) in [(125, true), (126, true), (127, false), (1000, false)] {
        for data in [Data::event("e", &nested(depth)), Data::event("e", &raw(depth))] {
            match data {
                Ok(data) => {
                    assert!(is_written && data.into_args::<Value>().unwrap() == nested(depth))
                }
                Err(PayloadError::Packet(error)) => {
                    assert!(!is_written);
                    assert_eq!(error.rule(), Rule::TooDeep { limit: 127 });
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn a_placeholder_is_no_deeper_than_what_is_read() {
    // 2: the array of the event, and the placeholder.
    for (depth, is_written) in [(124, true), (125, true), (126, false)] {
        let bytes = Tree::Bytes(bin(b"x"));
        let nested = (0..depth).fold(bytes, |value, _| Tree::List(vec![value]));
        match Data::event("e", &nested) {
            Ok(data) => {
                let read = Data::from_parts(data.json().clone(), data.attachments().to_vec());
                assert_eq!((read, is_written), (Ok(data), true), "{depth}");
            }
            Err(PayloadError::Packet(error)) => {
                assert_eq!((error.rule(), is_written), (Rule::TooDeep { limit: 127 }, false));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn reserved_names_are_refused() {
    for name in
        ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]
    {
        assert!(matches!(Data::event(name, &()), Err(PayloadError::ReservedEvent)));
    }
    let data = Data::event("a \"quoted\" näme\n", &()).unwrap();
    assert_eq!(data.event_name().unwrap(), "a \"quoted\" näme\n");
}

#[test]
fn what_json_has_no_word_for_is_an_error() {
    let keyed: BTreeMap<(u8, u8), u8> = [((1, 2), 3)].into();
    assert!(matches!(Data::event("e", &keyed), Err(PayloadError::Json(_))));
    assert!(matches!(Data::event("e", &(1, keyed)), Err(PayloadError::Json(_))));
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
#[serde(untagged)]
enum Tree {
    Null,
    Number(i64),
    // Before text: what serde buffers for an untagged enum, `String` takes as bytes too.
    Bytes(Binary),
    Text(String),
    List(Vec<Tree>),
    Map(BTreeMap<String, Tree>),
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Tree::Number),
        any::<String>().prop_map(Tree::Text),
        any::<Vec<u8>>().prop_map(|bytes| Tree::Bytes(Binary(bytes.into()))),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::List),
            prop::collection::btree_map(any::<String>(), inner, 0..5).prop_map(Tree::Map),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(args in prop::collection::vec(any_tree(), 0..4), name in "[a-z]{1,5}x") {
        let data = Data::event(&name, &Varargs(args.clone())).unwrap();
        prop_assert_eq!(data.event_name().unwrap(), name);
        let checked = Data::from_parts(data.json().clone(), data.attachments().to_vec());
        prop_assert_eq!(checked.as_ref(), Ok(&data));
        prop_assert_eq!(data.into_args::<Varargs<Tree>>().unwrap().0, args);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    r#type: String,
    args: Vec<Value>,
    json: String,
    attachments: Vec<String>,
}

fn unhex(hex: &str) -> Bytes {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// JSON in which `{"hex": …}` is bytes.
fn tree(value: &Value) -> Tree {
    match value {
        Value::Object(members) => match members.get("hex").and_then(Value::as_str) {
            Some(hex) => Tree::Bytes(Binary(unhex(hex))),
            None => {
                Tree::Map(members.iter().map(|(key, value)| (key.clone(), tree(value))).collect())
            }
        },
        Value::Array(elements) => Tree::List(elements.iter().map(tree).collect()),
        Value::String(text) => Tree::Text(text.clone()),
        Value::Number(number) => Tree::Number(number.as_i64().unwrap()),
        Value::Null => Tree::Null,
        other => panic!("{other}"),
    }
}

#[derive(Serialize, Deserialize)]
struct Flatten {
    name: String,
    file: Binary,
    #[serde(flatten)]
    rest: BTreeMap<String, Tree>,
}

#[derive(Serialize, Deserialize)]
struct FlattenStruct {
    id: u8,
    #[serde(flatten)]
    picture: Picture,
}

#[derive(Serialize, Deserialize)]
struct Picture {
    width: u32,
    pixels: Binary,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    Bytes(Binary),
    Of { of: Binary },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Blob { of: Binary },
}

#[derive(Serialize, Deserialize)]
struct Three {
    a: Binary,
    b: Binary,
    c: Binary,
}

/// Reads a `T` and writes it again.
fn again<T: Serialize + DeserializeOwned>(data: Data) -> Data {
    Data::event("e", &data.into_args::<T>().unwrap()).unwrap()
}

#[test]
fn vectors() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/payloads.json")).unwrap();
    for Vector { name, r#type, args, json, attachments } in vectors {
        let attachments: Vec<Bytes> = attachments.iter().map(|hex| unhex(hex)).collect();
        let data = Data::from_parts(json.into(), attachments).unwrap();
        let meant: Vec<Tree> = args.iter().map(tree).collect();
        assert_eq!(data.clone().into_args::<Varargs<Tree>>().unwrap().0, meant, "{name}");
        let again = match &*r#type {
            "flatten" => again::<Flatten>,
            "flatten struct" => again::<FlattenStruct>,
            "untagged" => again::<Untagged>,
            "tagged" => again::<Tagged>,
            "array" => again::<[u8; 3]>,
            "array in a tuple" => again::<([u8; 3],)>,
            "array of bytes" => again::<[Binary; 2]>,
            "vector" => again::<Vec<Binary>>,
            "arrays" => again::<([[u8; 2]; 2], [Binary; 1])>,
            "three" => again::<Three>,
            "numbers" => again::<Vec<u8>>,
            other => panic!("{other}"),
        };
        assert_eq!(again(data.clone()), data, "{name}");
    }
}
