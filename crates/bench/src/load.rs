//! The load generator: a closed loop over connections, each byte that arrives compared.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::epoll;

use crate::batch::{Batch, Content, Random};
use crate::connection::Connection;
use crate::handshake::{Ask, Session};
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
    /// The connection itself, in the ack of each event of Socket.IO.
    SocketIoAck,
    /// All connections, as an event of Socket.IO. The first one sends.
    SocketIoBroadcast,
}

impl Kind {
    /// What on the server asks for this.
    #[must_use]
    pub fn ask(self) -> Ask<'static> {
        match self {
            Self::Echo => Ask::from("/"),
            Self::OwnedEcho => Ask::from("/messages"),
            Self::EngineIoEcho => Ask {
                path: "/engine.io/?EIO=4&transport=websocket",
                deflate: false,
                session: Session::EngineIo,
            },
            Self::Broadcast => Ask::from("/broadcast"),
            Self::SocketIoAck | Self::SocketIoBroadcast => Ask {
                path: "/socket.io/?EIO=4&transport=websocket",
                deflate: false,
                session: Session::SocketIo,
            },
        }
    }

    /// Whether a session of Engine.IO is below, with its own pings.
    #[must_use]
    pub fn is_engine_io(self) -> bool {
        self.ask().session != Session::None
    }

    /// The message of this index in a batch that is sent with a payload, and the one that is to come back: in the
    /// packets of Engine.IO and Socket.IO, if they are below.
    fn wrap(self, content: Content, index: usize, payload: &[u8]) -> (Vec<u8>, Vec<u8>) {
        // Of two digits, for all that come back have the same length.
        let id = index % 90 + 10;
        let (sent, back) = match (self, content) {
            (Self::EngineIoEcho, Content::Text | Content::Scripts) => {
                (("4".into(), ""), ("4".into(), ""))
            }
            (Self::SocketIoAck, _) => {
                ((format!("42{id}[\"echo\",\""), "\"]"), (format!("43{id}[\""), "\"]"))
            }
            (Self::SocketIoBroadcast, _) => {
                let event = ("42[\"broadcast\",\"".to_owned(), "\"]");
                (event.clone(), event)
            }
            _ => ((String::new(), ""), (String::new(), "")),
        };
        let around = |(before, after): (String, &str)| {
            [before.as_bytes(), payload, after.as_bytes()].concat()
        };
        (around(sent), around(back))
    }
}

/// What to send.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Echoes, or one message for all.
    pub kind: Kind,
    /// Text or binary messages.
    pub content: Content,
    /// Bytes of each message's payload, beside what Engine.IO and Socket.IO have around it. Socket.IO's is a
    /// string, of [`Content::Text`].
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
                .map(|_| {
                    let wrap = |index, payload: &[u8]| kind.wrap(content, index, payload);
                    Batch::wrapped(content, payload, pipeline, &mut random, wrap)
                })
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
            Kind::Echo | Kind::OwnedEcho | Kind::EngineIoEcho | Kind::SocketIoAck => {
                self.echo(goes_on)?
            }
            Kind::Broadcast | Kind::SocketIoBroadcast => self.broadcast(goes_on)?,
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
