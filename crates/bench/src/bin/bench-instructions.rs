//! Counts the instructions of rtwire per WebSocket message and per event of a stream, under valgrind:
//! figures that other load on the machine doesn't change, and a record of them that they must not exceed.

use std::env;
use std::fmt;
use std::fs;
use std::hint::black_box;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use rtwire_bench::batch::{Batch, Content, Random};
use rtwire_bench::codec::{
    Borrowed, Decode, Encode, Owned, Queue, Send, messages_at_once, payloads,
};
use rtwire_bench::event_decoders::{DECODERS, Decoder, Kind};
use rtwire_bench::event_scenarios::streams;
use rtwire_bench::event_stream::{Scenario, Shape};
use rtwire_bench::memory::{Memory, ready};
use rtwire_bench::report::Table;
use rtwire_tokio::WebSocket;
use rtwire_websocket::Limits;

#[derive(Parser)]
#[command(
    about = "Counts rtwire's instructions per message or event, and compares them with a record"
)]
struct Options {
    /// Make these counts the record.
    #[arg(long)]
    record: bool,
    /// Only the work whose name contains this.
    #[arg(long, default_value = "", conflicts_with = "record")]
    only: String,
    /// Do the work of this number in the list, and count nothing.
    #[arg(long, hide = true, requires = "batches")]
    work: Option<usize>,
    /// How many batches of it.
    #[arg(long, hide = true)]
    batches: Option<u64>,
}

/// In the package, because it belongs to the code.
const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");
/// What a count may be over the record.
const TOLERANCE: f64 = 0.05;
/// Batches of the shorter run; the longer one has twice as many.
const BATCHES: u64 = 4;

enum Work {
    /// WebSocket messages, of one kind and length.
    Messages { what: What, content: Content, payload: usize },
    /// A stream of events, decoded by one of our faces.
    Events { decoder: &'static Decoder, scenario: Scenario },
}

#[derive(Clone, Copy)]
enum What {
    DecodeBorrowed,
    DecodeOwned,
    Encode(Send),
    /// By rtwire-tokio's `for_each`.
    Echo,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Messages { what, content, payload } => {
                let what = match what {
                    What::DecodeBorrowed => "decode, borrowed",
                    What::DecodeOwned => "decode, owned",
                    What::Encode(Send::Slice) => "encode, send_binary",
                    What::Encode(Send::Bytes) => "encode, send",
                    What::Echo => "echo",
                };
                write!(f, "{what}, {payload} B {content}")
            }
            Self::Events { decoder, scenario: Scenario { name, chunk, .. } } => {
                write!(f, "{}, {name} in chunks of {chunk} B", decoder.name)
            }
        }
    }
}

fn all_work() -> Vec<Work> {
    let sizes = [64, 1024, 16 * 1024, 1024 * 1024].map(|payload| (Content::Binary, payload));
    let kinds = [
        What::DecodeBorrowed,
        What::DecodeOwned,
        What::Encode(Send::Slice),
        What::Encode(Send::Bytes),
        What::Echo,
    ];
    let mut all = Vec::new();
    for what in kinds {
        let text = [(Content::Scripts, 1024)];
        let text = if matches!(what, What::Encode(_)) { &[][..] } else { &text };
        for &(content, payload) in sizes.iter().chain(text) {
            all.push(Work::Messages { what, content, payload });
        }
    }
    for decoder in DECODERS.iter().filter(|decoder| decoder.kind == Kind::Ours) {
        let scenarios = streams(true).into_iter();
        // A long line is made of few instructions a byte, and takes long all the same.
        let events = scenarios.filter(|scenario| !matches!(scenario.shape, Shape::Line(_)));
        all.extend(events.map(|scenario| Work::Events { decoder, scenario }));
    }
    all
}

impl Work {
    /// Messages or events of a batch.
    fn count_of_batch(&self) -> u64 {
        match self {
            Self::Messages { payload, .. } => messages_at_once(*payload) as u64,
            Self::Events { scenario, .. } => scenario.stream().expected.events,
        }
    }

    fn run(&self, batches: u64) -> Result<()> {
        match *self {
            Self::Messages { what, content, payload } => exchange(what, content, payload, batches),
            Self::Events { decoder, scenario } => {
                let stream = scenario.stream();
                (0..batches).try_for_each(|_| decoder.pass(&stream))
            }
        }
    }

    /// Instructions per message or event. Starting and ending are in both runs, and so not in their difference.
    fn count(&self, index: usize) -> Result<f64> {
        let (once, twice) = (collected(index, BATCHES)?, collected(index, 2 * BATCHES)?);
        let difference = twice.checked_sub(once).context("twice the work took less")?;
        Ok(difference as f64 / (BATCHES * self.count_of_batch()) as f64)
    }
}

