//! A server that says byte for byte what it is told to.

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Fails where it would wait for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it takes too long")
}

pub(crate) struct Peer(TcpListener);

impl Peer {
    pub(crate) async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority())
    }

    pub(crate) fn authority(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// The next connection, before anything is read of it.
    pub(crate) async fn connection(&self) -> Connection {
        Connection { tcp: soon(self.0.accept()).await.unwrap().0, unread: Vec::new() }
    }

    /// The next request, on a connection of its own.
    pub(crate) async fn request(&self) -> (Request, Connection) {
        let mut connection = self.connection().await;
        (connection.request().await, connection)
    }

    /// Answers the next request, and closes.
    pub(crate) async fn answer(&self, response: impl AsRef<[u8]>) -> Request {
        let (request, mut connection) = self.request().await;
        connection.send(response).await;
        request
    }
}

#[derive(Debug)]
pub(crate) struct Request {
    /// Its bytes as characters, one each.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Method and target.
    pub(crate) fn line(&self) -> &str {
        self.head.split(" HTTP/1.1\r\n").next().unwrap()
    }

    /// The value of the only header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let value = lines.find(|(other, _)| other.eq_ignore_ascii_case(name))?.1;
        assert!(!lines.any(|(other, _)| other.eq_ignore_ascii_case(name)), "{}", self.head);
        Some(value)
    }
}

pub(crate) struct Connection {
    pub(crate) tcp: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    pub(crate) async fn request(&mut self) -> Request {
        let head = loop {
            if let Some(end) = self.unread.windows(4).position(|end| end == b"\r\n\r\n") {
                break self.unread.drain(..end + 4).map(char::from).collect::<String>();
            }
            self.read().await;
        };
        let mut request = Request { head, body: Vec::new() };
        let length = request.header("Content-Length").map_or(0, |value| value.parse().unwrap());
        while self.unread.len() < length {
            self.read().await;
        }
        request.body = self.unread.drain(..length).collect();
        request
    }

    async fn read(&mut self) {
        let read = soon(self.tcp.read_buf(&mut self.unread)).await.unwrap();
        assert!(read > 0, "the request ends at {:?}", String::from_utf8_lossy(&self.unread));
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.tcp.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends it to a client that may have gone. Whether it is there.
    pub(crate) async fn offer(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        soon(self.tcp.write_all(bytes.as_ref())).await.is_ok()
    }

    pub(crate) fn reset(self) {
        self.tcp.set_zero_linger().unwrap();
    }

    /// Waits until the client has closed, be it with a reset, and has said nothing more before.
    pub(crate) async fn closed(mut self) {
        let read = soon(self.tcp.read_buf(&mut self.unread)).await.unwrap_or(0);
        assert_eq!((read, &self.unread[..]), (0, &b""[..]));
    }
}

impl From<TcpListener> for Peer {
    fn from(listener: TcpListener) -> Self {
        Self(listener)
    }
}
