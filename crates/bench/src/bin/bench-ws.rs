//! Measures WebSocket servers side by side: CPU time per message, memory per idle connection.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use rtwire_bench::batch::Content;
use rtwire_bench::handshake::Ask;
use rtwire_bench::idle::Idle;
use rtwire_bench::load::{Kind, Load, Workload};
use rtwire_bench::report::Table;
use rtwire_bench::server::Server;
use rtwire_bench::turns::{Turns, ratio};
use rtwire_bench::{machine, node, opening};

const OURS: &str = "rtwire";
const PEERS: [&str; 5] = ["tungstenite", "fastwebsockets", "tokio-websockets", "yawc", NPM_WS];
/// In another language: shown, and no peer to be compared with.
const NPM_WS: &str = "npm-ws";
/// It isn't built, but run from here.
const NPM_WS_PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/peer-npm-ws.mjs");
const MAX_MESSAGE: &str = "16777216";

#[derive(Parser)]
#[command(about = "Measures WebSocket servers side by side")]
struct Options {
    /// The echo server of rtwire-examples; without it only the peers are measured.
    #[arg(long)]
    ours: Option<PathBuf>,
    /// The folder of Node's packages that has `ws`; without it npm-ws is left out.
    #[arg(long)]
    node_modules: Option<PathBuf>,
    /// Only these scenarios.
    #[arg(long)]
    only: Vec<Scenario>,
    /// Only these peers.
    #[arg(long, value_parser = PEERS, value_delimiter = ',', default_values = PEERS)]
    peers: Vec<String>,
    /// Measurements of each server in each scenario, the servers taking turns.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// Length of a measurement.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Connections in the echo scenarios.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Connections that receive each broadcast.
    #[arg(long, default_value_t = 1000)]
    members: usize,
    /// Connections in the idle scenario.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Send text, hardly any of it beyond ASCII, in place of binary messages.
    #[arg(long)]
    text: bool,
    /// One round of 0.1 s and 1000 idle connections: does it run, not how fast.
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
    /// 1 MiB messages, one at a time.
    Huge,
    /// 128-byte messages for everybody, one at a time.
    Broadcast,
    /// 128-byte messages for everybody, sixteen in flight.
    BroadcastPipelined,
    /// Connections without traffic.
    Idle,
}

/// How long a server may take to let those who have just connected into the room.
const JOIN: Duration = Duration::from_millis(500);

impl Scenario {
    /// What is sent, with `content` where the scenario leaves it open.
    fn workload(self, content: Content) -> Option<Workload> {
        let (kind, content, payload, pipeline) = match self {
            Self::Small => (Kind::Echo, content, 64, 1),
            Self::SmallPipelined => (Kind::Echo, content, 64, 16),
            Self::MediumPipelined => (Kind::Echo, content, 1024, 16),
            Self::ScriptsPipelined => (Kind::Echo, Content::Scripts, 1024, 16),
            Self::Large => (Kind::Echo, content, 16 * 1024, 1),
            Self::Huge => (Kind::Echo, content, 1024 * 1024, 1),
            Self::Broadcast => (Kind::Broadcast, content, 128, 1),
            Self::BroadcastPipelined => (Kind::Broadcast, content, 128, 16),
            Self::Idle => return None,
        };
        Some(Workload { kind, content, payload, pipeline })
    }
}

