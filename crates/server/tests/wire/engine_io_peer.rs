//! Clients of Engine.IO: long-polling written by hand, and a WebSocket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rtwire_tokio::{HandshakeError, WebSocket};
use rtwire_websocket::handshake::Request;
use rtwire_websocket::{CloseCode, Limits, Message};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::peer::{Peer, Running, get, post, soon, status};

/// A WebSocket to `path`, such as `/engine.io/`, with this added to its query.
pub(crate) async fn websocket(
    server: &Running,
    path: &str,
    query: &str,
) -> Result<WebSocket<TcpStream>, HandshakeError> {
    let tcp = soon(TcpStream::connect(server.address)).await.unwrap();
    let target = format!("{path}?EIO=4&transport=websocket{query}");
    let request = Request::new("localhost", &target, rtwire_tokio::random_key()?).unwrap();
    Ok(soon(rtwire_tokio::connect(tcp, &request, Limits::default())).await?.0)
}

/// The next message, which is text.
pub(crate) async fn text(socket: &mut WebSocket<TcpStream>) -> String {
    match soon(socket.next()).await.expect("the WebSocket has ended").unwrap() {
        Message::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The end, with nothing before it.
pub(crate) async fn close_code(mut socket: WebSocket<TcpStream>) -> CloseCode {
    assert_eq!(soon(socket.next()).await.transpose().unwrap(), None);
    socket.close_reason().unwrap().code
}

/// How much the count grows at most before somebody else on the same thread has a turn, up to `all`.
pub(crate) fn most_in_a_turn(count: Arc<AtomicUsize>, all: usize) -> JoinHandle<usize> {
    tokio::spawn(async move {
        let (mut before, mut most) = (0, 0);
        while before < all {
            tokio::task::yield_now().await;
            let now = count.load(Ordering::Relaxed);
            most = most.max(now - before);
            before = now;
        }
        most
    })
}

pub(crate) struct Polling<'s> {
    server: &'s Running,
    path: String,
    pub(crate) sid: String,
}

/// What an answer carries.
pub(crate) fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

impl<'s> Polling<'s> {
    /// A new session on `path`, such as `/engine.io/`.
    pub(crate) async fn open(server: &'s Running, path: &str) -> Self {
        let path = format!("{path}?EIO=4&transport=polling");
        let answer = server.ask(&get(&path, "")).await;
        assert_eq!(status(&answer), 200, "{answer}");
        let sid = body(&answer).split('"').nth(3).expect(&answer).to_owned();
        assert_eq!(sid.len(), 20, "{sid}");
        Self { server, path: format!("{path}&sid={sid}"), sid }
    }

    /// The whole answer to a GET.
    pub(crate) async fn get(&self) -> String {
        self.server.ask(&get(&self.path, "")).await
    }

    /// The payload that a GET brings.
    pub(crate) async fn poll(&self) -> String {
        let answer = self.get().await;
        assert_eq!(status(&answer), 200, "{answer}");
        body(&answer).to_owned()
    }

    /// A GET that waits.
    pub(crate) async fn start_get(&self) -> Peer {
        let mut peer = self.server.peer().await;
        peer.send(get(&self.path, "")).await;
        peer
    }

    /// The whole answer to a POST.
    pub(crate) async fn post(&self, payload: &str) -> String {
        self.server
            .ask(&post(&self.path, "Content-Type: text/plain;charset=UTF-8\r\n", payload))
            .await
    }

    /// Sends a payload that is to be taken.
    pub(crate) async fn send(&self, payload: &str) {
        let answer = self.post(payload).await;
        assert_eq!((status(&answer), body(&answer)), (200, "ok"), "{answer}");
    }

    /// The target of the session's requests.
    pub(crate) fn target(&self) -> &str {
        &self.path
    }

    /// Whether the session is known to the server.
    pub(crate) async fn is_open(&self) -> bool {
        // A POST of nothing that means anything.
        status(&self.post("6").await) == 200
    }
}
