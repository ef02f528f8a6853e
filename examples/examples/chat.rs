//! A chat with rooms: who is there, who says what, and an ack that tells how many heard it.
//!
//! ```text
//! cargo run --example chat -- --port 3000
//!
//! const socket = io("http://localhost:3000", { auth: { name: "Ada" } });
//! socket.on("said", (room, name, text) => console.log(`${room} ${name}: ${text}`));
//! console.log(await socket.emitWithAck("enter", "lobby"));        // ["Ada"]
//! console.log(await socket.emitWithAck("say", "lobby", "hello")); // 1
//! ```

use clap::Parser;
use rtwire_server::{
    Ack, ConnectError, DisconnectReason, EmitError, Endpoints, OriginPolicy, Server, Socket,
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
    let chat = io.clone();
    io.of("/", |ns| {
        ns.middleware(take_name)
            .on("enter", move |socket: Socket, room: String, ack: Ack| {
                let chat = chat.clone();
                async move { enter(&chat, &socket, &room, ack) }
            })
            .on("leave", async |socket: Socket, room: String| {
                socket.leave(&room);
                socket.to(&room).emit("left", &(room, name(&socket)))
            })
            .on("say", say)
            .on_disconnect(async |socket: Socket, reason: DisconnectReason| {
                // Its rooms are empty of it already: everybody is told.
                socket.broadcast().emit("gone", &(name(&socket), reason.as_str()))
            })
    });

    let app = Endpoints::new().socket_io(io).origin_policy(OriginPolicy::any());
    let server = Server::bind(("127.0.0.1", Arguments::parse().port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}

/// A name as it is kept with a socket.
#[derive(Clone)]
struct Name(String);

fn name(socket: &Socket) -> String {
    socket.get().map(|Name(name)| name).unwrap_or_default()
}

/// Nobody is let in without a name.
async fn take_name(socket: Socket) -> Result<(), ConnectError> {
    #[derive(serde::Deserialize)]
    struct Auth {
        name: String,
    }
    let auth: Auth = socket.auth().map_err(|_| ConnectError::new("who are you?"))?;
    socket.insert(Name(auth.name));
    Ok(())
}

/// Answers with the names of all who are in the room now.
fn enter(chat: &SocketIo, socket: &Socket, room: &str, ack: Ack) -> anyhow::Result<()> {
    socket.join(room)?;
    socket.to(room).emit("entered", &(room, name(socket)))?;
    let names: Vec<String> = chat.to(room).sockets().iter().map(name).collect();
    Ok(ack.send(&names)?)
}

/// Answers with how many heard it, the sender included.
async fn say(socket: Socket, (room, text): (String, String), ack: Ack) -> Result<(), EmitError> {
    let said = (room.as_str(), name(&socket), text);
    socket.emit("said", &said)?;
    let others = socket.to(&room).emit("said", &said)?;
    ack.send(&(others + 1))
}
