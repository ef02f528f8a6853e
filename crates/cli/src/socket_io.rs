//! What `rtwire serve` answers on `/socket.io/`.

use std::time::Duration;

use rtwire_server::{
    Ack, AckError, ConnectError, Data, DisconnectReason, EmitError, JoinError, Socket, SocketIo,
};
use serde::Deserialize;

/// In characters.
const LONGEST_NAME: usize = 32;

/// How long a client may think about a question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn server() -> SocketIo {
    let io = SocketIo::new();
    io.of("/", |ns| {
        ns.on("message", async |socket: Socket, text: String| {
            socket.emit("message", &format!("You said: {text}"))
        })
        .on("echo", echo)
        .on("join", join)
        .on("leave", leave)
        .on("room message", async |socket: Socket, (room, text): (String, String)| {
            socket.to(&room).emit("room message", &(room, text))
        })
        .on("broadcast", async |socket: Socket, text: String| {
            socket.broadcast().emit("broadcast", &text)
        })
        .on("ask", ask)
        .on("disconnect me", async |socket: Socket| socket.disconnect())
        .on("close me", async |socket: Socket| socket.close_connection())
    });
    let everybody = io.clone();
    io.of("/chat", |ns| {
        ns.middleware(take_name)
            .on_connect(async |socket: Socket| {
                let joined = name(&socket);
                socket.broadcast().emit("joined", &joined)
            })
            .on("chat message", move |socket: Socket, text: String, ack: Ack| {
                let chat = everybody.namespace("/chat");
                async move { ack.send(&chat.emit("chat message", &(name(&socket), text))?) }
            })
            .on("kick me", async |socket: Socket| socket.disconnect())
            .on_disconnect(async |socket: Socket, reason: DisconnectReason| {
                socket.broadcast().emit("left", &(name(&socket), reason.as_str()))
            })
    });
    io
}

/// Sends the arguments back as they are, binary anywhere within: as the ack, or as an event.
async fn echo(socket: Socket, data: Data, ack: Ack) -> Result<(), EmitError> {
    if ack.is_asked_for() {
        return ack.send_data(data.into_ack());
    }
    socket.emit_data(data)
}

async fn join(socket: Socket, room: String, ack: Ack) -> Result<(), JoinError> {
    socket.join(&room)?;
    answer_rooms(&socket, ack);
    Ok(())
}

async fn leave(socket: Socket, room: String, ack: Ack) {
    socket.leave(&room);
    answer_rooms(&socket, ack);
}

fn answer_rooms(socket: &Socket, ack: Ack) {
    let rooms = socket.rooms();
    let mut rooms: Vec<&str> = rooms.iter().map(|room| &**room).collect();
    rooms.sort_unstable();
    if let Err(error) = ack.send(&rooms) {
        tracing::debug!(%error, "the rooms were not told");
    }
}

/// Asks the client what it asked us to, and tells it what it answered.
async fn ask(socket: Socket, data: Data) -> Result<(), EmitError> {
    let Some(question) = data.into_event("question") else { return Ok(()) };
    match socket.timeout(ANSWER_TIMEOUT).emit_data_with_ack(question).await {
        Ok(answer) => match answer.ack_into_event("answer") {
            Some(answer) => socket.emit_data(answer),
            None => Ok(()),
        },
        Err(AckError::Emit(error)) => Err(error),
        Err(_) => socket.emit("no answer", &()),
    }
}

/// The name that a client has in `/chat`.
#[derive(Clone)]
struct Name(String);

fn name(socket: &Socket) -> String {
    socket.get().map(|Name(name)| name).unwrap_or_default()
}

async fn take_name(socket: Socket) -> Result<(), ConnectError> {
    #[derive(Deserialize)]
    struct Auth {
        name: String,
    }
    match socket.auth() {
        Ok(Auth { name }) if (1..=LONGEST_NAME).contains(&name.chars().count()) => {
            socket.insert(Name(name));
            Ok(())
        }
        _ => {
            let refused = ConnectError::new("name required");
            Err(refused.clone().data(&Max { max: LONGEST_NAME }).unwrap_or(refused))
        }
    }
}

#[derive(serde::Serialize)]
struct Max {
    max: usize,
}
