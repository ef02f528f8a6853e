//! Acks and broadcasts of Socket.IO over socketioxide.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use clap::Parser;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use rtwire_bench::peer::Options;
use rtwire_bench::server::LISTENING;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use tokio::net::TcpSocket;

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
    runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)))?;
        let listener = socket.listen(4096)?;
        println!("{LISTENING}{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = service.clone();
            tokio::spawn(async move {
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                // How a client goes is none of the bench's business.
                connection.with_upgrades().await.ok();
            });
        }
    })
}
