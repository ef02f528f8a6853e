//! Measures Engine.IO: what an echo costs beside one over the WebSocket alone, and the memory of sessions,
//! idle or abandoned.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use rtwire_bench::batch::Content;
use rtwire_bench::idle::Idle;
use rtwire_bench::load::{Kind, Load, Workload};
use rtwire_bench::polling::Polling;
use rtwire_bench::report::Table;
use rtwire_bench::server::Server;
use rtwire_bench::turns::Turns;
use rtwire_bench::{machine, node};

const NPM: &str = "npm-engine.io";
const NPM_PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/peer-npm-engineio.mjs");
const MAX_MESSAGE: &str = "16777216";

#[derive(Parser)]
#[command(about = "Measures Engine.IO beside a plain WebSocket")]
struct Options {
    /// The echo server of rtwire-examples.
    #[arg(long)]
    ours: PathBuf,
    /// The folder of Node's packages that has `engine.io`; without it npm-engine.io is left out.
    #[arg(long, overrides_with = "node_modules")]
    node_modules: Option<PathBuf>,
    /// Only these scenarios.
    #[arg(long)]
    only: Vec<Scenario>,
    /// Measurements of each server in each scenario, the servers taking turns.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// Length of a measurement.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Connections in the echo scenarios.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Sessions that are idle, or abandoned.
    #[arg(long, default_value_t = 10_000)]
    sessions: usize,
    /// Ping interval, and as much again ping timeout, of sessions that are abandoned; in milliseconds.
    #[arg(long, default_value_t = 5000)]
    heartbeat: u64,
    /// One round of 0.1 s and 1000 sessions: does it run, not how fast.
    #[arg(long)]
    quick: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// 64-byte messages, one at a time.
    Small,
    /// 64-byte messages, sixteen in flight.
    SmallPipelined,
    /// 1 KiB messages, sixteen in flight.
    MediumPipelined,
    /// 1 KiB messages of text in several scripts, sixteen in flight.
    ScriptsPipelined,
    /// 16 KiB messages, one at a time.
    Large,
    /// Sessions on WebSockets without traffic.
    Idle,
    /// Sessions opened by polling, whose clients never come again.
    Abandoned,
}

