use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use futures_util::StreamExt;
use futures_util::future::{OptionFuture, join};
use futures_util::stream::FuturesUnordered;
use rtwire_engineio as engine_io;
use rtwire_socketio::{Data, DisconnectReason, Event, Json, Message, Namespace};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::engine_io::{Application, SharedSession, random_id};
use crate::routes::BoxFuture;
use crate::socket_io::ack::Ack;
use crate::socket_io::adapter::{Claim, Rejoin};
use crate::socket_io::client::{Client, speaks_v4};
use crate::socket_io::error::ConnectError;
use crate::socket_io::handlers::NamespaceHandlers;
use crate::socket_io::handling::Handling;
use crate::socket_io::namespaces::{Entered, Io};
use crate::socket_io::server::Rules;
use crate::socket_io::socket::Socket;
use crate::socket_io::space::Space;

/// What runs in the task of a client's session: its handlers, in the order in which events arrive.
pub(crate) struct ClientTask {
    client: Arc<Client>,
    io: Arc<Io>,
    /// Handlers that wait for something.
    at_work: Option<FuturesUnordered<Handling>>,
    /// What has come while too many of them do, or while the client does not take what it is sent;
    /// and why the session has ended since. Acks are not among it: a handler may wait for one.
    backlog: VecDeque<Event>,
    /// What `backlog` counts, in bytes.
    backlog_bytes: usize,
    close_reason: Option<engine_io::CloseReason>,
    /// More is to be sent than the session has room for.
    holds_back: bool,
}

/// What an event of the backlog counts beyond its bytes.
const EVENT_OVERHEAD: usize = 64;

/// Messages, and events of the backlog, before others have their turn: one payload may bring thousands. Not by tokio's
/// own measure, which handlers may have used up.
const TURN: usize = 128;

impl ClientTask {
    pub(crate) fn new(session: &Arc<SharedSession>, io: &Arc<Io>, rules: &Arc<Rules>) -> Self {
        // Who speaks protocol 4 asks for `/` by connecting.
        let asks_for_main = || Event::Connect { namespace: Namespace::default(), auth: None };
        let backlog: VecDeque<_> = speaks_v4(session).then(asks_for_main).into_iter().collect();
        Self {
            client: Client::new(session, rules),
            io: Arc::clone(io),
            at_work: None,
            backlog_bytes: backlog.iter().map(cost).sum(),
            backlog,
            close_reason: None,
            holds_back: false,
        }
    }

    /// Takes a message from the session. False if there is none.
    fn receive(&mut self, now: Duration, has_room: bool, cx: &mut Context<'_>) -> bool {
        let message = match self.client.session().next_event() {
            None => return false,
            Some(engine_io::Event::Message(engine_io::Message::Text(text))) => Message::Text(text),
            Some(engine_io::Event::Message(engine_io::Message::Binary(bytes))) => {
                Message::Binary(bytes)
            }
            Some(engine_io::Event::Close(reason)) => {
                self.close_reason = Some(reason);
                return true;
            }
            Some(_) => return true,
        };
        match self.client.receive(message, now) {
            None => {}
            Some(Event::Ack { namespace, id, data }) => self.client.answer(&namespace, id, data),
            Some(event) if has_room => self.dispatch(event, cx),
            Some(event) => {
                self.backlog_bytes += cost(&event);
                self.backlog.push_back(event);
            }
        }
        true
    }

    fn dispatch(&mut self, event: Event, cx: &mut Context<'_>) {
        match event {
            Event::Connect { namespace, auth } => self.connect(&namespace, auth, cx),
            Event::Event { namespace, data, ack } => {
                // A socket that was put out meanwhile has no more events.
                let Some(socket) = self.client.member(&namespace) else { return };
                let ack = Ack::new(&self.client, ack);
                let handlers = socket.space().handlers();
                if !handlers.packet_middlewares.is_empty() {
                    let handling = through_middlewares(handlers, socket, data, ack);
                    return self.run(|| Some(Box::pin(handling)), cx);
                }
                self.run(|| handle(&handlers, socket, data, ack), cx);
            }
            Event::Disconnect { namespace, reason } => self.client.left(&namespace, reason),
            _ => {}
        }
    }