fn exchange(what: What, content: Content, payload: usize, batches: u64) -> Result<()> {
    let mut random = Random::new(payload as u64);
    let batch = Batch::new(content, payload, messages_at_once(payload), &mut random);
    let repeat = |work: &mut dyn FnMut() -> Result<()>| (0..batches).try_for_each(|_| work());
    let see = |payload: &[u8]| _ = black_box(payload);
    match what {
        What::DecodeBorrowed => {
            let mut decoder = Borrowed::new(&batch);
            repeat(&mut || decoder.decode(see))
        }
        What::DecodeOwned => {
            let mut decoder = Owned::new(&batch);
            repeat(&mut || decoder.decode(see))
        }
        What::Encode(send) => {
            let payloads = payloads(&batch, payload);
            let mut encoder = Queue::new(send, payloads, Memory::new(&batch));
            repeat(&mut || encoder.encode())
        }
        What::Echo => {
            let memory = Memory::with_laps(&batch, batches);
            let taken = memory.taken();
            // Without keepalive it needs no clock, and so no runtime.
            let mut socket = WebSocket::server(memory, Limits::default().ping_interval(None));
            ready(socket.for_each(|event, connection| {
                Ok::<_, rtwire_tokio::Error>(connection.forward(event)?)
            }))??;
            let echoed = taken.get() as u64;
            ensure!(echoed == batches * batch.echo.len() as u64, "{echoed} bytes echoed");
            Ok(())
        }
    }
}

/// Instructions of a run of this program that does nothing but the work.
fn collected(work: usize, batches: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["--work", &work.to_string(), "--batches", &batches.to_string()])
        // Otherwise glibc copies from some length on by `rep movsb`, which counts as an instruction a byte.
        .env("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=1073741824")
        .stdin(Stdio::null())
        .output()
        .context("can't run valgrind (Debian's package is `valgrind`)")?;
    let report = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "under valgrind the work failed:\n{report}");
    let collected = report.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = collected.with_context(|| format!("callgrind told no count:\n{report}"))?;
    Ok(count.trim().parse()?)
}

/// What counts depend on besides the code. glibc chooses how to copy by the processor.
fn environment() -> Result<String> {
    let mut parts = Vec::new();
    for command in
        [&["rustc", "--version"][..], &["valgrind", "--version"], &["getconf", "GNU_LIBC_VERSION"]]
    {
        let output = Command::new(command[0]).args(&command[1..]).output();
        let output = output.with_context(|| format!("can't run {}", command[0]))?;
        parts.push(String::from_utf8(output.stdout)?.trim().to_owned());
    }
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let avx2 = cpu.split_ascii_whitespace().any(|flag| flag == "avx2");
    parts.push(format!("{}{}", env::consts::ARCH, if avx2 { " with AVX2" } else { "" }));
    Ok(parts.join(", "))
}

/// `ENVIRONMENT\nNAME: COUNT\n…`
struct Record {
    environment: String,
    counts: Vec<(String, f64)>,
}

impl Record {
    fn read() -> Result<Self> {
        let text = fs::read_to_string(RECORD).with_context(|| format!("can't read {RECORD}"))?;
        let (environment, counts) = text.split_once('\n').context("the record is empty")?;
        let count = |line: &str| {
            let (name, count) = line.rsplit_once(": ").with_context(|| line.to_owned())?;
            Ok((name.to_owned(), count.parse()?))
        };
        let counts = counts.lines().map(count).collect::<Result<_>>().context(RECORD)?;
        Ok(Self { environment: environment.to_owned(), counts })
    }

    fn write(&self) -> Result<()> {
        let mut text = format!("{}\n", self.environment);
        for (name, count) in &self.counts {
            text += &format!("{name}: {count:.1}\n");
        }
        fs::write(RECORD, text).with_context(|| format!("can't write {RECORD}"))
    }

    fn of(&self, name: &str) -> Option<f64> {
        self.counts.iter().find(|(recorded, _)| recorded == name).map(|&(_, count)| count)
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    let all = all_work();
    if let (Some(work), Some(batches)) = (options.work, options.batches) {
        return all.get(work).context("no such work")?.run(batches);
    }
    let environment = environment()?;
    let mut counts = Vec::new();
    for (index, work) in all.iter().enumerate() {
        let name = work.to_string();
        if name.contains(&options.only) {
            let count = work.count(index).with_context(|| name.clone())?;
            counts.push((name, count));
        }
    }
    if options.record {
        Record { environment, counts }.write()?;
        println!("{RECORD} is written: look at its difference");
        return Ok(());
    }
    compare(&environment, &counts, &Record::read()?)
}

fn compare(environment: &str, counts: &[(String, f64)], record: &Record) -> Result<()> {
    let mut table = Table::new(["work", "instructions", "recorded", "change"]);
    let (mut exceeding, mut falling_short) = (Vec::new(), Vec::new());
    for (name, count) in counts {
        let recorded = record.of(name);
        let change = recorded.map(|recorded| count / recorded - 1.0);
        // Also what isn't recorded, so that it will be.
        if change.is_none_or(|change| change > TOLERANCE) {
            exceeding.push(&**name);
        }
        if change.is_some_and(|change| change < -TOLERANCE) {
            falling_short.push(&**name);
        }
        table.row(vec![
            name.clone(),
            format!("{count:.1}"),
            recorded.map_or("-".into(), |recorded| format!("{recorded:.1}")),
            change.map_or("-".into(), |change| format!("{:+.1} %", change * 100.0)),
        ]);
    }
    println!("{table}");
    if record.environment != environment {
        println!(
            "Recorded with {}.\nThis is {environment}: the counts are shown, and not judged.",
            record.environment
        );
        return Ok(());
    }
    let percent = TOLERANCE * 100.0;
    if !falling_short.is_empty() {
        let names = falling_short.join("; ");
        println!("By more than {percent} % below the record, so --record anew: {names}");
    }
    ensure!(
        exceeding.is_empty(),
        "by more than {percent} % over the record, or not in it: {}\n\
         `cargo xtask bench instructions --record` makes a new one, if this is how it has to be",
        exceeding.join("; ")
    );
    Ok(())
}
