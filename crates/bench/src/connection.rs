//! One connection of the load generator: a batch in flight, and Pings answered between the echoes, be they
//! WebSocket's or Engine.IO's.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use anyhow::{Result, bail, ensure};

use crate::batch::Batch;
use crate::load::Kind;

const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const TEXT: u8 = 0x81;
const MASK: u8 = 0x80;
/// §5.5.3: a Pong carries the Ping's data; its key is as random as any other constant.
const PONG_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// The text frame `2`, which no echo is: text of Engine.IO begins with `4`.
const ENGINE_IO_PING: [u8; 3] = [TEXT, 1, b'2'];

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// Index of the batch in flight, or else of the next one.
    batch: usize,
    in_flight: bool,
    engine_io: bool,
    sent: usize,
    received: usize,
    /// The beginning of a Ping whose end hasn't arrived.
    cut_ping: Vec<u8>,
    /// Pongs not written yet.
    pongs: Vec<u8>,
    /// Batches completed.
    pub(crate) done: u64,
}

impl Connection {
    /// The connection of this index, over a stream that is open for `kind` and non-blocking.
    pub(crate) fn new(index: usize, stream: TcpStream, kind: Kind) -> Self {
        Self {
            stream,
            batch: index,
            in_flight: false,
            engine_io: kind.is_engine_io(),
            sent: 0,
            received: 0,
            cut_ping: Vec::new(),
            pongs: Vec::new(),
            done: 0,
        }
    }

    /// Sends the next batch.
    pub(crate) fn start(&mut self, batches: &[Batch]) -> Result<()> {
        self.batch = (self.batch + 1) % batches.len();
        (self.sent, self.received) = (0, 0);
        self.in_flight = true;
        self.write(batches)
    }

    /// Waits for what `publisher` has just sent.
    pub(crate) fn listen_to(&mut self, publisher: &Self, batches: &[Batch]) {
        self.batch = publisher.batch;
        (self.sent, self.received) = (batches[self.batch].frames.len(), 0);
        self.in_flight = true;
    }

    /// Reads and writes what can be; `true` when the last echo of the batch in flight has arrived.
    pub(crate) fn exchange(&mut self, batches: &[Batch], scratch: &mut [u8]) -> Result<bool> {
        self.write(batches)?;
        // Edge-triggered: after a short read the next byte raises the next event.
        loop {
            let read = match self.stream.read(scratch) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            if self.receive(&scratch[..read], batches)? {
                return Ok(true);
            }
            if read < scratch.len() {
                return Ok(false);
            }
        }
    }

