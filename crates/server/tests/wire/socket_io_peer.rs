//! A client of Socket.IO on a WebSocket, and what a server tells of its sockets.

use rtwire_server::{Data, DisconnectReason, Endpoints, NamespaceHandlers, Socket, SocketIo};
use rtwire_tokio::WebSocket;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::engine_io_peer::{self, close_code, text};
use crate::peer::{Running, start};

pub(crate) const PATH: &str = "/socket.io/";

/// What happens to sockets, in words.
pub(crate) type Told = mpsc::UnboundedReceiver<String>;

/// Serves `/` with these handlers, and tells why sockets disconnect.
pub(crate) async fn serve(
    io: SocketIo,
    handlers: impl FnOnce(NamespaceHandlers) -> NamespaceHandlers,
) -> (Running, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    io.of("/", |ns| {
        handlers(ns).on_disconnect(move |socket: Socket, reason: DisconnectReason| {
            assert!(!socket.is_connected() && socket.rooms().is_empty());
            // The test may be over.
            drop(tell.send(reason.to_string()));
            async {}
        })
    });
    (start(Endpoints::new().socket_io(io)).await, told)
}

pub(crate) fn echo(ns: NamespaceHandlers) -> NamespaceHandlers {
    ns.on("echo", async |socket: Socket, data: Data| socket.emit_data(data))
}

pub(crate) struct Client {
    pub(crate) socket: WebSocket<TcpStream>,
    pub(crate) id: String,
}

impl Client {
    /// Opens a session on a WebSocket.
    pub(crate) async fn open(server: &Running) -> Self {
        let mut socket = engine_io_peer::websocket(server, PATH, "").await.unwrap();
        let open = text(&mut socket).await;
        Self { socket, id: open.split('"').nth(3).unwrap().to_owned() }
    }

    /// Opens a session, and connects to `/`; the id is the socket's then.
    pub(crate) async fn connect(server: &Running) -> Self {
        let mut client = Self::open(server).await;
        client.id = client.join("").await;
        client
    }

    /// Connects to a namespace, such as `/chat,`.
    pub(crate) async fn join(&mut self, namespace: &str) -> String {
        self.send(&format!("40{namespace}")).await;
        let answer = self.text().await;
        let object = answer.strip_prefix(&format!("40{namespace}")).expect(&answer);
        let id = object.split('"').nth(3).unwrap();
        assert_eq!(object, format!(r#"{{"sid":"{id}"}}"#), "exactly this key");
        assert_eq!(id.len(), 20);
        id.to_owned()
    }

    pub(crate) async fn send(&mut self, packet: &str) {
        self.socket.send(packet).await.unwrap();
    }

    pub(crate) async fn text(&mut self) -> String {
        text(&mut self.socket).await
    }

    pub(crate) async fn expect(&mut self, packet: &str) {
        assert_eq!(self.text().await, packet);
    }

    pub(crate) async fn ends(self) {
        close_code(self.socket).await;
    }
}
