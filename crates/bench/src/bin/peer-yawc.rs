//! Echo and broadcast over yawc.

use futures_util::StreamExt;
use rtwire_bench::peer;
use yawc::{Frame, OpCode, Options, Role, WebSocket, WebSocketError};

fn main() -> anyhow::Result<()> {
    peer::serve(async |mut stream, options, room| {
        peer::accept(&mut stream).await?;
        // Its limits are exclusive, and it checks text (RFC 6455 §8.1) only when asked.
        let settings = Options::default()
            .with_max_payload_read(options.max_message + 1)
            .with_utf8()
            .with_backpressure_boundary(64 * 1024);
        let socket = WebSocket::from_stream(stream, Role::Server, settings)?;
        let socket = socket.map(Ok::<_, WebSocketError>);
        let carries_data = |frame: &Frame| matches!(frame.opcode(), OpCode::Text | OpCode::Binary);
        match options.broadcast {
            true => peer::broadcast(socket, room, carries_data).await?,
            false => peer::echo(socket, carries_data).await?,
        }
        anyhow::Ok(())
    })
}
