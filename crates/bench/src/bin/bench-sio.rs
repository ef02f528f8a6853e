//! Measures Socket.IO servers: acks, broadcasts, connecting, and the memory of connections.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use rtwire_bench::batch::Content;
use rtwire_bench::idle::Idle;
use rtwire_bench::load::{Kind, Load, Until, Workload};
use rtwire_bench::report::{Samples, Table};
use rtwire_bench::server::Server;
use rtwire_bench::turns::{Turns, ratio};
use rtwire_bench::{machine, node, opening};

const PEER: &str = "socketioxide";
const NPM: &str = "npm-socket.io";
const NPM_PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/peer-npm-socketio.mjs");
const MAX_MESSAGE: &str = "16777216";

#[derive(Parser)]
#[command(about = "Measures Socket.IO servers beside each other")]
struct Options {
    /// The echo server of rtwire-examples.
    #[arg(long)]
    ours: PathBuf,
    /// The folder of the peers' programs.
    #[arg(long)]
    peers: PathBuf,
    /// The folder of Node's packages that has `socket.io`; without it npm-socket.io is left out.
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
    /// Connections in the ack scenarios.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Connections in the broadcast scenarios.
    #[arg(long, default_value_t = 500)]
    members: usize,
    /// Connections that are idle, or opened.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Connections that come and go.
    #[arg(long, default_value_t = 200_000)]
    cycles: usize,
    /// One round of 0.1 s and 1000 connections: does it run, not how fast.
    #[arg(long)]
    quick: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Events of 32 bytes with acks, eight in flight.
    AckSmall,
    /// Events of 1 KiB with acks, eight in flight.
    AckMedium,
    /// An event of 128 bytes to everybody, one in flight.
    Broadcast,
    /// Events of 128 bytes to everybody, eight in flight.
    BroadcastPipelined,
    /// Connections opened on WebSockets, and the main namespace joined.
    Connect,
    /// Connections on WebSockets without traffic.
    Idle,
    /// Connections that come and go.
    Churn,
}

struct Contender {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Contender {
    fn start(&self) -> Result<Server> {
        self.start_with(&[])
    }

    fn start_with(&self, more: &[&str]) -> Result<Server> {
        let more = more.iter().map(OsString::from);
        let arguments: Vec<_> = self.arguments.iter().cloned().chain(more).collect();
        Server::start(&self.program, &arguments)
    }
}

fn main() -> Result<()> {
    let mut options = Options::parse();
    if options.quick {
        (options.rounds, options.seconds, options.idle) = (1, 0.1, 1000);
        options.cycles = 1000;
    }
    let Options { rounds, connections, members, idle: crowd, .. } = options;
    ensure!(rounds > 0 && connections > 0 && members > 0 && crowd > 0, "nothing to measure");
    machine::allow_open_files(connections.max(members).max(crowd) as u64 + 256)?;
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
        let ack = |payload| {
            exchange(&options, &contenders, Kind::SocketIoAck, "Ack", connections, payload, 8)
        };
        let broadcast = |pipeline| {
            let kind = Kind::SocketIoBroadcast;
            exchange(&options, &contenders, kind, "Broadcast", members, 128, pipeline)
        };
        match scenario {
            Scenario::AckSmall => ack(32)?,
            Scenario::AckMedium => ack(1024)?,
            Scenario::Broadcast => broadcast(1)?,
            Scenario::BroadcastPipelined => broadcast(8)?,
            Scenario::Connect => connect(&contenders, rounds, crowd / 10)?,
            Scenario::Idle => {
                idle(&contenders, crowd, "one after another", 1)?;
                idle(&contenders, crowd, "all at once", crowd)?;
            }
            Scenario::Churn => churn(&contenders[0], options.cycles)?,
        }
    }
    Ok(())
}

/// The second is the base of all quotients.
fn contenders(options: &Options) -> Vec<Contender> {
    let common = ["--port", "0", "--max-message", MAX_MESSAGE].map(OsString::from);
    let threads = ["--threads", "1"].map(OsString::from);
    let mut contenders = vec![
        Contender {
            name: "rtwire",
            program: options.ours.clone(),
            arguments: threads.into_iter().chain(common.clone()).collect(),
        },
        Contender {
            name: PEER,
            program: options.peers.join("peer-socketioxide"),
            arguments: common.to_vec(),
        },
    ];
    if let Some(modules) = node::packages(options.node_modules.as_deref(), "socket.io", NPM) {
        let first = [NPM_PROGRAM.into(), "--modules".into(), modules.into()];
        let arguments = first.into_iter().chain(common).collect();
        contenders.push(Contender { name: NPM, program: Path::new("node").to_owned(), arguments });
    }
    contenders
}

