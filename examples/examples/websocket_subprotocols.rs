//! One path that speaks two subprotocols (RFC 6455 §1.9), for clients of today and of yesterday: `time.v2` tells
//! it in JSON, `time.v1` in plain text. A client that offers neither is told which there are.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example websocket_subprotocols -- --port 9006
//! ```
//! and in a browser's console: `new WebSocket("ws://127.0.0.1:9006", ["time.v2"]).onmessage = console.log`

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use rtwire_server::{
    CloseCode, CloseReason, Endpoints, OriginPolicy, Server, WebSocket, WebSocketError,
    WebSocketOptions,
};

#[derive(Parser)]
struct Options {
    /// 0 takes a free one.
    #[arg(long, default_value_t = 9006)]
    port: u16,
}

async fn tell_the_time(mut ws: WebSocket) -> Result<(), WebSocketError> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let answer = match ws.protocol() {
        Some("time.v2") => serde_json::json!({ "seconds": seconds }).to_string(),
        Some(_) => seconds.to_string(),
        None => {
            let reason = "offer time.v2 or time.v1".into();
            return ws.close(CloseReason { code: CloseCode::POLICY_VIOLATION, reason }).await;
        }
    };
    ws.send(answer).await
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Options { port } = Options::parse();
    // In the order in which the server prefers them, whatever the client's is.
    let options = WebSocketOptions::new().protocols(["time.v2", "time.v1"]);
    let app = Endpoints::new()
        .websocket_with("/", options, tell_the_time)
        // Any page may ask for the time.
        .origin_policy(OriginPolicy::any());
    let server = Server::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}
