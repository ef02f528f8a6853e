//! Measures event stream decoders side by side, in memory, on streams such as language models send.

use std::env;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use rtwire_bench::event_decoders::{DECODERS, Decoder, Kind, REFERENCE};
use rtwire_bench::event_scenarios::{streams, trickling_lines};
use rtwire_bench::event_stream::{Scenario, Shape, Stream};
use rtwire_bench::machine::{self, cpu_time};
use rtwire_bench::report::{Samples, Table, three_digits};
use rustix::process::Signal;

#[derive(Parser)]
#[command(about = "Measures event stream decoders side by side, in memory")]
struct Options {
    /// Measurements of each decoder on each stream, the decoders taking turns.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Length of a measurement; the pass that reaches it is the last.
    #[arg(long, default_value_t = 0.1)]
    seconds: f64,
    /// Only the streams whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// One short round on shorter streams: does it run, not how fast.
    #[arg(long)]
    quick: bool,
}

impl Options {
    /// The CPU time that one pass may take, in seconds: who needs more isn't measured.
    fn patience(&self) -> u64 {
        if self.quick { 1 } else { 5 }
    }
}

/// Where a table has no figure.
const NONE: &str = "–";
/// Rounds where one pass takes long enough.
const ROUNDS_OF_PASSES: usize = 3;

struct Row {
    decoder: &'static Decoder,
    scenario: Scenario,
    stream: Stream,
    heap: Result<Heap, NoFigures>,
    /// Nanoseconds per byte of the stream, a round each.
    pace: Samples,
}

/// What a pass takes of the heap.
struct Heap {
    allocations: u64,
    /// The most bytes held at a time.
    peak: u64,
}

/// Why a decoder isn't measured on a stream.
struct NoFigures {
    cell: &'static str,
    reason: String,
}

fn main() -> Result<()> {
    let mut options = Options::parse();
    if options.quick {
        (options.rounds, options.seconds) = (1, 0.01);
    }
    ensure!(options.rounds > 0, "nothing to measure");
    machine::pin(machine::LOAD_CORE)?;
    measure_streams(&options)?;
    measure_trickling_lines(&options)
}

fn measure_streams(options: &Options) -> Result<()> {
    let mut table = Table::new([
        "stream",
        "chunks of",
        "decoder",
        "GB/s",
        "M events/s",
        "/ sse-stream",
        "allocations/event",
        "peak heap, KiB",
    ]);
    let mut notes = Vec::new();
    for (index, scenario) in streams(options.quick).into_iter().enumerate() {
        if !scenario.name.contains(&options.only) {
            continue;
        }
        let rows = measure(options, index, &[scenario], options.rounds)?;
        let reference = rows.iter().find(|row| row.decoder.name == REFERENCE);
        let reference = &reference.context("nothing to compare with")?.pace;
        for row in &rows {
            let mut cells = vec![
                scenario.name.to_owned(),
                scenario.chunk.to_string(),
                row.decoder.name.to_owned(),
            ];
            cells.extend(row.figures(reference));
            table.row(cells);
            notes.extend(row.note());
        }
    }
    println!("{table}");
    notes.iter().for_each(|note| println!("{note}"));
    Ok(())
}

fn measure_trickling_lines(options: &Options) -> Result<()> {
    let scenarios = trickling_lines(options.quick);
    if !scenarios.iter().any(|scenario| scenario.name.contains(&options.only)) {
        return Ok(());
    }
    let rounds = options.rounds.min(ROUNDS_OF_PASSES);
    let rows = measure(options, streams(options.quick).len(), &scenarios, rounds)?;
    let [short, long, longest] = scenarios.map(|scenario| scenario.name);
    let mut table = Table::new(["ns/byte, byte by byte", short, long, longest, "last / first"]);
    let mut notes = Vec::new();
    for rows in rows.chunks(scenarios.len()) {
        let mut cells = vec![rows[0].decoder.name.to_owned()];
        cells.extend(rows.iter().map(|row| match &row.heap {
            Ok(_) => format!("{:.2}", row.pace.median()),
            Err(NoFigures { cell, .. }) => (*cell).to_owned(),
        }));
        let growth = rows[scenarios.len() - 1].pace.relative_to(&rows[0].pace);
        cells.push(ratio(&growth));
        table.row(cells);
        notes.extend(rows.iter().filter_map(Row::note));
    }
    println!("\n{table}");
    notes.iter().for_each(|note| println!("{note}"));
    Ok(())
}

