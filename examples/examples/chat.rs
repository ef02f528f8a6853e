//! A chat with rooms: who is there, who types, who says what, and acks that tell how many heard it.
//!
//! ```text
//! cargo run -p rtwire-examples --example chat -- --port 3000
//!
//! const socket = io("http://localhost:3000", { auth: { name: "Ada" } });
//! socket.on("said", (room, name, text) => console.log(`${room} ${name}: ${text}`));
//! socket.on("asked", (room, name, text, answer) => answer("yes"));
//! console.log(await socket.emitWithAck("enter", "lobby"));           // ["Ada"]
//! console.log(await socket.emitWithAck("say", "lobby", "hello"));    // 1
//! console.log(await socket.emitWithAck("ask", "lobby", "anybody?")); // { answers: [], missing: 0 }
//! ```

use std::time::Duration;

use clap::Parser;
use futures_util::StreamExt;
use rtwire_server::adapter::{InMemoryAdapter, Recovery};
use rtwire_server::{
    Ack, AckError, Broadcast, ConnectError, DisconnectReason, EmitError, Endpoints, OriginPolicy,
    Server, Socket, SocketIo,
};
use serde::{Deserialize, Serialize};

#[derive(Parser)]
struct Arguments {
    /// 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Clients of Engine.IO 3 too, and JSONP; and no recovery.
    #[arg(long)]
    eio3: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Who comes back within 2 minutes is in its rooms again, and hears what was said meanwhile. Old clients know
    // nothing of that: they would take the offset of each event for an argument.
    let io = match arguments.eio3 {
        true => SocketIo::new().allow_eio3(true),
        false => SocketIo::with_adapter(InMemoryAdapter::with_recovery(Recovery::default())),
    };
    let chat = io.clone();
    io.of("/", |ns| {
        ns.middleware(take_name)
            .on_connect(async |socket: Socket| match socket.recovered() {
                true => others(&socket).emit("back", &name(&socket)).map(drop),
                false => Ok(()),
            })
            .on("enter", move |socket: Socket, room: String, ack: Ack| {
                let chat = chat.clone();
                async move { enter(&chat, &socket, &room, ack) }
            })
            .on("leave", async |socket: Socket, room: String| {
                socket.leave(&room);
                socket.to(&room).emit("left", &(room, name(&socket)))
            })
            .on("typing", async |socket: Socket, room: String| {
                // Who cannot hear it now need not hear it later.
                socket.to(&room).volatile().emit("typing", &(&room, name(&socket)))
            })
            .on("say", say)
            .on("ask", ask)
            .on("ignore", async |socket: Socket, other: String, ack: Ack| {
                socket.join(&ignoring(&other))?;
                anyhow::Ok(ack.send(&())?)
            })
            .on_disconnecting(async |socket: Socket, reason: DisconnectReason| {
                others(&socket).emit("gone", &(name(&socket), reason.as_str()))
            })
    });

    let app = Endpoints::new().socket_io(io).origin_policy(OriginPolicy::any());
    let server = Server::bind(("127.0.0.1", arguments.port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}

/// What is known of a socket, and still is when it is recovered.
#[derive(Serialize, Deserialize)]
struct Person {
    name: String,
}

fn name(socket: &Socket) -> String {
    socket.data().map(|Person { name }| name).unwrap_or_default()
}

/// The room of those who do not want to hear somebody.
fn ignoring(name: &str) -> String {
    format!("{IGNORING}{name}")
}

const IGNORING: &str = "ignoring ";

/// Nobody is let in without a name: as `auth`, or in the query, which is all that old clients have for `/`.
async fn take_name(socket: Socket) -> Result<(), ConnectError> {
    let in_query = || socket.handshake().query.remove("name").map(|name| Person { name });
    match socket.auth().ok().or_else(in_query) {
        Some(person) => {
            socket.set_data::<Person>(&person).map_err(|_| ConnectError::new("no name"))
        }
        None => Err(ConnectError::new("who are you?")),
    }
}

/// Everybody else who shares a room with it, once.
fn others(socket: &Socket) -> Broadcast {
    let rooms = socket.rooms();
    let rooms = rooms.iter().filter(|room| !room.starts_with(IGNORING));
    rooms.fold(socket.broadcast(), |to, room| to.to(room))
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
    let others = socket.to(&room).except(&ignoring(&said.1)).emit("said", &said)?;
    ack.send(&(others + 1))
}

/// Answers with what the others answer within a second, and how many of them do not.
async fn ask(socket: Socket, (room, text): (String, String), ack: Ack) -> Result<(), EmitError> {
    let others = socket.to(&room).timeout(Duration::from_secs(1));
    let mut asked = others.emit_with_ack::<String>("asked", &(&room, name(&socket), text));
    let (mut answers, mut missing) = (Vec::new(), 0);
    while let Some(answer) = asked.next().await {
        match answer {
            Ok(answer) => answers.push(answer),
            Err(AckError::Missing(who)) => missing = who.sockets.len() + who.clients,
            Err(error) => eprintln!("an answer that is no text: {error}"),
        }
    }
    ack.send(&serde_json::json!({ "answers": answers, "missing": missing }))
}