struct Contender {
    name: &'static str,
    kind: Kind,
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Contender {
    fn start(&self, more: &[String]) -> Result<Server> {
        let arguments: Vec<OsString> =
            self.arguments.iter().cloned().chain(more.iter().map(OsString::from)).collect();
        Server::start(&self.program, &arguments)
    }
}

fn main() -> Result<()> {
    let mut options = Options::parse();
    if options.quick {
        (options.rounds, options.seconds) = (1, 0.1);
        (options.sessions, options.heartbeat) = (1000, 2000);
    }
    let Options { rounds, connections, sessions, .. } = options;
    ensure!(rounds > 0 && connections > 0 && sessions > 0, "nothing to measure");
    machine::allow_open_files(connections.max(sessions) as u64 + 256)?;
    let contenders = contenders(&options);
    // While the others have their turn, nobody answers a server's pings.
    ensure!(
        options.seconds * contenders.len() as f64 <= 15.0,
        "servers would give up between two turns: shorten --seconds"
    );
    for &scenario in Scenario::value_variants() {
        if !options.only.is_empty() && !options.only.contains(&scenario) {
            continue;
        }
        let echo =
            |content, payload, pipeline| echo(&options, &contenders, content, payload, pipeline);
        match scenario {
            Scenario::Small => echo(Content::Binary, 64, 1)?,
            Scenario::SmallPipelined => echo(Content::Binary, 64, 16)?,
            Scenario::MediumPipelined => echo(Content::Binary, 1024, 16)?,
            Scenario::ScriptsPipelined => echo(Content::Scripts, 1024, 16)?,
            Scenario::Large => echo(Content::Binary, 16 * 1024, 1)?,
            Scenario::Idle => {
                idle(&contenders, sessions, "one after another", 1)?;
                idle(&contenders, sessions, "all at once", sessions)?;
            }
            Scenario::Abandoned => abandoned(&options, &contenders)?,
        }
    }
    Ok(())
}

/// The first is the base of all quotients.
fn contenders(options: &Options) -> Vec<Contender> {
    let common = ["--port", "0", "--max-message", MAX_MESSAGE].map(OsString::from);
    let ours = |name, kind| {
        let threads = ["--threads", "1"].map(OsString::from);
        let arguments = threads.into_iter().chain(common.clone()).collect();
        Contender { name, kind, program: options.ours.clone(), arguments }
    };
    let mut contenders = vec![
        ours("rtwire, WebSocket", Kind::Echo),
        ours("rtwire, WebSocket, owned", Kind::OwnedEcho),
        ours("rtwire, Engine.IO", Kind::EngineIoEcho),
    ];
    if let Some(modules) = node::packages(options.node_modules.as_deref(), "engine.io", NPM) {
        let first = [NPM_PROGRAM.into(), "--modules".into(), modules.into()];
        let arguments = first.into_iter().chain(common).collect();
        let program = Path::new("node").to_owned();
        contenders.push(Contender { name: NPM, kind: Kind::EngineIoEcho, program, arguments });
    }
    contenders
}

fn echo(
    options: &Options,
    contenders: &[Contender],
    content: Content,
    payload: usize,
    pipeline: usize,
) -> Result<()> {
    let connections = options.connections;
    let mut turns = Turns::new(Duration::from_secs_f64(options.seconds));
    for contender in contenders {
        let server = contender.start(&[])?;
        let workload = Workload { kind: contender.kind, content, payload, pipeline };
        let load = Load::connect(server.address, connections, workload).context(contender.name)?;
        turns.add(contender.name, server, load)?;
    }
    turns.run(options.rounds)?;
    println!("## Echo: {payload} B {content}, pipeline {pipeline}, {connections} connections\n");
    println!("{}", turns.table("CPU / WebSocket", Some(0)));
    Ok(())
}

fn idle(contenders: &[Contender], sessions: usize, how: &str, at_once: usize) -> Result<()> {
    println!("## Idle: {sessions} sessions on WebSockets, opened {how}\n");
    let mut table = Table::new(["server", "bytes/session", "after one echo each", "opened in"]);
    for contender in contenders {
        let server = contender.start(&[])?;
        let idle =
            Idle::measure(&server, contender.kind, sessions, at_once).context(contender.name)?;
        table.row(vec![
            contender.name.to_owned(),
            format!("{:.0}", idle.untouched),
            format!("{:.0}", idle.used),
            format!("{:.2} s", idle.opened.as_secs_f64()),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn abandoned(options: &Options, contenders: &[Contender]) -> Result<()> {
    let Options { sessions, heartbeat, .. } = *options;
    println!(
        "## Abandoned: {sessions} sessions opened by polling, twice, with ping interval and timeout of \
         {heartbeat} ms; resident MiB\n"
    );
    let mut table = Table::new([
        "server",
        "time",
        "before",
        "with all",
        "bytes/session",
        "after",
        "after / before",
        "gone",
    ]);
    for contender in contenders.iter().filter(|contender| contender.kind == Kind::EngineIoEcho) {
        let each = heartbeat.to_string();
        let server = contender
            .start(&["--ping-interval", &each, "--ping-timeout", &each].map(str::to_owned))?;
        // What is set up once isn't a session's share.
        Polling::connect(server.address)?.open().context(contender.name)?;
        for time in ["first", "second"] {
            let before = server.settled_memory()?;
            let wave = abandon(&server, sessions, Duration::from_millis(heartbeat))
                .context(contender.name)?;
            let mebibytes = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
            table.row(vec![
                contender.name.to_owned(),
                time.to_owned(),
                mebibytes(before),
                mebibytes(wave.with_all),
                format!("{:.0}", (wave.with_all as f64 - before as f64) / sessions as f64),
                mebibytes(wave.after),
                format!("{:.2}", wave.after as f64 / before as f64),
                format!("{} of {sessions}", wave.gone),
            ]);
        }
    }
    println!("{table}");
    Ok(())
}

/// Resident bytes, and how many sessions were gone after their deadline.
struct Wave {
    with_all: u64,
    after: u64,
    gone: usize,
}

fn abandon(server: &Server, sessions: usize, heartbeat: Duration) -> Result<Wave> {
    /// How late a server may be with what is due.
    const MARGIN: Duration = Duration::from_secs(1);
    let start = Instant::now();
    let mut polling = Polling::connect(server.address)?;
    let sids = (0..sessions).map(|_| polling.open()).collect::<Result<Vec<_>>>()?;
    let deadline = Instant::now() + 2 * heartbeat + MARGIN;
    drop(polling);
    let with_all = server.settled_memory()?;
    ensure!(
        start.elapsed() < 2 * heartbeat,
        "the first sessions ended before the last were measured: raise --heartbeat"
    );
    thread::sleep(deadline.saturating_duration_since(Instant::now()));
    let after = server.settled_memory()?;
    let mut polling = Polling::connect(server.address)?;
    let mut gone = 0;
    for sid in &sids {
        gone += usize::from(polling.is_gone(sid)?);
    }
    Ok(Wave { with_all, after, gone })
}
