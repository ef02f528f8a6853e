use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rtwire_engineio as engine_io;
use rtwire_socketio::{DisconnectReason, Event, Json, Message, Namespace};

use crate::engine_io::{Application, SharedSession, random_id};
use crate::routes::BoxFuture;
use crate::socket_io::ack::Ack;
use crate::socket_io::client::Client;
use crate::socket_io::error::ConnectError;
use crate::socket_io::server::{Io, Rules};
use crate::socket_io::socket::Socket;
use crate::socket_io::space::Space;

/// What runs in the task of a client's session: its handlers, in the order in which events arrive.
pub(crate) struct ClientTask {
    client: Arc<Client>,
    io: Arc<Io>,
    /// Handlers that wait for something.
    at_work: Option<FuturesUnordered<BoxFuture<()>>>,
}

impl ClientTask {
    pub(crate) fn new(session: &Arc<SharedSession>, io: &Arc<Io>, rules: &Arc<Rules>) -> Self {
        Self { client: Client::new(session, rules), io: Arc::clone(io), at_work: None }
    }

    fn dispatch(&mut self, event: Event, cx: &mut Context<'_>) {
        match event {
            Event::Connect { namespace, auth } => self.connect(&namespace, auth, cx),
            Event::Event { namespace, data, ack } => {
                // A socket that was put out meanwhile has no more events.
                let Some(socket) = self.client.member(&namespace) else { return };
                let ack = Ack::new(&self.client, ack);
                let handlers = socket.space().handlers();
                let Some(name) = data.event_name() else { return };
                let Some(handler) = handlers.events.get(&*name).or(handlers.any_event.as_ref())
                else {
                    tracing::debug!(namespace = &*namespace, "an event without a handler");
                    return;
                };
                if let Some(handling) = handler(socket, data, ack) {
                    self.run(handling, cx);
                }
            }
            Event::Ack { namespace, id, data } => self.client.answer(&namespace, id, data),
            Event::Disconnect { namespace, reason } => self.client.left(&namespace, reason),
            _ => {}
        }
    }

    fn connect(&mut self, namespace: &Namespace, auth: Option<Json>, cx: &mut Context<'_>) {
        match self.io.space(namespace) {
            Some(space) => {
                let connecting = connect(Arc::clone(&self.client), space, auth);
                self.run(Box::pin(connecting), cx);
            }
            None => self.client.refuse(namespace, &ConnectError::new("Invalid namespace")),
        }
    }

    fn tell_who_left(&mut self, cx: &mut Context<'_>) {
        for (socket, reason) in self.client.take_left() {
            if let Some(handler) = &socket.space().handlers().on_disconnect {
                self.run(handler(socket.clone(), reason), cx);
            }
        }
    }

    /// Polls a handler, and keeps it if it waits.
    fn run(&mut self, mut handling: BoxFuture<()>, cx: &mut Context<'_>) {
        if handling.as_mut().poll(cx).is_pending() {
            self.at_work.get_or_insert_default().push(handling);
        }
    }

    /// Polls those that wait. True if there is room for more.
    fn poll_at_work(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at_work) = &mut self.at_work else { return true };
        while let Poll::Ready(Some(())) = at_work.poll_next_unpin(cx) {}
        if at_work.is_empty() {
            self.at_work = None;
            return true;
        }
        at_work.len() < self.client.rules.max_handlers
    }
}

/// Asks the middlewares whether a client may join, and welcomes it.
async fn connect(client: Arc<Client>, space: Arc<Space>, auth: Option<Json>) {
    let id = match random_id() {
        Ok(id) => id,
        Err(error) => {
            tracing::error!(%error, "no random source");
            return client.refuse(&space.name, &ConnectError::new("not available"));
        }
    };
    let handlers = space.handlers();
    let socket = Socket::new(id, Arc::clone(&space), Arc::clone(&client), auth);
    for middleware in &handlers.middlewares {
        if let Err(error) = middleware(socket.clone()).await {
            return client.refuse(&space.name, &error);
        }
    }
    if client.accept(&socket)
        && let Some(handler) = &handlers.on_connect
    {
        handler(socket).await;
    }
}

impl Application for ClientTask {
    fn poll(&mut self, cx: &mut Context<'_>) {
        loop {
            let has_room = self.poll_at_work(cx);
            self.tell_who_left(cx);
            if !has_room {
                break;
            }
            match self.client.session().next_event() {
                None => break,
                Some(engine_io::Event::Message(message)) => {
                    let message = match message {
                        engine_io::Message::Text(text) => Message::Text(text),
                        engine_io::Message::Binary(bytes) => Message::Binary(bytes),
                    };
                    if let Some(event) = self.client.receive(message) {
                        self.dispatch(event, cx);
                    }
                }
                Some(engine_io::Event::Close(reason)) => self.client.end(reason),
                Some(_) => {}
            }
        }
        self.client.write_more();
    }

    fn is_done(&self) -> bool {
        self.at_work.is_none()
    }

    fn next_timeout(&self) -> Option<Duration> {
        self.client.next_timeout()
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.client.handle_timeout(now);
    }

    fn shut_down(&mut self) {
        self.client.close(DisconnectReason::ServerShuttingDown);
    }
}

impl Drop for ClientTask {
    /// Also after a panic: sockets must not stay in their rooms.
    fn drop(&mut self) {
        self.client.end(engine_io::CloseReason::ForcedClose);
        drop(self.client.take_left());
    }
}
