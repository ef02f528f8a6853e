//! Connection to a namespace, events, acknowledgement, disconnection.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use rtwire_socketio::{
    AckToken, Connection, Data, DisconnectReason, Event, Json, Limits, Message, Namespace, Parser,
    PreparedEvent, Rule, SendError,
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

fn sent(connection: &mut Connection) -> Vec<Message> {
    std::iter::from_fn(|| connection.output().pop()).collect()
}

fn texts(connection: &mut Connection) -> Vec<String> {
    let text = |message| match message {
        Message::Text(text) => text.to_string(),
        Message::Binary(bytes) => panic!("unexpected {bytes:?}"),
    };
    sent(connection).into_iter().map(text).collect()
}

fn hear(connection: &mut Connection, message: &str) -> Option<Event> {
    connection.next_event(message.into(), START).unwrap()
}

fn fault(connection: &mut Connection, message: impl Into<Message>) -> Rule {
    let error = connection.next_event(message.into(), START).unwrap_err();
    assert!(connection.is_closed());
    assert_eq!(connection.next_event("0".into(), START), Ok(None), "an error is final");
    assert_eq!(connection.next_timeout(), None);
    assert_eq!(connection.send_event(&root(), data("[\"a\"]")), Err(SendError::Closed));
    error.rule()
}

fn fresh() -> Connection {
    Connection::new(Limits::default(), START)
}

fn joined_with(limits: Limits, names: &[&str]) -> Connection {
    let mut connection = Connection::new(limits, START);
    for name in names {
        hear(&mut connection, &format!("0{name},"));
        connection.accept(&ns(name), "sid").unwrap();
    }
    sent(&mut connection);
    connection
}

fn joined(names: &[&str]) -> Connection {
    joined_with(Limits::default(), names)
}

fn token(connection: &mut Connection, message: &str) -> AckToken {
    match hear(connection, message) {
        Some(Event::Event { ack: Some(ack), .. }) => ack,
        other => panic!("{other:?}"),
    }
}

