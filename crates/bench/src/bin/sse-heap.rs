//! Has one decoder decode one stream once, and prints `ALLOCATIONS PEAK`: how often it allocated, and the
//! most bytes of heap that it held at a time.
//!
//! A buffer that grows is a new allocation, and held beside the old one while it is copied: what an
//! allocator has to do if it can't extend the block.
//!
//! `bench-sse` starts this program for each pair of them: counting would slow down what it times. A pass
//! over a given CPU time ends with SIGXCPU.

use anyhow::{Context, Result};
use clap::Parser;
use rtwire_bench::event_decoders::DECODERS;
use rtwire_bench::event_scenarios;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[derive(Parser)]
#[command(about = "Counts the allocations of a decoder of event streams")]
struct Options {
    /// The decoder's place in the list.
    #[arg(long)]
    decoder: usize,
    /// The stream's place in the list.
    #[arg(long)]
    scenario: usize,
    /// Take the list of shorter streams.
    #[arg(long)]
    quick: bool,
    /// CPU time it may take, in seconds.
    #[arg(long)]
    seconds: u64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let decoder = DECODERS.get(options.decoder).context("no such decoder")?;
    let scenarios = event_scenarios::all(options.quick);
    let stream = scenarios.get(options.scenario).context("no such stream")?.stream();
    for (resource, limit) in [(Resource::Cpu, options.seconds), (Resource::Core, 0)] {
        let Rlimit { maximum, .. } = getrlimit(resource);
        setrlimit(resource, Rlimit { current: Some(limit), maximum })?;
    }
    let mut passed = Ok(());
    let heap = allocation_counter::measure(|| passed = decoder.pass(&stream));
    passed?;
    println!("{} {}", heap.count_total, heap.bytes_max);
    Ok(())
}
