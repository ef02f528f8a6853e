//! What the server keeps in memory for a WebSocket on which nothing happens, in bytes allocated.
//! The allocator adds some to each, and gaps between them.
#![cfg(all(unix, target_pointer_width = "64"))]
#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use allocation_counter::measure;
use rtwire_server::{Endpoints, Server, WebSocket, WebSocketError};
use tokio::runtime::{Builder, Runtime};

const OPENING: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn echo(mut ws: WebSocket) -> Result<(), WebSocketError> {
    ws.for_each(|event, connection| Ok(connection.forward(event)?)).await
}

/// Asks for something, and runs the server until the answer ends with `end`. The client's side has no
/// memory of its own.
fn ask(runtime: &Runtime, client: &mut TcpStream, question: &[u8], end: &[u8]) {
    client.write_all(question).unwrap();
    let (mut answer, mut len) = ([0; 1024], 0);
    while !answer[..len].ends_with(end) {
        match client.read(&mut answer[len..]) {
            Ok(read) => {
                assert_ne!(read, 0, "closed");
                len += read;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn open(runtime: &Runtime, address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_nonblocking(true).unwrap();
    ask(runtime, &mut client, OPENING, b"\r\n\r\n");
    client
}

fn echo_once(runtime: &Runtime, client: &mut TcpStream) {
    let message = [&b"\x82\xC0\0\0\0\0"[..], &[7; 64]].concat();
    ask(runtime, client, &message, &message[6..]);
}

#[test]
fn an_idle_websocket_is_small() {
    const CONNECTIONS: usize = 64;
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap();
    let address = server.local_addr();
    let app = Endpoints::new().websocket("/", echo);
    runtime.spawn(async { server.serve(app).await.unwrap() });
    // What is set up once, by the first connection, is no connection's share.
    let mut first = open(&runtime, address);
    echo_once(&runtime, &mut first);

    let mut clients = Vec::with_capacity(CONNECTIONS);
    let each = |bytes: i64| bytes / i64::try_from(CONNECTIONS).unwrap();
    let opened = measure(|| {
        clients.extend(std::iter::repeat_with(|| open(&runtime, address)).take(CONNECTIONS));
    });
    let used = measure(|| clients.iter_mut().for_each(|client| echo_once(&runtime, client)));
    let (opened, used) = (each(opened.bytes_current), each(used.bytes_current));

    // 256 the task, and as much what tokio knows of the socket; 112 the timer, 96 the wait for the drain;
    // 352 what handler and task share; 96 the handler.
    assert!(opened <= 1200, "{opened} bytes");
    // The buffer that the message was sent from.
    assert!(used <= 96, "{used} bytes more after a message");
}
