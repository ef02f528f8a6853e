//! Prices for everybody, compressed where the client can read that, and once for all who can.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example websocket_compression
//! cargo run --release --package rtwire-examples --example websocket_compression -- --listen-to 127.0.0.1:9005
//! ```

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use rtwire_server::{
    CompressionConfig, Endpoints, PreparedMessage, Server, WebSocket, WebSocketError,
    WebSocketOptions,
};
use rtwire_tokio::{connect, random_key};
use rtwire_websocket::Limits;
use rtwire_websocket::handshake::Request;
use tokio::net::TcpStream;
use tokio::sync::broadcast::{self, error::RecvError};

#[derive(Parser)]
struct Options {
    /// 0 takes a free one.
    #[arg(long, default_value_t = 9005)]
    port: u16,
    /// Be a client, of the server there.
    #[arg(long, value_name = "HOST:PORT")]
    listen_to: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Options { port, listen_to } = Options::parse();
    if let Some(server) = listen_to {
        return listen(&server).await;
    }
    let (prices, _) = broadcast::channel(16);
    let sender = prices.clone();
    tokio::spawn(async move {
        for round in 0u64.. {
            // Nobody listening is no error.
            let _ = sender.send(Arc::new(PreparedMessage::new(table(round).into())));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    // From 256 bytes on. No context is taken over by default: then a message needs no codec of its
    // own for each client, and neither do clients who wait.
    let options = WebSocketOptions::new().compression(CompressionConfig::default().threshold(256));
    let app = Endpoints::new().websocket_with("/", options, move |ws| tell(ws, prices.subscribe()));
    let server = Server::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}

type Prices = broadcast::Receiver<Arc<PreparedMessage>>;

async fn tell(mut ws: WebSocket, mut prices: Prices) -> Result<(), WebSocketError> {
    loop {
        tokio::select! {
            message = ws.next() => match message {
                Some(message) => drop(message?),
                None => return Ok(()),
            },
            table = prices.recv() => match table {
                Ok(table) => ws.send_prepared(&table).await?,
                // Who reads too slowly misses some.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

fn table(round: u64) -> String {
    let price = |item: u64| serde_json::json!({"item": item, "price": (item + round) * 7 % 100});
    serde_json::Value::from_iter((0..50).map(price)).to_string()
}

async fn listen(server: &str) -> anyhow::Result<()> {
    let tcp = TcpStream::connect(server).await?;
    let request = Request::new(server, "/", random_key()?)?;
    let request = request.with_deflate(CompressionConfig::default());
    let (mut ws, response) = connect(tcp, &request, Limits::default()).await?;
    println!("agreed: {}", response.deflate().context("no compression")?.params.encode());
    while let Some(message) = ws.next().await {
        println!("{} bytes", message?.len());
    }
    Ok(())
}
