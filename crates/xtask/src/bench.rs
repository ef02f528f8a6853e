//! `cargo xtask bench`: builds `crates/bench` and what it measures, and runs it.

use std::process::Command;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::command;
use crate::project::Project;

#[derive(Args)]
pub(crate) struct Options {
    what: What,
    /// Options of the bench; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// WebSocket servers.
    Ws,
    /// Event stream decoders.
    Sse,
    /// WebSocket codecs, in memory.
    Codec,
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let target = project.target_of("bench");
    let release = target.join("release");
    let build = |arguments: &[&str]| {
        command::run(
            project.cargo(&["build", "--release"]).args(arguments).env("CARGO_TARGET_DIR", &target),
        )
    };
    let package = ["--manifest-path", "crates/bench/Cargo.toml"];
    let mut bench = match options.what {
        What::Ws => {
            build(&[&package[..], &["--bins"]].concat())?;
            build(&["--package", "rtwire-examples", "--example", "echo"])?;
            let mut bench = Command::new(release.join("bench-ws"));
            bench.arg("--ours").arg(release.join("examples/echo"));
            bench.arg("--node-modules").arg(project.path("tests/node/node_modules"));
            bench
        }
        What::Sse | What::Codec => {
            let name = if options.what == What::Sse { "bench-sse" } else { "bench-codec" };
            build(&[&package[..], &["--bin", name]].concat())?;
            Command::new(release.join(name))
        }
    };
    command::run(bench.args(&options.options))
}
