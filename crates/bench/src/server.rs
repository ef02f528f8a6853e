//! A measured server process: started on its core, asked by `/proc` what it used, ended on drop.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use rustix::param::clock_ticks_per_second;

use crate::machine;

/// What the echo servers print before their address.
pub const LISTENING: &str = "listening on http://";

/// A running echo server.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts `program` on [`machine::SERVER_CORE`] and waits for its address.
    ///
    /// The calling thread ends up on [`machine::LOAD_CORE`].
    ///
    /// # Errors
    /// The program can't be started, or its first line isn't its address.
    pub fn start(program: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<Self> {
        // A child inherits the affinity of the thread that starts it.
        machine::pin(machine::SERVER_CORE)?;
        let started = Command::new(program)
            .args(arguments)
            // Or each connection that ends would cost the time of a trace.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't start {}", program.display()));
        machine::pin(machine::LOAD_CORE)?;
        let mut process = started?;
        let address = address_of(&mut process);
        if address.is_err() {
            process.kill()?;
            process.wait()?;
        }
        let address = address.with_context(|| format!("{} gave no address", program.display()))?;
        Ok(Self { process, address })
    }

    /// CPU time that its threads have used, user and system.
    ///
    /// # Errors
    /// The process has ended.
    pub fn cpu_time(&self) -> Result<Duration> {
        let mut sum = Duration::ZERO;
        // The process's own schedstat is only its first thread's.
        for thread in fs::read_dir(self.proc("task")).context("the server has ended")? {
            let schedstat = fs::read_to_string(thread?.path().join("schedstat"))?;
            let running = schedstat.split(' ').next().context("empty schedstat")?;
            sum += Duration::from_nanos(running.parse()?);
        }
        ensure!(!sum.is_zero(), "this kernel keeps no schedstat");
        Ok(sum)
    }

    /// The part of its CPU time outside the kernel, in steps of a clock tick.
    ///
    /// # Errors
    /// The process has ended.
    pub fn user_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(self.proc("stat")).context("the server has ended")?;
        // The second field, the name, may hold spaces and parentheses; utime is the 14th.
        let (_, fields) = stat.rsplit_once(") ").context("stat without a name")?;
        let ticks: u64 = fields.split(' ').nth(11).context("stat without utime")?.parse()?;
        Ok(Duration::from_secs(ticks) / u32::try_from(clock_ticks_per_second())?)
    }

    /// Resident memory in bytes, once it has stopped changing.
    ///
    /// # Errors
    /// The process has ended.
    pub fn settled_memory(&self) -> Result<u64> {
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut last = self.memory()?;
        loop {
            thread::sleep(Duration::from_millis(200));
            let now = self.memory()?;
            if now == last || Instant::now() > deadline {
                return Ok(now);
            }
            last = now;
        }
    }

    fn memory(&self) -> Result<u64> {
        // Counted from the page tables; VmRSS is a sum of per-core counters and may lag.
        let rollup =
            fs::read_to_string(self.proc("smaps_rollup")).context("the server has ended")?;
        let rss = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kibibytes = rss.and_then(|rss| rss.trim().strip_suffix(" kB"));
        Ok(kibibytes.context("smaps_rollup without Rss")?.trim().parse::<u64>()? * 1024)
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing worth an orderly end; the errors only say that it is gone already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn address_of(process: &mut Child) -> Result<SocketAddr> {
    let stdout = process.stdout.take().context("no stdout")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line.trim_end().strip_prefix(LISTENING);
    Ok(address.with_context(|| format!("its first line is {line:?}"))?.parse()?)
}
