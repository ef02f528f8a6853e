//! Cores and open files: what the benches ask of the machine.

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// The core of the measured servers.
pub const SERVER_CORE: usize = 0;
/// The core of the load generator.
pub const LOAD_CORE: usize = 1;

/// Moves the calling thread, and what it starts from now on, to one core.
///
/// # Errors
/// The machine has no such core, or this process may not use it.
pub fn pin(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("can't run on core {core}"))
}

/// Raises the limit of open files to at least `files`, for this process and what it starts.
///
/// # Errors
/// The hard limit is below `files`.
pub fn allow_open_files(files: u64) -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    ensure!(
        maximum.is_none_or(|maximum| maximum >= files),
        "{files} open files are needed and the hard limit is {}: raise it with `ulimit -Hn`",
        maximum.unwrap_or_default()
    );
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .context("can't raise the limit of open files")
}
