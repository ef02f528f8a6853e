//! Echo over fastwebsockets. It has no queue for frames: each is a write of its own.

use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
use rtwire_bench::peer;

fn main() -> anyhow::Result<()> {
    peer::serve(async |mut stream, options| {
        peer::accept(&mut stream).await?;
        let mut socket = WebSocket::after_handshake(stream, Role::Server);
        socket.set_max_message_size(options.max_message);
        let mut socket = FragmentCollector::new(socket);
        loop {
            let frame = socket.read_frame().await?;
            match frame.opcode {
                OpCode::Close => return anyhow::Ok(()),
                OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
                _ => {}
            }
        }
    })
}
