//! The server that the test suite of the Socket.IO protocol talks to: quick heartbeats, and
//! everything comes back.
//!
//! `cargo run -p rtwire-examples --example socketio_protocol_suite -- --port 3000 --eio3`

use std::time::Duration;

use clap::{Parser, ValueEnum};
use rtwire_server::{
    Ack, Data, Endpoints, EngineIoLimits, NamespaceHandlers, OriginPolicy, PayloadError, Server,
    Socket, SocketIo, SocketIoLimits, SocketIoParser,
};

#[derive(Parser)]
struct Arguments {
    /// 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Clients of Engine.IO 3 too, and JSONP.
    #[arg(long)]
    eio3: bool,
    /// How long a pong may take, in milliseconds.
    #[arg(long, default_value_t = 200)]
    ping_timeout: u64,
    #[arg(long, value_enum, default_value_t = Packets::Json)]
    parser: Packets,
}

/// How packets travel.
#[derive(Clone, Copy, ValueEnum)]
enum Packets {
    Json,
    Msgpack,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let engine_limits = EngineIoLimits::default()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(arguments.ping_timeout))
        .max_payload(1_000_000);
    let limits = SocketIoLimits::default().connect_timeout(Duration::from_secs(1));
    let parser = match arguments.parser {
        Packets::Json => SocketIoParser::Text,
        Packets::Msgpack => SocketIoParser::Msgpack,
    };
    let io = SocketIo::new()
        .engine_limits(engine_limits)
        .limits(limits)
        .allow_eio3(arguments.eio3)
        .parser(parser);
    io.of("/", handlers);
    io.of("/custom", handlers);

    let app = Endpoints::new().socket_io(io).origin_policy(OriginPolicy::any());
    let server = Server::bind(("127.0.0.1", arguments.port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}

fn handlers(namespace: NamespaceHandlers) -> NamespaceHandlers {
    namespace
        .on_connect(async |socket: Socket| {
            let auth: Result<serde_json::Value, PayloadError> = socket.auth();
            socket.emit("auth", &auth?)?;
            anyhow::Ok(())
        })
        .on("message", async |socket: Socket, arguments: Data| {
            arguments.into_event("message-back").map(|data| socket.emit_data(data)).transpose()
        })
        .on("message-with-ack", async |arguments: Data, ack: Ack| {
            ack.send_data(arguments.into_ack())
        })
}
