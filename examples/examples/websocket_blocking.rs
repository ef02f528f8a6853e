//! A WebSocket echo server: the protocol crate alone, over blocking sockets with a thread each.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example websocket_blocking [host:port]
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Buf;
use rtwire_websocket::handshake::{HeadSearch, Request};
use rtwire_websocket::{Connection, Limits, Role, State};

fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9002".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on ws://{}", listener.local_addr()?);
    loop {
        let (socket, peer) = listener.accept()?;
        std::thread::spawn(move || {
            if let Err(error) = serve(socket) {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

fn serve(mut socket: TcpStream) -> anyhow::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_write_timeout(Some(Duration::from_secs(20)))?;
    let start = Instant::now();
    let mut scratch = vec![0; 64 << 10];
    let mut read = open(&mut socket, &mut scratch, start)?;

    // The answers to one read are written before the next, so that their queue needs no limit.
    let limits = Limits::default().max_output(usize::MAX);
    let mut connection = Connection::new(Role::Server, limits);
    let (mut outcome, mut shut_down) = (Ok(()), false);
    while connection.state() != State::Closed {
        let echoed = echo(&mut connection, &mut &mut scratch[read]);
        let timed = connection.handle_timeout(start.elapsed());
        write_output(&mut socket, &mut connection)?; // also after an error: the Close frame
        outcome = outcome.and(echoed).and(timed.map_err(anyhow::Error::from));

        if !connection.is_receiving() && !shut_down {
            // Input is read to its end all the same: to close before would reset the connection,
            // and the peer might lose the Close frame.
            socket.shutdown(Shutdown::Write)?;
            shut_down = true;
        }
        read = read_some(&mut socket, &mut connection, &mut scratch, start)?;
    }
    outcome
}

/// The opening handshake, for which a client has ten seconds. Returns where in `scratch` lies what
/// came after it.
fn open(
    socket: &mut TcpStream,
    scratch: &mut [u8],
    start: Instant,
) -> anyhow::Result<Range<usize>> {
    let (mut search, mut end) = (HeadSearch::default(), 0);
    loop {
        let left = Duration::from_secs(10).saturating_sub(start.elapsed());
        ensure!(!left.is_zero(), "no request in time");
        socket.set_read_timeout(Some(left))?;
        // There is room: the longest head is 16 KiB.
        let count = socket.read(&mut scratch[end..])?;
        ensure!(count > 0, "no request");
        end += count;
        match Request::decode(&scratch[..end], &mut search) {
            Ok(None) => {}
            Ok(Some((request, used))) => {
                socket.write_all(&request.accept().encode())?;
                return Ok(used..end);
            }
            Err(error) => {
                socket.write_all(&error.response().encode())?;
                return Err(error.into());
            }
        }
    }
}

fn echo(connection: &mut Connection, input: &mut &mut [u8]) -> anyhow::Result<()> {
    while let Some(event) = connection.next_event(input)? {
        connection.forward(event)?;
    }
    Ok(())
}

fn write_output(socket: &mut TcpStream, connection: &mut Connection) -> io::Result<()> {
    let output = connection.output();
    while output.has_remaining() {
        let count = socket.write(output.chunk())?;
        output.advance(count);
    }
    Ok(())
}

/// Reads until the connection's timer is due, at most.
fn read_some(
    socket: &mut TcpStream,
    connection: &mut Connection,
    scratch: &mut [u8],
    start: Instant,
) -> io::Result<Range<usize>> {
    let left = connection.next_timeout().map(|at| at.saturating_sub(start.elapsed()));
    // Zero would mean no timeout at all.
    socket.set_read_timeout(left.map(|left| left.max(Duration::from_millis(1))))?;
    match socket.read(scratch) {
        Ok(0) => connection.handle_eof(),
        Ok(count) => return Ok(0..count),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
        Err(error) => return Err(error),
    }
    Ok(0..0)
}
