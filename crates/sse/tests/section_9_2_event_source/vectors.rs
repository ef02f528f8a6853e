//! `tests/vectors/event_source*.json`: scripts of what comes in, and what is told of it.

use crate::driver::{Driver, Output};
use rtwire_sse::event_source::{Event, Limits, Options, ReadyState, Reconnect};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    rule: String,
    #[serde(default = "default_url")]
    url: String,
    #[serde(default)]
    options: OptionsOfVector,
    #[serde(default)]
    random: f64,
    script: Vec<Step>,
}

fn default_url() -> String {
    "http://a.example/events".to_owned()
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct OptionsOfVector {
    post: Option<(String, String)>,
    headers: Vec<(String, String)>,
    last_event_id: String,
    reconnect: Option<String>,
    reconnection_time: Option<u64>,
    retry_statuses: bool,
    end_mark: Option<String>,
    limits: LimitsOfVector,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct LimitsOfVector {
    max_line: Option<usize>,
    max_redirects: Option<u32>,
    idle_timeout: Option<u64>,
    max_failed_body: Option<usize>,
    max_retries: Option<u32>,
    max_retry_after: Option<u64>,
}

impl OptionsOfVector {
    fn options(&self) -> Options {
        let (mut options, mut limits) = match &self.post {
            None => (Options::get(), Limits::default()),
            Some((content_type, body)) => {
                (Options::post(content_type.as_str(), body.clone()), Limits::post())
            }
        };
        for (name, value) in &self.headers {
            options = options.header(name.as_str(), value.as_str());
        }
        match self.reconnect.as_deref() {
            None => {}
            Some("repeat") => options = options.reconnect(Reconnect::Repeat),
            Some("get") => options = options.reconnect(Reconnect::Get),
            Some(other) => panic!("{other}"),
        }
        if let Some(time) = self.reconnection_time {
            options = options.reconnection_time(Duration::from_millis(time));
        }
        if let Some(mark) = &self.end_mark {
            options = options.end_mark(mark.as_str());
        }
        if let Some(bytes) = self.limits.max_line {
            limits = limits.stream(rtwire_sse::Limits::default().max_line(bytes));
        }
        if let Some(count) = self.limits.max_redirects {
            limits = limits.max_redirects(count);
        }
        if let Some(time) = self.limits.idle_timeout {
            limits = limits.idle_timeout(Some(Duration::from_millis(time)));
        }
        if let Some(bytes) = self.limits.max_failed_body {
            limits = limits.max_failed_body(bytes);
        }
        if let Some(count) = self.limits.max_retries {
            limits = limits.max_retries(Some(count));
        }
        if let Some(time) = self.limits.max_retry_after {
            limits = limits.max_retry_after(Duration::from_millis(time));
        }
        options
            .last_event_id(self.last_event_id.as_str())
            .retry_statuses(self.retry_statuses)
            .limits(limits)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Step {
    #[serde(default)]
    start: bool,
    time: Option<u64>,
    response: Option<u16>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    bytes: Option<String>,
    #[serde(default)]
    end: bool,
    #[serde(default)]
    error: bool,
    #[serde(default)]
    close: bool,
    expect: Vec<Value>,
    #[serde(default, deserialize_with = "present")]
    timeout: Option<Option<u64>>,
    ready_state: Option<String>,
    origin: Option<String>,
}

/// Tells `null` from an absent field.
fn present<'de, D: serde::Deserializer<'de>>(field: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(field).map(Some)
}

fn ready_state(state: ReadyState) -> &'static str {
    match state {
        ReadyState::Connecting => "connecting",
        ReadyState::Open => "open",
        ReadyState::Closed => "closed",
    }
}

/// An output as JSON, with the fields that `like` has of those that may be left out.
fn describe(output: &Output, like: &Value) -> Value {
    match output {
        Output::Request(request) => {
            let mut value = json!({"request": format!("{} {}", request.method, request.url)});
            if like.get("headers").is_some() {
                let header = |(name, value): &(_, _)| {
                    json!([AsRef::<str>::as_ref(name), AsRef::<str>::as_ref(value)])
                };
                value["headers"] = request.headers.iter().map(header).collect();
            }
            if let Some(body) = &request.body {
                value["body"] = std::str::from_utf8(body).expect("text").into();
            }
            value
        }
        Output::Event(Event::Open) => "open".into(),
        Output::Event(Event::End) => "end".into(),
        Output::Event(Event::Message(event)) => json!({
            "message": event.data.as_str(),
            "type": event.event_type.as_str(),
            "lastEventId": event.last_event_id.as_str(),
        }),
        Output::Event(Event::Error { failure, ready_state: state }) => {
            let mut value =
                json!({"error": failure.to_string(), "readyState": ready_state(*state)});
            if let Some(response) = failure.response() {
                value["body"] = std::str::from_utf8(&response.body).expect("text").into();
                value["complete"] = response.complete.into();
            }
            value
        }
        Output::Event(event) => panic!("{event:?}"),
    }
}

/// Runs the script, its bytes cut by `cut`.
fn run(vector: &Vector, cut: &dyn Fn(&[u8]) -> Vec<Vec<u8>>) {
    // A function pointer holds no number, and the vectors use two.
    let random: fn() -> u64 = if vector.random == 0.0 { || 0 } else { || 1 << 63 };
    assert!(vector.random == 0.0 || vector.random == 0.5);
    let mut driver = Driver::new(&vector.url, vector.options.options(), random);
    for (number, step) in vector.script.iter().enumerate() {
        let place = format!("{}, step {number}", vector.name);
        let mut outputs = Vec::new();
        if let Some(time) = step.time {
            driver.now = Duration::from_millis(time);
        } else if let Some(status) = step.response {
            driver.source.handle_response(status, step.headers.iter().cloned());
        } else if let Some(bytes) = &step.bytes {
            for part in cut(bytes.as_bytes()) {
                outputs.extend(driver.settle(&part));
            }
        } else if step.end {
            driver.source.handle_end();
        } else if step.error {
            driver.source.handle_error();
        } else if step.close {
            driver.source.close();
        } else {
            assert!(step.start, "{place}");
        }
        outputs.extend(driver.settle(b""));
        let like = |at| step.expect.get(at).unwrap_or(&Value::Null);
        let outputs: Vec<Value> =
            outputs.iter().enumerate().map(|(at, output)| describe(output, like(at))).collect();
        assert_eq!(outputs, step.expect, "{place}");
        if let Some(timeout) = step.timeout {
            let expected = timeout.map(Duration::from_millis);
            assert_eq!(driver.source.next_timeout(), expected, "{place}");
        }
        if let Some(state) = &step.ready_state {
            assert_eq!(ready_state(driver.source.ready_state()), state, "{place}");
        }
        if let Some(origin) = &step.origin {
            assert_eq!(driver.source.current_url().origin(), origin, "{place}");
        }
    }
}

fn check(json: &str) {
    let vectors: Vec<Vector> = serde_json::from_str(json).expect("the schema");
    let names: BTreeSet<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert!(!names.is_empty() && names.len() == vectors.len(), "names are unique");
    for vector in &vectors {
        assert!(!vector.rule.is_empty());
        run(vector, &|bytes| vec![bytes.to_vec()]);
        run(vector, &|bytes| bytes.chunks(1).map(<[u8]>::to_vec).collect());
        let longest = vector.script.iter().filter_map(|step| step.bytes.as_ref()).map(String::len);
        for cut in 0..=longest.max().unwrap_or(0) {
            run(vector, &|bytes| {
                let (front, back) = bytes.split_at(cut.min(bytes.len()));
                vec![front.to_vec(), Vec::new(), back.to_vec()]
            });
        }
    }
}

#[test]
fn event_source() {
    check(include_str!("../vectors/event_source.json"));
}

#[test]
fn event_source_options() {
    check(include_str!("../vectors/event_source_options.json"));
}
