//! Measures event stream decoders side by side, in memory, on streams such as language models send.

use std::convert::Infallible;
use std::hint::black_box;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use clap::Parser;
use futures_util::{StreamExt, stream};
use rtwire_bench::machine::{self, cpu_time};
use rtwire_bench::report::{Samples, Table};
use rtwire_bench::token_stream::{self, Shape};

#[derive(Parser)]
#[command(about = "Measures event stream decoders side by side, in memory")]
struct Options {
    /// Measurements of each decoder on each stream, the decoders taking turns.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Length of a measurement.
    #[arg(long, default_value_t = 0.1)]
    seconds: f64,
    /// Length of a stream, in MiB.
    #[arg(long, default_value_t = 8)]
    mebibytes: usize,
    /// Only the streams whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// One short round: does it run, not how fast.
    #[arg(long)]
    quick: bool,
}

struct Input {
    name: &'static str,
    chunk: usize,
    shape: Shape,
    line_end: &'static str,
}

const INPUTS: [Input; 7] = [
    Input { name: "JSON chunks", chunk: 16 * 1024, shape: Shape::Chunks, line_end: "\n" },
    Input { name: "JSON chunks", chunk: 1024, shape: Shape::Chunks, line_end: "\n" },
    Input { name: "JSON chunks, CRLF", chunk: 16 * 1024, shape: Shape::Chunks, line_end: "\r\n" },
    Input { name: "typed deltas", chunk: 16 * 1024, shape: Shape::Typed, line_end: "\n" },
    Input { name: "typed deltas", chunk: 1024, shape: Shape::Typed, line_end: "\n" },
    Input { name: "eight data lines", chunk: 16 * 1024, shape: Shape::Lines, line_end: "\n" },
    Input { name: "eight data lines, CRLF", chunk: 1024, shape: Shape::Lines, line_end: "\r\n" },
];

/// What a decoder made of a stream; all have to agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    events: u64,
    /// Bytes of all event types and all data.
    bytes: u64,
}

impl Sum {
    fn add(&mut self, event_type: &str, data: &str) {
        let (event_type, data) = black_box((event_type, data));
        self.events += 1;
        self.bytes += (event_type.len() + data.len()) as u64;
    }
}

type Decode = fn(&[Bytes]) -> Result<Sum>;

/// Ours, then those it is compared with.
const DECODERS: [(&str, Decode); 4] = [
    ("rtwire-sse", rtwire_sse),
    ("rtwire-sse, owned", rtwire_sse_owned),
    (REFERENCE, sse_stream),
    ("sse-core", sse_core),
];
/// What the ratios are to.
const REFERENCE: &str = "sse-stream";

fn rtwire_sse(chunks: &[Bytes]) -> Result<Sum> {
    let mut decoder = rtwire_sse::Decoder::new();
    let mut sum = Sum::default();
    for chunk in chunks {
        let mut input = &chunk[..];
        while let Some(event) = decoder.next_event(&mut input)? {
            sum.add(&event.event_type, &event.data);
        }
    }
    Ok(sum)
}

/// With events that may outlive the chunk, as those of the others always may.
fn rtwire_sse_owned(chunks: &[Bytes]) -> Result<Sum> {
    let mut decoder = rtwire_sse::Decoder::new();
    let mut sum = Sum::default();
    for chunk in chunks {
        let mut input = &chunk[..];
        while let Some(event) = decoder.next_event(&mut input)? {
            let event = event.into_owned();
            sum.add(&event.event_type, &event.data);
        }
    }
    Ok(sum)
}

fn sse_stream(chunks: &[Bytes]) -> Result<Sum> {
    // Bytes that are ready, and polls without an executor: what is left is the decoder.
    let ready = stream::iter(chunks.iter().cloned().map(Ok::<Bytes, Infallible>));
    let mut events = sse_stream::SseByteStream::new(ready);
    let mut context = Context::from_waker(Waker::noop());
    let mut sum = Sum::default();
    loop {
        match events.poll_next_unpin(&mut context) {
            Poll::Ready(Some(event)) => {
                let event = event?;
                let event_type = event.event.as_deref().unwrap_or("message");
                sum.add(event_type, event.data.as_deref().unwrap_or_default());
            }
            Poll::Ready(None) => return Ok(sum),
            Poll::Pending => anyhow::bail!("pending on bytes that are ready"),
        }
    }
}

fn sse_core(chunks: &[Bytes]) -> Result<Sum> {
    let mut decoder = sse_core::SseDecoder::new();
    let mut sum = Sum::default();
    for chunk in chunks {
        let mut input = &chunk[..];
        while let Some(event) = decoder.next(&mut input) {
            if let sse_core::SseEvent::Message(message) = event? {
                sum.add(&message.event, &message.data);
            }
        }
    }
    Ok(sum)
}

fn main() -> Result<()> {
    let mut options = Options::parse();
    if options.quick {
        (options.rounds, options.seconds, options.mebibytes) = (1, 0.01, 1);
    }
    ensure!(options.rounds > 0 && options.mebibytes > 0, "nothing to measure");
    machine::pin(machine::LOAD_CORE)?;
    let mut table =
        Table::new(["stream", "chunks of", "decoder", "GB/s", "least", "most", "/ sse-stream"]);
    for input in INPUTS.iter().filter(|input| input.name.contains(&options.only)) {
        measure(&options, input, &mut table).with_context(|| input.name)?;
    }
    println!("{table}");
    Ok(())
}

fn measure(options: &Options, input: &Input, table: &mut Table) -> Result<()> {
    let (text, events) =
        token_stream::generate(input.shape, input.line_end, options.mebibytes << 20);
    let text = Bytes::from(text);
    let chunks: Vec<Bytes> = (0..text.len())
        .step_by(input.chunk)
        .map(|start| text.slice(start..text.len().min(start + input.chunk)))
        .collect();
    let expected = sse_stream(&chunks)?;
    ensure!(expected.events == events, "{} events of {events}", expected.events);
    for (name, decode) in DECODERS {
        let sum = decode(&chunks)?;
        ensure!(sum == expected, "{name} found {sum:?} and sse-stream {expected:?}");
    }
    let mut speeds = [(); DECODERS.len()].map(|()| Samples::default());
    for round in 0..options.rounds {
        for turn in 0..DECODERS.len() {
            let index = (round + turn) % DECODERS.len();
            let (_, decode) = DECODERS[index];
            let start = cpu_time();
            let mut passes = 0_u32;
            let mut taken = Duration::ZERO;
            while taken < Duration::from_secs_f64(options.seconds) {
                ensure!(decode(black_box(&chunks))? == expected, "changed its mind");
                passes += 1;
                taken = cpu_time() - start;
            }
            let bytes = text.len() as f64 * f64::from(passes);
            speeds[index].push(bytes / taken.as_secs_f64() / 1e9);
        }
    }
    let reference = DECODERS.iter().position(|(name, _)| *name == REFERENCE);
    let reference = &speeds[reference.context("nothing to compare with")?];
    for ((name, _), speed) in DECODERS.iter().zip(&speeds) {
        table.row(vec![
            input.name.to_owned(),
            input.chunk.to_string(),
            (*name).to_owned(),
            format!("{:.2}", speed.median()),
            format!("{:.2}", speed.least()),
            format!("{:.2}", speed.most()),
            format!("{:.2}", speed.relative_to(reference).median()),
        ]);
    }
    Ok(())
}
