//! What a protocol crate brings along: few packages, no runtime, nothing of ours.

use std::collections::BTreeSet;
use std::process::Command;

/// The normal dependencies of `package` with these features beyond its default ones, down to this depth, without
/// itself.
fn normal_dependencies(package: &str, features: &str, depth: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--no-dedupe", "--package", package, "--features", features])
        .args(["--depth", depth])
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

const DIRECT: &str = "1";
const ALL: &str = "1000";

#[test]
fn protocol_crates_have_as_many_dependencies_as_the_readme_says_and_no_runtime() {
    for (package, features) in [
        ("rtwire-sse", ""),
        ("rtwire-permessage-deflate", ""),
        ("rtwire-websocket", ""),
        ("rtwire-websocket", "deflate"),
        ("rtwire-engineio", ""),
        ("rtwire-socketio", ""),
    ] {
        let dependencies = normal_dependencies(package, features, ALL);
        assert!(dependencies.contains("bytes"), "{dependencies:?}");
        let direct = normal_dependencies(package, features, DIRECT).len();
        let counts = format!("{direct} / {}", dependencies.len());
        let row = include_str!("../../README.md")
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&format!("[{package}]")))
            .expect("a row of the table");
        assert!(row.contains(&counts), "{package} has {counts}: {row}");
        for name in &dependencies {
            let kept_out = ["tokio", "hyper", "futures"];
            assert!(!kept_out.iter().any(|stem| name.starts_with(stem)), "{package}: {name}");
            let ours = name.starts_with("rtwire") && features != "deflate";
            assert!(!ours, "{package}: {name}");
        }
    }
}

#[test]
fn compression_brings_two_crates_along_and_only_where_it_is_wanted() {
    let without = normal_dependencies("rtwire-websocket", "", ALL);
    let with = normal_dependencies("rtwire-websocket", "deflate", ALL);
    let more: Vec<&String> = with.difference(&without).collect();
    assert_eq!(more, ["rtwire-permessage-deflate", "zlib-rs"]);
}
