//! The load generator: a closed loop over connections, each byte that arrives compared.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::epoll;

use crate::batch::{Batch, Content, Random};
use crate::connection::Connection;
use crate::handshake::Ask;
use crate::opening;

/// How long the server may leave all connections without a byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// Different batches, so that consecutive ones have other keys and other payloads.
const BATCHES: usize = 16;

/// Who receives what a connection sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The connection itself. All connections send.
    Echo,
    /// The same, from a handler of the server's to which each message is given as one of its own.
    OwnedEcho,
    /// The same, over a session of Engine.IO 4.
    EngineIoEcho,
    /// All connections. The first one sends.
    Broadcast,
}

impl Kind {
    /// What on the server asks for this.
    #[must_use]
    pub fn ask(self) -> Ask<'static> {
        match self {
            Self::Echo => Ask::from("/"),
            Self::OwnedEcho => Ask::from("/messages"),
            Self::EngineIoEcho => {
                let path = "/engine.io/?EIO=4&transport=websocket";
                Ask { path, deflate: false, engine_io: true }
            }
            Self::Broadcast => Ask::from("/broadcast"),
        }
    }

    /// What is in front of each payload: the type of Engine.IO's packet, which binary has not.
    fn prefix(self, content: Content) -> &'static [u8] {
        match (self, content) {
            (Self::EngineIoEcho, Content::Text | Content::Scripts) => b"4",
            _ => b"",
        }
    }
}

/// What to send.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Echoes, or one message for all.
    pub kind: Kind,
    /// Text or binary messages.
    pub content: Content,
    /// Bytes of each message's payload, beside the type in front of a text of Engine.IO.
    pub payload: usize,
    /// Messages that a connection sends before it waits until they have been received.
    pub pipeline: usize,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// No batch starts after this long.
    Elapsed(Duration),
    /// Each connection that sends has done this many batches of `pipeline` messages.
    Batches(u64),
}

/// What a run did.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Messages received: of a broadcast, one for each connection.
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
    kind: Kind,
    pipeline: u64,
    scratch: Vec<u8>,
}

impl Load {
    /// Opens `connections` connections to `address`.
    ///
    /// # Errors
    /// See [`opening::open`].
    pub fn connect(address: SocketAddr, connections: usize, workload: Workload) -> Result<Self> {
        Self::over(opening::open(address, workload.kind.ask(), connections, 64)?, workload)
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
        let Workload { kind, content, payload, pipeline } = workload;
        let mut random = Random::new(payload as u64);
        Ok(Self {
            poll,
            connections: streams
                .into_iter()
                .enumerate()
                .map(|(index, stream)| Connection::new(index, stream, kind))
                .collect(),
            batches: (0..BATCHES)
                .map(|_| Batch::new(content, kind.prefix(content), payload, pipeline, &mut random))
                .collect(),
            kind,
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

    /// Sends and verifies, and returns when everything has been received.
    ///
    /// # Errors
    /// What is received differs, a connection ends, or the server is silent for 10 s.
    pub fn run(&mut self, until: Until) -> Result<Done> {
        let start = Instant::now();
        let goes_on = |done: u64| match until {
            Until::Elapsed(duration) => start.elapsed() < duration,
            Until::Batches(batches) => done < batches,
        };
        let batches = match self.kind {
            Kind::Echo | Kind::OwnedEcho | Kind::EngineIoEcho => self.echo(goes_on)?,
            Kind::Broadcast => self.broadcast(goes_on)?,
        };
        Ok(Done { messages: batches * self.pipeline, elapsed: start.elapsed() })
    }

    fn echo(&mut self, goes_on: impl Fn(u64) -> bool) -> Result<u64> {
        let mut finished = 0;
        let mut in_flight = 0;
        for connection in &mut self.connections {
            connection.done = 0;
            if goes_on(0) {
                connection.start(&self.batches)?;
                in_flight += 1;
            }
        }
        self.receive(in_flight, |connection, batches| {
            finished += 1;
            let again = goes_on(connection.done);
            if again {
                connection.start(batches)?;
            }
            Ok(again)
        })?;
        Ok(finished)
    }

    fn broadcast(&mut self, goes_on: impl Fn(u64) -> bool) -> Result<u64> {
        let mut published = 0;
        let everybody = self.connections.len();
        while goes_on(published) {
            let [publisher, others @ ..] = &mut self.connections[..] else { break };
            publisher.start(&self.batches)?;
            for other in others {
                other.listen_to(publisher, &self.batches);
            }
            self.receive(everybody, |_, _| Ok(false))?;
            published += 1;
        }
        Ok(published * everybody as u64)
    }

    /// Receives until no batch is in flight. `again` may start a connection's next one.
    fn receive(
        &mut self,
        mut in_flight: usize,
        mut again: impl FnMut(&mut Connection, &[Batch]) -> Result<bool>,
    ) -> Result<()> {
        let mut events = Vec::with_capacity(1024);
        while in_flight > 0 {
            opening::wait(&self.poll, &mut events, Instant::now() + PATIENCE)?;
            ensure!(!events.is_empty(), "no byte for {in_flight} connections within {PATIENCE:?}");
            for event in events.drain(..) {
                let index = usize::try_from(event.data.u64())?;
                let connection = &mut self.connections[index];
                let complete = connection
                    .exchange(&self.batches, &mut self.scratch)
                    .with_context(|| format!("connection {index}"))?;
                if complete && !again(connection, &self.batches)? {
                    in_flight -= 1;
                }
            }
        }
        Ok(())
    }
}
