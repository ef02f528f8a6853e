//! The Socket.IO server that articles begin with: it says what it was told.
//!
//! `cargo run -p rtwire-examples --example article -- --port 3000`

use clap::Parser;
use rtwire_server::{Endpoints, OriginPolicy, Server, Socket, SocketIo};

#[derive(Parser)]
struct Arguments {
    /// 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let io = SocketIo::new();
    io.of("/", |ns| {
        ns.on_connect(async |_: Socket| println!("a user connected"))
            .on("message", async |socket: Socket, message: String| {
                socket.emit("message", &format!("You said: {message}"))
            })
            .on_disconnect(async |_: Socket, _| println!("a user disconnected"))
    });
    let app = Endpoints::new().socket_io(io).origin_policy(OriginPolicy::any());
    let server = Server::bind(("127.0.0.1", Arguments::parse().port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).await?;
    Ok(())
}
