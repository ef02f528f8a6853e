//! Data that is forwarded without reading it.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use bytes::Bytes;
use rtwire_socketio::{Body, Data, Limits, Packet};

fn data(json: &str) -> Data {
    Data::from_parts(json.into(), vec![]).unwrap()
}

#[test]
fn an_event_becomes_another_event_or_an_ack() {
    for (event, renamed, ack) in [
        (r#"["a"]"#, r#"["b"]"#, "[]"),
        (r#"["a",1]"#, r#"["b",1]"#, "[1]"),
        (r#"["a","x",[2]]"#, r#"["b","x",[2]]"#, r#"["x",[2]]"#),
        ("[5,6]", r#"["b",6]"#, "[6]"),
        ("[-0.5e1]", r#"["b"]"#, "[]"),
        ("[\n \"a\"\t]\r", "[\"b\"]\r", "[]\r"),
        (r#" [ "a" , 1 , 2 ] "#, r#"["b",1 , 2 ] "#, "[1 , 2 ] "),
        (r#"["\"],",1]"#, r#"["b",1]"#, "[1]"),
        (r#"["\\",1]"#, r#"["b",1]"#, "[1]"),
        (r#"["\u0061\ud83d\ude00","é"]"#, r#"["b","é"]"#, r#"["é"]"#),
        (r#"["é",",]"]"#, r#"["b",",]"]"#, r#"[",]"]"#),
        (r#"["",""]"#, r#"["b",""]"#, r#"[""]"#),
        (r#"["a","connect"]"#, r#"["b","connect"]"#, r#"["connect"]"#),
        (r#"["a","\ud83d"]"#, r#"["b","\ud83d"]"#, r#"["\ud83d"]"#),
    ] {
        assert_eq!(data(event).into_event("b"), Some(data(renamed)), "{event}");
        assert_eq!(data(event).into_ack(), data(ack), "{event}");
    }
}

#[test]
fn an_ack_becomes_an_event_with_all_of_its_arguments() {
    for (ack, event) in [
        ("[]", r#"["b"]"#),
        (" [ ] ", "[\"b\"] "),
        ("[1]", r#"["b",1]"#),
        (r#"["a",1]"#, r#"["b","a",1]"#),
        ("\t[\n{ } , null]", r#"["b",{ } , null]"#),
        (r#"["connect"]"#, r#"["b","connect"]"#),
    ] {
        let converted = data(ack).ack_into_event("b").unwrap();
        assert_eq!(converted, data(event), "{ack}");
    }
}

#[test]
fn the_new_name_is_escaped_and_not_reserved() {
    for name in ["", "a \"quoted\" näme\n", "\\", "5", "\u{2028}😀"] {
        for event in [data("[\"a\",1]").into_event(name), data("[1]").ack_into_event(name)] {
            let event = event.unwrap();
            assert_eq!(event.event_name().as_deref(), Some(name));
            assert_eq!(event.into_ack(), data("[1]"));
        }
    }
    for name in
        ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]
    {
        assert_eq!(data("[\"a\"]").into_event(name), None);
        assert_eq!(data("[1]").ack_into_event(name), None);
    }
}

#[test]
fn what_has_no_name_is_no_event() {
    for json in ["[]", "[null,1]", "[[\"a\"]]", "[\"connect\"]", "[\"\\ud83d\"]", "[{}]"] {
        assert_eq!(data(json).into_event("b"), None, "{json}");
        assert_eq!(data(json).into_ack(), data(json), "{json}");
    }
    let first = r#"[{"_placeholder":true,"num":0}]"#;
    let picture = Data::from_parts(first.into(), vec![Bytes::from_static(b"\x01")]).unwrap();
    assert_eq!(picture.clone().into_ack(), picture, "no attachment loses its placeholder");
}

#[test]
fn placeholders_and_attachments_stay_as_they_are() {
    let bytes = [Bytes::from(vec![1; 100]), Bytes::from(vec![2; 100])];
    let holes = r#"{"num":1,"_placeholder":true},[{"_placeholder":true,"num":0}]]"#;
    let with = |head: &str| Data::from_parts(format!("[{head}{holes}").into(), bytes.to_vec());
    let event = with(r#""a","#).unwrap();
    for (converted, expected) in [
        (event.clone().into_event("b").unwrap(), with(r#""b","#).unwrap()),
        (event.clone().into_ack(), with("").unwrap()),
        (event.into_ack().ack_into_event("c").unwrap(), with(r#""c","#).unwrap()),
    ] {
        assert_eq!(converted, expected);
        assert_eq!(converted.missing_attachments(), 0);
        for (kept, given) in converted.attachments().iter().zip(&bytes) {
            assert_eq!(kept.as_ptr(), given.as_ptr(), "not copied");
        }
    }
}

#[test]
fn attachments_may_be_still_to_come() {
    let text = r#"51-["a",{"_placeholder":true,"num":0}]"#;
    let packet = Packet::decode(text.into(), &Limits::default()).unwrap();
    let Body::Event { data, .. } = packet.body else { panic!("an event") };
    assert_eq!(data.clone().into_event("b").unwrap().missing_attachments(), 1);
    assert_eq!(data.into_ack().missing_attachments(), 1);
}

#[test]
fn an_offset_stands_behind_the_arguments_and_nothing_else_changes() {
    for (json, expected) in [
        (r#"["e"]"#, r#"["e","o"]"#),
        (r#"["e",{"a":[]}]"#, r#"["e",{"a":[]},"o"]"#),
        (" [ \"e\" , 1 ] \n", "[ \"e\" , 1,\"o\"]"),
        ("[]", r#"["o"]"#),
        ("[ ]", r#"["o"]"#),
    ] {
        let data = Data::from_parts(json.into(), vec![]).unwrap().with_offset("o");
        assert_eq!(*data.json(), expected);
        assert_eq!(Data::from_parts(data.json().clone(), vec![]), Ok(data));
    }
    let attachment = Bytes::from(vec![0; 1000]);
    let at = attachment.as_ptr();
    let data = Data::binary_event("e", vec![attachment]).unwrap().with_offset("a\"b");
    assert_eq!(*data.json(), r#"["e",{"_placeholder":true,"num":0},"a\"b"]"#);
    assert_eq!(data.attachments()[0].as_ptr(), at);
}