    fn connect(&mut self, namespace: &Namespace, auth: Option<Json>, cx: &mut Context<'_>) {
        let client = Arc::clone(&self.client);
        match self.io.enter(namespace) {
            Some(space) => self.run(|| Some(Box::pin(connect(client, space, auth))), cx),
            None => {
                let (io, namespace) = (Arc::clone(&self.io), namespace.clone());
                self.run(|| Some(Box::pin(open(client, io, namespace, auth))), cx);
            }
        }
    }

    fn tell_who_left(&mut self, left: Vec<(Socket, DisconnectReason)>, cx: &mut Context<'_>) {
        for (socket, reason) in left {
            socket.space().end(&socket);
            self.io.clean_up(socket.space());
            let handlers = socket.space().handlers();
            if handlers.on_disconnecting.is_some() {
                self.run(|| Some(Box::pin(tell_both(handlers, socket, reason))), cx);
            } else if let Some(handler) = &handlers.on_disconnect {
                self.run(|| Some(handler(socket, reason)), cx);
            }
        }
    }

    /// Calls a handler, polls it, and keeps it if it waits.
    fn run(&mut self, handler: impl FnOnce() -> Option<BoxFuture<()>>, cx: &mut Context<'_>) {
        let Some(mut handling) = Handling::start(handler) else { return };
        if Pin::new(&mut handling).poll(cx).is_pending() {
            self.at_work.get_or_insert_default().push(handling);
        }
    }

    /// Polls those that wait. True if there is room for more.
    fn poll_at_work(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at_work) = &mut self.at_work else { return true };
        while let Poll::Ready(Some(_)) = at_work.poll_next_unpin(cx) {}
        if at_work.is_empty() {
            self.at_work = None;
            return true;
        }
        at_work.len() < self.client.rules.max_handlers
    }
}

/// First of the two is the one who sees the rooms.
async fn tell_both(handlers: Arc<NamespaceHandlers>, socket: Socket, reason: DisconnectReason) {
    if let Some(handler) = &handlers.on_disconnecting {
        socket.set_leaving(true);
        Handling::finish(|| handler(socket.clone(), reason)).await;
        socket.set_leaving(false);
    }
    if let Some(handler) = &handlers.on_disconnect {
        handler(socket, reason).await;
    }
}

fn cost(event: &Event) -> usize {
    let data = match event {
        Event::Event { data, .. } => {
            data.json().len() + data.attachments().iter().map(Bytes::len).sum::<usize>()
        }
        Event::Connect { namespace, auth } => {
            namespace.len() + auth.as_ref().map_or(0, |auth| auth.len())
        }
        _ => 0,
    };
    data + EVENT_OVERHEAD
}

/// Hands an event to its handlers, as the middlewares leave it.
async fn through_middlewares(
    handlers: Arc<NamespaceHandlers>,
    socket: Socket,
    mut data: Data,
    ack: Ack,
) {
    for middleware in &handlers.packet_middlewares {
        match middleware(socket.clone(), data).await {
            Ok(next) => data = next,
            Err(error) => {
                let namespace = socket.namespace();
                tracing::info!(namespace, error, "a middleware dropped an event");
                return;
            }
        }
    }
    if let Some(handling) = handle(&handlers, socket, data, ack) {
        handling.await;
    }
}

/// Calls the handlers of an event: that of all, and its own, of which a panic of the one spares the other. Together they
/// count as one handler that waits.
fn handle(
    handlers: &NamespaceHandlers,
    socket: Socket,
    data: Data,
    ack: Ack,
) -> Option<BoxFuture<()>> {
    match (&handlers.any_event, handlers.of_event(&data)) {
        (Some(any), Some(handler)) => {
            let any = Handling::start(|| any(socket.clone(), data.clone(), Ack::none()));
            let handler = Handling::start(|| handler(socket, data, ack));
            if any.is_none() && handler.is_none() {
                return None;
            }
            let both = join(OptionFuture::from(any), OptionFuture::from(handler));
            Some(Box::pin(async move { _ = both.await }))
        }
        (Some(handler), None) | (None, Some(handler)) => handler(socket, data, ack),
        (None, None) => {
            tracing::debug!(namespace = socket.namespace(), "an event without a handler");
            None
        }
    }
}