impl Row {
    /// From GB/s on.
    fn figures(&self, reference: &Samples) -> [String; 5] {
        let none = || NONE.to_owned();
        let heap = match &self.heap {
            Ok(heap) => heap,
            Err(NoFigures { cell, .. }) => return [(); 5].map(|()| (*cell).to_owned()),
        };
        let speed = format!("{:.2}", 1.0 / self.pace.median());
        let ratio = ratio(&reference.relative_to(&self.pace));
        if self.decoder.kind == Kind::Walk {
            return [speed, none(), ratio, none(), none()];
        }
        let events = self.stream.expected.events as f64;
        let nanoseconds = self.pace.median() * self.stream.len() as f64;
        let peak = format!("{:.1}", heap.peak as f64 / 1024.0);
        let peak = match self.scenario.shape {
            Shape::Line(length) => {
                format!("{peak}, {:.2} × the line", heap.peak as f64 / length as f64)
            }
            _ => peak,
        };
        [
            speed,
            three_digits(events * 1000.0 / nanoseconds),
            ratio,
            format!("{:.2}", heap.allocations as f64 / events),
            peak,
        ]
    }

    /// Why there are no figures.
    fn note(&self) -> Option<String> {
        let NoFigures { cell, reason } = self.heap.as_ref().err()?;
        let Scenario { name, chunk, .. } = self.scenario;
        Some(format!("{cell} {}, {name} in chunks of {chunk}: {reason}", self.decoder.name))
    }
}

/// The median of quotients, if there are any.
fn ratio(quotients: &Samples) -> String {
    let median = quotients.median();
    if median.is_nan() { NONE.to_owned() } else { format!("{median:.2}") }
}

/// Lets all decoders decode the streams, in turns. `first` is the first one's place in the list.
fn measure(
    options: &Options,
    first: usize,
    scenarios: &[Scenario],
    rounds: usize,
) -> Result<Vec<Row>> {
    let streams: Vec<Stream> = scenarios.iter().map(Scenario::stream).collect();
    let mut rows = Vec::new();
    for (index, decoder) in DECODERS.iter().enumerate() {
        for (place, (scenario, stream)) in (first..).zip(scenarios.iter().zip(&streams)) {
            if !decoder.suits(scenario) {
                continue;
            }
            let heap = attempt(options, place, index)?;
            if let (Kind::Ours | Kind::Reserving, Err(NoFigures { reason, .. })) =
                (decoder.kind, &heap)
            {
                bail!("{}, {}: {reason}", decoder.name, scenario.name);
            }
            if heap.is_ok() {
                // The allocator may have to ask the kernel for memory once.
                decoder.pass(stream)?;
            }
            let (scenario, stream) = (*scenario, stream.clone());
            rows.push(Row { decoder, scenario, stream, heap, pace: Samples::default() });
        }
    }
    for round in 0..rounds {
        for turn in 0..rows.len() {
            let index = (round + turn) % rows.len();
            let Row { decoder, stream, heap: Ok(_), pace, .. } = &mut rows[index] else { continue };
            let start = cpu_time();
            let mut bytes = 0;
            let mut taken = Duration::ZERO;
            while bytes == 0 || taken.as_secs_f64() < options.seconds {
                decoder.pass(black_box(stream))?;
                bytes += stream.len();
                taken = cpu_time() - start;
            }
            pace.push(taken.as_secs_f64() * 1e9 / bytes as f64);
        }
    }
    Ok(rows)
}

/// One pass, by a process that counts what is allocated and ends when it takes too long.
fn attempt(options: &Options, scenario: usize, decoder: usize) -> Result<Result<Heap, NoFigures>> {
    let program = env::current_exe()?.with_file_name("sse-heap");
    let mut command = Command::new(&program);
    command.args(["--scenario", &scenario.to_string()]);
    command.args(["--decoder", &decoder.to_string()]);
    command.args(["--seconds", &options.patience().to_string()]);
    if options.quick {
        command.arg("--quick");
    }
    // Of an error or a panic the message is enough.
    command.env_remove("RUST_BACKTRACE");
    let output = command.output().with_context(|| format!("can't run {}", program.display()))?;
    if output.status.signal() == Some(Signal::XCPU.as_raw()) {
        let reason = format!("one pass takes over {} s", options.patience());
        return Ok(Err(NoFigures { cell: NONE, reason }));
    }
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        let reason = format!("{}, {}", output.status, reason.trim());
        return Ok(Err(NoFigures { cell: "wrong", reason }));
    }
    let counts = String::from_utf8(output.stdout)?;
    let (allocations, peak) = counts.trim().split_once(' ').context("it printed no counts")?;
    Ok(Ok(Heap { allocations: allocations.parse()?, peak: peak.parse()? }))
}
