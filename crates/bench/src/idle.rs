//! The memory of connections without traffic.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::batch::Content;
use crate::load::{Kind, Load, Until, Workload};
use crate::opening;
use crate::server::Server;

/// Bytes of resident memory that each connection added, and how long all took to open.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// How long it took until all were open.
    pub opened: Duration,
    /// Bytes each, before the first message.
    pub untouched: f64,
    /// Bytes each, after one message was echoed over each.
    pub used: f64,
}

impl Idle {
    /// Opens `connections` connections, at most `at_once` of them in flight at a time, to a server that has had
    /// none.
    ///
    /// # Errors
    /// See [`opening::open`] and [`Load::run`].
    pub fn measure(
        server: &Server,
        kind: Kind,
        connections: usize,
        at_once: usize,
    ) -> Result<Self> {
        let workload = Workload { kind, content: Content::Text, payload: 64, pipeline: 1 };
        // What is set up once, by the first connection, isn't a connection's share.
        Load::connect(server.address, 1, workload)?.run(Until::Batches(1))?;
        let before = server.settled_memory()?;
        let each = |after: u64| (after as f64 - before as f64) / connections as f64;
        let start = Instant::now();
        let streams = opening::open(server.address, kind.ask(), connections, at_once)?;
        let opened = start.elapsed();
        let untouched = each(server.settled_memory()?);
        Load::over(streams, workload)?.run(Until::Batches(1))?;
        let used = each(server.settled_memory()?);
        Ok(Self { opened, untouched, used })
    }
}
