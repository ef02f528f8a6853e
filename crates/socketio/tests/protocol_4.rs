//! Protocol 4: what the server's end says to clients that speak Engine.IO 3, and hears from them.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::time::Duration;

use rtwire_socketio::{Connection, Event, Json, Limits, Message, Namespace, Rule};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

const NOW: Duration = Duration::from_secs(100);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Step {
    Receive {
        receive: String,
    },
    Connect {
        connect: String,
        auth: Option<Value>,
    },
    Event {
        event: String,
    },
    Error {
        error: String,
    },
    Accept {
        accept: String,
    },
    Refuse {
        refuse: String,
        message: String,
        #[serde(default, deserialize_with = "present")]
        data: Option<Value>,
    },
    Unknown {
        unknown: String,
    },
    Send {
        send: String,
    },
}

/// Tells `null` from nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn ns(name: &str) -> Namespace {
    Namespace::try_from(name).unwrap()
}

#[test]
fn vectors() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("vectors/protocol_4.json")).unwrap();
    for Vector { name, steps } in vectors {
        let mut connection = Connection::new_v4(Limits::default(), NOW);
        let mut heard = Ok(None);
        for step in steps {
            match step {
                Step::Receive { receive } => {
                    heard = connection.next_event(receive.as_str().into(), NOW);
                }
                Step::Connect { connect, auth } => {
                    let Ok(Some(Event::Connect { namespace, auth: heard })) = &heard else {
                        panic!("{name}: {heard:?}")
                    };
                    let heard = heard.as_ref().map(|auth| auth.deserialize::<Value>().unwrap());
                    assert_eq!((&**namespace, heard), (&*connect, auth), "{name}");
                }
                Step::Event { event } => {
                    let Ok(Some(Event::Event { data, .. })) = &heard else {
                        panic!("{name}: {heard:?}")
                    };
                    assert_eq!(*data.json(), event, "{name}");
                }
                Step::Error { error } => {
                    let rule = heard.as_ref().unwrap_err().rule();
                    assert_eq!(format!("{rule:?}"), error, "{name}");
                }
                Step::Accept { accept } => connection.accept(&ns(&accept), "sid").unwrap(),
                Step::Refuse { refuse, message, data } => {
                    let data = data.map(|data| Json::from_serialize(&data).unwrap());
                    connection.refuse(&ns(&refuse), &message, data.as_ref()).unwrap();
                }
                Step::Unknown { unknown } => connection.refuse_unknown(&ns(&unknown)).unwrap(),
                Step::Send { send } => {
                    assert_eq!(connection.output().pop(), Some(send.as_str().into()), "{name}");
                }
            }
        }
        assert_eq!(connection.output().pop(), None::<Message>, "{name}");
    }
}

#[test]
fn some_namespace_is_joined_in_time() {
    let deadline = NOW + Duration::from_secs(45);
    let mut connection = Connection::new_v4(Limits::default(), NOW);
    assert_eq!(connection.next_timeout(), Some(deadline), "connecting is not joining");
    let error = connection.handle_timeout(deadline).unwrap_err();
    assert_eq!(error.rule(), Rule::ConnectTimeout);
    let mut connection = Connection::new_v4(Limits::default(), NOW);
    connection.accept(&ns("/"), "sid").unwrap();
    assert_eq!(connection.next_timeout(), None);
}

#[test]
fn a_query_is_no_other_namespace() {
    let mut connection = Connection::new_v4(Limits::default().max_namespaces(2), NOW);
    for query in 0..10 {
        let event = connection.next_event(format!("0/a?n={query},").as_str().into(), NOW);
        assert!(matches!(event, Ok(Some(Event::Connect { .. }))));
        connection.refuse_unknown(&ns("/a")).unwrap();
    }
    connection.next_event("0/a?n=10,".into(), NOW).unwrap();
    let error = connection.next_event("0/b,".into(), NOW).unwrap_err();
    assert_eq!(error.rule(), Rule::TooManyNamespaces { limit: 2 });
}
