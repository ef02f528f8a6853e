//! The client's end: connection to a namespace, events, acknowledgement, disconnection, recovery.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::time::Duration;

use bytes::Bytes;
use rtwire_socketio::{
    ClientConnection, Connection, Data, DisconnectReason, Event, Json, Limits, Message, Namespace,
    Recovery, Rule, SendError,
};

const START: Duration = Duration::from_secs(1000);

fn root() -> Namespace {
    Namespace::default()
}

fn ns(name: &str) -> Namespace {
    Namespace::try_from(name).unwrap()
}

fn data(json: &str) -> Data {
    Data::from_parts(json.into(), vec![]).unwrap()
}

fn json(text: &str) -> Json {
    Json::decode(text.into()).unwrap()
}

fn texts(connection: &mut ClientConnection) -> Vec<String> {
    let text = |message| match message {
        Message::Text(text) => text.to_string(),
        Message::Binary(bytes) => panic!("unexpected {bytes:?}"),
    };
    std::iter::from_fn(|| connection.output().pop()).map(text).collect()
}

fn hear(connection: &mut ClientConnection, message: &str) -> Option<Event> {
    connection.next_event(message.into(), START).unwrap()
}

fn fault(connection: &mut ClientConnection, message: &str) -> Rule {
    let error = connection.next_event(message.into(), START).unwrap_err();
    assert!(connection.is_closed());
    let again = connection.next_event(r#"0{"sid":"x"}"#.into(), START);
    assert_eq!(again, Ok(None), "an error is final");
    assert_eq!(connection.connect(&ns("/z"), None, None), Err(SendError::Closed));
    assert_eq!(connection.disconnect(&root()), Err(SendError::Closed));
    assert_eq!(error.rule().disconnect_reason(), DisconnectReason::ParseError);
    error.rule()
}

fn asked(names: &[&str]) -> ClientConnection {
    let mut connection = Connection::client(Limits::default());
    for name in names {
        connection.connect(&ns(name), None, None).unwrap();
    }
    texts(&mut connection);
    connection
}

fn joined(names: &[&str]) -> ClientConnection {
    let mut connection = asked(names);
    for name in names {
        hear(&mut connection, &format!("0{name},{{\"sid\":\"sid\"}}"));
    }
    connection
}

fn connected(name: &str, sid: &str, recovered: bool) -> Option<Event> {
    Some(Event::Connected { namespace: ns(name), sid: sid.into(), recovered })
}

#[test]
fn connect_carries_credentials_and_the_answer_a_sid() {
    let mut connection = Connection::client(Limits::default());
    assert_eq!(connection.next_timeout(), None);
    connection.connect(&root(), None, None).unwrap();
    connection.connect(&ns("/a"), Some(&json(r#"{"token":"abc"}"#)), None).unwrap();
    assert_eq!(texts(&mut connection), ["0", r#"0/a,{"token":"abc"}"#]);
    for name in ["/", "/a"] {
        let again = connection.connect(&ns(name), None, None);
        assert_eq!(again, Err(SendError::AlreadyAsked), "before the answer");
    }
    assert_eq!(connection.send_event(&root(), data("[\"x\"]")), Err(SendError::NotJoined));
    assert_eq!(hear(&mut connection, r#"0/a,{"sid":"a\"b"}"#), connected("/a", "a\"b", false));
    assert_eq!(hear(&mut connection, r#"0{"x":1,"sid":"id"}"#), connected("/", "id", false));
    assert_eq!(connection.connect(&root(), None, None), Err(SendError::AlreadyAsked));
    assert_eq!(connection.joined().map(|ns| ns.to_string()).collect::<Vec<_>>(), ["/", "/a"]);
    assert_eq!(connection.recovery(&root()), None, "not promised");
    for auth in ["1", "[]", "\"{}\""] {
        let refused = connection.connect(&ns("/b"), Some(&json(auth)), None);
        assert_eq!(refused, Err(SendError::Auth), "{auth}");
    }
    assert_eq!(texts(&mut connection), [""; 0], "what was refused was not sent");
}

#[test]
fn connect_error_tells_the_message_and_data() {
    for (answer, message, data) in [
        (r#"4/a,{"message":"no \"entry\""}"#, "no \"entry\"", None),
        (r#"4/a,{"data":[1,{}],"message":"no"}"#, "no", Some("[1,{}]")),
        (r#"4/a,"Unable to connect""#, "Unable to connect", None),
    ] {
        let mut connection = asked(&["/a"]);
        let error = Event::ConnectError {
            namespace: ns("/a"),
            message: message.into(),
            data: data.map(json),
        };
        assert_eq!(hear(&mut connection, answer), Some(error));
        assert_eq!(
            connection.send_event(&ns("/a"), self::data("[\"x\"]")),
            Err(SendError::NotJoined)
        );
        connection.connect(&ns("/a"), None, None).unwrap();
        assert_eq!(hear(&mut connection, r#"0/a,{"sid":"1"}"#), connected("/a", "1", false));
    }
    for answer in ["4/a,{}", r#"4/a,{"message":1}"#, "4/a,[\"no\"]", "4/a,null"] {
        assert_eq!(fault(&mut asked(&["/a"]), answer), Rule::MissingMessage, "{answer}");
    }
}

#[test]
fn an_answer_to_nothing_closes() {
    for answer in [r#"0{"sid":"1"}"#, r#"4{"message":"no"}"#] {
        assert_eq!(fault(&mut asked(&["/a"]), answer), Rule::NotAsked, "{answer}");
        assert_eq!(fault(&mut joined(&["/"]), answer), Rule::NotAsked, "{answer}");
    }
}

#[test]
fn a_server_of_protocol_4_is_told_by_its_answer() {
    for answer in ["0", "0{}", r#"0{"sid":1}"#, r#"0{"sid":null}"#] {
        assert_eq!(fault(&mut asked(&["/"]), answer), Rule::MissingSid, "{answer}");
    }
    assert_eq!(fault(&mut asked(&[]), "0"), Rule::NotAsked, "it lets a client join unasked");
}

#[test]
fn a_packet_for_a_namespace_not_joined_closes() {
    for packet in ["2[\"a\"]", "30[]", "1"] {
        assert_eq!(fault(&mut asked(&[]), packet), Rule::NotJoined, "{packet}");
        assert_eq!(fault(&mut asked(&["/"]), packet), Rule::NotJoined, "asked: {packet}");
        assert_eq!(fault(&mut joined(&["/a"]), packet), Rule::NotJoined, "{packet}");
    }
    let mut connection = joined(&["/"]);
    hear(&mut connection, "1");
    assert_eq!(fault(&mut connection, "2[\"a\"]"), Rule::NotJoined, "the server has ended it");
}

#[test]
fn events_and_acks_go_both_ways() {
    let mut connection = joined(&["/a"]);
    connection.send_event(&ns("/a"), data("[\"x\",1]")).unwrap();
    let deadline = START + Duration::from_secs(1);
    for id in [0, 1] {
        let asked = data("[\"ask\"]");
        connection.send_event_with_ack(&ns("/a"), id, asked, Some(deadline)).unwrap();
    }
    assert_eq!(texts(&mut connection), ["2/a,[\"x\",1]", "2/a,0[\"ask\"]", "2/a,1[\"ask\"]"]);
    let ack = Event::Ack { namespace: ns("/a"), id: 1, data: data("[7]") };
    assert_eq!(hear(&mut connection, "3/a,1[7]"), Some(ack));
    assert_eq!(connection.next_timeout(), Some(deadline));
    let late = Event::AckTimeout { namespace: ns("/a"), id: 0 };
    assert_eq!(connection.handle_timeout(deadline), Ok(Some(late)));
    assert_eq!(hear(&mut connection, "3/a,0[7]"), None, "late");

    assert_eq!(hear(&mut connection, "51-/a,5[\"up\",{\"_placeholder\":true,\"num\":0}]"), None);
    let event = connection.next_event(Bytes::from_static(b"\x01").into(), START).unwrap();
    let Some(Event::Event { ack: Some(ack), .. }) = event else { panic!("{event:?}") };
    connection.send_ack(ack, data("[\"ok\"]")).unwrap();
    assert_eq!(texts(&mut connection), ["3/a,5[\"ok\"]"]);
}

#[test]
fn the_server_puts_the_client_out() {
    let mut connection = joined(&["/", "/a"]);
    connection.send_event_with_ack(&root(), 0, data("[\"x\"]"), Some(START)).unwrap();
    let reason = DisconnectReason::IoServerDisconnect;
    assert_eq!(hear(&mut connection, "1"), Some(Event::Disconnect { namespace: root(), reason }));
    assert_eq!(connection.next_timeout(), None, "no ack will come");
    assert_eq!(connection.send_event(&root(), data("[\"x\"]")), Err(SendError::NotJoined));
    assert_eq!(connection.disconnect(&root()), Err(SendError::NotJoined));
    connection.connect(&root(), None, None).unwrap();
    assert_eq!(hear(&mut connection, r#"0{"sid":"2"}"#), connected("/", "2", false));
}

#[test]
fn the_client_leaves_and_ignores_what_crosses_it() {
    let mut connection = joined(&["/", "/a"]);
    let Some(Event::Event { ack: Some(ack), .. }) = hear(&mut connection, "21[\"x\"]") else {
        panic!("an event with an ack")
    };
    connection.send_event_with_ack(&root(), 0, data("[\"x\"]"), Some(START)).unwrap();
    texts(&mut connection);
    connection.disconnect(&root()).unwrap();
    assert_eq!(connection.next_timeout(), None, "no ack will come");
    assert_eq!(texts(&mut connection), ["1"]);
    for crossing in ["2[\"x\"]", "30[]", "1"] {
        assert_eq!(hear(&mut connection, crossing), None);
    }
    connection.connect(&root(), None, None).unwrap();
    for crossing in ["2[\"x\"]", "30[]", "1"] {
        assert_eq!(hear(&mut connection, crossing), None, "asked again");
    }
    assert_eq!(hear(&mut connection, r#"0{"sid":"2"}"#), connected("/", "2", false));
    assert_eq!(connection.send_ack(ack, data("[]")), Err(SendError::NotJoined), "joined anew");
    assert_eq!(hear(&mut connection, "30[]"), None, "an answer to the earlier join");
    assert_eq!(connection.joined().count(), 2);
}

#[test]
fn leaving_waits_for_the_answer_to_connect() {
    let mut connection = asked(&["/", "/a"]);
    for name in ["/", "/a"] {
        connection.disconnect(&ns(name)).unwrap();
        assert_eq!(connection.disconnect(&ns(name)), Err(SendError::NotJoined));
        let again = connection.connect(&ns(name), None, None);
        assert_eq!(again, Err(SendError::AlreadyAsked));
    }
    assert_eq!(texts(&mut connection), [""; 0], "out of place until then");
    assert_eq!(hear(&mut connection, r#"0{"sid":"1"}"#), None);
    assert_eq!(texts(&mut connection), ["1"]);
    assert_eq!(hear(&mut connection, r#"4/a,{"message":"no"}"#), None);
    assert_eq!(texts(&mut connection), [""; 0], "never joined");
    connection.connect(&root(), None, None).unwrap();
    connection.connect(&ns("/a"), None, None).unwrap();
}

#[test]
fn the_number_of_namespaces_is_limited() {
    let limits = Limits::default().max_namespaces(2);
    let mut connection = Connection::client(limits);
    assert_eq!(connection.connect(&ns("/a"), None, None), Ok(()));
    assert_eq!(connection.connect(&ns("/b"), None, None), Ok(()));
    let third = connection.connect(&ns("/c"), None, None);
    assert_eq!(third, Err(SendError::TooManyNamespaces));
    hear(&mut connection, r#"0/a,{"sid":"1"}"#);
    connection.disconnect(&ns("/a")).unwrap();
    assert_eq!(connection.connect(&ns("/c"), None, None), Ok(()), "what was left is forgotten");
}

#[test]
fn the_output_is_limited() {
    let one = 1 + Limits::MESSAGE_OVERHEAD;
    for (limit, fit) in [(2 * one - 1, 2), (2 * one, 2), (2 * one + 1, 3)] {
        let mut connection = Connection::client(Limits::default().max_output(limit));
        let results =
            ["/", "/aaaa", "/bbbb", "/cccc"].map(|name| connection.connect(&ns(name), None, None));
        // The names are longer than the first packet, so that fewer of them fit.
        let accepted = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(accepted, fit.min(2), "{limit}");
        assert_eq!(results.last(), Some(&Err(SendError::Full)));
    }
}

#[test]
fn the_secret_name_of_a_session_is_not_shown() {
    let recovery = recovery("secret", Some("o-7"));
    let shown = format!("{recovery:?}");
    assert!(shown.contains("o-7") && !shown.contains("secret"), "{shown}");
}

fn recovery(pid: &str, offset: Option<&str>) -> Recovery {
    Recovery { pid: pid.into(), offset: offset.map(Into::into) }
}

#[test]
fn a_session_is_taken_up_after_the_transport_was_lost() {
    let mut connection = asked(&["/a"]);
    hear(&mut connection, r#"0/a,{"sid":"s-1","pid":"p-1"}"#);
    assert_eq!(connection.recovery(&ns("/a")), Some(&recovery("p-1", None)));
    for (event, offset) in [
        (r#"2/a,["hi","o-1"]"#, "o-1"),
        (r#"2/a,["hi",1]"#, "o-1"),
        (r#"2/a,["o-x"]"#, "o-1"),
        (r#"2/a,["hi",["o-x"]]"#, "o-1"),
        (r#"2/a,["hi",{"a":"o-x"}]"#, "o-1"),
        (r#"2/a,["hi","a\"b\\","o-2\\\"" ] "#, "o-2\\\""),
        (r#"2/a,["hi","\ud83d"]"#, "o-2\\\""),
        (r#"2/a,["hi",""]"#, ""),
        (r#"2/a,["hi",{},"o-3"]"#, "o-3"),
    ] {
        assert!(hear(&mut connection, event).is_some());
        let expected = recovery("p-1", Some(offset));
        assert_eq!(connection.recovery(&ns("/a")), Some(&expected), "{event}");
    }

    let mut next = Connection::client(Limits::default());
    let auth = json(r#" { "token":"abc"}"#);
    next.connect(&ns("/a"), Some(&auth), connection.recovery(&ns("/a")).cloned()).unwrap();
    assert_eq!(texts(&mut next), [r#"0/a,{"pid":"p-1","offset":"o-3","token":"abc"}"#]);
    let missed = Event::Event { namespace: ns("/a"), data: data(r#"["hi","o-4"]"#), ack: None };
    assert_eq!(hear(&mut next, r#"2/a,["hi","o-4"]"#), Some(missed), "before the answer");
    assert_eq!(next.recovery(&ns("/a")), Some(&recovery("p-1", Some("o-4"))), "lost again");
    let answer = r#"0/a,{"sid":"s-1","pid":"p-1"}"#;
    assert_eq!(hear(&mut next, answer), connected("/a", "s-1", true));
    assert_eq!(next.recovery(&ns("/a")), Some(&recovery("p-1", Some("o-4"))));
}

#[test]
fn another_session_is_not_the_one_that_was_lost() {
    for (answer, then) in [
        (r#"0{"sid":"s-2","pid":"p-2"}"#, Some(recovery("p-2", None))),
        (r#"0{"sid":"s-1"}"#, None),
    ] {
        let mut connection = Connection::client(Limits::default());
        connection.connect(&root(), None, Some(recovery("p-1", Some("o-1")))).unwrap();
        assert_eq!(texts(&mut connection), [r#"0{"pid":"p-1","offset":"o-1"}"#]);
        let Some(Event::Connected { recovered: false, .. }) = hear(&mut connection, answer) else {
            panic!("a fresh session")
        };
        assert_eq!(connection.recovery(&root()), then.as_ref());
    }
}

#[test]
fn a_session_that_was_ended_is_not_taken_up() {
    let recoverable = || {
        let mut connection = Connection::client(Limits::default());
        connection.connect(&root(), Some(&json("{}")), Some(recovery("p-1", None))).unwrap();
        assert_eq!(texts(&mut connection), [r#"0{"pid":"p-1"}"#]);
        connection
    };
    let mut connection = recoverable();
    connection.disconnect(&root()).unwrap();
    assert_eq!(connection.recovery(&root()), None, "given up");
    assert_eq!(hear(&mut connection, r#"2["missed","o-1"]"#), None);

    let mut connection = recoverable();
    hear(&mut connection, r#"4{"message":"no"}"#);
    assert_eq!(connection.recovery(&root()), None, "refused");
    for end in ["server", "client"] {
        let mut connection = recoverable();
        hear(&mut connection, r#"0{"sid":"1","pid":"p-1"}"#);
        if end == "server" {
            hear(&mut connection, "1");
        } else {
            connection.disconnect(&root()).unwrap();
        }
        assert_eq!(connection.recovery(&root()), None, "by the {end}");
    }
}

#[test]
fn what_the_caller_says_of_pid_and_offset_stands() {
    let mut connection = Connection::client(Limits::default());
    let auth = json(r#"{"pid":"mine"}"#);
    connection.connect(&root(), Some(&auth), Some(recovery("p", Some("o")))).unwrap();
    let texts = texts(&mut connection);
    assert_eq!(texts, [r#"0{"pid":"p","offset":"o","pid":"mine"}"#]);
    let sent = Recovery::from_auth(&json(&texts[0][1..]));
    assert_eq!(sent, Some(recovery("mine", Some("o"))), "the last, as in JavaScript");
}

#[test]
fn the_length_of_pid_and_offset_is_limited() {
    let limits = Limits::default().max_offset(4);
    for (text, fits) in [("123", true), ("1234", true), ("12345", false)] {
        let mut connection = Connection::client(limits);
        connection.connect(&root(), None, None).unwrap();
        hear(&mut connection, &format!(r#"0{{"sid":"longer","pid":"{text}"}}"#));
        assert_eq!(connection.recovery(&root()).is_some(), fits, "pid {text}");
        let mut connection = Connection::client(limits);
        connection.connect(&root(), None, None).unwrap();
        hear(&mut connection, r#"0{"sid":"1","pid":"p"}"#);
        assert!(hear(&mut connection, &format!(r#"2["hi","{text}"]"#)).is_some());
        let offset = fits.then_some(text);
        assert_eq!(connection.recovery(&root()), Some(&recovery("p", offset)), "offset {text}");
    }
    assert_eq!(Limits::default().max_offset, 256);
}

#[test]
fn credentials_tell_what_is_to_be_recovered() {
    for (auth, expected) in [
        (r#"{"pid":"p","offset":"o"}"#, Some(recovery("p", Some("o")))),
        (r#"{"offset":"o","x":{"pid":"q"},"\u0070id":"p"}"#, Some(recovery("p", Some("o")))),
        (r#"{"pid":"p","offset":1}"#, Some(recovery("p", None))),
        (r#"{"pid":1,"offset":"o"}"#, None),
        (r#"{"offset":"o"}"#, None),
        (r#" { } "#, None),
        (r#"[{"pid":"p"}]"#, None),
    ] {
        assert_eq!(Recovery::from_auth(&json(auth)), expected, "{auth}");
    }
}
