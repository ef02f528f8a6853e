//! What the server keeps in memory for sessions of Engine.IO, in bytes allocated: those on WebSockets on which
//! nothing happens, and those of clients that poll no more.
#![cfg(all(unix, target_pointer_width = "64"))]
#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use allocation_counter::measure;
use rtwire_server::{Endpoints, EngineIo, EngineIoSocket, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// The sessions whose handlers are at work.
type Live = Arc<AtomicUsize>;

/// A runtime on this thread, with a server in it that hears its clients out.
fn start(max_sessions: usize) -> (Runtime, std::net::SocketAddr, Live) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap();
    let address = server.local_addr();
    let live = Live::default();
    let counted = Arc::clone(&live);
    let handler = move |mut socket: EngineIoSocket| {
        let live = Arc::clone(&counted);
        async move {
            live.fetch_add(1, Ordering::Relaxed);
            while socket.next().await.is_some() {}
            live.fetch_sub(1, Ordering::Relaxed);
        }
    };
    let app = Endpoints::new().engine_io(EngineIo::new(handler).max_sessions(max_sessions));
    runtime.spawn(async { server.serve(app).await.unwrap() });
    (runtime, address, live)
}

fn each(bytes: i64, count: usize) -> i64 {
    bytes / i64::try_from(count).unwrap()
}

/// Reads until what has come ends with `end`, without memory of its own.
async fn read_to(client: &mut TcpStream, end: &[u8]) {
    let (mut answer, mut len) = ([0; 1024], 0);
    while !answer[..len].ends_with(end) {
        let read = client.read(&mut answer[len..]).await.unwrap();
        assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(&answer[..len]));
        len += read;
    }
}

/// Opens sessions over polling, one after another on one connection, and leaves them.
async fn abandon(address: std::net::SocketAddr, sessions: usize) {
    const HANDSHAKE: &[u8] =
        b"GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut client = TcpStream::connect(address).await.unwrap();
    for _ in 0..sessions {
        client.write_all(HANDSHAKE).await.unwrap();
        read_to(&mut client, br#""maxPayload":1000000}"#).await;
    }
}

/// Lets the time pass, and everything that is due happen.
async fn pass(time: Duration) {
    tokio::time::advance(time).await;
    // The clock goes on only when nobody has anything to do.
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[test]
fn ten_thousand_abandoned_sessions_are_gone_at_their_deadline_with_all_they_took() {
    const SESSIONS: usize = 10_000;
    let (runtime, address, live) = start(SESSIONS);
    let live = || live.load(Ordering::Relaxed);
    let interval = Duration::from_secs(25);
    let timeout = Duration::from_secs(20);
    // What is set up once, by the first sessions, is no session's share.
    let mut opened = 0;
    let mut left = 0;
    for sessions in [100, SESSIONS] {
        let open = measure(|| runtime.block_on(abandon(address, sessions)));
        assert_eq!(live(), sessions);
        let gone = measure(|| {
            runtime.block_on(async {
                tokio::time::pause();
                pass(interval).await;
                pass(timeout - Duration::from_millis(100)).await;
                assert_eq!(live(), sessions, "before the deadline");
                pass(Duration::from_millis(100)).await;
                assert_eq!(live(), 0, "after the deadline");
                tokio::time::resume();
            });
        });
        opened = open.bytes_current;
        left = open.bytes_current + gone.bytes_current;
    }
    let session = each(opened, SESSIONS);
    println!("{session} bytes a session, {left} bytes left of {opened}");
    assert!(session <= 3072, "{session} bytes a session");
    // What is left is tables that keep some room: the registry's, and the runtime's queue of who was woken.
    assert!(left <= opened / 50, "{left} bytes left of {opened}");

    // And there is room for as many again.
    runtime.block_on(abandon(address, SESSIONS));
    assert_eq!(live(), SESSIONS);
}

#[test]
fn an_idle_session_on_a_websocket_is_small() {
    const SESSIONS: usize = 64;
    const OPENING: &[u8] =
        b"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
        Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let (runtime, address, _) = start(SESSIONS + 1);
    let open = async || {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(OPENING).await.unwrap();
        read_to(&mut client, br#""maxPayload":1000000}"#).await;
        // No memory of the client's side.
        client.into_std().unwrap()
    };
    let _first = runtime.block_on(open());
    let mut clients = Vec::with_capacity(SESSIONS);
    let opened = measure(|| {
        for _ in 0..SESSIONS {
            clients.push(runtime.block_on(open()));
        }
    });
    let session = each(opened.bytes_current, SESSIONS);
    println!("{session} bytes a session");
    assert!(session <= 2560, "{session} bytes");
}
