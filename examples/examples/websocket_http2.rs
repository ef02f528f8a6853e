//! A WebSocket echo server over HTTP/2 (RFC 8441), and with an address a client of it.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example websocket_http2
//! cargo run --release --package rtwire-examples --example websocket_http2 127.0.0.1:9005
//! ```
//!
//! There is no TLS here, without which browsers have no HTTP/2: both ends know what they speak.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use clap::Parser;
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Ping, RecvStream, SendStream};
use http::{HeaderMap, Method};
use rtwire_tokio::WebSocket;
use rtwire_websocket::handshake::{Answer, Request};
use rtwire_websocket::{CloseCode, CloseReason, Limits, Message};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

#[derive(Parser)]
struct Options {
    /// The address of a server; without it, be one.
    server: Option<String>,
    #[arg(long, default_value_t = 9005)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(server) = options.server {
        return ask(&server).await;
    }
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (tcp, peer) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = serve(tcp).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn serve(tcp: TcpStream) -> anyhow::Result<()> {
    tcp.set_nodelay(true)?;
    let mut http2 = h2::server::Builder::new().enable_connect_protocol().handshake(tcp).await?;
    // Each request is a stream of its own. While the next one is waited for, all streams are moved.
    while let Some(request) = http2.accept().await {
        let (request, respond) = request?;
        tokio::spawn(async move {
            if let Err(error) = echo(request, respond).await {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

async fn echo(
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> anyhow::Result<()> {
    let (head, receive) = request.into_parts();
    let pseudo_headers = [
        (":method", Some(head.method.as_str())),
        (":protocol", head.extensions.get().map(Protocol::as_str)),
        (":scheme", head.uri.scheme_str()),
        (":authority", head.uri.authority().map(|authority| authority.as_str())),
        (":path", head.uri.path_and_query().map(|path| path.as_str())),
    ];
    let pseudo_headers =
        pseudo_headers.into_iter().filter_map(|(name, value)| Some((name, value?.as_bytes())));
    let response = match Request::from_connect(pseudo_headers.chain(fields(&head.headers))) {
        // A browser names the page that connects; any page could. Others send no origin.
        Ok(request) => match request.origin() {
            Some(origin) if origin != format!("http://{}", request.host()) => {
                request.refuse(403)?
            }
            _ => request.accept(),
        },
        Err(error) => error.response(),
    };
    let mut answer = http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    let accepted = response.status() == 200;
    let send = respond.send_response(answer.body(())?, !accepted)?;
    if accepted {
        let mut ws = WebSocket::server(Stream::new(send, receive), Limits::default());
        let mut outcome = Ok(());
        while let Some(message) = ws.next().await {
            // After an error `next` waits until the peer has the Close frame, and ends.
            outcome = match message {
                Ok(message) => ws.feed(message).await,
                Err(error) => Err(error),
            };
        }
        outcome?;
    }
    Ok(())
}

async fn ask(server: &str) -> anyhow::Result<()> {
    let tcp = TcpStream::connect(server).await?;
    tcp.set_nodelay(true)?;
    let (mut http2, mut connection) = h2::client::handshake(tcp).await?;
    let mut ping = connection.ping_pong().context("no pings")?;
    let connection = tokio::spawn(connection);
    // SETTINGS are the first that a server sends: with the answer to a Ping they are here.
    ping.ping(Ping::opaque()).await?;
    ensure!(http2.is_extended_connect_protocol_enabled(), "no extended CONNECT");

    let request = Request::connect("http", server, "/")?;
    let mut head = http::Request::builder()
        .method(Method::CONNECT)
        .extension(Protocol::from_static("websocket"))
        .uri(format!("http://{}{}", request.host(), request.target()));
    for (name, value) in request.headers() {
        head = head.header(name, value);
    }
    let (response, send) = http2.send_request(head.body(())?, false)?;
    let (head, receive) = response.await?.into_parts();
    let status = head.status.as_u16();
    match Answer::from_parts(status, (2, 0), fields(&head.headers), &request)? {
        Answer::Accepted(_) => {}
        Answer::Refused(_) => bail!("refused with {status}"),
    }
    let mut ws = WebSocket::client(Stream::new(send, receive), Limits::default());
    for message in [Message::from("Hello"), vec![7; 1 << 20].into()] {
        ws.send(message.clone()).await?;
        ensure!(ws.next().await.context("closed early")?? == message, "no echo");
        println!("{} bytes came back", message.len());
    }
    ws.close(CloseReason::new(CloseCode::NORMAL)).await?;
    println!("closed: {:?}", ws.close_reason());
    drop((ws, http2));
    Ok(connection.await??)
}

fn fields(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// A stream of HTTP/2 as a transport. Its ends are those of a TCP connection (RFC 8441 §5): an
/// END_STREAM is a FIN; and dropped before that, it is reset.
struct Stream {
    send: SendStream<Bytes>,
    receive: RecvStream,
    /// What of the last DATA frame is still to be read.
    unread: Bytes,
}

impl Stream {
    fn new(send: SendStream<Bytes>, receive: RecvStream) -> Self {
        Self { send, receive, unread: Bytes::new() }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(self.receive.poll_data(cx)) {
                Some(data) => self.unread = data.map_err(io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread.split_to(length));
        // Now, and not before, the peer may send as much again.
        self.receive.flow_control().release_capacity(length).map_err(io::Error::other)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // What the peer's windows have room for; more of it is news, which `poll_capacity` awaits.
        self.send.reserve_capacity(bytes.len());
        while self.send.capacity() == 0 && !bytes.is_empty() {
            match ready!(self.send.poll_capacity(cx)) {
                Some(capacity) => capacity.map_err(io::Error::other)?,
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            };
        }
        let length = self.send.capacity().min(bytes.len());
        let data = Bytes::copy_from_slice(&bytes[..length]);
        self.send.send_data(data, false).map_err(io::Error::other)?;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The task of the connection writes as it can.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.send.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