const BASE: usize = 1;

fn exchange(
    options: &Options,
    contenders: &[Contender],
    kind: Kind,
    what: &str,
    connections: usize,
    payload: usize,
    pipeline: usize,
) -> Result<()> {
    let mut turns = Turns::new(Duration::from_secs_f64(options.seconds));
    for contender in contenders {
        let server = contender.start()?;
        let workload = Workload { kind, content: Content::Text, payload, pipeline };
        let load = Load::connect(server.address, connections, workload).context(contender.name)?;
        turns.add(contender.name, server, load)?;
    }
    turns.run(options.rounds)?;
    println!("## {what}: {payload} B, pipeline {pipeline}, {connections} connections\n");
    println!("{}", turns.table("CPU / socketioxide", Some(BASE)));
    Ok(())
}

fn connect(contenders: &[Contender], rounds: usize, connections: usize) -> Result<()> {
    println!("## Connect: {connections} connections, 64 at a time\n");
    let mut cpu = vec![Samples::default(); contenders.len()];
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            let server = contenders[index].start()?;
            let open = |count| {
                opening::open(server.address, Kind::SocketIoAck.ask(), count, 64)
                    .context(contenders[index].name)
            };
            // What the first ones set up is no connection's share.
            let first = open(connections / 10 + 1)?;
            let before = server.cpu_time()?;
            let all = open(connections)?;
            cpu[index].push((server.cpu_time()? - before).as_secs_f64() * 1e6 / connections as f64);
            drop((first, all));
        }
    }
    let mut table =
        Table::new(["server", "CPU µs/connection", "least", "most", "CPU / socketioxide"]);
    for (contender, samples) in contenders.iter().zip(&cpu) {
        table.row(vec![
            contender.name.to_owned(),
            format!("{:.1}", samples.median()),
            format!("{:.1}", samples.least()),
            format!("{:.1}", samples.most()),
            ratio(Some(samples.relative_to(&cpu[BASE]).median())),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn idle(contenders: &[Contender], connections: usize, how: &str, at_once: usize) -> Result<()> {
    println!("## Idle: {connections} connections on WebSockets, opened {how}\n");
    let mut table = Table::new(["server", "bytes/connection", "after one ack each", "opened in"]);
    for contender in contenders {
        let server = contender.start()?;
        let idle = Idle::measure(&server, Kind::SocketIoAck, connections, at_once)
            .context(contender.name)?;
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

/// Connections that join three rooms each, have eight events acked, and go without a word: what of them is left
/// shows in the server's memory.
fn churn(contender: &Contender, cycles: usize) -> Result<()> {
    const AT_ONCE: usize = 100;
    const SAMPLES: usize = 10;
    println!(
        "## Churn: {cycles} connections that come and go, {AT_ONCE} at a time; resident KiB\n"
    );
    let server = contender.start_with(&["--rooms", "3"])?;
    let kind = Kind::SocketIoAck;
    let workload = Workload { kind, content: Content::Text, payload: 32, pipeline: 8 };
    let mut samples = Vec::new();
    for _ in 0..SAMPLES {
        for _ in 0..(cycles / AT_ONCE / SAMPLES).max(1) {
            let streams = opening::open(server.address, kind.ask(), AT_ONCE, AT_ONCE)?;
            Load::over(streams, workload)?.run(Until::Batches(1))?;
        }
        samples.push(server.settled_memory()?);
    }
    let mut table = Table::new(["server", "after a tenth each", "last / middle"]);
    let kibibytes: Vec<_> = samples.iter().map(|bytes| (bytes / 1024).to_string()).collect();
    let (middle, last) = (samples[SAMPLES / 2 - 1], samples[SAMPLES - 1]);
    table.row(vec![
        contender.name.to_owned(),
        kibibytes.join(", "),
        format!("{:.3}", last as f64 / middle as f64),
    ]);
    println!("{table}");
    Ok(())
}
