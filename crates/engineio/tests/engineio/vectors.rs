//! Runs `vectors/*.json`.

use rtwire_engineio::{
    ClientSession, Error, Frame, Limits, Message, Method, Packet, Payload, Query, Request, Session,
    Transport, client, jsonp, v3,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Broken {
    rule: String,
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    code: u8,
    #[serde(default)]
    message: String,
}

fn yes() -> bool {
    true
}

fn rule_name(error: &Error) -> String {
    let rule = format!("{:?}", error.rule());
    rule.split(' ').next().unwrap().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn to_json(packet: &Packet) -> Value {
    match packet {
        Packet::Open(open) => json!([
            "open",
            &*open.sid,
            open.upgrades.iter().map(|upgrade| &**upgrade).collect::<Vec<_>>(),
            open.ping_interval.as_millis(),
            open.ping_timeout.as_millis(),
            open.max_payload
        ]),
        Packet::Close => json!(["close"]),
        Packet::Ping { probe: false } => json!(["ping"]),
        Packet::Ping { probe: true } => json!(["ping", "probe"]),
        Packet::Pong { probe: false } => json!(["pong"]),
        Packet::Pong { probe: true } => json!(["pong", "probe"]),
        Packet::Message(Message::Text(text)) => json!(["text", &**text]),
        Packet::Message(Message::Binary(bytes)) => json!(["binary", hex(bytes)]),
        Packet::Upgrade => json!(["upgrade"]),
        Packet::Noop => json!(["noop"]),
    }
}

#[test]
fn packets() {
    #[derive(Deserialize)]
    struct Vector {
        name: String,
        text: String,
        packet: Option<Value>,
        error: Option<Broken>,
        #[serde(default = "yes")]
        canonical: bool,
    }
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../vectors/packets.json")).unwrap();
    assert!(vectors.len() > 60);
    for Vector { name, text, packet, error, canonical } in vectors {
        match (Packet::decode(&text.as_str().into()), error) {
            (Ok(decoded), None) => {
                assert_eq!(to_json(&decoded), packet.unwrap(), "{name}");
                assert_eq!(decoded.encode_text() == text, canonical, "{name}");
                match decoded.encode() {
                    Frame::Text(encoded) => assert_eq!(encoded == text, canonical, "{name}"),
                    frame => assert!(
                        matches!((&frame, &decoded), (Frame::Binary(a), Packet::Message(Message::Binary(b))) if a == b)
                    ),
                }
            }
            (Err(error), Some(expected)) => {
                assert_eq!(rule_name(&error), expected.rule, "{name}");
                assert_eq!(error.offset(), expected.offset, "{name}");
            }
            (decoded, _) => panic!("{name}: {decoded:?}"),
        }
    }
}

#[test]
fn packets_of_version_3() {
    #[derive(Deserialize)]
    struct Vector {
        name: String,
        text: Option<String>,
        hex: Option<String>,
        packet: Option<Value>,
        error: Option<Broken>,
        #[serde(default = "yes")]
        canonical: bool,
    }
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../vectors/packets_v3.json")).unwrap();
    assert!(vectors.len() > 50);
    for Vector { name, text, hex, packet, error, canonical } in vectors {
        let frame = match (text, hex) {
            (Some(text), None) => Frame::Text(text.into()),
            (None, Some(hex)) => Frame::Binary(unhex(&hex).into()),
            _ => panic!("{name}: text or hex"),
        };
        match (v3::decode(&frame), error) {
            (Ok(decoded), None) => {
                assert_eq!(to_json(&decoded), packet.unwrap(), "{name}");
                let base64 = frame.as_text().is_some();
                assert_eq!(v3::encode(&decoded, base64) == frame, canonical, "{name}");
            }
            (Err(error), Some(expected)) => {
                assert_eq!(rule_name(&error), expected.rule, "{name}");
                assert_eq!(error.offset(), expected.offset, "{name}");
            }
            (decoded, _) => panic!("{name}: {decoded:?}"),
        }
    }
}

#[test]
fn payloads() {
    #[derive(Deserialize)]
    struct Vector {
        name: String,
        hex: String,
        packets: Vec<Value>,
        error: Option<Broken>,
    }
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../vectors/payloads.json")).unwrap();
    assert!(vectors.len() > 20);
    // As `tests/vectors/README.md` has it.
    let max_packets = 1_000;
    for Vector { name, hex, packets, error } in vectors {
        let body = unhex(&hex);
        let mut payload = Payload::decode(body.clone(), max_packets);
        let mut decoded = Vec::new();
        let mut broken = None;
        for packet in payload.by_ref() {
            match packet {
                Ok(packet) => decoded.push(packet),
                Err(e) => assert!(broken.replace(e).is_none(), "{name}: an error is the end"),
            }
        }
        assert_eq!(payload.next(), None, "{name}");
        assert_eq!(decoded.iter().map(to_json).collect::<Vec<_>>(), packets, "{name}");
        match (broken, error) {
            (None, None) => {
                assert_eq!(Payload::encode(&decoded).unwrap().as_bytes(), &body[..], "{name}");
            }
            (Some(error), Some(expected)) => {
                assert_eq!(rule_name(&error), expected.rule, "{name}");
                assert_eq!(error.offset(), expected.offset, "{name}");
                assert_eq!((error.rule().http_status(), error.rule().code()), (400, 3), "{name}");
            }
            (broken, _) => panic!("{name}: {broken:?}"),
        }
    }
}

#[test]
fn payloads_of_version_3() {
    #[derive(Deserialize)]
    struct Vector {
        name: String,
        form: String,
        hex: String,
        packets: Vec<Value>,
        error: Option<Broken>,
        #[serde(default = "yes")]
        canonical: bool,
    }
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../vectors/payloads_v3.json")).unwrap();
    assert!(vectors.len() > 50);
    for Vector { name, form, hex, packets, error, canonical } in vectors {
        let body = unhex(&hex);
        let mut session = Session::new_v3("sid", Transport::Polling, Limits::default());
        session.start_post().unwrap();
        let binary = form == "binary";
        let finished = match form.as_str() {
            "text" => session.finish_post(body.clone()),
            "binary" => session.finish_binary_post(body.clone()),
            form => panic!("{name}: {form}"),
        };
        if let Some(expected) = error {
            let error = finished.unwrap_err();
            assert_eq!(
                (rule_name(&error), error.offset()),
                (expected.rule, expected.offset),
                "{name}"
            );
            assert_eq!((error.rule().http_status(), error.rule().code()), (400, 3), "{name}");
        }
        // As packets, of what is UTF-8.
        let frame = match String::from_utf8(body.clone()) {
            Ok(text) if !binary => Frame::Text(text.into()),
            Err(_) if !binary => continue,
            _ => Frame::Binary(body.clone().into()),
        };
        let decoded: Vec<_> =
            v3::Payload::decode(frame.clone(), 1000).filter_map(Result::ok).collect();
        assert_eq!(decoded.iter().map(to_json).collect::<Vec<_>>(), packets, "{name}");
        if finished.is_ok() {
            let base64 = !binary;
            assert_eq!(v3::encode_payload(&decoded, base64) == frame, canonical, "{name}");
        }
    }
}

#[test]
fn posts() {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        name: String,
        max_payload: u64,
        max_packets: usize,
        messages: Vec<(String, String)>,
        posts: Vec<String>,
        #[serde(default)]
        refused: Vec<usize>,
    }
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors/posts.json")).unwrap();
    assert!(vectors.len() > 15);
    for Vector { name, max_payload, max_packets, messages, posts, refused } in vectors {
        let limits = client::Limits::default().max_packets_sent(max_packets);
        let mut session = ClientSession::new(Transport::Polling, limits);
        session.next_request();
        let open = json!({
            "sid": "s", "upgrades": [], "pingInterval": 1, "pingTimeout": 1, "maxPayload": max_payload
        });
        session.finish_get(200, format!("0{open}")).unwrap();
        let sent = messages.iter().map(|(kind, data)| match kind.as_str() {
            "text" => session.send(&**data),
            "binary" => session.send(unhex(data)),
            kind => panic!("{name}: {kind}"),
        });
        let errors = sent.enumerate().filter(|(_, sent)| sent.is_err());
        assert_eq!(errors.map(|(index, _)| index).collect::<Vec<_>>(), refused, "{name}");
        let mut bodies = Vec::new();
        while let Some(request) = session.next_request() {
            if let client::Request::Post { body, .. } = request {
                bodies.push(body.to_string());
                session.finish_post(200, "ok").unwrap();
            }
        }
        assert_eq!(bodies, posts, "{name}");
    }
}

#[test]
fn jsonp() {
    #[derive(Deserialize)]
    struct Vector {
        name: String,
        j: Option<String>,
        form: Option<String>,
        payload: Option<String>,
        script: Option<String>,
        error: Option<Broken>,
    }
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors/jsonp.json")).unwrap();
    assert!(vectors.len() > 20);
    for Vector { name, j, form, payload, script, error } in vectors {
        let payload = payload.map(|payload| unhex(&payload));
        let outcome = match (j, form) {
            (Some(j), None) => j.parse::<jsonp::Index>().map(|index| {
                let payload = String::from_utf8(payload.unwrap()).unwrap();
                assert_eq!(Some(index.encode(&payload)), script, "{name}");
            }),
            (None, Some(form)) => jsonp::decode_form(unhex(&form)).map(|decoded| {
                assert_eq!(Some(decoded.to_vec()), payload, "{name}");
            }),
            _ => panic!("{name}: neither"),
        };
        assert_eq!(outcome.err().map(|e| rule_name(&e)), error.map(|e| e.rule), "{name}");
    }
}

#[test]
fn queries() {
    assert_queries(include_str!("../vectors/queries.json"), Query::parse);
}

#[test]
fn queries_of_version_3() {
    assert_queries(include_str!("../vectors/queries_v3.json"), Query::parse_v3);
}

fn four() -> u8 {
    4
}

#[derive(Deserialize)]
struct QueryVector {
    name: String,
    query: String,
    method: String,
    upgrade: bool,
    request: Option<String>,
    #[serde(default = "four")]
    version: u8,
    sid: Option<String>,
    #[serde(default)]
    base64: bool,
    jsonp: Option<String>,
    error: Option<Broken>,
}

fn assert_queries(vectors: &str, parse: fn(&str) -> Result<Query, Error>) {
    let vectors: Vec<QueryVector> = serde_json::from_str(vectors).unwrap();
    assert!(vectors.len() > 40);
    for vector in vectors {
        let name = &vector.name;
        let outcome = parse(&vector.query).and_then(|query| {
            let request = query.request(Method::from(&*vector.method), vector.upgrade)?;
            Ok((query, request))
        });
        match (outcome, vector.error) {
            (Ok((query, request)), None) => {
                let request = match request {
                    Request::Handshake(Transport::Polling) => "handshake polling",
                    Request::Handshake(Transport::WebSocket) => "handshake websocket",
                    Request::Poll => "poll",
                    Request::Post => "post",
                    Request::Upgrade => "upgrade",
                };
                assert_eq!(Some(request), vector.request.as_deref(), "{name}");
                assert_eq!(query.sid.as_deref(), vector.sid.as_deref(), "{name}");
                assert_eq!(query.base64, vector.base64, "{name}");
                assert_eq!(query.version, vector.version, "{name}");
                let script = query.jsonp.map(|index| index.encode(""));
                let called = vector.jsonp.map(|number| format!(r#"___eio[{number}]("");"#));
                assert_eq!(script, called, "{name}");
            }
            (Err(error), Some(expected)) => {
                let rule = error.rule();
                assert_eq!(rule_name(&error), expected.rule, "{name}");
                assert_eq!(rule.http_status(), 400, "{name}");
                let body: Value = serde_json::from_str(rule.body()).unwrap();
                let json = json!({ "code": expected.code, "message": expected.message });
                assert_eq!(body, json, "{name}");
                assert_eq!((rule.code(), rule.message()), (expected.code, &*expected.message));
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn who_is_forbidden_gets_403() {
    let rule = rtwire_engineio::Rule::Forbidden;
    assert_eq!((rule.http_status(), rule.code(), rule.message()), (403, 4, "Forbidden"));
    assert_eq!(rule.body(), r#"{"code":4,"message":"Forbidden"}"#);
}
