//! The example that runs vectors of any event stream decoder.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::path::Path;

use rtwire_tests::programs;

/// What it says, and whether that is a success.
fn run(files: &[&Path]) -> (String, bool) {
    let output = programs::example("sse_vectors").args(files).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn sse_vectors_passes_ours_and_tells_what_fails() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/sse/tests/vectors");
    let [lines, fields, dispatch] = ["stream_to_lines", "lines_to_fields", "dispatch"]
        .map(|name| folder.join(name).with_extension("json"));
    let (said, success) = run(&[&lines, &fields, &dispatch]);
    assert!(success && said.ends_with(" passed, 0 failed\n"), "{said}");

    // `data: a` is not `b`.
    let wrong = r#"[{"name": "wrong", "rule": "none", "chunks": ["ZGF0YTogYQoK"], "retry": null,
        "events": [{"type": "message", "data": "b", "lastEventId": ""}], "lastEventIdAtEnd": ""}]"#;
    let file = std::env::temp_dir().join(format!("rtwire-sse-vectors-{}.json", std::process::id()));
    std::fs::write(&file, wrong).unwrap();
    let (said, success) = run(&[&file]);
    std::fs::remove_file(&file).unwrap();
    assert!(!success && said.starts_with("wrong: in its chunks: "), "{said}");
    assert!(said.ends_with("\n0 passed, 1 failed\n"), "{said}");
}
