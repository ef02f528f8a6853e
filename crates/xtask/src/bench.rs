//! `cargo xtask bench`: builds `crates/bench` and what it measures, and runs it.

use std::process::Command;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::command;
use crate::project::Project;

#[derive(Args)]
pub(crate) struct Options {
    /// WebSocket echo servers, or event stream decoders.
    protocol: Protocol,
    /// Options of the bench; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Protocol {
    Ws,
    Sse,
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
    let mut bench = match options.protocol {
        Protocol::Ws => {
            build(&[&package[..], &["--bins"]].concat())?;
            build(&["--package", "rtwire-examples", "--example", "echo"])?;
            let mut bench = Command::new(release.join("bench-ws"));
            bench.arg("--ours").arg(release.join("examples/echo"));
            bench.arg("--node-modules").arg(project.path("tests/node/node_modules"));
            bench
        }
        Protocol::Sse => {
            build(&[&package[..], &["--bin", "bench-sse"]].concat())?;
            Command::new(release.join("bench-sse"))
        }
    };
    command::run(bench.args(&options.options))
}
