//! Acks and broadcasts of Socket.IO over socketioxide.

use anyhow::Result;
use clap::Parser;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use rtwire_bench::peer::{self, Options};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};

async fn connected(socket: SocketRef) {
    socket.on("echo", async |Data::<String>(text), ack: AckSender| {
        // The client has gone.
        ack.send(&text).ok();
    });
    socket.on("broadcast", async |io: SocketIo, Data::<String>(text)| {
        io.emit("broadcast", &text).await.ok();
    });
}

fn main() -> Result<()> {
    let options = Options::parse();
    let (service, io) = SocketIo::builder()
        .max_payload(u64::try_from(options.max_message)?)
        // More than the load generator ever has in flight.
        .max_buffer_size(1024)
        .build_svc();
    io.ns("/", connected);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(peer::accept_all(options, |stream| {
        let service = service.clone();
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // How a client goes is none of the bench's business.
            connection.with_upgrades().await.ok();
        });
    }))
}
