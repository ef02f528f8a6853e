//! What a protocol crate brings along: few packages, no runtime, nothing of ours.

use std::collections::BTreeSet;
use std::process::Command;

/// The normal dependencies of `package` with these features beyond its default ones, all of them, without
/// itself.
fn normal_dependencies(package: &str, features: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--no-dedupe", "--package", package, "--features", features])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree failed: {errors}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|&name| name != package)
        .map(str::to_owned)
        .collect()
}

#[test]
fn protocol_crates_have_few_dependencies_and_no_runtime() {
    for (package, most) in [
        ("rtwire-sse", 10),
        ("rtwire-permessage-deflate", 10),
        ("rtwire-websocket", 22),
        ("rtwire-engineio", 22),
        ("rtwire-socketio", 22),
    ] {
        let dependencies = normal_dependencies(package, "");
        assert!(dependencies.contains("bytes"), "{dependencies:?}");
        assert!(dependencies.len() <= most, "{package}: {dependencies:?}");
        for name in &dependencies {
            let kept_out = ["tokio", "hyper", "rtwire", "futures"];
            assert!(!kept_out.iter().any(|stem| name.starts_with(stem)), "{package}: {name}");
        }
    }
}

#[test]
fn compression_brings_two_crates_along_and_only_where_it_is_wanted() {
    let without = normal_dependencies("rtwire-websocket", "");
    let with = normal_dependencies("rtwire-websocket", "deflate");
    let more: Vec<&String> = with.difference(&without).collect();
    assert_eq!(more, ["rtwire-permessage-deflate", "zlib-rs"]);
}
