//! The server that the test suite of Node's `socket.io-client` talks to: some namespaces, two of which refuse, and
//! events that are answered with dates, texts and bytes.
//!
//! ```text
//! cargo run -p rtwire-examples --example socketio_client_suite -- --port 3000
//!
//! const socket = io("http://localhost:3000");
//! socket.on("takeUtf8", console.log).emit("getUtf8");
//! console.log(await socket.emitWithAck("getHandshake"));
//! ```

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use rtwire_server::adapter::{InMemoryAdapter, Recovery};
use rtwire_server::{
    Ack, AckError, Binary, ConnectError, Data, EmitError, Endpoints, EngineIoLimits,
    NamespaceHandlers, OriginPolicy, Request, Server, Socket, SocketIo, SocketIoParser,
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
    let parser = match arguments.parser {
        Packets::Json => SocketIoParser::Text,
        Packets::Msgpack => SocketIoParser::Msgpack,
    };
    // Old clients know of no recovery: they would take the offset of each event for an argument.
    let io = match arguments.eio3 {
        true => SocketIo::new(),
        false => SocketIo::with_adapter(InMemoryAdapter::with_recovery(Recovery::default())),
    };
    let io = io
        .engine_limits(EngineIoLimits::default().ping_interval(Duration::from_secs(2)))
        .allow_request(take_time)
        .allow_eio3(arguments.eio3)
        .parser(parser);
    io.of("/", |ns| binary_events(text_events(ns.middleware(refuse_who_asks_to_fail))));
    io.of("/foo", |ns| ns.on("getId", get_id));
    for empty in ["/timeout_socket", "/valid", "/asd"] {
        io.of(empty, |ns| ns);
    }
    io.of("/abc", |ns| {
        ns.on_connect(async |socket: Socket| socket.emit("handshake", &socket.handshake()))
    });
    io.of("/no", |ns| {
        let refused = ConnectError::new("Auth failed (custom namespace)");
        ns.middleware(move |_: Socket| std::future::ready(Err(refused.clone())))
    });

    let app = Endpoints::new().socket_io(io).origin_policy(OriginPolicy::any());
    let server = Server::bind(("127.0.0.1", arguments.port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}

/// As if it had to be looked up who may come.
async fn take_time(_: Request) -> Result<(), &'static str> {
    tokio::time::sleep(Duration::from_millis(10)).await;
    Ok(())
}

async fn refuse_who_asks_to_fail(socket: Socket) -> Result<(), ConnectError> {
    match socket.handshake().query.get("fail") {
        Some(fail) if !fail.is_empty() => Err(ConnectError::new("Auth failed (main namespace)")),
        _ => Ok(()),
    }
}

async fn get_id(socket: Socket, ack: Ack) -> Result<(), EmitError> {
    ack.send(&**socket.id())
}

fn text_events(ns: NamespaceHandlers) -> NamespaceHandlers {
    ns.on("hi", async |socket: Socket| socket.emit("hi", &()))
        .on("echo", async |arguments: Data, ack: Ack| ack.send_data(arguments.into_ack()))
        .on("ack", async |socket: Socket| match socket.emit_with_ack("ack", &()).await {
            Ok((5, Answer { test: true })) => Ok(socket.emit("got it", &())?),
            Ok(_) => Ok(()),
            Err(error) => Err::<_, AckError>(error),
        })
        .on("getAckDate", async |_: Data, ack: Ack| ack.send(&now()))
        .on("getDate", async |socket: Socket| socket.emit("takeDate", &now()))
        .on("getDateObj", async |socket: Socket| socket.emit("takeDateObj", &Dated { date: now() }))
        .on("getUtf8", async |socket: Socket| {
            let texts = ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"];
            texts.iter().try_for_each(|text| socket.emit("takeUtf8", text))
        })
        .on("false", async |socket: Socket| socket.emit("false", &false))
        .on("getHandshake", async |socket: Socket, ack: Ack| ack.send(&socket.handshake()))
        .on("getId", get_id)
}

fn binary_events(ns: NamespaceHandlers) -> NamespaceHandlers {
    // What is no bytes where they are expected does not fit, and is not answered.
    ns.on("doge", async |socket: Socket| socket.emit("doge", &BYTES))
        .on("getbin", async |socket: Socket| socket.emit_binary("takebin", vec![BYTES.0]))
        .on("buffa", async |socket: Socket, _: Binary| socket.emit("buffack", &()))
        .on("blob", async |socket: Socket, blob: Binary| socket.emit("back", &blob))
        .on("jsonbuff", async |socket: Socket, mixed: Mixed| mixed.answer(&socket, "jsonbuff-ack"))
        .on("jsonblob", async |socket: Socket, mixed: Mixed| mixed.answer(&socket, "jsonblob-ack"))
        .on("abuff1", async |socket: Socket, _: Binary| {
            socket.insert(FirstCame);
        })
        .on("abuff2", async |socket: Socket, _: Binary| match socket.get() {
            Some(FirstCame) => socket.emit("abuff2-ack", &()),
            None => Ok(()),
        })
        .on("blob1", async |socket: Socket, _: Binary| {
            socket.insert(Blobs(1));
        })
        .on("blob2", async |socket: Socket, text: String| {
            if text == "second" && socket.get() == Some(Blobs(1)) {
                socket.insert(Blobs(2));
            }
        })
        .on("blob3", async |socket: Socket, _: Binary| match socket.get() {
            Some(Blobs(2)) => socket.emit("blob3-ack", &()),
            _ => Ok(()),
        })
}

const BYTES: Binary = Binary(Bytes::from_static(b"asdfasdf"));

#[derive(Clone)]
struct FirstCame;

/// How many of `blob1`, `blob2` and `blob3` have come in this order.
#[derive(Clone, PartialEq)]
struct Blobs(u8);

#[derive(Deserialize)]
struct Answer {
    test: bool,
}

#[derive(Serialize)]
struct Dated {
    date: String,
}

#[derive(Deserialize)]
struct Mixed {
    hello: String,
    #[serde(rename = "message")]
    _message: Binary,
    goodbye: String,
}

impl Mixed {
    fn answer(&self, socket: &Socket, event: &str) -> Result<(), EmitError> {
        match (&*self.hello, &*self.goodbye) {
            ("lol", "gotcha") => socket.emit(event, &()),
            _ => Ok(()),
        }
    }
}

/// The time, as JSON has a `Date`: `2026-11-26T04:46:57.123Z`.
fn now() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (now.as_secs() / 86_400, now.as_secs() % 86_400);
    // From March 1st of the year 0, so that a leap day is the last of a year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, year) =
        if month < 10 { (month + 3, 400 * era + year) } else { (month - 9, 400 * era + year + 1) };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let millis = now.subsec_millis();
    format!("{year}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}
