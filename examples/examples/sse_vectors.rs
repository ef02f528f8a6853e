//! Runs vectors for event stream decoders, those of rtwire-sse or anybody's of the same schema (its README tells
//! the fields): each stream in its chunks, as a whole, byte by byte, and cut in two everywhere.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example sse_vectors crates/sse/tests/vectors/dispatch.json
//! ```

use std::process::ExitCode;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rtwire_sse::Decoder;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    /// Base64.
    chunks: Vec<String>,
    #[serde(default)]
    initial_last_event_id: String,
    events: Vec<Event>,
    events_after_chunk: Option<Vec<usize>>,
    retry: Option<u128>,
    last_event_id_at_end: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Event {
    r#type: String,
    data: String,
    last_event_id: String,
}

impl Vector {
    fn check(&self) -> anyhow::Result<()> {
        let decode = |chunk| BASE64_STANDARD.decode(chunk).context("no base64");
        let chunks: Vec<Vec<u8>> = self.chunks.iter().map(decode).collect::<Result<_, _>>()?;
        let after = self.decode(chunks.iter().map(Vec::as_slice)).context("in its chunks")?;
        if let Some(expected) = &self.events_after_chunk {
            ensure!(after == *expected, "{after:?} events after each chunk, not {expected:?}");
        }
        let stream = chunks.concat();
        self.decode([&stream[..]]).context("as a whole")?;
        self.decode(stream.chunks(1)).context("byte by byte")?;
        for cut in 0..=stream.len() {
            let (front, back) = stream.split_at(cut);
            self.decode([front, back]).with_context(|| format!("cut at {cut}"))?;
        }
        Ok(())
    }

    /// How many events there were after each chunk.
    fn decode<'c>(&self, chunks: impl IntoIterator<Item = &'c [u8]>) -> anyhow::Result<Vec<usize>> {
        let mut decoder = Decoder::new().with_last_event_id(&self.initial_last_event_id);
        let (mut events, mut after) = (Vec::new(), Vec::new());
        for mut chunk in chunks {
            while let Some(event) = decoder.next_event(&mut chunk)? {
                events.push(Event {
                    r#type: event.event_type.to_string(),
                    data: event.data.to_string(),
                    last_event_id: event.last_event_id.to_string(),
                });
            }
            after.push(events.len());
        }
        ensure!(events == self.events, "{events:?}, not {:?}", self.events);
        let retry = decoder.retry().map(|time| time.as_millis());
        ensure!(retry == self.retry, "retry is {retry:?}, not {:?}", self.retry);
        let (id, expected) = (decoder.last_event_id(), &self.last_event_id_at_end);
        ensure!(id == expected, "the last event ID is {id:?}, not {expected:?}");
        Ok(after)
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let (mut passed, mut failed) = (0, 0);
    for file in std::env::args().skip(1) {
        let json = std::fs::read(&file).with_context(|| file.clone())?;
        let vectors: Vec<Vector> = serde_json::from_slice(&json).with_context(|| file.clone())?;
        for vector in vectors {
            match vector.check() {
                Ok(()) => passed += 1,
                Err(error) => {
                    println!("{}: {error:#}", vector.name);
                    failed += 1;
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(ExitCode::from(u8::from(failed > 0)))
}
