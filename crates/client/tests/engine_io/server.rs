use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use rtwire_client::EngineIoSocket;
use rtwire_client::engine_io::{EngineIoBuilder, Event, Message, Transport};
use rtwire_server::{Endpoints, EngineIo, Server};
use tokio::sync::oneshot;

/// Fails where it would wait for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it takes too long")
}

/// A server that shuts down when it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    _shutdown: oneshot::Sender<()>,
}

pub(crate) async fn start(engine_io: EngineIo) -> Running {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr();
    let (shutdown, stopped) = oneshot::channel::<()>();
    let app = Endpoints::new().engine_io(engine_io);
    tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        server.serve(app).with_shutdown(stopped).await.unwrap();
    });
    Running { address, _shutdown: shutdown }
}

/// Sends every message back.
pub(crate) fn echo() -> EngineIo {
    EngineIo::new(async |mut socket: rtwire_server::EngineIoSocket| {
        while let Some(message) = socket.next().await {
            socket.send(message).await?;
        }
        Ok::<_, rtwire_server::EngineIoSendError>(())
    })
}

/// How a session may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Polling,
    WebSocket,
    Upgrade,
}

pub(crate) const WAYS: [Way; 3] = [Way::Polling, Way::WebSocket, Way::Upgrade];

impl Running {
    pub(crate) fn url(&self) -> String {
        format!("http://{}/engine.io/", self.address)
    }

    pub(crate) fn builder(&self, way: Way) -> EngineIoBuilder {
        let transport =
            if way == Way::WebSocket { Transport::WebSocket } else { Transport::Polling };
        EngineIoSocket::builder(&self.url()).transport(transport).upgrade(way == Way::Upgrade)
    }

    pub(crate) fn socket(&self, way: Way) -> EngineIoSocket {
        self.builder(way).build().unwrap()
    }
}

/// The next message, whatever else is told before it.
pub(crate) async fn message(socket: &mut EngineIoSocket) -> Message {
    loop {
        match soon(socket.next()).await {
            Some(Event::Message(message)) => return message,
            Some(Event::Open(_) | Event::Upgraded) => {}
            other => panic!("{other:?}: {socket:?}"),
        }
    }
}

/// What is told, a line each, until the session is over.
pub(crate) async fn to_end(socket: &mut EngineIoSocket) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(event) = soon(socket.next()).await {
        lines.push(line(&event));
    }
    assert_eq!(soon(socket.next()).await, None, "the end is the end");
    lines
}

pub(crate) fn line(event: &Event) -> String {
    match event {
        Event::Open(_) => "open".to_owned(),
        Event::Upgraded => "upgraded".to_owned(),
        Event::Message(Message::Text(text)) => text.to_string(),
        Event::Message(Message::Binary(bytes)) => format!("{bytes:?}"),
        Event::Close(reason) => reason.to_string(),
        other => panic!("{other:?}"),
    }
}
