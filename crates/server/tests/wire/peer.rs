//! A peer made of a socket, and a server to talk to. Every wait is bounded.

use std::net::SocketAddr;
use std::time::Duration;

use rtwire_server::{
    Content, Endpoints, Error, EventLog, Request, Serve, Server, Sse, WebSocket, WebSocketError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(10);

/// Waits, but not for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("it should have happened by now")
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), Error>>,
}

/// Serves `endpoints` on a free port.
pub(crate) async fn start(endpoints: Endpoints) -> Running {
    start_with(endpoints, |server| server).await
}

pub(crate) async fn start_with(
    endpoints: Endpoints,
    set: impl FnOnce(Server) -> Server,
) -> Running {
    let server = set(Server::bind("127.0.0.1:0").await.unwrap());
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel();
    let serve: Serve<_> = server.serve(endpoints).with_shutdown(stopped);
    let serving = tokio::spawn(serve.into_future());
    Running { address, stop, serving }
}

impl Running {
    pub(crate) async fn peer(&self) -> Peer {
        Peer { tcp: soon(TcpStream::connect(self.address)).await.unwrap(), unread: Vec::new() }
    }

    /// Sends one request and returns the whole answer.
    pub(crate) async fn ask(&self, request: &str) -> String {
        let mut peer = self.peer().await;
        peer.send(request).await;
        peer.rest().await
    }

    /// Drops the server in the middle of its work.
    pub(crate) fn abort(self) {
        self.serving.abort();
    }

    /// Tells the server to shut down, and returns what waits for it.
    pub(crate) fn stop(self) -> JoinHandle<Result<(), Error>> {
        self.stop.send(()).unwrap();
        self.serving
    }
}

pub(crate) struct Peer {
    tcp: TcpStream,
    unread: Vec<u8>,
}

impl Peer {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.tcp.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends as far as the server takes it; a server may close in the middle.
    pub(crate) async fn offer(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        soon(self.tcp.write_all(bytes.as_ref())).await
    }

    /// Sends nothing more, and still reads.
    pub(crate) async fn finish(&mut self) {
        soon(self.tcp.shutdown()).await.unwrap();
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        self.tcp.set_zero_linger().unwrap();
    }

    /// All up to and with `end`.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            let at = self.unread.windows(end.len()).position(|bytes| bytes == end.as_bytes());
            if let Some(at) = at {
                let rest = self.unread.split_off(at + end.len());
                let taken = std::mem::replace(&mut self.unread, rest);
                return String::from_utf8(taken).unwrap();
            }
            let read = soon(self.tcp.read_buf(&mut self.unread)).await.unwrap();
            let so_far = String::from_utf8_lossy(&self.unread);
            assert_ne!(read, 0, "the stream ended before {end:?}: {so_far}");
        }
    }

    /// Exactly so many bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            let read = soon(self.tcp.read_buf(&mut self.unread)).await.unwrap();
            assert_ne!(read, 0, "the stream ended after {:?}", self.unread);
        }
        let rest = self.unread.split_off(count);
        std::mem::replace(&mut self.unread, rest)
    }

    /// Whether the answer is a 101, and not another one or the end of the stream.
    pub(crate) async fn is_upgraded(&mut self) -> bool {
        while self.unread.len() < 12 {
            match soon(self.tcp.read_buf(&mut self.unread)).await {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
        }
        self.unread.starts_with(b"HTTP/1.1 101")
    }

    /// The head of a response.
    pub(crate) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Whether some of an answer has come.
    pub(crate) fn has_answer(&mut self) -> bool {
        match self.tcp.try_read_buf(&mut self.unread) {
            Ok(read) => read > 0,
            Err(_) => false,
        }
    }

    /// All up to the end of the stream, be it a reset.
    pub(crate) async fn closed(&mut self) -> String {
        let read = soon(self.tcp.read_to_end(&mut self.unread)).await;
        if let Err(error) = read {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        String::from_utf8(std::mem::take(&mut self.unread)).unwrap()
    }

    /// All up to the end of the stream, which must be a clean one.
    pub(crate) async fn rest(&mut self) -> String {
        soon(self.tcp.read_to_end(&mut self.unread)).await.unwrap();
        String::from_utf8(std::mem::take(&mut self.unread)).unwrap()
    }
}

/// `GET`, over a connection that closes after the answer.
pub(crate) fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n")
}

/// The opening handshake of RFC 6455 §1.3.
pub(crate) fn upgrade(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}

/// `POST` of a text, over a connection that closes after the answer.
pub(crate) fn post(path: &str, fields: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {}\r\n{fields}\r\n{body}",
        body.len()
    )
}

pub(crate) fn status(response: &str) -> u16 {
    let line = response.lines().next().expect("an empty answer");
    line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect(line)
}

/// The value of a header field of a response.
pub(crate) fn field<'r>(response: &'r str, name: &str) -> Option<&'r str> {
    let head = response.split("\r\n\r\n").next()?;
    head.lines().filter_map(|line| line.split_once(": ")).find(|(n, _)| *n == name).map(|(_, v)| v)
}

async fn echo(mut ws: WebSocket) -> Result<(), WebSocketError> {
    while let Some(message) = ws.next().await {
        ws.send(message?).await?;
    }
    Ok(())
}

/// `/livez`; `/ws`, a WebSocket echo; and `/events`: an event stream from `log`, which a POST adds
/// to.
pub(crate) fn endpoints(log: &EventLog) -> Endpoints {
    let (events, posted) = (log.clone(), log.clone());
    Endpoints::new()
        .get("/livez", Content::new("text/plain", "ok\n"))
        .websocket("/ws", echo)
        .sse("/events", move |request: Request| {
            let events = events.subscribe(request.last_event_id().as_deref());
            async move { Sse::new(events) }
        })
        .post("/events", move |_, body| {
            let posted = posted.clone();
            async move {
                let Ok(text) = str::from_utf8(&body) else { return http::StatusCode::BAD_REQUEST };
                match posted.publish(rtwire_server::Fields::new().data(text)) {
                    Ok(_) => http::StatusCode::NO_CONTENT,
                    Err(_) => http::StatusCode::PAYLOAD_TOO_LARGE,
                }
            }
        })
}