/// Opens a namespace for the client that asks for it, if somebody accepts that.
async fn open(client: Arc<Client>, io: Arc<Io>, namespace: Namespace, auth: Option<Json>) {
    for dynamic in io.dynamic() {
        let object = auth.clone().or_else(|| Json::decode("{}".into()).ok());
        let Some(object) = object else { break };
        if dynamic.accepts(&namespace, object).await {
            match io.open(&namespace, &dynamic, client.rules.max_dynamic_namespaces) {
                Some(space) => return connect(client, space, auth).await,
                None => {
                    tracing::error!("too many namespaces: a further one is not opened");
                    break;
                }
            }
        }
    }
    client.refuse_unknown(&namespace);
}

/// Asks the middlewares whether a client may join, and welcomes it; or finds again what it was.
async fn connect(client: Arc<Client>, entered: Entered, auth: Option<Json>) {
    let space = entered.space();
    // Protocol 4 knows no recovery.
    let recovery = space.adapter.recovery().filter(|_| !speaks_v4(client.session()));
    let mut claim = recovery.and(auth.as_ref()).and_then(Claim::from_auth);
    if recovery.is_some_and(|recovery| recovery.skip_middlewares)
        && let Some(claim) = claim.take()
        && let Some(socket) = come_back(&client, space, &auth, claim, None).await
    {
        return welcome(socket).await;
    }
    let (id, pid) =
        match (new_id(client.session(), &space.name), recovery.map(|_| random_id()).transpose()) {
            (Ok(id), Ok(pid)) => (id, pid),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "no random source");
                return client.refuse(&space.name, &ConnectError::new("not available"));
            }
        };
    let handlers = space.handlers();
    let socket = Socket::new(id, pid, Arc::clone(space), Arc::clone(&client), auth.clone());
    for middleware in &handlers.middlewares {
        let asked = Handling::finish(|| middleware(socket.clone())).await;
        // Of one that panicked the client is to hear something too.
        if let Err(error) = asked.unwrap_or_else(|| Err(ConnectError::new("internal error"))) {
            socket.give_up_rooms();
            return client.refuse(&space.name, &error);
        }
    }
    if let Some(claim) = claim
        && let Some(socket) = come_back(&client, space, &auth, claim, Some(socket.clone())).await
    {
        return welcome(socket).await;
    }
    match client.accept(&socket, Vec::new()) {
        Ok(()) => welcome(socket).await,
        Err(_) => socket.give_up_rooms(),
    }
}

/// The socket that the client was before, and is again.
async fn come_back(
    client: &Arc<Client>,
    space: &Arc<Space>,
    auth: &Option<Json>,
    claim: Claim,
    welcome: Option<Socket>,
) -> Option<Socket> {
    // A connection may be lost without a word. Who knows the pid is its client.
    if let Some(socket) = space.find(&claim.pid) {
        socket.evict();
    }
    let (joined, mut socket) = oneshot::channel();
    let (client, auth) = (Arc::clone(client), auth.clone());
    let rejoin = Rejoin { client, space: Arc::clone(space), auth, claim, welcome, joined };
    if let Err(error) = space.adapter.restore(rejoin).await {
        tracing::error!(%error, "the state of a Socket.IO client is not recovered");
    }
    socket.try_recv().ok()
}

async fn welcome(socket: Socket) {
    let space = socket.space();
    // Those that it had before, or has joined in a middleware. Not that of its id, which is never told.
    space.rooms_changed(socket.rooms().iter().filter(|room| *room != socket.id()));
    if let Some(handler) = &space.handlers().on_connect {
        handler(socket.clone()).await;
    }
}

fn new_id(session: &SharedSession, namespace: &Namespace) -> Result<ByteString, getrandom::Error> {
    if !speaks_v4(session) {
        return random_id();
    }
    // Nobody tells the client: it makes the same of what it knows.
    Ok(match &**namespace {
        "/" => session.sid(),
        namespace => format!("{namespace}#{}", session.sid()).into(),
    })
}

