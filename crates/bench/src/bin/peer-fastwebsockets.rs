//! Echo and broadcast over fastwebsockets. It has no queue for frames: each is a write of its own.

use std::convert::Infallible;

use bytes::Bytes;
use fastwebsockets::{
    FragmentCollector, FragmentCollectorRead, Frame, OpCode, Payload, Role, WebSocket,
};
use rtwire_bench::peer::{self, Room};
use tokio::net::TcpStream;

fn main() -> anyhow::Result<()> {
    peer::serve(async |mut stream, options, room| {
        peer::accept(&mut stream).await?;
        let mut socket = WebSocket::after_handshake(stream, Role::Server);
        socket.set_max_message_size(options.max_message);
        if options.broadcast {
            return broadcast(socket, room).await;
        }
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

/// Its `read_frame` may lose bytes when it is dropped, so that reading and writing don't take turns: each
/// has its half.
async fn broadcast(
    socket: WebSocket<TcpStream>,
    room: Room<(OpCode, Bytes)>,
) -> anyhow::Result<()> {
    let (reader, mut writer) = socket.split(TcpStream::into_split);
    let mut reader = FragmentCollectorRead::new(reader);
    let mut inbox = room.subscribe();
    let receive = async {
        loop {
            // What it should send by itself are answers to Pings, and nobody sends it any.
            let mut send = async |_| Ok::<(), Infallible>(());
            let frame = reader.read_frame(&mut send).await?;
            match frame.opcode {
                OpCode::Close => return anyhow::Ok(()),
                OpCode::Text | OpCode::Binary => {
                    room.send((frame.opcode, Bytes::copy_from_slice(&frame.payload)))?;
                }
                _ => {}
            }
        }
    };
    let send = async {
        loop {
            let (opcode, payload) = inbox.recv().await?;
            writer.write_frame(Frame::new(true, opcode, None, Payload::Borrowed(&payload))).await?;
        }
    };
    tokio::select! {
        ended = receive => ended,
        ended = send => ended,
    }
}