    fn write(&mut self, batches: &[Batch]) -> Result<()> {
        // Between two batches; a Pong between two frames of one would have to know where it is.
        if self.sent == 0 && !self.write_pongs()? {
            return Ok(());
        }
        if self.in_flight {
            let frames = &batches[self.batch].frames;
            while self.sent < frames.len() {
                match self.stream.write(&frames[self.sent..]) {
                    Ok(written) => self.sent += written,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error.into()),
                }
            }
            self.write_pongs()?;
        }
        Ok(())
    }

    /// `true` once none is left.
    fn write_pongs(&mut self) -> Result<bool> {
        while !self.pongs.is_empty() {
            match self.stream.write(&self.pongs) {
                Ok(written) => drop(self.pongs.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn receive(&mut self, input: &[u8], batches: &[Batch]) -> Result<bool> {
        let batch = &batches[self.batch % batches.len()];
        let echo = if self.in_flight { &batch.echo[self.received..] } else { &[] };
        // What begins as an echo does may be a Ping until it is longer.
        let cut = (self.received + input.len()) % batch.echo_frame;
        let may_be_ping = self.engine_io && (1..ENGINE_IO_PING.len()).contains(&cut);
        let is_sure = self.cut_ping.is_empty() && !may_be_ping;
        if is_sure && echo.get(..input.len()) == Some(input) {
            self.received += input.len();
        } else {
            self.receive_with_pings(input, batch)?;
            self.write(batches)?;
        }
        if !self.in_flight || self.received < batch.echo.len() {
            return Ok(false);
        }
        ensure!(self.sent == batch.frames.len(), "echoed before it was sent");
        self.in_flight = false;
        self.sent = 0;
        self.done += 1;
        Ok(true)
    }

    /// What isn't the echo may only be a Ping, and only between two frames.
    fn receive_with_pings(&mut self, input: &[u8], batch: &Batch) -> Result<()> {
        let kept = std::mem::take(&mut self.cut_ping);
        let input = [&kept, input].concat();
        let mut rest = &input[..];
        while !rest.is_empty() {
            let echo = if self.in_flight { &batch.echo[self.received..] } else { &[] };
            // Up to the end of a frame: what a Ping begins with may begin the next one too.
            let frame = batch.echo_frame - self.received % batch.echo_frame;
            let between = !self.in_flight || self.received.is_multiple_of(batch.echo_frame);
            if between {
                match self.answer_ping(rest) {
                    Ping::None => {}
                    Ping::Cut => {
                        self.cut_ping = rest.to_vec();
                        return Ok(());
                    }
                    Ping::Answered { rest: after } => {
                        rest = after;
                        continue;
                    }
                }
            }
            let echo = &echo[..echo.len().min(frame)];
            let same = echo.iter().zip(rest).take_while(|(echo, byte)| echo == byte).count();
            self.received += same;
            rest = &rest[same..];
            ensure!(
                rest.is_empty() || same == frame,
                "neither an echo nor a Ping at byte {} of a batch: {:x?}",
                self.received,
                &rest[..rest.len().min(16)]
            );
        }
        Ok(())
    }

    /// Answers the Ping that `input` begins with, if it does.
    fn answer_ping<'i>(&mut self, input: &'i [u8]) -> Ping<'i> {
        let (opcode, length, payload, rest) = match *input {
            [PING] => return Ping::Cut,
            [PING, length @ ..126, ref after @ ..] => {
                match after.split_at_checked(usize::from(length)) {
                    None => return Ping::Cut,
                    Some((payload, rest)) => (PONG, length, payload, rest),
                }
            }
            _ if !self.engine_io => return Ping::None,
            _ => match input.strip_prefix(&ENGINE_IO_PING) {
                Some(rest) => (TEXT, 1, &b"3"[..], rest),
                None if ENGINE_IO_PING.starts_with(input) => return Ping::Cut,
                None => return Ping::None,
            },
        };
        self.pongs.extend([opcode, MASK | length]);
        self.pongs.extend(PONG_KEY);
        self.pongs.extend(payload.iter().zip(PONG_KEY.iter().cycle()).map(|(b, k)| b ^ k));
        Ping::Answered { rest }
    }
}

/// What is at the front of the input.
enum Ping<'i> {
    None,
    /// The beginning of a Ping.
    Cut,
    Answered {
        rest: &'i [u8],
    },
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::batch::{Content, Random};

    fn connection(kind: Kind) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        (Connection::new(0, stream, kind), listener.accept().unwrap().0)
    }

    fn batches(content: Content, prefix: &[u8]) -> Vec<Batch> {
        let mut random = Random::new(1);
        let wrap = |_, payload: &[u8]| {
            let message = [prefix, payload].concat();
            (message.clone(), message)
        };
        (0..2).map(|_| Batch::wrapped(content, 5, 3, &mut random, wrap)).collect()
    }

    /// Gives the echo of three frames with a Ping between the first two.
    fn assert_answered(kind: Kind, batches: &[Batch], ping: &[u8], pong: &[u8]) {
        let batch = &batches[1];
        let (first, rest) = batch.echo.split_at(batch.echo_frame);
        let whole = [first, ping, rest].concat();
        for cut in 1..whole.len() {
            let (mut connection, mut server) = connection(kind);
            connection.start(batches).unwrap();
            let (a, b) = whole.split_at(cut);
            assert!(!connection.receive(a, batches).unwrap(), "cut at {cut}");
            assert!(connection.receive(b, batches).unwrap(), "cut at {cut}");
            let mut written = vec![0; batch.frames.len() + pong.len()];
            server.read_exact(&mut written).unwrap();
            assert_eq!(written, [&batch.frames, pong].concat());
        }
    }

    #[test]
    fn s5_5_3_ping_between_echoes_is_answered_however_it_is_cut() {
        let pong = [PONG, MASK | 2, 0x37, 0xfa, 0x21, 0x3d, b'h' ^ 0x37, b'i' ^ 0xfa];
        let batches = batches(Content::Binary, b"");
        for kind in [Kind::Echo, Kind::EngineIoEcho] {
            assert_answered(kind, &batches, &[PING, 2, b'h', b'i'], &pong);
        }
    }

    #[test]
    fn ping_of_engine_io_between_echoes_is_answered_however_it_is_cut() {
        let pong = [TEXT, MASK | 1, 0x37, 0xfa, 0x21, 0x3d, b'3' ^ 0x37];
        for batches in [batches(Content::Binary, b""), batches(Content::Text, b"4")] {
            assert_answered(Kind::EngineIoEcho, &batches, &ENGINE_IO_PING, &pong);
            let (mut connection, _server) = connection(Kind::Echo);
            connection.start(&batches).unwrap();
            assert!(connection.receive(&ENGINE_IO_PING, &batches).is_err());
        }
    }

    #[test]
    fn a_wrong_byte_anywhere_is_noticed() {
        let batches = batches(Content::Binary, b"");
        for index in 0..batches[1].echo.len() {
            let (mut connection, _server) = connection(Kind::Echo);
            connection.start(&batches).unwrap();
            let mut echo = batches[1].echo.clone();
            echo[index] ^= 0x10;
            assert!(connection.receive(&echo, &batches).is_err(), "byte {index}");
        }
    }

    #[test]
    fn more_than_the_echo_is_noticed() {
        let batches = batches(Content::Binary, b"");
        let (mut connection, _server) = connection(Kind::Echo);
        connection.start(&batches).unwrap();
        let echo = [&batches[1].echo[..], &[0x82, 0]].concat();
        assert!(connection.receive(&echo, &batches).is_err());
    }
}
