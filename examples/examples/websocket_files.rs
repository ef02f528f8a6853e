//! Files of any size over a WebSocket, each one message, of which neither end holds more than a piece.
//! The server sends back what it gets; the client sends a file and compares, in two tasks.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example websocket_files
//! cargo run --release --package rtwire-examples --example websocket_files 127.0.0.1:9004 FILE
//! ```

use anyhow::{Context, bail, ensure};
use rtwire_server::{
    Endpoints, Part, Server, WebSocket, WebSocketError, WebSocketLimits, WebSocketOptions,
};
use rtwire_tokio::{connect, random_key};
use rtwire_websocket::handshake::Request;
use rtwire_websocket::{CloseCode, CloseReason};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

const PIECE: usize = 64 << 10;

/// A message may be as long as it likes, for nobody keeps it.
fn any_size() -> WebSocketLimits {
    WebSocketLimits::default().max_message(u64::MAX).max_frame(u64::MAX).max_fragments(u32::MAX)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    if let Some(server) = arguments.next() {
        return send(&server, &arguments.next().context("which file?")?).await;
    }
    let options = WebSocketOptions::new().limits(any_size()).protocols(["files"]);
    let app = Endpoints::new().websocket_with("/", options, send_back);
    let server = Server::bind("127.0.0.1:9004").await?;
    println!("listening on ws://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}

async fn send_back(mut ws: WebSocket) -> Result<(), WebSocketError> {
    while let Some(part) = ws.next_part().await {
        match part? {
            Part::Binary { bytes, fin } => ws.send_fragment(bytes.into_owned(), fin).await?,
            Part::Text { text, fin } => ws.send_fragment(text.into_owned(), fin).await?,
            Part::Ping(_) | Part::Pong(_) | Part::Close(_) => {}
        }
    }
    Ok(())
}

async fn send(server: &str, path: &str) -> anyhow::Result<()> {
    let tcp = TcpStream::connect(server).await?;
    tcp.set_nodelay(true)?;
    let request = Request::new(server, "/", random_key()?)?.with_protocol("files")?;
    let (ws, response) = connect(tcp, &request, any_size()).await?;
    ensure!(response.protocol() == Some("files"), "another protocol than files");
    let (mut writer, mut reader) = ws.split();

    let mut file = File::open(path).await?;
    let sending = tokio::spawn(async move {
        loop {
            let mut piece = bytes::BytesMut::with_capacity(PIECE);
            let fin = file.read_buf(&mut piece).await? == 0;
            writer.feed_fragment(piece.freeze(), fin).await?;
            if fin {
                writer.flush().await?;
                return anyhow::Ok(writer);
            }
        }
    });
    let (mut expected, mut size) = (File::open(path).await?, 0);
    loop {
        let part = reader.next_part().await.context("closed early")??;
        let Part::Binary { bytes, fin } = part else { bail!("not what was sent") };
        let mut same = vec![0; bytes.len()];
        expected.read_exact(&mut same).await?;
        ensure!(*bytes == *same, "another piece at byte {size}");
        size += bytes.len();
        if fin {
            break;
        }
    }
    ensure!(expected.read(&mut [0]).await? == 0, "the file is longer");
    println!("{size} bytes went there and back");
    let closing = tokio::spawn(async move { while reader.next().await.is_some() {} });
    sending.await??.close(CloseReason::new(CloseCode::NORMAL)).await?;
    Ok(closing.await?)
}
