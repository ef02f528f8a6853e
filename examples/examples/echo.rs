//! An echo server for measurements: of WebSockets on any path, handled where messages lie; on `/messages` by
//! messages of their own; of Engine.IO on `/engine.io/`; of Socket.IO, in acks of the event `echo`. On
//! `/broadcast` each message goes to everybody there, and so does Socket.IO's event `broadcast`.
//!
//! `cargo run --release -p rtwire-examples --example echo -- --port 9001`

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Parser;
use rtwire_server::{
    Ack, CloseCode, CloseReason, CompressionConfig, Endpoints, EngineIo, EngineIoLimits,
    EngineIoSendError, EngineIoSocket, Limits, OriginPolicy, PreparedMessage, Server, Socket,
    SocketIo, WebSocket, WebSocketError, WebSocketOptions, WebSocketSender,
};

#[derive(Parser)]
struct Options {
    /// 0 takes a free one.
    #[arg(long, default_value_t = 9001)]
    port: u16,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// The longest frame and message, in bytes.
    #[arg(long, default_value_t = 16 << 20)]
    max_message: u64,
    /// Of Engine.IO, in milliseconds.
    #[arg(long, default_value_t = 25_000)]
    ping_interval: u64,
    /// Of Engine.IO, in milliseconds.
    #[arg(long, default_value_t = 20_000)]
    ping_timeout: u64,
    /// Rooms that each client of Socket.IO joins when it has connected.
    #[arg(long, default_value_t = 0)]
    rooms: usize,
    /// A subprotocol that is spoken on `/protocol`, the preferred one first; may be repeated.
    #[arg(long = "protocol")]
    protocols: Vec<String>,
    /// Compress all messages, be they empty, for clients that offer it; and take messages of 65 536
    /// frames: what Autobahn's cases are made of.
    #[arg(long)]
    deflate: bool,
    /// Start each compressed message with an empty window.
    #[arg(long, requires = "deflate")]
    no_context_takeover: bool,
}

async fn echo(mut ws: WebSocket) -> Result<(), WebSocketError> {
    ws.for_each(|event, connection| Ok(connection.forward(event)?)).await
}

async fn echo_messages(mut ws: WebSocket) -> Result<(), WebSocketError> {
    while let Some(message) = ws.next().await {
        ws.send(message?).await?;
    }
    Ok(())
}

async fn echo_engine_io(mut socket: EngineIoSocket) -> Result<(), EngineIoSendError> {
    while let Some(message) = socket.next().await {
        socket.send(message).await?;
    }
    Ok(())
}

#[derive(Default)]
struct Room {
    members: HashMap<u64, WebSocketSender>,
    joined: u64,
}

async fn broadcast(mut ws: WebSocket, room: Arc<Mutex<Room>>) -> Result<(), WebSocketError> {
    let lock = || room.lock().unwrap_or_else(PoisonError::into_inner);
    let id = {
        let mut room = lock();
        room.joined += 1;
        let id = room.joined;
        room.members.insert(id, ws.sender());
        id
    };
    while let Some(Ok(message)) = ws.next().await {
        let prepared = PreparedMessage::new(message);
        for member in lock().members.values() {
            if member.try_send_prepared(&prepared).is_err() {
                // It reads too slowly, or closes already: nobody waits for it.
                member.close(&CloseReason::new(CloseCode::TRY_AGAIN_LATER))?;
            }
        }
    }
    lock().members.remove(&id);
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let room = Arc::new(Mutex::new(Room::default()));
    let websocket = rtwire_server::WebSocketLimits::default()
        .max_frame(options.max_message)
        .max_message(options.max_message)
        .max_fragments(if options.deflate { 65_536 } else { 16_384 });
    let compression = CompressionConfig::default()
        .server_no_context_takeover(options.no_context_takeover)
        .client_no_context_takeover(options.no_context_takeover)
        .threshold(0);
    let everywhere = match options.deflate {
        true => WebSocketOptions::new().compression(compression),
        false => WebSocketOptions::new(),
    };
    let engine_io = EngineIoLimits::default()
        .max_payload(usize::try_from(options.max_message)?)
        .ping_interval(Duration::from_millis(options.ping_interval))
        .ping_timeout(Duration::from_millis(options.ping_timeout));
    let socket_io = SocketIo::new().engine_limits(engine_io);
    socket_io.of("/", |ns| ns);
    let everybody = socket_io.namespace("/");
    let rooms = options.rooms;
    socket_io.of("/", |ns| {
        ns.on_connect(move |socket: Socket| async move {
            (0..rooms).try_for_each(|room| socket.join(&format!("room {room}")))
        })
        .on("echo", async |text: String, ack: Ack| ack.send(&text))
        .on("broadcast", move |_: Socket, text: String| {
            let everybody = everybody.clone();
            async move { everybody.emit("broadcast", &text).map(drop) }
        })
    });
    let app = Endpoints::new()
        .websocket_with("*", everywhere, echo)
        .websocket_with("/protocol", WebSocketOptions::new().protocols(options.protocols), echo)
        .websocket("/messages", echo_messages)
        .engine_io(EngineIo::new(echo_engine_io).limits(engine_io))
        .socket_io(socket_io)
        .websocket("/broadcast", move |ws| broadcast(ws, Arc::clone(&room)))
        .origin_policy(OriginPolicy::any())
        .limits(Limits::default().websocket(websocket));

    let mut builder = match options.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.worker_threads(options.threads).enable_all().build()?.block_on(async {
        let server = Server::bind(("127.0.0.1", options.port)).await?;
        println!("listening on http://{}", server.local_addr());
        Ok(server.serve(app).await?)
    })
}
