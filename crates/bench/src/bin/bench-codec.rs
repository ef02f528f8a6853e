//! Measures WebSocket codecs side by side, in memory: CPU time per frame decoded and encoded.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use rtwire_bench::batch::{Batch, Content, Random};
use rtwire_bench::codec::{
    Borrowed, CopyIn, CopyOut, Decode, Encode, Owned, Queue, Send, Unmask, messages_at_once,
    payloads,
};
use rtwire_bench::codec_peers::{Fastwebsockets, TokioWebsockets, Tungstenite, Yawc};
use rtwire_bench::machine::{self, cpu_time};
use rtwire_bench::memory::Memory;
use rtwire_bench::report::{Samples, Table};

#[derive(Parser)]
#[command(about = "Measures WebSocket codecs side by side, in memory")]
struct Options {
    /// Measurements of each codec with each payload, the codecs taking turns.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Least length of a measurement.
    #[arg(long, default_value_t = 0.03)]
    seconds: f64,
    /// Bytes of a payload.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 1024, 16 * 1024, 1024 * 1024])]
    payloads: Vec<usize>,
    /// One short round: does it run, not how fast.
    #[arg(long)]
    quick: bool,
}

/// One codec, or a part of what each has to do.
struct Contender {
    name: &'static str,
    kind: Kind,
    /// Decodes or encodes a batch once.
    run: Box<dyn FnMut() -> Result<()>>,
    /// Nanoseconds of CPU time per frame.
    cpu: Samples,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Copy,
    Unmask,
    Ours,
    Peer,
}

impl Contender {
    fn decoder(
        name: &'static str,
        kind: Kind,
        batch: &Batch,
        payload: usize,
        mut decoder: impl Decode + 'static,
    ) -> Result<Self> {
        let expected = payloads(batch, payload);
        // Twice, because the second is read from where the first has left the buffers.
        for _ in 0..if kind == Kind::Copy { 0 } else { 2 } {
            let mut seen = 0;
            let mut same = true;
            decoder.decode(|payload| {
                same &= expected.get(seen).is_some_and(|expected| expected == payload);
                seen += 1;
            })?;
            ensure!(same && seen == expected.len(), "{name} decoded something else");
        }
        let run = Box::new(move || decoder.decode(|payload| _ = black_box(payload)));
        Ok(Self { name, kind, run, cpu: Samples::default() })
    }