impl Application for ClientTask {
    fn poll(&mut self, cx: &mut Context<'_>) {
        // Told at once, for handlers may wait for it, or for acks that will not come.
        self.client.see_end();
        // What arrives within one poll arrives at one time.
        let now = self.client.session().now();
        let mut taken = 0;
        loop {
            let has_hands = self.poll_at_work(cx);
            let (is_written, left) = self.client.turn();
            if !left.is_empty() {
                // A handler may put out the client's other sockets.
                self.tell_who_left(left, cx);
                continue;
            }
            if taken == TURN {
                // Asked once, it has this task woken when others had their turn.
                let _ = pin!(yield_now()).poll(cx);
                break;
            }
            taken += 1;
            let has_room = has_hands && is_written;
            if has_room && let Some(event) = self.backlog.pop_front() {
                self.backlog_bytes -= cost(&event);
                if self.backlog.is_empty() {
                    self.backlog = VecDeque::new();
                }
                self.dispatch(event, cx);
            } else if self.backlog.is_empty()
                && let Some(reason) = self.close_reason.take()
            {
                self.client.end(reason);
            } else if self.backlog_bytes >= self.client.session().limits().max_unread
                || !self.receive(now, has_room, cx)
            {
                break;
            }
        }
        self.client.see_end();
        self.holds_back = !self.client.rest();
    }

    fn holds_back(&self) -> bool {
        self.holds_back
    }

    fn is_done(&self) -> bool {
        self.at_work.is_none() && self.backlog.is_empty() && self.close_reason.is_none()
    }

    fn next_timeout(&self) -> Option<Duration> {
        self.client.next_timeout()
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.client.handle_timeout(now);
    }

    fn shut_down(&mut self) {
        self.client.close_after_output(DisconnectReason::ServerShuttingDown);
    }
}

impl Drop for ClientTask {
    /// Also when the time to drain is over: sockets must not stay in their rooms.
    fn drop(&mut self) {
        self.client.end(engine_io::CloseReason::ForcedClose);
        for (socket, _) in self.client.turn().1 {
            socket.space().end(&socket);
            self.io.clean_up(socket.space());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::sync::Notify;

    use super::*;
    use crate::request::Request;
    use crate::socket_io::adapter::InMemoryAdapter;

    #[test]
    fn an_event_that_waits_counts_what_it_holds() {
        let auth = Json::decode(r#"{"a":1}"#.into()).unwrap();
        let namespace = Namespace::try_from("/long".repeat(100).as_str()).unwrap();
        let connect = Event::Connect { namespace: namespace.clone(), auth: Some(auth) };
        assert_eq!(cost(&connect), EVENT_OVERHEAD + 500 + 7);
        // It has joined, and its name is kept for that.
        let data = Data::binary_event("e", vec![Bytes::from_static(b"123")]).unwrap();
        let json = data.json().len();
        assert_eq!(cost(&Event::Event { namespace, data, ack: None }), EVENT_OVERHEAD + json + 3);
    }

    #[tokio::test]
    async fn events_that_have_waited_leave_no_room_behind() {
        let session = engine_io::Session::new(
            "sid",
            engine_io::Transport::WebSocket,
            engine_io::Limits::default(),
        );
        let request = Request::of(http::Request::new(()).into_parts().0, None);
        let session = SharedSession::new(session, Arc::default(), request);
        let (io, go_on) = (Arc::new(Io::new(InMemoryAdapter::new())), Arc::new(Notify::new()));
        let goes_on = Arc::clone(&go_on);
        let wait = move |_: Socket| {
            let goes_on = Arc::clone(&goes_on);
            async move { goes_on.notified().await }
        };
        io.set(Namespace::default(), NamespaceHandlers::default().on("wait", wait));
        let rules = Arc::new(Rules { max_handlers: 1, ..Rules::default() });
        let mut task = ClientTask::new(&session, &io, &rules);
        let cx = &mut Context::from_waker(Waker::noop());
        for (text, waiting) in [("40", 0), (r#"42["wait"]"#, 0)]
            .into_iter()
            .chain((1..=100).map(|n| (r#"42["x"]"#, n)))
        {
            session.receive(engine_io::Frame::Text(text.into())).unwrap();
            task.poll(cx);
            assert_eq!(task.backlog.len(), waiting);
        }
        go_on.notify_one();
        task.poll(cx);
        assert_eq!(task.backlog.capacity(), 0);
        // It has seen to all of them.
        assert!(task.is_done() && task.backlog_bytes == 0);
    }
}
