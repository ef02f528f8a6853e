//! Opening many connections, a few or all of them at once.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use crate::handshake::{self, Ask, Session};

/// How long all connections may take to open. A full accept queue costs a client whole seconds,
/// because the kernel sends its SYN again after 1 s, 2 s, 4 s.
const DEADLINE: Duration = Duration::from_secs(60);

/// Opens `count` WebSockets at `address`, and what is asked for over them, at most `at_once` of them in flight at
/// a time.
///
/// The streams are non-blocking, with TCP_NODELAY.
///
/// # Errors
/// A connection or its handshake fails, or they take more than a minute.
pub fn open<'a>(
    address: SocketAddr,
    ask: impl Into<Ask<'a>>,
    count: usize,
    at_once: usize,
) -> Result<Vec<TcpStream>> {
    let ask = ask.into();
    let request = handshake::request(ask).into_bytes();
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let deadline = Instant::now() + DEADLINE;
    let mut opening = Vec::with_capacity(count);
    let mut opened = 0;
    let mut events = Vec::with_capacity(1024);
    while opened < count {
        while opening.len() < count && opening.len() - opened < at_once {
            let connection = Opening::start(address).context("can't connect")?;
            epoll::add(
                &poll,
                &connection.stream,
                epoll::EventData::new_u64(opening.len() as u64),
                epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET,
            )?;
            opening.push(connection);
        }
        wait(&poll, &mut events, deadline)
            .with_context(|| format!("{opened} of {count} connections are open"))?;
        ensure!(!events.is_empty(), "{opened} of {count} connections are open after {DEADLINE:?}");
        for event in events.drain(..) {
            let index = usize::try_from(event.data.u64())?;
            let connection = &mut opening[index];
            if !connection.open
                && connection.advance(&request, ask).with_context(|| format!("nr {index}"))?
            {
                opened += 1;
            }
        }
    }
    Ok(opening.into_iter().map(|connection| connection.stream).collect())
}

/// Waits for events; there are none if `deadline` came first.
pub(crate) fn wait(
    poll: &OwnedFd,
    events: &mut Vec<epoll::Event>,
    deadline: Instant,
) -> Result<()> {
    events.clear();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left)?;
        match epoll::wait(poll, rustix::buffer::spare_capacity(events), Some(&timeout)) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

struct Opening {
    stream: TcpStream,
    /// Bytes of the request, or of what joins.
    sent: usize,
    response: Vec<u8>,
    joins: bool,
    open: bool,
}

impl Opening {
    fn start(address: SocketAddr) -> Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        match connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        Ok(Self { stream, sent: 0, response: Vec::new(), joins: false, open: false })
    }

    /// Writes and reads what can be; `true` once the connection is open.
    fn advance(&mut self, request: &[u8], ask: Ask<'_>) -> Result<bool> {
        if !self.joins {
            if !self.exchange(request, |answer| handshake::accepted(answer, ask))? {
                return Ok(false);
            }
            (self.joins, self.sent) = (true, 0);
        }
        if ask.session == Session::SocketIo && !self.exchange(handshake::JOIN, handshake::joined)? {
            return Ok(false);
        }
        self.open = true;
        Ok(true)
    }

    /// Writes and reads what can be; `true` once the answer is there.
    fn exchange(
        &mut self,
        request: &[u8],
        answered: impl Fn(&[u8]) -> Result<Option<usize>>,
    ) -> Result<bool> {
        while self.sent < request.len() {
            match self.stream.write(&request[self.sent..]) {
                Ok(written) => self.sent += written,
                // Not connected yet: the event came from the attempt itself.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) =>
                {
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let mut chunk = [0; 1024];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => bail!("the server closed the connection in its handshake"),
                Ok(read) => self.response.extend(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            ensure!(self.response.len() <= 8192, "the response head is over 8192 bytes");
            if let Some(pings) = answered(&self.response)? {
                self.response = Vec::new();
                for _ in 0..pings {
                    // A few bytes fit into a socket that has sent so little.
                    self.stream.write_all(handshake::ENGINE_IO_PONG)?;
                }
                return Ok(true);
            }
        }
    }
}
