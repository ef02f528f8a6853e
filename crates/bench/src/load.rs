//! The load generator: a closed loop over connections, each echo compared byte for byte.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::epoll;

use crate::batch::{Batch, Content, Random};
use crate::connection::Connection;
use crate::opening;

/// How long the server may leave all connections without a byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// Different batches, so that consecutive ones have other keys and other payloads.
const BATCHES: usize = 16;

/// What to send.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Text or binary messages.
    pub content: Content,
    /// Bytes of each message's payload.
    pub payload: usize,
    /// Messages that a connection sends before it waits for their echoes.
    pub pipeline: usize,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// No batch starts after this long.
    Elapsed(Duration),
    /// Each connection has done this many batches of `pipeline` messages.
    Batches(u64),
}

/// What a run did.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Messages sent and echoed.
    pub messages: u64,
    /// From the first byte sent to the last received.
    pub elapsed: Duration,
}

/// Connections to one server and the messages for them.
#[derive(Debug)]
pub struct Load {
    poll: OwnedFd,
    connections: Vec<Connection>,
    batches: Vec<Batch>,
    pipeline: u64,
    scratch: Vec<u8>,
}

impl Load {
    /// Opens `connections` connections to `address`.
    ///
    /// # Errors
    /// See [`opening::open`].
    pub fn connect(address: SocketAddr, connections: usize, workload: Workload) -> Result<Self> {
        Self::over(opening::open(address, connections, 64)?, workload)
    }

    /// Takes connections that are open.
    ///
    /// # Errors
    /// The system refuses to watch so many.
    pub fn over(streams: Vec<TcpStream>, workload: Workload) -> Result<Self> {
        ensure!(workload.pipeline > 0, "a pipeline holds at least one message");
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (index, stream) in streams.iter().enumerate() {
            let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            epoll::add(&poll, stream, epoll::EventData::new_u64(index as u64), flags)?;
        }
        let Workload { content, payload, pipeline } = workload;
        let mut random = Random::new(payload as u64);
        Ok(Self {
            poll,
            connections: streams.into_iter().enumerate().map(Connection::new).collect(),
            batches: (0..BATCHES)
                .map(|_| Batch::new(content, payload, pipeline, &mut random))
                .collect(),
            pipeline: pipeline as u64,
            scratch: vec![0; 128 * 1024],
        })
    }

    /// Sends nothing for a while, apart from answers to Pings.
    ///
    /// # Errors
    /// A connection ends, or carries anything else.
    pub fn hold(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        let mut events = Vec::with_capacity(1024);
        while Instant::now() < end {
            opening::wait(&self.poll, &mut events, end)?;
            for event in events.drain(..) {
                let index = usize::try_from(event.data.u64())?;
                self.connections[index]
                    .exchange(&self.batches, &mut self.scratch)
                    .with_context(|| format!("connection {index}"))?;
            }
        }
        Ok(())
    }

    /// Sends and verifies, and returns when every echo has arrived.
    ///
    /// # Errors
    /// An echo differs, a connection ends, or the server is silent for 10 s.
    pub fn run(&mut self, until: Until) -> Result<Done> {
        let start = Instant::now();
        let goes_on = |done: u64| match until {
            Until::Elapsed(duration) => start.elapsed() < duration,
            Until::Batches(batches) => done < batches,
        };
        let mut finished = 0;
        let mut in_flight = 0;
        for connection in &mut self.connections {
            connection.done = 0;
            if goes_on(0) {
                connection.start(&self.batches)?;
                in_flight += 1;
            }
        }
        let mut events = Vec::with_capacity(1024);
        while in_flight > 0 {
            opening::wait(&self.poll, &mut events, Instant::now() + PATIENCE)?;
            ensure!(!events.is_empty(), "no byte of {in_flight} echoes within {PATIENCE:?}");
            for event in events.drain(..) {
                let index = usize::try_from(event.data.u64())?;
                let connection = &mut self.connections[index];
                let complete = connection
                    .exchange(&self.batches, &mut self.scratch)
                    .with_context(|| format!("connection {index}"))?;
                if complete {
                    finished += 1;
                    if goes_on(connection.done) {
                        connection.start(&self.batches)?;
                    } else {
                        in_flight -= 1;
                    }
                }
            }
        }
        Ok(Done { messages: finished * self.pipeline, elapsed: start.elapsed() })
    }
}
