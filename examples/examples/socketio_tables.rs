//! Tables that are there as long as somebody sits at one: namespaces on demand, a middleware for events,
//! and what a host does with all who are there.
//!
//! ```text
//! cargo run -p rtwire-examples --example socketio_tables -- --port 3000
//!
//! const table = io("http://localhost:3000/table-7");
//! table.emit("gather", "winners");                       // all of the table go into a room
//! table.emit("tell", "winners", "well played");
//! console.log(await table.emitWithAck("who", "winners")); // their ids
//! table.emit("close");                                   // all are put out, and the table is gone
//! ```

use anyhow::Context;
use clap::Parser;
use rtwire_server::{
    Ack, Binary, Broadcast, Data, Endpoints, Json, NamespaceHandlers, OriginPolicy, Server, Socket,
    SocketIo,
};

#[derive(Parser)]
struct Arguments {
    /// 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let io = SocketIo::new();
    let host = io.clone();
    io.of_dynamic(is_table, |ns| {
        handlers(ns).middleware(move |socket: Socket| {
            // Everybody at the table, for the handlers to find.
            socket.insert(host.namespace(socket.namespace()));
            async { Ok(()) }
        })
    });

    let app = Endpoints::new().socket_io(io).origin_policy(OriginPolicy::any());
    let server = Server::bind(("127.0.0.1", Arguments::parse().port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}

async fn is_table(namespace: String, _: Json) -> bool {
    let number = namespace.strip_prefix("/table-");
    number.is_some_and(|number| number.parse::<u16>().is_ok())
}

/// Nobody cheats, whatever event may come to have a handler; and who whispers means to tell.
async fn referee(_: Socket, data: Data) -> Result<Data, &'static str> {
    match data.event_name().as_deref() {
        Some("cheat") => Err("nobody cheats here"),
        Some("whisper") => data.into_event("tell").ok_or("not an event"),
        _ => Ok(data),
    }
}

fn table(socket: &Socket) -> anyhow::Result<Broadcast> {
    socket.get().context("a socket without a table")
}

fn handlers(ns: NamespaceHandlers) -> NamespaceHandlers {
    ns.packet_middleware(referee)
        .on("gather", async |socket: Socket, room: String| {
            anyhow::Ok(table(&socket)?.sockets_join([&*room])?)
        })
        .on("scatter", async |socket: Socket, room: String| {
            anyhow::Ok(table(&socket)?.to(&room).sockets_leave([&*room])?)
        })
        .on("tell", async |socket: Socket, (room, text): (String, String)| {
            // Short as it is, it would not get shorter.
            let room = table(&socket)?.to(&room).compress(false);
            room.emit("told", &text)?;
            anyhow::Ok(())
        })
        .on("show", async |socket: Socket, Binary(picture): Binary| {
            let others = table(&socket)?.except(socket.id());
            others.emit_binary("shown", vec![picture])?;
            anyhow::Ok(())
        })
        .on("who", async |socket: Socket, room: String, ack: Ack| {
            let sockets = table(&socket)?.to(&room).fetch_sockets().await?;
            let ids: Vec<&str> = sockets.iter().map(|socket| &**socket.id()).collect();
            anyhow::Ok(ack.send(&ids)?)
        })
        .on("cheat", async |_: Socket, ack: Ack| ack.send(&"won"))
        .on("close", async |socket: Socket| anyhow::Ok(table(&socket)?.disconnect_sockets(false)?))
}
