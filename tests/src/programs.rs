//! rtwire's own programs, as cargo builds them.

use std::collections::HashMap;
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// `rtwire`, the command-line tool.
pub fn rtwire() -> Command {
    program("rtwire")
}

/// An example of `rtwire-examples`, such as `echo`.
pub fn example(name: &str) -> Command {
    program(name)
}

/// Paths by names.
type Programs = HashMap<String, PathBuf>;

fn program(name: &str) -> Command {
    static PROGRAMS: OnceLock<Result<Programs, String>> = OnceLock::new();
    match PROGRAMS.get_or_init(build) {
        Ok(programs) => match programs.get(name) {
            Some(program) => Command::new(program),
            None => panic!("cargo builds no `{name}`"),
        },
        Err(error) => panic!("{error}"),
    }
}

/// Builds all of the workspace's programs. `cargo test --workspace` has done so with the same
/// features, and nothing is left to do; `cargo test -p rtwire-tests` has not, and must not run old
/// ones.
fn build() -> Result<Programs, String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
    cargo
        .args(["build", "--quiet", "--workspace", "--bins", "--examples"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit());
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.output().map_err(|error| format!("{cargo:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{cargo:?} failed ({})", output.status));
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    Ok(messages.filter_map(|line| executable(&serde_json::from_slice(line).ok()?)).collect())
}

/// The program that one of cargo's messages tells of.
fn executable(message: &Value) -> Option<(String, PathBuf)> {
    Some((message["target"]["name"].as_str()?.to_owned(), message["executable"].as_str()?.into()))
}
