//! `rtwire serve`: a page where an event stream and a WebSocket are live, and Socket.IO beside them.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use bytes::Bytes;
use http::StatusCode;
use rtwire_server::{
    Content, Endpoints, Error, EventLog, Fields, OriginPolicy, Request, Server, Sse, WebSocket,
    WebSocketError,
};
use tokio::time::MissedTickBehavior;
use tracing_subscriber::EnvFilter;

use crate::page;
use crate::signal::Signals;
use crate::socket_io;

/// Events kept for those that come back: about a quarter of an hour of ticks.
const EVENTS: usize = 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Address to listen on, with its port (0 picks one); may be repeated.
    #[arg(long = "addr", value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    addresses: Vec<String>,

    /// Origin whose pages may connect besides our own, such as `https://example.com`, or `*`; may
    /// be repeated.
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allowed_origins: Vec<String>,

    /// Let clients of Socket.IO 2 in as well, which speak Engine.IO 3, and JSONP.
    #[arg(long)]
    eio3: bool,

    /// Answer under any name in `Host`, also on a loopback address: behind a proxy on this machine that
    /// passes on the name it was asked for.
    #[arg(long)]
    any_host: bool,

    /// A client of Socket.IO to give to pages, such as npm's `socket.io.js`: by its name, beside
    /// /socket.io/; may be repeated.
    #[arg(long = "socket-io-client", value_name = "FILE")]
    client_bundles: Vec<PathBuf>,

    /// What is logged to stderr: a level, or directives such as `rtwire_server=debug`.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let filter: EnvFilter =
        arguments.log.parse().with_context(|| format!("--log {}", arguments.log))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();

    let mut policy = OriginPolicy::same_origin();
    for origin in &arguments.allowed_origins {
        policy = policy.allow(origin).with_context(|| format!("--allow-origin {origin}"))?;
    }
    let mut socket_io = socket_io::server().allow_eio3(arguments.eio3);
    for file in &arguments.client_bundles {
        let context = || format!("--socket-io-client {}", file.display());
        let bundle = fs::read(file).with_context(context)?;
        let name = file.file_name().and_then(|name| name.to_str()).with_context(context)?;
        socket_io = socket_io.client_bundle(name, bundle);
    }
    let server = bind(&arguments.addresses).await?.check_host(!arguments.any_host);
    let signals = Signals::listen().context("cannot wait for signals")?;
    announce(&server).context("cannot write to stdout")?;

    let (log, data) = (EventLog::new(EVENTS), EventLog::new(EVENTS));
    let ticking = tokio::spawn(tick(log.clone(), data.clone()));
    let endpoints = endpoints(log, data).socket_io(socket_io).origin_policy(policy);
    let outcome = server.serve(endpoints).with_shutdown(signals.first()).await;
    ticking.abort();
    match outcome {
        // What was cut has been cut; that is no failure of a server that was asked to end.
        Err(error @ Error::Drain { .. }) => {
            tracing::warn!(%error);
            Ok(())
        }
        outcome => outcome.map_err(anyhow::Error::from),
    }
}

async fn bind(addresses: &[String]) -> anyhow::Result<Server> {
    let mut server: Option<Server> = None;
    for address in addresses {
        let bound = match server {
            None => Server::bind(address).await,
            Some(server) => server.also_bind(address).await,
        };
        server = Some(bound.with_context(|| format!("--addr {address}"))?);
    }
    server.context("--addr is missing")
}

/// One line for each address; a program that starts us waits for it.
fn announce(server: &Server) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for address in server.local_addrs() {
        writeln!(stdout, "listening on http://{address}")?;
    }
    stdout.flush()
}

fn endpoints(log: EventLog, data: EventLog) -> Endpoints {
    let stream = |log: EventLog| {
        move |request: Request| {
            let events = log.subscribe(request.last_event_id().as_deref());
            async move { Sse::new(events) }
        }
    };
    let (events, messages) = (stream(log.clone()), stream(data.clone()));
    let publish = move |_: Request, body: Bytes| {
        let (log, data) = (log.clone(), data.clone());
        async move {
            let Ok(text) = str::from_utf8(&body) else { return StatusCode::BAD_REQUEST };
            let published = log
                .publish(Fields::new().event("message").data(text))
                .and_then(|_| data.publish(Fields::new().data(text)));
            match published {
                Ok(_) => StatusCode::NO_CONTENT,
                Err(_) => StatusCode::PAYLOAD_TOO_LARGE,
            }
        }
    };
    page::add_to(Endpoints::new())
        .websocket("/", echo)
        .websocket("/ws", echo)
        .sse("/events", events)
        .sse("/api/data", messages)
        .post("/events", publish)
        .get("/livez", Content::new("text/plain; charset=utf-8", "ok\n"))
}

/// Sends every message back.
async fn echo(mut ws: WebSocket) -> Result<(), WebSocketError> {
    while let Some(message) = ws.next().await {
        ws.send(message?).await?;
    }
    Ok(())
}

/// Publishes an event a second: its number, and the time in milliseconds since 1970. It is a `tick` to
/// `log`, and to `data` a message: the one that a page hears without naming a type.
async fn tick(log: EventLog, data: EventLog) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for number in 1_u64.. {
        seconds.tick().await;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let json = format!(r#"{{"number":{number},"time":{}}}"#, since.as_millis());
        let published = log
            .publish(Fields::new().event("tick").data(&json))
            .and_then(|_| data.publish(Fields::new().data(&json)));
        if let Err(error) = published {
            tracing::error!(%error, "a tick was not published");
        }
    }
}
