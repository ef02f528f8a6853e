//! `cargo xtask bench`: builds `crates/bench` and what it measures, and runs it.

use std::process::Command;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::project::Project;
use crate::{command, tools};

#[derive(Args)]
pub(crate) struct Options {
    what: What,
    /// Options of the bench; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// WebSocket servers.
    Ws,
    /// Engine.IO, beside a plain WebSocket.
    #[value(name = "engineio")]
    EngineIo,
    /// Socket.IO servers.
    Sio,
    /// Event stream decoders.
    Sse,
    /// WebSocket codecs, in memory.
    Codec,
    /// Socket.IO packet codecs, in memory.
    #[value(name = "socketio-codec")]
    SocketIoCodec,
    /// rtwire's instructions per message or event, under valgrind.
    Instructions,
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
    let bench = |name: &str| {
        build(&[&package[..], &["--bin", name]].concat())?;
        anyhow::Ok(Command::new(release.join(name)))
    };
    let mut bench = match options.what {
        What::Ws => {
            build(&[&package[..], &["--bins"]].concat())?;
            build(&["--package", "rtwire-examples", "--example", "echo"])?;
            let mut bench = Command::new(release.join("bench-ws"));
            bench.arg("--ours").arg(release.join("examples/echo"));
            bench.arg("--node-modules").arg(project.path("tests/node/node_modules"));
            bench
        }
        What::EngineIo => {
            build(&["--package", "rtwire-examples", "--example", "echo"])?;
            let mut bench = bench("bench-engineio")?;
            bench.arg("--ours").arg(release.join("examples/echo"));
            bench.arg("--node-modules").arg(project.path("tests/node/node_modules"));
            bench
        }
        What::Sio => {
            build(&["--package", "rtwire-examples", "--example", "echo"])?;
            build(&[&package[..], &["--bin", "peer-socketioxide"]].concat())?;
            let mut bench = bench("bench-sio")?;
            bench.arg("--ours").arg(release.join("examples/echo")).arg("--peers").arg(&release);
            bench.arg("--node-modules").arg(project.path("tests/node/node_modules"));
            bench
        }
        What::Sse => {
            build(&[&package[..], &["--bin", "bench-sse", "--bin", "sse-heap"]].concat())?;
            Command::new(release.join("bench-sse"))
        }
        What::Codec => bench("bench-codec")?,
        What::SocketIoCodec => bench("bench-socketio-codec")?,
        What::Instructions => {
            tools::installed("valgrind", "valgrind")?;
            bench("bench-instructions")?
        }
    };
    command::run(bench.args(&options.options))
}
