//! Runs `vectors/frames.json`, and `vectors/deflate.json` with the feature: each input whole, byte by byte, and cut in two everywhere; with messages as
//! a whole and in parts.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use bytes::Buf;
use rtwire_websocket::{
    CloseCode, Connection, Error, Event, Limits, Part, Payload, Role, State, Text,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    name: String,
    role: String,
    #[cfg(feature = "deflate")]
    deflate: Option<String>,
    #[serde(default)]
    limits: Option<VectorLimits>,
    input: String,
    events: Vec<serde_json::Value>,
    output: Option<String>,
    error: Option<VectorError>,
}

#[derive(Deserialize)]
struct VectorLimits {
    max_frame: u64,
    max_message: u64,
    max_fragments: u32,
}

#[derive(Deserialize)]
struct VectorError {
    rule: String,
    offset: u64,
    close: u16,
}

/// Everything that one can see of a connection that was given `chunks`.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<serde_json::Value>,
    error: Option<Error>,
    output: Vec<u8>,
    state: State,
    offset: u64,
}

fn json(event: Event<'_>) -> serde_json::Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    match event {
        Event::Text(text) => serde_json::json!(["text", &*text]),
        Event::Binary(payload) => serde_json::json!(["binary", hex(&payload)]),
        Event::Ping(payload) => serde_json::json!(["ping", hex(&payload)]),
        Event::Pong(payload) => serde_json::json!(["pong", hex(&payload)]),
        Event::Close(close) => serde_json::json!(["close", close.code.get(), &*close.reason]),
    }
}

/// Puts the parts of messages together.
#[derive(Default)]
struct Joined {
    bytes: Vec<u8>,
}

impl Joined {
    fn json(&mut self, part: Part<'_>) -> Option<serde_json::Value> {
        let (bytes, fin, is_text) = match &part {
            Part::Text { text, fin } => (text.as_bytes(), *fin, true),
            Part::Binary { bytes, fin } => (&bytes[..], *fin, false),
            Part::Ping(payload) => return Some(json(Event::Ping(payload.clone()))),
            Part::Pong(payload) => return Some(json(Event::Pong(payload.clone()))),
            Part::Close(reason) => return Some(json(Event::Close(reason.clone()))),
        };
        assert!(fin || !bytes.is_empty(), "an empty part is the last");
        self.bytes.extend_from_slice(bytes);
        if !fin {
            return None;
        }
        let bytes = std::mem::take(&mut self.bytes);
        Some(json(if is_text {
            Event::Text(Text::Owned(String::from_utf8(bytes).unwrap().into()))
        } else {
            Event::Binary(Payload::Owned(bytes.into()))
        }))
    }
}

fn feed(vector: &Vector, chunks: &[&[u8]]) -> Outcome {
    let outcome = feed_to(vector, chunks, |connection, input| {
        connection.next_event(input).map(|event| event.map(|event| Some(json(event))))
    });
    let mut joined = Joined::default();
    let in_parts = feed_to(vector, chunks, |connection, input| {
        connection.next_part(input).map(|part| part.map(|part| joined.json(part)))
    });
    assert_eq!(in_parts, outcome, "{}: in parts", vector.name);
    outcome
}

fn feed_to(
    vector: &Vector,
    chunks: &[&[u8]],
    mut next: impl FnMut(
        &mut Connection,
        &mut &mut [u8],
    ) -> Result<Option<Option<serde_json::Value>>, Error>,
) -> Outcome {
    let role = match vector.role.as_str() {
        "server" => Role::Server,
        "client" => Role::Client { masking_key: || [1, 2, 3, 4] },
        other => panic!("unknown role {other}"),
    };
    let limits = vector.limits.as_ref().map_or(Limits::default(), |limits| {
        Limits::default()
            .max_frame(limits.max_frame)
            .max_message(limits.max_message)
            .max_fragments(limits.max_fragments)
    });
    let mut connection = Connection::new(role, limits);
    #[cfg(feature = "deflate")]
    if let Some(response) = &vector.deflate {
        connection = connection.with_deflate(agreed(response));
    }
    let (mut events, mut error) = (Vec::new(), None);
    for chunk in chunks {
        let mut chunk = chunk.to_vec();
        let mut input = &mut chunk[..];
        loop {
            match next(&mut connection, &mut input) {
                Ok(Some(event)) => events.extend(event),
                Ok(None) => break,
                Err(e) => assert!(error.replace(e).is_none(), "an error is returned once"),
            }
        }
        assert!(input.is_empty(), "all input is used");
    }
    let output = connection.output();
    let written = output.copy_to_bytes(output.remaining()).to_vec();
    let (state, offset) = (connection.state(), connection.offset());
    Outcome { events, error, output: written, state, offset }
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// What a client has agreed to that offered everything.
#[cfg(feature = "deflate")]
fn agreed(response: &str) -> rtwire_websocket::Deflate {
    use rtwire_permessage_deflate::{Config, negotiation};
    let offers = [negotiation::Offer::default()];
    let params = negotiation::Params::from_response([response.as_bytes()], &offers).unwrap();
    rtwire_websocket::Deflate { params: params.unwrap(), config: Config::default() }
}

#[test]
fn vectors() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/frames.json")).unwrap();
    assert!(vectors.len() > 100);
    run(&vectors);
}

#[cfg(feature = "deflate")]
#[test]
fn compressed_vectors() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/deflate.json")).unwrap();
    assert!(vectors.len() > 40);
    run(&vectors);
}

fn run(vectors: &[Vector]) {
    for vector in vectors {
        let name = &vector.name;
        let input = unhex(&vector.input);
        let whole = feed(vector, &[&input]);
        assert_eq!(whole.events, vector.events, "{name}");
        assert_eq!(whole.offset, input.len() as u64, "{name}");
        match &vector.error {
            None => {
                assert_eq!(whole.error, None, "{name}");
                assert_eq!(whole.output, unhex(vector.output.as_ref().unwrap()), "{name}");
            }
            Some(expected) => {
                let error = whole.error.unwrap_or_else(|| panic!("{name}: no error"));
                let rule = format!("{:?}", error.rule());
                assert_eq!(rule.split(' ').next().unwrap(), expected.rule, "{name}");
                assert_eq!(error.offset(), expected.offset, "{name}");
                assert_eq!(error.rule().close_code(), CloseCode::new(expected.close), "{name}");
                assert_eq!(whole.state, State::Closing, "{name}");
                assert_eq!(close_code_sent(vector, &whole.output), expected.close, "{name}");
            }
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(feed(vector, &bytes), whole, "{name}: byte by byte");
        for cut in 0..=input.len() {
            let (front, back) = input.split_at(cut);
            assert_eq!(feed(vector, &[front, back]), whole, "{name}: cut at {cut}");
        }
    }
}

/// The code of the Close frame at the end of `output`, decoded by the other end.
fn close_code_sent(vector: &Vector, output: &[u8]) -> u16 {
    let peer = if vector.role == "server" {
        Role::Client { masking_key: || [0; 4] }
    } else {
        Role::Server
    };
    let mut connection = Connection::new(peer, Limits::default());
    let mut output = output.to_vec();
    let mut input = &mut output[..];
    while connection.next_event(&mut input).unwrap().is_some() {}
    connection.close_reason().expect("a Close frame").code.get()
}
