//! An Engine.IO server that sends every message back, with its heartbeat and limits as options.
//!
//! ```text
//! cargo run -p rtwire-examples --example engineio_echo -- --port 3000 --ping-interval 300 --ping-timeout 200
//! curl 'http://127.0.0.1:3000/engine.io/?EIO=4&transport=polling'
//! ```

use std::time::Duration;

use clap::Parser;
use rtwire_server::{
    CompressionConfig, Endpoints, EngineIo, EngineIoLimits, EngineIoMessage,
    EngineIoPreparedMessage, EngineIoSendError, EngineIoSocket, EngineIoTransport, OriginPolicy,
    Server,
};

#[derive(Parser)]
struct Arguments {
    /// 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// In milliseconds.
    #[arg(long, default_value_t = 25_000)]
    ping_interval: u64,
    /// In milliseconds.
    #[arg(long, default_value_t = 20_000)]
    ping_timeout: u64,
    /// In bytes.
    #[arg(long, default_value_t = 1_000_000)]
    max_payload: usize,
    #[arg(long, default_value = "/engine.io/")]
    path: String,
    /// Clients of Engine.IO 3 too, and JSONP.
    #[arg(long)]
    eio3: bool,
    /// On WebSockets alone.
    #[arg(long)]
    only_websocket: bool,
    /// Sessions stay on the transport that they begin on.
    #[arg(long)]
    no_upgrades: bool,
    /// Agrees to compress messages on WebSockets.
    #[arg(long)]
    deflate: bool,
    /// Compresses answers to GETs from so many bytes on.
    #[arg(long)]
    http_compression: Option<usize>,
    /// Pages of this origin only, such as https://example.com; may be given several times.
    #[arg(long)]
    allow_origin: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let limits = EngineIoLimits::default()
        .ping_interval(Duration::from_millis(arguments.ping_interval))
        .ping_timeout(Duration::from_millis(arguments.ping_timeout))
        .max_payload(arguments.max_payload);
    let mut echo = EngineIo::new(echo)
        .path(&arguments.path)
        .limits(limits)
        .allow_eio3(arguments.eio3)
        .allow_upgrades(!arguments.no_upgrades);
    if arguments.only_websocket {
        echo = echo.transports([EngineIoTransport::WebSocket]);
    }
    if arguments.deflate {
        echo = echo.compression(CompressionConfig::default());
    }
    if let Some(threshold) = arguments.http_compression {
        echo = echo.http_compression(threshold);
    }
    // It has no cookies and no secrets: every page may talk to it, unless some are named.
    let origins = match &arguments.allow_origin[..] {
        [] => OriginPolicy::any(),
        origins => origins
            .iter()
            .try_fold(OriginPolicy::same_origin(), |policy, origin| policy.allow(origin))?,
    };
    let app = Endpoints::new().engine_io(echo).origin_policy(origins);

    let server = Server::bind(("127.0.0.1", arguments.port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}

/// A text that begins with `uncompressed` comes back so.
async fn echo(mut socket: EngineIoSocket) -> Result<(), EngineIoSendError> {
    while let Some(message) = socket.next().await {
        let plain =
            matches!(&message, EngineIoMessage::Text(text) if text.starts_with("uncompressed"));
        let message = EngineIoPreparedMessage::new(message).compress(!plain);
        socket.send(message).await?;
    }
    Ok(())
}
