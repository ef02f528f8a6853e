//! Sends its arguments over Engine.IO, prints what comes, and leaves when as many messages have come.
//!
//! ```text
//! cargo run -p rtwire-examples --example engineio_echo -- --port 3000
//! cargo run -p rtwire-examples --example engineio_client -- http://127.0.0.1:3000/engine.io/ one two three
//! ```

use anyhow::bail;
use clap::{Parser, ValueEnum};
use rtwire_client::EngineIoSocket;
use rtwire_client::engine_io::{CloseReason, Event, Message, Transport};

#[derive(Parser)]
struct Arguments {
    /// Such as http://127.0.0.1:3000/engine.io/.
    url: String,
    messages: Vec<String>,
    #[arg(long, value_enum, default_value_t = Way::Upgrade)]
    way: Way,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    Polling,
    Websocket,
    /// From the one to the other.
    Upgrade,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { url, messages, way } = Arguments::parse();
    let transport = if way == Way::Websocket { Transport::WebSocket } else { Transport::Polling };
    let mut socket =
        EngineIoSocket::builder(&url).transport(transport).upgrade(way == Way::Upgrade).build()?;
    let mut expected = messages.len();
    for message in messages {
        socket.send(message).await?; // the first one opens the session
    }
    while let Some(event) = socket.next().await {
        match event {
            Event::Open(_) => println!("open over {}", socket.transport()),
            Event::Upgraded => println!("upgraded to {}", socket.transport()),
            Event::Message(message) => {
                match message {
                    Message::Text(text) => println!("{text:?}"),
                    Message::Binary(bytes) => println!("{} bytes", bytes.len()),
                }
                expected = expected.saturating_sub(1);
            }
            Event::Close(CloseReason::ForcedClose) => println!("closed"),
            Event::Close(reason) => match socket.error() {
                Some(error) => bail!("{reason}: {error}"),
                None => bail!("{reason}"),
            },
            _ => {}
        }
        if expected == 0 {
            socket.close();
        }
    }
    Ok(())
}
