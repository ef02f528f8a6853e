//! How others read the vectors of rtwire-sse. They must agree, but for the disagreements that were reviewed,
//! and these they must still have.

use rtwire_tests::{Process, foreign};
use std::process::Command;

/// Runs `script` over the vectors; it says with how many it was.
fn agrees(run: impl Fn(&str, &[&str]) -> Command, script: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/sse/tests/vectors");
    let names = ["disagreements", "stream_to_lines", "lines_to_fields", "dispatch"];
    let files = names.map(|name| format!("{folder}/{name}.json"));
    let mut oracle = Process::start(run(script, &files.each_ref().map(String::as_str)));
    let said = oracle.line();
    assert!(said.contains(" vectors, ") && said.ends_with(" disagreements"), "{said}");
    oracle.finish();
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_event_source_agrees_with_the_vectors_but_where_it_is_listed() {
    agrees(foreign::chromium, "chromium_vectors.mjs");
}

#[test]
#[ignore = "needs Node"]
fn node_eventsource_agrees_with_the_vectors_but_where_it_is_listed() {
    agrees(foreign::node, "eventsource_vectors.mjs");
}

#[test]
#[ignore = "needs Node"]
fn node_eventsource_parser_agrees_with_the_vectors_but_where_it_is_listed() {
    agrees(foreign::node, "eventsource_parser_vectors.mjs");
}
