//! A count that nobody misses a number of, however often the connection is lost: connection state
//! recovery.
//!
//! ```text
//! cargo run -p rtwire-examples --example socketio_recovery -- --port 3000
//!
//! const socket = io("http://localhost:3000");
//! socket.on("number", (number) => console.log(number, socket.recovered));
//! socket.on("connect", () => setTimeout(() => socket.io.engine.close(), 1000)); // and it goes on
//! ```

use std::time::Duration;

use clap::Parser;
use rtwire_server::adapter::{InMemoryAdapter, Recovery};
use rtwire_server::{EmitError, Endpoints, OriginPolicy, Server, Socket, SocketIo};

#[derive(Parser)]
struct Arguments {
    /// 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Milliseconds from one number to the next.
    #[arg(long, default_value_t = 100)]
    every: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let recovery = Recovery::default().max_disconnection(Duration::from_secs(30));
    let io = SocketIo::with_adapter(InMemoryAdapter::with_recovery(recovery));
    // Rooms are recovered too: who is in this one needs not join again.
    io.of("/", |ns| {
        ns.on_connect(
            async |socket: Socket| {
                if socket.recovered() { Ok(()) } else { socket.join("counted") }
            },
        )
    });
    tokio::spawn(count(io.clone(), Duration::from_millis(arguments.every)));

    let app = Endpoints::new().socket_io(io).origin_policy(OriginPolicy::any());
    let server = Server::bind(("127.0.0.1", arguments.port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}

async fn count(io: SocketIo, every: Duration) -> Result<(), EmitError> {
    let mut ticks = tokio::time::interval(every);
    for number in 0_u64.. {
        ticks.tick().await;
        io.to("counted").emit("number", &number)?;
    }
    Ok(())
}
