//! Servers that are measured in turns, each under its own load, and the table of what messages cost.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::load::{Load, Until};
use crate::report::{Samples, Table};
use crate::server::Server;

/// Servers that run, with the connections to each, and what was measured until now.
#[derive(Debug)]
pub struct Turns {
    length: Duration,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    name: String,
    server: Server,
    load: Load,
    /// Nanoseconds of CPU time per message.
    cpu: Samples,
    /// CPU time outside the kernel, of all rounds: it is counted too coarsely for one.
    user: Duration,
    messages: u64,
    /// Messages per second.
    rate: Samples,
    /// Share of the time that the server's core was busy with it.
    busy: Samples,
}

impl Turns {
    /// Measurements of this length.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        Self { length, running: Vec::new() }
    }

    /// Adds a server, after it has served this load for a while.
    ///
    /// # Errors
    /// See [`Load::run`].
    pub fn add(&mut self, name: &str, server: Server, mut load: Load) -> Result<()> {
        // Buffers reach their size, caches and branch predictors their state.
        load.run(Until::Elapsed(self.length / 4)).with_context(|| name.to_owned())?;
        self.running.push(Running {
            name: name.to_owned(),
            server,
            load,
            cpu: Samples::default(),
            user: Duration::ZERO,
            messages: 0,
            rate: Samples::default(),
            busy: Samples::default(),
        });
        Ok(())
    }

    /// Measures every server once in each of `rounds`.
    ///
    /// # Errors
    /// See [`Load::run`]; or a server has ended.
    pub fn run(&mut self, rounds: usize) -> Result<()> {
        let servers = self.running.len();
        for round in 0..rounds {
            // Each round starts with another server, so that none always follows the same one.
            for turn in 0..servers {
                self.running[(round + turn) % servers].measure(self.length)?;
            }
        }
        Ok(())
    }

    /// The medians of CPU time per message, in the order in which servers were added.
    #[must_use]
    pub fn medians(&self) -> Vec<f64> {
        self.running.iter().map(|running| running.cpu.median()).collect()
    }

    /// A row of each server. The last column has this title, and quotients with the server of index `base`
    /// in the same round.
    #[must_use]
    pub fn table(&self, title: &str, base: Option<usize>) -> Table {
        let mut table = Table::new([
            "server",
            "CPU ns/message",
            "least",
            "most",
            "of it user",
            "messages/s",
            "core busy",
            title,
        ]);
        for Running { name, cpu, user, messages, rate, busy, .. } in &self.running {
            let base = base.map(|base| &self.running[base].cpu);
            table.row(vec![
                name.clone(),
                format!("{:.0}", cpu.median()),
                format!("{:.0}", cpu.least()),
                format!("{:.0}", cpu.most()),
                format!("{:.0}", user.as_secs_f64() * 1e9 / *messages as f64),
                format!("{:.0}", rate.median()),
                format!("{:.0} %", busy.median() * 100.0),
                ratio(base.map(|base| cpu.relative_to(base).median())),
            ]);
        }
        table
    }
}

impl Running {
    fn measure(&mut self, length: Duration) -> Result<()> {
        let (before, user_before) = (self.server.cpu_time()?, self.server.user_time()?);
        let done = self.load.run(Until::Elapsed(length)).with_context(|| self.name.clone())?;
        let cpu = (self.server.cpu_time()? - before).as_secs_f64();
        self.user += self.server.user_time()? - user_before;
        self.messages += done.messages;
        let (messages, elapsed) = (done.messages as f64, done.elapsed.as_secs_f64());
        self.cpu.push(cpu * 1e9 / messages);
        self.rate.push(messages / elapsed);
        self.busy.push(cpu / elapsed);
        Ok(())
    }
}

/// A quotient for a table; a dash if there is nothing to divide by.
#[must_use]
pub fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"))
}
