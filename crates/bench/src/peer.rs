//! What the servers over other libraries share: options, listening, a room for broadcasts, and a plain
//! handshake for those libraries that bring none without a whole HTTP server.

use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, SocketAddr};
use std::task::Poll;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::server::LISTENING;

/// Options of every peer.
#[derive(Clone, Copy, Debug, Parser)]
#[command(about = "WebSocket server over one library, for measuring")]
pub struct Options {
    /// Port on 127.0.0.1; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Size limit of a message, in bytes.
    #[arg(long, default_value_t = 16 << 20)]
    pub max_message: usize,
    /// Send each message to everybody, instead of back.
    #[arg(long)]
    pub broadcast: bool,
}

/// Where messages of type `M` go that are for everybody; each member has a receiver.
pub type Room<M> = broadcast::Sender<M>;

/// More than the load generator ever has in flight, so that no member can miss a message.
const ROOM_CAPACITY: usize = 256;

/// Listens as the command line says and serves each connection in a task of one thread, for ever.
///
/// # Errors
/// The port can't be listened on, or accepting fails.
pub fn serve<F, M, E>(connection: impl Fn(TcpStream, Options, Room<M>) -> F) -> Result<()>
where
    M: Clone,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let room = Room::new(ROOM_CAPACITY);
    runtime.block_on(accept_all(options, |stream| {
        // Outside tokio's cooperative budget, as the libraries' own echo examples run. How a
        // connection ended is left to the load generator: it notices every end too early.
        tokio::spawn(tokio::task::unconstrained(connection(stream, options, room.clone())));
    }))
}

/// Listens, says where, and hands on each connection, for ever.
///
/// # Errors
/// The port can't be listened on, or accepting fails.
pub async fn accept_all(options: Options, connection: impl Fn(TcpStream)) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)))?;
    let listener = socket.listen(4096)?;
    println!("{LISTENING}{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        connection(stream);
    }
}

/// Echoes until the peer ends: every message is queued, and what is queued is written as soon as no
/// further message is ready.
///
/// # Errors
/// The first error of the socket.
pub async fn echo<S, M, E>(mut socket: S, carries_data: impl Fn(&M) -> bool) -> Result<(), E>
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
{
    while let Some(message) = poll_fn(|context| match socket.poll_next_unpin(context) {
        Poll::Pending => match socket.poll_flush_unpin(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        },
        ready => ready,
    })
    .await
    {
        let message = message?;
        if carries_data(&message) {
            socket.feed(message).await?;
        }
    }
    Ok(())
}

/// Puts each message into the room, and writes what was put there by anybody, until the peer ends.
///
/// A task writes, so that a message for this member doesn't try to read first: tungstenite would take
/// more time for that than for the message.
///
/// # Errors
/// The first error of the socket.
pub async fn broadcast<S, M, E>(
    socket: S,
    room: Room<M>,
    carries_data: impl Fn(&M) -> bool,
) -> Result<(), E>
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin + Send + 'static,
    M: Clone + Send + 'static,
    E: Send + 'static,
{
    let mut inbox = room.subscribe();
    let (mut sink, mut stream) = socket.split();
    tokio::spawn(tokio::task::unconstrained(async move {
        // It ends with an error, which it meets at the latest when it writes to a peer that has gone.
        while let Ok(message) = inbox.recv().await {
            sink.feed(message).await?;
            while let Ok(message) = inbox.try_recv() {
                sink.feed(message).await?;
            }
            sink.flush().await?;
        }
        Ok::<(), E>(())
    }));
    while let Some(message) = stream.next().await {
        let message = message?;
        if carries_data(&message) {
            // Without receivers there is nobody to miss it.
            room.send(message).ok();
        }
    }
    Ok(())
}

/// Answers the opening handshake on a plain stream.
///
/// # Errors
/// The request is no WebSocket handshake, or is over 4096 bytes.
pub async fn accept(stream: &mut TcpStream) -> Result<()> {
    let mut request = Vec::with_capacity(512);
    while !request.ends_with(b"\r\n\r\n") {
        ensure!(request.len() < 4096, "the request head is too long");
        ensure!(stream.read_buf(&mut request).await? > 0, "no whole request head");
    }
    let request = str::from_utf8(&request)?;
    let mut fields = request.lines().filter_map(|line| line.split_once(':'));
    let (_, key) = fields
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
        .context("no Sec-WebSocket-Key")?;
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.trim().as_bytes())
    );
    Ok(stream.write_all(response.as_bytes()).await?)
}