    fn encoder<E: Encode + 'static>(
        name: &'static str,
        kind: Kind,
        batch: &Batch,
        encoder: impl FnOnce(Memory) -> Result<E>,
    ) -> Result<Self> {
        let memory = Memory::new(batch);
        let (taken, length) = (memory.taken(), batch.echo.len());
        let mut encoder = encoder(memory)?;
        let mut run: Box<dyn FnMut() -> Result<()>> = Box::new(move || {
            let before = taken.get();
            encoder.encode()?;
            ensure!(taken.get() - before == length, "{} bytes", taken.get() - before);
            Ok(())
        });
        // The memory compares the first of it.
        run().context(name)?;
        Ok(Self { name, kind, run, cpu: Samples::default() })
    }

    /// Nanoseconds per run.
    fn measure(&mut self, seconds: f64) -> Result<f64> {
        let mut runs = 1_u32;
        loop {
            let start = cpu_time();
            for _ in 0..runs {
                (self.run)().context(self.name)?;
            }
            let taken = cpu_time() - start;
            if taken >= Duration::from_secs_f64(seconds) {
                return Ok(taken.as_secs_f64() * 1e9 / f64::from(runs));
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
    ensure!(options.rounds > 0 && !options.payloads.contains(&0), "nothing to measure");
    machine::pin(machine::LOAD_CORE)?;
    // glibc returns what is free at the heap's end, and asks for it again, depending on where the last
    // contender's memory was. From a block of this size on that has been freed, it keeps twice as much.
    drop(black_box(vec![1_u8; 16 << 20]));
    for &payload in &options.payloads {
        let mut random = Random::new(payload as u64);
        let messages = messages_at_once(payload);
        let batch = Batch::new(Content::Binary, payload, messages, &mut random);
        for (title, mut contenders) in
            [("Decode", decoders(&batch, payload)?), ("Encode", encoders(&batch, payload)?)]
        {
            for round in 0..options.rounds {
                for turn in 0..contenders.len() {
                    let index = (round + turn) % contenders.len();
                    let contender = &mut contenders[index];
                    let taken = contender.measure(options.seconds)?;
                    contender.cpu.push(taken / messages as f64);
                }
            }
            println!("## {title}: {payload} B binary\n\n{}", table(&contenders)?);
        }
    }
    Ok(())
}

fn decoders(batch: &Batch, payload: usize) -> Result<Vec<Contender>> {
    let memory = || Memory::new(batch);
    let payloads = || payloads(batch, payload);
    let tungstenite = Tungstenite::tungstenite(payloads(), memory());
    let fastwebsockets = Fastwebsockets::fastwebsockets(payloads(), memory());
    let tokio_websockets = TokioWebsockets::tokio_websockets(payloads(), memory());
    let yawc = Yawc::yawc(payloads(), memory())?;
    Ok(vec![
        Contender::decoder("memcpy", Kind::Copy, batch, payload, CopyIn::new(batch))?,
        Contender::decoder(
            "unmasking alone",
            Kind::Unmask,
            batch,
            payload,
            Unmask::new(batch, payload),
        )?,
        Contender::decoder("rtwire, borrowed", Kind::Ours, batch, payload, Borrowed::new(batch))?,
        Contender::decoder("rtwire, owned", Kind::Ours, batch, payload, Owned::new(batch))?,
        Contender::decoder("tungstenite", Kind::Peer, batch, payload, tungstenite)?,
        Contender::decoder("fastwebsockets", Kind::Peer, batch, payload, fastwebsockets)?,
        Contender::decoder("tokio-websockets", Kind::Peer, batch, payload, tokio_websockets)?,
        Contender::decoder("yawc", Kind::Peer, batch, payload, yawc)?,
    ])
}

fn encoders(batch: &Batch, payload: usize) -> Result<Vec<Contender>> {
    let payloads = || payloads(batch, payload);
    Ok(vec![
        Contender::encoder("memcpy", Kind::Copy, batch, |memory| Ok(CopyOut::new(batch, memory)))?,
        Contender::encoder("rtwire, send_binary", Kind::Ours, batch, |memory| {
            Ok(Queue::new(Send::Slice, payloads(), memory))
        })?,
        Contender::encoder("rtwire, send", Kind::Ours, batch, |memory| {
            Ok(Queue::new(Send::Bytes, payloads(), memory))
        })?,
        Contender::encoder("tungstenite", Kind::Peer, batch, |memory| {
            Ok(Tungstenite::tungstenite(payloads(), memory))
        })?,
        Contender::encoder("fastwebsockets", Kind::Peer, batch, |memory| {
            Ok(Fastwebsockets::fastwebsockets(payloads(), memory))
        })?,
        Contender::encoder("tokio-websockets", Kind::Peer, batch, |memory| {
            Ok(TokioWebsockets::tokio_websockets(payloads(), memory))
        })?,
        Contender::encoder("yawc", Kind::Peer, batch, |memory| Yawc::yawc(payloads(), memory))?,
    ])
}

fn table(contenders: &[Contender]) -> Result<Table> {
    let first = |kind| contenders.iter().find(|contender| contender.kind == kind);
    let copy = &first(Kind::Copy).context("nothing is copied")?.cpu;
    let unmasking = first(Kind::Unmask).map(|unmask| unmask.cpu.beyond(copy));
    let best_peer = contenders
        .iter()
        .filter(|contender| contender.kind == Kind::Peer)
        .min_by(|a, b| a.cpu.median().total_cmp(&b.cpu.median()));
    let best_peer = &best_peer.context("no peer")?.cpu;
    let mut table = Table::new([
        "codec",
        "CPU ns/frame",
        "least",
        "most",
        "beyond memcpy",
        "/ memcpy",
        "/ unmasking",
        "/ best peer",
    ]);
    for Contender { name, kind, cpu, .. } in contenders {
        let beyond = cpu.beyond(copy);
        let unmasking = unmasking.as_ref().filter(|_| *kind != Kind::Copy);
        let ratio = |ratio: Samples| format!("{:.2}", ratio.median());
        table.row(vec![
            (*name).to_owned(),
            format!("{:.1}", cpu.median()),
            format!("{:.1}", cpu.least()),
            format!("{:.1}", cpu.most()),
            format!("{:.1}", beyond.median()),
            ratio(cpu.relative_to(copy)),
            unmasking.map_or("-".into(), |unmasking| ratio(beyond.relative_to(unmasking))),
            ratio(cpu.relative_to(best_peer)),
        ]);
    }
    Ok(table)
}