#[test]
fn connect_is_answered_with_exactly_the_sid() {
    let mut connection = fresh();
    let event = hear(&mut connection, r#"0/chat,{"token":"abc"}"#);
    let auth = Some(Json::decode(r#"{"token":"abc"}"#.into()).unwrap());
    assert_eq!(event, Some(Event::Connect { namespace: ns("/chat"), auth }));
    assert_eq!(sent(&mut connection), [], "nothing is answered by itself");
    connection.accept(&ns("/chat"), "a\"b").unwrap();
    assert_eq!(texts(&mut connection), [r#"0/chat,{"sid":"a\"b"}"#]);
    assert_eq!(connection.accept(&ns("/chat"), "x"), Err(SendError::NotAsked));

    assert_eq!(hear(&mut connection, "0"), Some(Event::Connect { namespace: root(), auth: None }));
    connection.accept(&root(), "id").unwrap();
    assert_eq!(texts(&mut connection), [r#"0{"sid":"id"}"#]);
    assert_eq!(connection.joined().map(|ns| ns.to_string()).collect::<Vec<_>>(), ["/", "/chat"]);
}

#[test]
fn connect_is_refused_with_a_message_and_data() {
    let mut connection = fresh();
    hear(&mut connection, "0/a,");
    connection.refuse_unknown(&ns("/a")).unwrap();
    hear(&mut connection, "0/a,");
    connection.refuse(&ns("/a"), "no \"entry\"", None).unwrap();
    hear(&mut connection, "0");
    let more = Json::decode("[1,{}]".into()).unwrap();
    connection.refuse(&root(), "not now", Some(&more)).unwrap();
    let expected = [
        r#"4/a,{"message":"Invalid namespace"}"#,
        r#"4/a,{"message":"no \"entry\""}"#,
        r#"4{"message":"not now","data":[1,{}]}"#,
    ];
    assert_eq!(texts(&mut connection), expected);
    assert_eq!(connection.refuse_unknown(&root()), Err(SendError::NotAsked));
    assert_eq!(connection.joined().count(), 0);
    assert_eq!(fault(&mut connection, "2[\"a\"]"), Rule::NotConnected, "refused is not joined");
}

#[test]
fn a_second_connect_closes() {
    let rule = fault(&mut joined(&["/"]), "0");
    assert_eq!(rule, Rule::AlreadyConnected);
    assert_eq!(rule.disconnect_reason(), DisconnectReason::ForcedClose);
    let mut connection = fresh();
    hear(&mut connection, "0");
    assert_eq!(fault(&mut connection, "0"), Rule::AlreadyConnected, "before the answer too");
    assert_eq!(connection.accept(&root(), "x"), Err(SendError::Closed));
}

#[test]
fn a_packet_for_a_namespace_not_joined_closes() {
    for packet in ["2[\"a\"]", "30[]", "1"] {
        assert_eq!(fault(&mut fresh(), packet), Rule::NotConnected, "{packet}");
        assert_eq!(fault(&mut joined(&["/a"]), packet), Rule::NotConnected, "{packet}");
        let mut connection = fresh();
        hear(&mut connection, "0");
        assert_eq!(fault(&mut connection, packet), Rule::NotConnected, "asked, not joined");
    }
    assert_eq!(fault(&mut joined(&["/"]), "4{}"), Rule::UnexpectedConnectError);
}

#[test]
fn what_is_no_packet_is_a_parse_error_and_leaves_the_joined_to_be_told() {
    for message in [Message::from("2"), Message::from("9"), Message::Binary(Bytes::new())] {
        let mut connection = joined(&["/", "/a"]);
        let rule = fault(&mut connection, message);
        assert_eq!(rule.disconnect_reason(), DisconnectReason::ParseError);
        assert_eq!(connection.joined().count(), 2);
        assert!(rule.section().starts_with("Socket.IO 5, "));
    }
}

#[test]
fn some_namespace_is_joined_in_time() {
    let deadline = START + Duration::from_secs(45);
    let mut connection = fresh();
    hear(&mut connection, "0");
    assert_eq!(connection.next_timeout(), Some(deadline), "asking is not joining");
    assert_eq!(connection.handle_timeout(deadline - Duration::from_millis(1)), Ok(None));
    let error = connection.handle_timeout(deadline).unwrap_err();
    assert_eq!(error.rule(), Rule::ConnectTimeout);
    assert_eq!(connection.handle_timeout(deadline), Ok(None), "once");

    let mut connection = joined(&["/"]);
    hear(&mut connection, "1");
    assert_eq!(connection.next_timeout(), None, "once joined, no more");
    let short = Limits::default().connect_timeout(Duration::from_secs(1));
    let connection = Connection::new(short, START);
    assert_eq!(connection.next_timeout(), Some(START + Duration::from_secs(1)));
}

#[test]
fn the_number_of_namespaces_is_limited() {
    let limits = Limits::default().max_namespaces(3);
    let mut connection = joined_with(limits, &["/a", "/b"]);
    connection.disconnect(&ns("/b")).unwrap();
    hear(&mut connection, "0/c,");
    connection.refuse_unknown(&ns("/c")).unwrap();
    hear(&mut connection, "0/d,");
    hear(&mut connection, "0/b,");
    assert_eq!(fault(&mut connection, "0/e,"), Rule::TooManyNamespaces { limit: 3 });
}

#[test]
fn a_namespace_that_the_client_was_put_out_of_takes_no_place() {
    const LIMIT: usize = 3;
    let mut connection = Connection::new(Limits::default().max_namespaces(LIMIT), START);
    for number in 0..4 * LIMIT {
        let name = format!("/{number}");
        assert!(hear(&mut connection, &format!("0{name},")).is_some());
        connection.accept(&ns(&name), "sid").unwrap();
        connection.disconnect(&ns(&name)).unwrap();
    }
    for name in ["/a", "/b"] {
        hear(&mut connection, &format!("0{name},"));
        connection.accept(&ns(name), "sid").unwrap();
    }
    // What it comes back to does.
    assert!(hear(&mut connection, "0/11,").is_some());
    assert_eq!(fault(&mut connection, "0/10,"), Rule::TooManyNamespaces { limit: LIMIT });
}

#[test]
fn as_many_namespaces_as_may_be_joined_are_remembered_when_they_were_left() {
    const LIMIT: usize = 3;
    for later in [LIMIT - 1, LIMIT, LIMIT + 1] {
        let mut connection = Connection::new(Limits::default().max_namespaces(LIMIT), START);
        // Not in the order of the names, nor of the joins.
        for name in ["/m", "/z"] {
            hear(&mut connection, &format!("0{name},"));
            connection.accept(&ns(name), "sid").unwrap();
        }
        connection.disconnect(&ns("/z")).unwrap();
        connection.disconnect(&ns("/m")).unwrap();
        for number in 1..later {
            let name = format!("/{number}");
            hear(&mut connection, &format!("0{name},"));
            connection.accept(&ns(&name), "sid").unwrap();
            connection.disconnect(&ns(&name)).unwrap();
        }
        if later <= LIMIT {
            for late in ["2/m,[\"x\"]", "3/m,0[]", "1/m,"] {
                assert_eq!(hear(&mut connection, late), None, "{later}: {late}");
            }
        }
        match later < LIMIT {
            true => assert_eq!(hear(&mut connection, "2/z,[\"x\"]"), None),
            false => assert_eq!(fault(&mut connection, "2/z,[\"x\"]"), Rule::NotConnected),
        }
    }
}

/// It has room for another one then, without having heard that it was put out of any.
#[test]
fn a_namespace_that_the_client_leaves_as_it_is_put_out_is_remembered_no_more() {
    let mut connection = joined_with(Limits::default().max_namespaces(2), &["/a", "/b"]);
    connection.disconnect(&ns("/a")).unwrap();
    connection.disconnect(&ns("/b")).unwrap();
    assert_eq!(hear(&mut connection, "1/b,"), None);
    hear(&mut connection, "0/c,");
    connection.accept(&ns("/c"), "sid").unwrap();
    connection.disconnect(&ns("/c")).unwrap();
    assert_eq!(hear(&mut connection, "2/a,[\"x\"]"), None);
    assert_eq!(fault(&mut connection, "2/b,[\"x\"]"), Rule::NotConnected);
}

#[test]
fn the_name_of_a_namespace_is_limited() {
    for (limit, allowed) in [(4, false), (5, true), (6, true)] {
        let limits = Limits::default().max_namespace(limit);
        let mut connection = Connection::new(limits, START);
        match allowed {
            true => assert!(hear(&mut connection, "0/1234,").is_some(), "{limit}"),
            false => {
                assert_eq!(fault(&mut connection, "0/1234,"), Rule::NamespaceTooLong { limit });
            }
        }
        // A query of protocol 4 is none of the name.
        let mut connection = Connection::new_v4(limits, START);
        connection.accept(&root(), "id").unwrap();
        let event = connection.next_event("0/1234?token=long,".into(), START);
        assert_eq!(event.is_ok(), allowed, "{limit}");
    }
}

#[test]
fn the_credentials_for_a_namespace_are_limited() {
    // {"type":0,"nsp":"/a","data":{"token":"abc"}}
    let msgpack = b"\x83\xa4type\x00\xa3nsp\xa2/a\xa4data\x81\xa5token\xa3abc";
    let auth = Some(Json::decode(r#"{"token":"abc"}"#.into()).unwrap());
    for (limit, allowed) in [(14, false), (15, true), (16, true)] {
        let limits = Limits::default().max_auth(limit);
        let mut v4 = Connection::new_v4(limits, START);
        v4.accept(&root(), "id").unwrap();
        let put_out = {
            let mut connection = joined_with(limits, &["/a"]);
            connection.disconnect(&ns("/a")).unwrap();
            connection
        };
        let v5 = Connection::new(limits, START);
        let binary = Connection::new(limits, START).with_parser(Parser::Msgpack);
        for (mut connection, message) in [
            (v5, Message::from(r#"0/a,{"token":"abc"}"#)),
            (put_out, r#"0/a,{"token":"abc"}"#.into()),
            (v4, "0/a?token=abc,".into()),
            (binary, Message::Binary(msgpack[..].into())),
        ] {
            let heard = connection.next_event(message, START);
            match allowed {
                true => {
                    let event = Event::Connect { namespace: ns("/a"), auth: auth.clone() };
                    assert_eq!(heard, Ok(Some(event)), "{limit}");
                }
                false => {
                    let rule = heard.unwrap_err().rule();
                    assert_eq!(rule, Rule::AuthTooLong { limit });
                    assert_eq!(rule.disconnect_reason(), DisconnectReason::ForcedServerClose);
                }
            }
        }
    }
    assert_eq!(Limits::default().max_auth, 65_536);
}

#[test]
fn the_credentials_do_not_keep_the_message_that_they_came_in() {
    let payload = Bytes::from([br#"0/a,{"token":"abc"}"#.as_slice(), &[b'6'; 100_000]].concat());
    let message = ByteString::try_from(payload.slice(..19)).unwrap();
    let event = fresh().next_event(Message::Text(message), START).unwrap();
    assert!(matches!(event, Some(Event::Connect { auth: Some(_), .. })));
    assert!(payload.is_unique());
}

#[test]
fn events_go_both_ways_in_order() {
    let mut connection = joined(&["/", "/a"]);
    let event = hear(&mut connection, "2/a,[\"x\",1]");
    let expected = Event::Event { namespace: ns("/a"), data: data("[\"x\",1]"), ack: None };
    assert_eq!(event, Some(expected));
    connection.send_event(&ns("/a"), data("[\"y\",2]")).unwrap();
    let picture = Data::binary_event("z", vec![Bytes::from_static(b"\x01")]).unwrap();
    connection.send_event(&root(), picture.clone()).unwrap();
    let prepared = PreparedEvent::new(&ns("/a"), picture).unwrap();
    connection.send_prepared(&prepared).unwrap();
    let expected: [Message; 5] = [
        "2/a,[\"y\",2]".into(),
        "51-[\"z\",{\"_placeholder\":true,\"num\":0}]".into(),
        Message::Binary(Bytes::from_static(b"\x01")),
        "51-/a,[\"z\",{\"_placeholder\":true,\"num\":0}]".into(),
        Message::Binary(Bytes::from_static(b"\x01")),
    ];
    let cost = |message: &Message| len(message) + Limits::MESSAGE_OVERHEAD;
    assert_eq!(connection.output().bytes(), expected.iter().map(cost).sum::<usize>());
    assert_eq!(sent(&mut connection), expected);
    assert!(connection.output().is_empty());
    assert_eq!(connection.send_event(&ns("/b"), data("[\"y\"]")), Err(SendError::NotJoined));
    for json in ["[]", "[null]", "[\"connect\"]"] {
        assert_eq!(connection.send_event(&root(), data(json)), Err(SendError::NotAnEvent));
        assert!(PreparedEvent::new(&root(), data(json)).is_err());
    }
    assert_eq!(Data::binary_event("connect", vec![]), None);
}

fn len(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
    }
}

#[test]
fn an_event_with_attachments_waits_for_them() {
    let mut connection = joined(&["/"]);
    let text = "51-7[\"up\",{\"_placeholder\":true,\"num\":0}]";
    assert_eq!(hear(&mut connection, text), None);
    assert_eq!(connection.next_timeout(), Some(START + Duration::from_secs(10)));
    let event = connection.next_event(Bytes::from_static(b"\x01").into(), START).unwrap();
    let Some(Event::Event { data, ack: Some(ack), .. }) = event else { panic!("an event") };
    connection.send_ack(ack, data).unwrap();
    assert_eq!(sent(&mut connection).len(), 2);
    assert_eq!(hear(&mut connection, text), None);
    let error = connection.handle_timeout(START + Duration::from_secs(10)).unwrap_err();
    assert_eq!(error.rule(), Rule::AttachmentsTimeout);
    assert!(connection.is_closed());
}

#[test]
fn an_event_is_answered_once_and_only_where_it_came_from() {
    let mut connection = joined(&["/a"]);
    let ack = token(&mut connection, "2/a,7[\"x\"]");
    assert_eq!(ack.namespace(), &ns("/a"));
    connection.send_ack(ack, data("[1]")).unwrap();
    assert_eq!(texts(&mut connection), ["3/a,7[1]"]);

    let ack = token(&mut connection, "2/a,8[\"x\"]");
    hear(&mut connection, "1/a,");
    hear(&mut connection, "0/a,");
    connection.accept(&ns("/a"), "sid").unwrap();
    assert_eq!(connection.send_ack(ack, data("[1]")), Err(SendError::NotJoined), "joined anew");
}

#[test]
fn the_answer_to_an_event_comes_once() {
    let mut connection = joined(&["/", "/a"]);
    for id in [0, 1] {
        connection.send_event_with_ack(&ns("/a"), id, data("[\"x\"]"), None).unwrap();
    }
    for id in [1, 1 << 53, u64::MAX] {
        let again = connection.send_event_with_ack(&ns("/a"), id, data("[\"x\"]"), None);
        assert_eq!(again, Err(SendError::AckId));
    }
    assert_eq!(texts(&mut connection), ["2/a,0[\"x\"]", "2/a,1[\"x\"]"]);
    let event = hear(&mut connection, "3/a,1[\"ok\"]");
    assert_eq!(event, Some(Event::Ack { namespace: ns("/a"), id: 1, data: data("[\"ok\"]") }));
    assert_eq!(hear(&mut connection, "3/a,1[\"ok\"]"), None, "answered before");
    assert_eq!(hear(&mut connection, "30[\"ok\"]"), None, "of another namespace");
    assert_eq!(hear(&mut connection, "3/a,99[]"), None, "never asked");
    assert!(hear(&mut connection, "3/a,0[]").is_some());
}

#[test]
fn each_ack_has_its_own_deadline_and_all_share_one_timer() {
    let mut connection = joined(&["/", "/a"]);
    let at = |seconds| START + Duration::from_secs(seconds);
    for (name, id, seconds) in [("/", 0, 30), ("/a", 0, 10), ("/a", 1, 20), ("/", 1, 10)] {
        let deadline = Some(at(seconds));
        connection.send_event_with_ack(&ns(name), id, data("[\"x\"]"), deadline).unwrap();
    }
    assert_eq!(connection.next_timeout(), Some(at(10)));
    assert_eq!(connection.handle_timeout(at(10) - Duration::from_nanos(1)), Ok(None));
    let mut late = Vec::new();
    while let Some(event) = connection.handle_timeout(at(10)).unwrap() {
        late.push(event);
    }
    let timeout = |name, id| Event::AckTimeout { namespace: ns(name), id };
    assert_eq!(late, [timeout("/", 1), timeout("/a", 0)]);
    assert_eq!(hear(&mut connection, "3/a,0[]"), None, "late");
    assert_eq!(connection.next_timeout(), Some(at(20)));
    assert!(hear(&mut connection, "3/a,1[]").is_some());
    assert_eq!(connection.next_timeout(), Some(at(30)));
    hear(&mut connection, "1");
    assert_eq!(connection.next_timeout(), None);
    assert_eq!(connection.handle_timeout(at(99)), Ok(None), "left, so that no ack will come");
}

#[test]
fn the_number_of_awaited_acks_is_limited() {
    let mut connection = joined_with(Limits::default().max_acks(2), &["/"]);
    let ask = |connection: &mut Connection, id| {
        connection.send_event_with_ack(&root(), id, data("[\"x\"]"), None)
    };
    assert_eq!(ask(&mut connection, 0), Ok(()));
    assert_eq!(ask(&mut connection, 1), Ok(()));
    assert_eq!(ask(&mut connection, 2), Err(SendError::TooManyAcks));
    assert_eq!(sent(&mut connection).len(), 2);
    hear(&mut connection, "30[]");
    assert_eq!(ask(&mut connection, 2), Ok(()));
    // What is not awaited any more makes room as well.
    connection.forget_ack(&ns("/a"), 2);
    connection.forget_ack(&root(), 7);
    assert_eq!(ask(&mut connection, 3), Err(SendError::TooManyAcks));
    connection.forget_ack(&root(), 2);
    assert_eq!(ask(&mut connection, 3), Ok(()));
    assert_eq!(hear(&mut connection, "32[]"), None);
}

#[test]
fn an_ack_of_a_prepared_event_is_awaited_by_each() {
    let event = data("[\"x\"]");
    let too_large = PreparedEvent::with_ack(Parser::Text, &root(), 1 << 53, event.clone());
    assert_eq!(too_large.err(), Some(SendError::AckId));
    // For connections of another parser too.
    for parser in [Parser::Text, Parser::Msgpack] {
        let prepared = PreparedEvent::with_ack(parser, &root(), 7, event.clone()).unwrap();
        let mut connection = joined_with(Limits::default().max_acks(1), &["/"]);
        assert_eq!(connection.await_ack(&ns("/a"), 7, None), Err(SendError::NotJoined));
        connection.await_ack(&root(), 7, None).unwrap();
        assert_eq!(connection.await_ack(&root(), 8, None), Err(SendError::TooManyAcks));
        connection.send_prepared(&prepared).unwrap();
        assert_eq!(texts(&mut connection), ["27[\"x\"]"]);
        let ack = Event::Ack { namespace: root(), id: 7, data: data("[1]") };
        assert_eq!(hear(&mut connection, "37[1]"), Some(ack));
        // Nobody awaits a second one.
        assert_eq!(hear(&mut connection, "37[1]"), None);
    }
}

#[test]
fn the_output_is_limited() {
    let event = data("[\"x\"]");
    let two = 2 * (6 + Limits::MESSAGE_OVERHEAD);
    for (limit, events) in [(two - 1, 2), (two, 2), (two + 1, 3)] {
        let mut connection = joined_with(Limits::default().max_output(limit), &["/"]);
        let ack = token(&mut connection, "21[\"x\"]");
        for _ in 0..events {
            connection.send_event(&root(), event.clone()).unwrap();
        }
        let prepared = PreparedEvent::new(&root(), event.clone()).unwrap();
        assert_eq!(connection.send_event(&root(), event.clone()), Err(SendError::Full));
        assert_eq!(connection.send_prepared(&prepared), Err(SendError::Full));
        assert_eq!(connection.send_ack(ack, data("[]")), Err(SendError::Full));
        let asked = connection.send_event_with_ack(&root(), 0, event.clone(), None);
        assert_eq!(asked, Err(SendError::Full));
        connection.disconnect(&root()).unwrap();
        assert_eq!(sent(&mut connection).len(), events + 1, "DISCONNECT always has room");
    }
}

#[test]
fn a_client_that_asks_and_does_not_read_fills_no_memory() {
    let refusal = r#"4/x,{"message":"Invalid namespace"}"#.len() + Limits::MESSAGE_OVERHEAD;
    let mut connection = Connection::new(Limits::default().max_output(3 * refusal), START);
    let mut refusals = 0;
    loop {
        hear(&mut connection, "0/x,");
        match connection.refuse_unknown(&ns("/x")) {
            Ok(()) => refusals += 1,
            Err(error) => break assert_eq!(error, SendError::Full),
        }
    }
    assert_eq!(refusals, 3);
    assert_eq!(connection.accept(&ns("/x"), "sid"), Err(SendError::Full));
    sent(&mut connection);
    assert_eq!(connection.accept(&ns("/x"), "sid"), Ok(()), "still asked");
}

#[test]
fn what_is_little_of_a_message_does_not_keep_all_of_it() {
    let zeros = "0".repeat(1000);
    let mut connection = joined(&["/a"]);
    for (message, v4) in [
        (format!(r#"2/a,{zeros}1["x"]"#), false),
        (format!(r#"2/a,["x","{zeros}"]"#), false),
        ("1/a,".to_owned(), false),
        (format!(r#"0/b,{{"x":"{zeros}"}}"#), false),
        (format!("0/{},", &zeros[..255]), false),
        (format!("0/a?x={zeros},"), true),
    ] {
        let text = ByteString::from(message);
        let mut old = Connection::new_v4(Limits::default(), START);
        let connection = if v4 { &mut old } else { &mut connection };
        let event = connection.next_event(text.clone().into(), START).unwrap().unwrap();
        let (namespace, ack) = match &event {
            Event::Event { namespace, ack, .. } => (namespace, ack.as_ref()),
            Event::Connect { namespace, .. } | Event::Disconnect { namespace, .. } => {
                (namespace, None)
            }
            other => panic!("{other:?}"),
        };
        for name in [Some(namespace), ack.map(AckToken::namespace)].into_iter().flatten() {
            assert!(!text.as_bytes().as_ptr_range().contains(&name.as_ptr()), "{name}");
        }
    }
}

#[test]
fn the_client_leaves_a_namespace() {
    let mut connection = joined(&["/", "/a"]);
    let reason = DisconnectReason::ClientNamespaceDisconnect;
    let event = hear(&mut connection, "1/a,");
    assert_eq!(event, Some(Event::Disconnect { namespace: ns("/a"), reason }));
    assert_eq!(texts(&mut connection), [""; 0]);
    assert_eq!(connection.disconnect(&ns("/a")), Err(SendError::NotJoined));
    assert_eq!(connection.joined().count(), 1);
    assert!(matches!(hear(&mut connection, "0/a,"), Some(Event::Connect { .. })));
    connection.accept(&ns("/a"), "sid").unwrap();
    hear(&mut connection, "1/a,");
    assert_eq!(fault(&mut connection, "2/a,[\"x\"]"), Rule::NotConnected);
}

#[test]
fn the_server_puts_a_client_out_and_ignores_what_crosses_it() {
    let mut connection = joined(&["/a"]);
    let deadline = Some(START + Duration::from_secs(1));
    connection.send_event_with_ack(&ns("/a"), 0, data("[\"x\"]"), deadline).unwrap();
    sent(&mut connection);
    connection.disconnect(&ns("/a")).unwrap();
    assert_eq!(texts(&mut connection), ["1/a,"]);
    assert_eq!(connection.next_timeout(), None);
    for crossing in ["2/a,1[\"x\"]", "3/a,0[]", "1/a,"] {
        assert_eq!(hear(&mut connection, crossing), None);
    }
    assert_eq!(connection.send_event(&ns("/a"), data("[\"x\"]")), Err(SendError::NotJoined));
    assert!(matches!(hear(&mut connection, "0/a,"), Some(Event::Connect { .. })), "may return");
    connection.accept(&ns("/a"), "sid").unwrap();
    assert_eq!(hear(&mut connection, "3/a,0[]"), None, "an answer to the earlier join");
}

#[test]
fn reasons_are_in_nodes_words() {
    use DisconnectReason::*;
    let reasons = [
        (TransportError, "transport error"),
        (TransportClose, "transport close"),
        (ForcedClose, "forced close"),
        (PingTimeout, "ping timeout"),
        (ParseError, "parse error"),
        (ServerShuttingDown, "server shutting down"),
        (ForcedServerClose, "forced server close"),
        (ClientNamespaceDisconnect, "client namespace disconnect"),
        (ServerNamespaceDisconnect, "server namespace disconnect"),
        (IoServerDisconnect, "io server disconnect"),
        (IoClientDisconnect, "io client disconnect"),
    ];
    for (reason, words) in reasons {
        assert_eq!(reason.to_string(), words);
    }
}

#[test]
fn a_recoverable_session_has_a_pid_and_what_was_missed_goes_out_first() {
    let mut connection = fresh();
    hear(&mut connection, "0");
    connection.accept_recoverable(&root(), "a\"b", "p-1").unwrap();
    assert_eq!(texts(&mut connection), [r#"0{"sid":"a\"b","pid":"p-1"}"#]);

    let prepared = |name: &str, data: Data| PreparedEvent::new(&ns(name), data).unwrap();
    let picture = Data::binary_event("z", vec![Bytes::from_static(b"\x01")]).unwrap();
    let missed = [
        prepared("/", data("[\"x\"]").with_offset("o-1")),
        prepared("/", picture.with_offset("o-2")),
    ];
    let mut connection = fresh();
    hear(&mut connection, r#"0{"pid":"p-1","offset":"o-0"}"#);
    let elsewhere = [prepared("/a", data("[\"x\"]"))];
    let refused = connection.accept_recovered(&root(), "s-1", "p-1", &elsewhere);
    assert_eq!(refused, Err(SendError::NotJoined));
    connection.accept_recovered(&root(), "s-1", "p-1", &missed).unwrap();
    let expected: [Message; 4] = [
        r#"2["x","o-1"]"#.into(),
        r#"51-["z",{"_placeholder":true,"num":0},"o-2"]"#.into(),
        Message::Binary(Bytes::from_static(b"\x01")),
        r#"0{"sid":"s-1","pid":"p-1"}"#.into(),
    ];
    assert_eq!(sent(&mut connection), expected);
    let again = connection.accept_recovered(&root(), "s-1", "p-1", &missed);
    assert_eq!(again, Err(SendError::NotAsked));
}

#[test]
fn what_was_missed_is_limited() {
    let event = PreparedEvent::new(&root(), data("[\"x\"]")).unwrap();
    let missed = [event.clone(), event];
    let two = 2 * (6 + Limits::MESSAGE_OVERHEAD);
    for (limit, fits) in [(two - 1, false), (two, true), (two + 1, true)] {
        let mut connection = Connection::new(Limits::default().max_output(limit), START);
        hear(&mut connection, "0");
        let result = connection.accept_recovered(&root(), "s", "p", &missed);
        assert_eq!(result, if fits { Ok(()) } else { Err(SendError::Full) }, "{limit}");
        let messages = sent(&mut connection).len();
        assert_eq!(messages, if fits { 3 } else { 0 }, "all or nothing");
        if !fits {
            connection.accept_recoverable(&root(), "s-2", "p-2").unwrap();
        }
    }
}

#[test]
fn what_is_not_to_be_compressed_says_so_when_it_is_taken() {
    let mut connection = joined(&["/"]);
    let event = || {
        let json = r#"["a",{"_placeholder":true,"num":0}]"#;
        Data::from_parts(json.into(), vec![Bytes::from_static(b"attached")]).unwrap()
    };
    let prepared = PreparedEvent::new(&root(), event()).unwrap();
    for compress in [true, false, true] {
        connection.output().set_compress(compress);
        connection.send_event(&root(), event()).unwrap();
        connection.send_prepared(&prepared).unwrap();
    }
    let taken = std::iter::from_fn(|| {
        connection.output().pop().map(|_| connection.output().may_compress())
    });
    let taken: Vec<bool> = taken.collect();
    assert_eq!(taken, [[true; 4], [false; 4], [true; 4]].concat());
}
