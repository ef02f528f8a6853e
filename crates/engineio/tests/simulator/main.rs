//! Both ends of a session in a world of their own, made from a seed: requests and WebSockets of any
//! latency that overtake one another, break off, with and without anybody learning of it; ends that
//! vanish, applications that rest, queues that are full, timers that go off late, clocks that jump.
//!
//! The laws:
//! - Each message arrives once and in order, in both directions. Where both ends are open in the end,
//!   all have arrived; where one has closed and the other heard of it (`ForcedClose` here,
//!   `TransportClose` there), all of the former's have. Any other reason says that some may be lost.
//! - No session outlives its deadline: whoever is left alone ends in time, and then waits for nothing.
//! - What is queued, and what waits to be taken, stays within its limits, whoever rests.
//! - Both ends agree on the transport, and in the end that it is over.
//! - A POST fits the server's `maxPayload`; there is one GET and one POST at a time.
//! - Where nothing goes wrong nobody closes, and the upgrade succeeds.
//! - `Open` is first, `Close` last and once. A session does not ask for the time that it was told.
//!
//! `RTWIRE_SEEDS=100000 cargo test --release -p rtwire-engineio --test simulator` runs that many;
//! `RTWIRE_SEED=42` one, and says what happens in it.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod client;
mod plan;
mod random;
mod version_3;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Mutex;
use std::thread;

use world::{Tally, World};

/// How many seeds an ordinary test runs.
const SEEDS: u64 = 2_000;

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(u64::from_str(&value).unwrap_or_else(|_| panic!("{name} is a number")))
}

fn run(seed: u64, tells: bool) -> World {
    let mut world = World::new(seed, tells);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    assert!(outcome.is_ok(), "RTWIRE_SEED={seed} breaks a law");
    world
}

#[test]
fn laws_of_a_session() {
    if let Some(seed) = variable("RTWIRE_SEED") {
        run(seed, true);
        return;
    }
    let seeds = variable("RTWIRE_SEEDS").unwrap_or(SEEDS);
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for first in 0..threads {
            let tally = &tally;
            scope.spawn(move || {
                let mut seed = first;
                while seed < seeds {
                    let world = run(seed, false);
                    world.tally(&mut tally.lock().unwrap());
                    seed += threads;
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{seeds} seeds: {tally:#?}");
    // Laws of what does not happen would hold, too.
    assert!(tally.upgrades > seeds / 5 && tally.messages > 10 * seeds);
    for reason in ["transport close", "transport error", "ping timeout", "forced close"] {
        for side in ["Client", "Server"] {
            let count = tally.reasons.get(&format!("{side}: {reason}")).copied().unwrap_or(0);
            assert!(count > seeds / 100, "{side}: {reason}, {count} times");
        }
    }
}
