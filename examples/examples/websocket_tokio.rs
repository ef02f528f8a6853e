//! A WebSocket echo server on tokio, and with an address a client of it.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example websocket_tokio
//! cargo run --release --package rtwire-examples --example websocket_tokio 127.0.0.1:9003
//! ```

use std::time::Duration;

use anyhow::Context;
use rtwire_tokio::{accept, connect, random_key};
use rtwire_websocket::handshake::{Request, Response};
use rtwire_websocket::{CloseCode, CloseReason, Limits};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if let Some(server) = std::env::args().nth(1) {
        return ask(&server).await;
    }
    let listener = TcpListener::bind("127.0.0.1:9003").await?;
    println!("listening on ws://{}", listener.local_addr()?);
    // A browser names the page that connects; any page could. Others send no origin.
    let refusal = Response::refuse(403)?;
    loop {
        let (socket, peer) = listener.accept().await?;
        let refusal = refusal.clone();
        tokio::spawn(async move {
            if let Err(error) = echo(socket, refusal).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn echo(socket: TcpStream, refusal: Response) -> anyhow::Result<()> {
    socket.set_nodelay(true)?;
    let respond = |request: &Request| match request.origin() {
        Some(origin) if origin != format!("http://{}", request.host()) => refusal,
        _ => request.accept(),
    };
    let accepted = accept(socket, Limits::default(), respond);
    let mut ws = timeout(Duration::from_secs(10), accepted).await.context("no request")??;
    let mut outcome = Ok(());
    while let Some(message) = ws.next().await {
        // What `feed` queues, `next` writes: all answers to one read in one write. After an error
        // it waits until the peer has the Close frame, and ends.
        outcome = match message {
            Ok(message) => ws.feed(message).await,
            Err(error) => Err(error),
        };
    }
    Ok(outcome?)
}

async fn ask(server: &str) -> anyhow::Result<()> {
    let socket = TcpStream::connect(server).await?;
    let request = Request::new(server, "/", random_key()?)?;
    let opened = connect(socket, &request, Limits::default());
    let (mut ws, _) = timeout(Duration::from_secs(10), opened).await.context("no answer")??;
    ws.send("Hello").await?;
    if let Some(answer) = ws.next().await {
        println!("{:?}", answer?);
    }
    ws.close(CloseReason::new(CloseCode::NORMAL)).await?;
    println!("closed: {:?}", ws.close_reason());
    Ok(())
}
