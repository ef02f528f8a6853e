//! Sessions at a [`Peer`], whose answers are written out.

use rtwire_client::EngineIoSocket;
use rtwire_client::engine_io::{EngineIoBuilder, Transport};
use rtwire_tokio::WebSocket;
use rtwire_websocket::{Limits, Message};
use tokio::net::TcpStream;

pub(crate) use crate::http::{Connection, Peer};
use crate::server::{line, soon};

/// An open packet, without and with an upgrade.
pub(crate) const OPEN: &str =
    r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}"#;
pub(crate) const OPEN_TO_UPGRADE: &str = r#"0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}"#;

/// The answer to a GET or a POST.
pub(crate) fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

impl Peer {
    pub(crate) fn builder(&self) -> EngineIoBuilder {
        EngineIoSocket::builder(&self.url("/engine.io/"))
    }

    /// The next connection, as a WebSocket.
    pub(crate) async fn websocket(&self) -> WebSocket<TcpStream> {
        let tcp = self.connection().await.tcp;
        soon(rtwire_tokio::accept(tcp, Limits::default(), |request| request.accept()))
            .await
            .unwrap()
    }
}

/// The server's end of a session that is open.
pub(crate) enum Opened {
    /// On which the next GET is to come.
    Polling(Connection),
    WebSocket(Box<WebSocket<TcpStream>>),
}

/// A session on `transport` that has told that it is open. It does not move.
pub(crate) async fn open(peer: &Peer, transport: Transport) -> (EngineIoSocket, Opened) {
    open_with(peer, transport, peer.builder().transport(transport)).await
}

pub(crate) async fn open_with(
    peer: &Peer,
    transport: Transport,
    builder: EngineIoBuilder,
) -> (EngineIoSocket, Opened) {
    let mut socket = builder.build().unwrap();
    let server = async {
        match transport {
            Transport::Polling => {
                let (_, mut connection) = peer.request().await;
                connection.send(answer(OPEN)).await;
                Opened::Polling(connection)
            }
            Transport::WebSocket => {
                let mut websocket = peer.websocket().await;
                websocket.send(OPEN).await.unwrap();
                Opened::WebSocket(Box::new(websocket))
            }
        }
    };
    let (event, opened) = tokio::join!(soon(socket.next()), server);
    assert_eq!(line(&event.unwrap()), "open");
    (socket, opened)
}

pub(crate) async fn next_text(websocket: &mut WebSocket<TcpStream>) -> String {
    match soon(websocket.next()).await.unwrap().unwrap() {
        Message::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}
