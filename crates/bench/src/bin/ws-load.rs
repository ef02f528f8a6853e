//! Load on one echo server of WebSockets or Engine.IO; every echo is compared byte for byte.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use rtwire_bench::batch::Content;
use rtwire_bench::load::{Done, Kind, Load, Until, Workload};
use rtwire_bench::{machine, opening};

#[derive(Parser)]
#[command(
    about = "Load on one echo server of WebSockets or Engine.IO; every echo is compared byte for byte"
)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sends messages and waits for their echoes.
    Echo(Echo),
    /// Opens connections, holds them, and sends one message over each at the end.
    Idle(Idle),
}

#[derive(Args)]
struct Echo {
    /// Where the server listens.
    address: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Bytes of a message's payload.
    #[arg(long, default_value_t = 64)]
    payload: usize,
    /// Messages sent before their echoes are waited for.
    #[arg(long, default_value_t = 1)]
    pipeline: usize,
    /// Stop after this many seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Stop after this many messages on each connection, rounded up to whole pipelines.
    #[arg(long, conflicts_with = "seconds")]
    messages: Option<u64>,
    /// Send text in place of binary messages.
    #[arg(long)]
    text: bool,
    /// In sessions of Engine.IO.
    #[arg(long)]
    engine_io: bool,
}

#[derive(Args)]
struct Idle {
    /// Where the server listens.
    address: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Start all of them in the same instant.
    #[arg(long)]
    all_at_once: bool,
    /// Hold them for this many seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Sessions of Engine.IO.
    #[arg(long)]
    engine_io: bool,
}

fn kind(engine_io: bool) -> Kind {
    if engine_io { Kind::EngineIoEcho } else { Kind::Echo }
}

fn main() -> Result<()> {
    match Options::parse().command {
        Command::Echo(options) => echo(&options),
        Command::Idle(options) => idle(&options),
    }
}

fn echo(options: &Echo) -> Result<()> {
    machine::allow_open_files(options.connections as u64 + 64)?;
    let content = if options.text { Content::Text } else { Content::Binary };
    let Echo { payload, pipeline, .. } = *options;
    let kind = kind(options.engine_io);
    let workload = Workload { kind, content, payload, pipeline };
    let mut load = Load::connect(options.address, options.connections, workload)?;
    let until = match options.messages {
        Some(messages) => Until::Batches(messages.div_ceil(options.pipeline as u64)),
        None => Until::Elapsed(Duration::from_secs_f64(options.seconds)),
    };
    let Done { messages, elapsed } = load.run(until)?;
    let rate = messages as f64 / elapsed.as_secs_f64();
    println!("{messages} messages in {elapsed:.3?}: {rate:.0}/s");
    Ok(())
}

fn idle(options: &Idle) -> Result<()> {
    machine::allow_open_files(options.connections as u64 + 64)?;
    let at_once = if options.all_at_once { options.connections } else { 1 };
    let kind = kind(options.engine_io);
    let start = Instant::now();
    let streams: Vec<TcpStream> =
        opening::open(options.address, kind.ask(), options.connections, at_once)?;
    println!("{} connections open after {:.3?}", streams.len(), start.elapsed());
    let workload = Workload { kind, content: Content::Binary, payload: 64, pipeline: 1 };
    let mut load = Load::over(streams, workload)?;
    load.hold(Duration::from_secs_f64(options.seconds))?;
    let Done { messages, elapsed } = load.run(Until::Batches(1))?;
    println!("{messages} of them echoed a message within {elapsed:.3?}");
    Ok(())
}