#[derive(Clone)]
struct Contender {
    name: String,
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Contender {
    fn start(&self, kind: Kind) -> Result<Server> {
        let mut arguments = self.arguments.clone();
        // Ours goes by the path that is asked for.
        if kind == Kind::Broadcast && self.name != OURS {
            arguments.push("--broadcast".into());
        }
        Server::start(&self.program, &arguments)
    }
}

fn main() -> Result<()> {
    let mut options = Options::parse();
    if options.quick {
        (options.rounds, options.seconds, options.idle) = (1, 0.1, 1000);
    }
    let Options { rounds, connections, members, idle, .. } = options;
    ensure!(rounds > 0 && connections > 0 && members > 0, "nothing to measure");
    machine::allow_open_files(connections.max(members).max(idle) as u64 + 256)?;
    let contenders = contenders(&options)?;
    // While the others have their turn, nobody answers a server's Pings.
    ensure!(
        options.seconds * contenders.len() as f64 <= 15.0,
        "servers with keepalive would give up between two turns: shorten --seconds"
    );
    let content = if options.text { Content::Text } else { Content::Binary };
    for &scenario in Scenario::value_variants() {
        if options.only.is_empty() || options.only.contains(&scenario) {
            match scenario.workload(content) {
                Some(workload) => traffic(&options, &contenders, workload)?,
                None => hold_idle(&options, &contenders)?,
            }
        }
    }
    Ok(())
}

fn contenders(options: &Options) -> Result<Vec<Contender>> {
    let this = env::current_exe()?;
    let folder = this.parent().unwrap_or(Path::new("."));
    let contender = |name: &str, program: PathBuf, first: &[&OsStr]| {
        let common = ["--port", "0", "--max-message", MAX_MESSAGE].map(OsStr::new);
        let arguments = [first, &common].concat().into_iter().map(OsStr::to_owned).collect();
        Contender { name: name.to_owned(), program, arguments }
    };
    let mut contenders = Vec::new();
    if let Some(program) = &options.ours {
        contenders.push(contender(OURS, program.clone(), &["--threads", "1"].map(OsStr::new)));
    }
    for peer in &options.peers {
        if peer != NPM_WS {
            contenders.push(contender(peer, folder.join(format!("peer-{peer}")), &[]));
        } else if let Some(modules) = node::packages(options.node_modules.as_deref(), "ws", NPM_WS)
        {
            let first = [NPM_WS_PROGRAM.as_ref(), "--modules".as_ref(), modules.as_os_str()];
            contenders.push(contender(peer, "node".into(), &first));
        }
    }
    Ok(contenders)
}

fn traffic(options: &Options, contenders: &[Contender], workload: Workload) -> Result<()> {
    let Workload { kind, content, payload, pipeline } = workload;
    let connections = match kind {
        Kind::Broadcast => options.members,
        _ => options.connections,
    };
    let mut turns = Turns::new(Duration::from_secs_f64(options.seconds));
    for contender in contenders {
        let server = contender.start(kind)?;
        let mut load = Load::connect(server.address, connections, workload)
            .with_context(|| contender.name.clone())?;
        if kind == Kind::Broadcast {
            load.hold(JOIN).with_context(|| contender.name.clone())?;
        }
        turns.add(&contender.name, server, load)?;
    }
    turns.run(options.rounds)?;
    println!(
        "## {kind:?}: {payload} B {content}, pipeline {pipeline}, {connections} connections\n"
    );
    let best = best_peer(contenders, &turns.medians());
    println!("{}", turns.table("CPU / best Rust peer", best));
    Ok(())
}

/// Index of the smallest figure of those in Rust that aren't ours.
fn best_peer(contenders: &[Contender], figures: &[f64]) -> Option<usize> {
    (0..contenders.len())
        .filter(|&index| ![OURS, NPM_WS].contains(&&*contenders[index].name))
        .min_by(|&a, &b| figures[a].total_cmp(&figures[b]))
}

fn hold_idle(options: &Options, contenders: &[Contender]) -> Result<()> {
    for (how, at_once) in [("one after another", 1), ("all at once", options.idle)] {
        let mut measured = Vec::new();
        for contender in contenders {
            let server = contender.start(Kind::Echo)?;
            let idle = Idle::measure(&server, Kind::Echo, options.idle, at_once);
            measured.push(idle.with_context(|| contender.name.clone())?);
        }
        println!("## Idle: {} connections, opened {how}\n", options.idle);
        let mut table = Table::new([
            "server",
            "bytes/connection",
            "after one echo each",
            "opened in",
            "bytes / best Rust peer",
        ]);
        let figures: Vec<f64> = measured.iter().map(|idle| idle.untouched).collect();
        let best = best_peer(contenders, &figures);
        for (contender, idle) in contenders.iter().zip(&measured) {
            table.row(vec![
                contender.name.clone(),
                format!("{:.0}", idle.untouched),
                format!("{:.0}", idle.used),
                format!("{:.2} s", idle.opened.as_secs_f64()),
                ratio(best.map(|best| idle.untouched / figures[best])),
            ]);
        }
        println!("{table}");
    }
    match contenders.iter().find(|contender| contender.name == OURS) {
        Some(ours) => hold_compressing(options, ours),
        None => Ok(()),
    }
}

/// What compression adds to ours: none of the peers has it.
fn hold_compressing(options: &Options, ours: &Contender) -> Result<()> {
    /// With takeover each connection has two codecs, after its first message.
    const MOST: usize = 1000;
    let connections = options.idle.min(MOST);
    println!("## Idle: {connections} connections with compression, opened all at once\n");
    let mut table = Table::new(["contexts", "bytes/connection", "after one echo each"]);
    for (contexts, more) in [
        ("not taken over", &["--deflate", "--no-context-takeover"][..]),
        ("taken over", &["--deflate"]),
    ] {
        let mut ours = ours.clone();
        ours.arguments.extend(more.iter().map(OsString::from));
        let ask = Ask { deflate: true, ..Kind::Echo.ask() };
        let server = ours.start(Kind::Echo)?;
        for stream in opening::open(server.address, ask, 1, 1)? {
            echo_compressed(stream)?;
        }
        let before = server.settled_memory()?;
        let each = |after: u64| (after as f64 - before as f64) / connections as f64;
        let mut streams = opening::open(server.address, ask, connections, connections)?;
        let untouched = each(server.settled_memory()?);
        streams = streams.into_iter().map(echo_compressed).collect::<Result<_>>()?;
        let used = each(server.settled_memory()?);
        drop(streams);
        table.row(vec![contexts.to_owned(), format!("{untouched:.0}"), format!("{used:.0}")]);
    }
    println!("{table}");
    Ok(())
}

/// The first "Hello" of a connection, compressed as RFC 7692 §7.2.3.1 has it, and its echo.
fn echo_compressed(mut stream: TcpStream) -> Result<TcpStream> {
    const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    stream.set_nonblocking(false)?;
    // With a key of zeros the payload is masked as it is.
    stream.write_all(&[&[0xC1, 0x87, 0, 0, 0, 0][..], &HELLO].concat())?;
    let mut echo = [0; 9];
    stream.read_exact(&mut echo)?;
    ensure!(echo[..2] == [0xC1, 7] && echo[2..] == HELLO, "the echo of Hello is {echo:x?}");
    Ok(stream)
}
