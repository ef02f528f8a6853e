//! Measures Socket.IO packet codecs side by side, in memory: CPU time from a packet's text to the
//! arguments of a handler, and back.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use bytestring::ByteString;
use clap::Parser;
use rtwire_bench::machine::{self, cpu_time};
use rtwire_bench::report::{Samples, Table};
use rtwire_socketio::{Body, Data, Limits, Namespace, Packet};
use serde::{Deserialize, Serialize};
use socketioxide_core::Str;
use socketioxide_core::packet::{Packet as PeerPacket, PacketData};
use socketioxide_core::parser::{Parse, ParseConfig, ParserState};
use socketioxide_parser_common::CommonParser;

#[derive(Parser)]
#[command(about = "Measures Socket.IO packet codecs side by side, in memory")]
struct Options {
    /// Measurements of each codec, the codecs taking turns.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Least length of a measurement.
    #[arg(long, default_value_t = 0.03)]
    seconds: f64,
    /// One short round: does it run, not how fast.
    #[arg(long)]
    quick: bool,
}

/// An argument of five fields.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Post {
    id: u64,
    user: String,
    text: String,
    score: f64,
    public: bool,
}

const EVENT: &str = "post";

fn post(text: &str) -> Post {
    Post { id: 81_726, user: "Ann Example".into(), text: text.into(), score: 0.75, public: true }
}

fn texts() -> [(&'static str, String); 3] {
    [
        ("20 characters of text", "Hello, everybody! 👋".into()),
        ("1000 characters of text", "All work and no play. ".chars().cycle().take(1000).collect()),
        (
            "1000 characters, many escaped",
            "\"So\", she said:\nno… ".chars().cycle().take(1000).collect(),
        ),
    ]
}

struct Contender {
    name: &'static str,
    run: Box<dyn FnMut() -> Result<()>>,
    /// Nanoseconds of CPU time per packet.
    cpu: Samples,
}

impl Contender {
    fn new(name: &'static str, run: impl FnMut() -> Result<()> + 'static) -> Self {
        Self { name, run: Box::new(run), cpu: Samples::default() }
    }

    fn measure(&mut self, seconds: f64) -> Result<()> {
        let mut runs = 64_u32;
        loop {
            let start = cpu_time();
            for _ in 0..runs {
                (self.run)().context(self.name)?;
            }
            let taken = cpu_time() - start;
            if taken >= Duration::from_secs_f64(seconds) {
                self.cpu.push(taken.as_secs_f64() * 1e9 / f64::from(runs));
                return Ok(());
            }
            runs *= 2;
        }
    }
}

fn main() -> Result<()> {
    let mut options = Options::parse();
    if options.quick {
        (options.rounds, options.seconds) = (1, 0.001);
    }
    ensure!(options.rounds > 0, "nothing to measure");
    machine::pin(machine::LOAD_CORE)?;
    for (title, text) in texts() {
        let post = post(&text);
        let packet = format!("2[\"{EVENT}\",{}]", serde_json::to_string(&post)?);
        let kinds = [("Decode", decoders(&packet, &post)?), ("Encode", encoders(&packet, &post)?)];
        for (kind, mut contenders) in kinds {
            for round in 0..options.rounds {
                for turn in 0..contenders.len() {
                    let index = (round + turn) % contenders.len();
                    contenders[index].measure(options.seconds)?;
                }
            }
            println!("## {kind}: {title}, {} B\n\n{}", packet.len(), table(&contenders));
        }
    }
    Ok(())
}

/// From the text of a packet to its event's name and argument.
fn decoders(packet: &str, post: &Post) -> Result<Vec<Contender>> {
    let limits = Limits::default();
    let text = ByteString::from(packet);
    let ours = move || {
        let packet = Packet::decode(text.clone(), &limits)?;
        let Body::Event { data, .. } = packet.body else { return Err(anyhow!("no event")) };
        black_box(data.event_name());
        Ok(data.into_args::<Post>()?)
    };
    let (config, state) = (ParseConfig::default(), ParserState::default());
    let text = Str::from(packet.to_owned());
    let peers = move || {
        let packet = CommonParser.decode_str(&config, &state, text.clone())?;
        let PacketData::Event(mut data, _) = packet.inner else { return Err(anyhow!("no event")) };
        black_box(CommonParser.read_event(&data)?);
        Ok(CommonParser.decode_value::<Post>(&mut data, true)?)
    };
    ensure!(ours()? == *post && peers()? == *post, "decoded something else");
    Ok(vec![
        Contender::new("rtwire-socketio", move || ours().map(|post| _ = black_box(post))),
        Contender::new("socketioxide-parser-common", move || {
            peers().map(|post| _ = black_box(post))
        }),
    ])
}

/// From an event's name and argument to the text of a packet.
fn encoders(packet: &str, post: &Post) -> Result<Vec<Contender>> {
    let namespace = Namespace::default();
    let value = post.clone();
    let ours = move || {
        let data = Data::event(EVENT, black_box(&value))?;
        let body = Body::Event { id: None, data };
        Ok(Packet { namespace: namespace.clone(), body }.encode())
    };
    let value = post.clone();
    let peers = move || {
        let data = CommonParser.encode_value(black_box(&value), Some(EVENT))?;
        let inner = PacketData::Event(data, None);
        Ok(CommonParser.encode(PeerPacket { inner, ns: Str::from("/") }))
    };
    ensure!(ours()? == packet, "encoded something else");
    ensure!(peers()?.as_str().map(Str::as_str) == Some(packet), "the peer encoded something else");
    Ok(vec![
        Contender::new("rtwire-socketio", move || ours().map(|text| _ = black_box(text))),
        Contender::new("socketioxide-parser-common", move || {
            peers().map(|text| _ = black_box(text))
        }),
    ])
}

fn table(contenders: &[Contender]) -> Table {
    let peer = contenders.last().map(|peer| peer.cpu.clone()).unwrap_or_default();
    let mut table = Table::new(["codec", "CPU ns/packet", "least", "most", "/ peer"]);
    for Contender { name, cpu, .. } in contenders {
        table.row(vec![
            (*name).to_owned(),
            format!("{:.1}", cpu.median()),
            format!("{:.1}", cpu.least()),
            format!("{:.1}", cpu.most()),
            format!("{:.2}", cpu.relative_to(&peer).median()),
        ]);
    }
    table
}
