//! The examples that receive event streams.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use rtwire_tests::{Process, Server, programs};
use serde_json::Value;

#[test]
fn llm_stream_is_told_to_wait_and_prints_the_tokens_up_to_the_end_mark() {
    let mut model = Process::start(programs::example("llm_stream"));
    for line in ["status 429, asking again", "open", "one two three, né € 😀", "done"] {
        assert_eq!(model.line(), line);
    }
    model.finish();
}

#[test]
fn mcp_resume_has_every_message_once_although_the_connection_is_lost() {
    let mut call = Process::start(programs::example("mcp_resume"));
    assert_eq!(call.line(), "can be resumed from 0");
    let mut resumed = false;
    for id in 1..=5 {
        let mut line = call.line();
        if let Some(after) = line.strip_prefix("network error, resuming after ") {
            assert_eq!((after, resumed), (&*(id - 1).to_string(), false));
            resumed = true;
            line = call.line();
        }
        let message = line.strip_prefix(&format!("{id}: ")).unwrap_or_else(|| panic!("{line}"));
        let message: Value = serde_json::from_str(message).unwrap();
        match id {
            5 => assert_eq!(message["id"], 1),
            _ => assert_eq!(message["params"]["progress"], id),
        }
    }
    assert!(resumed);
    call.finish();
}

#[test]
fn event_stream_reqwest_prints_what_rtwire_serves() {
    prints_what_rtwire_serves("event_stream_reqwest");
}

#[test]
fn event_stream_hyper_prints_what_rtwire_serves() {
    prints_what_rtwire_serves("event_stream_hyper");
}

fn prints_what_rtwire_serves(name: &str) {
    let mut server = Server::rtwire();
    let mut example = programs::example(name);
    example.arg(server.url("/events"));
    let mut example = Process::start(example);
    let mut tick = || -> u64 {
        let line = example.line_after("tick \"");
        line.split('"').next().unwrap().parse().unwrap()
    };
    let first = tick();
    assert_eq!(tick(), first + 1);
    server.terminate();
    server.finish();
    example.finish();
}
