//! The streams that `bench-sse` measures.

use crate::event_stream::{Scenario, Shape};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// All of them, the streams first.
#[must_use]
pub fn all(quick: bool) -> Vec<Scenario> {
    streams(quick).into_iter().chain(trickling_lines(quick)).collect()
}

/// Streams cut as they come from a network, and some worse.
#[must_use]
pub fn streams(quick: bool) -> Vec<Scenario> {
    let length = if quick { MIB } else { 8 * MIB };
    let scenario = |name, shape, line_end, chunk| Scenario { name, shape, line_end, chunk, length };
    vec![
        scenario("JSON chunks", Shape::Chunks, "\n", 16 * KIB),
        scenario("JSON chunks", Shape::Chunks, "\n", KIB),
        Scenario { length: length / 8, ..scenario("JSON chunks", Shape::Chunks, "\n", 1) },
        scenario("JSON chunks, CRLF", Shape::Chunks, "\r\n", 16 * KIB),
        scenario("typed deltas", Shape::Typed, "\n", 16 * KIB),
        scenario("typed deltas", Shape::Typed, "\n", KIB),
        scenario("eight data lines", Shape::Lines, "\n", 16 * KIB),
        scenario("eight data lines", Shape::Lines, "\n", KIB),
        Scenario {
            length: 16 * MIB,
            ..scenario("one line of 16 MiB", Shape::Line(16 * MIB), "\n", 16 * KIB)
        },
    ]
}

/// Lines that come byte by byte. All streams are equally long: shorter lines are repeated.
#[must_use]
pub fn trickling_lines(quick: bool) -> [Scenario; 3] {
    let lines = if quick {
        [("lines of 1 KiB", KIB), ("lines of 64 KiB", 64 * KIB), ("a line of 1 MiB", MIB)]
    } else {
        [("lines of 1 KiB", KIB), ("lines of 1 MiB", MIB), ("a line of 16 MiB", 16 * MIB)]
    };
    let length = lines[2].1;
    lines.map(|(name, line)| Scenario {
        name,
        shape: Shape::Line(line),
        line_end: "\n",
        chunk: 1,
        length,
    })
}
