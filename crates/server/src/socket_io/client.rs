use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rtwire_engineio as engine_io;
use rtwire_socketio::{
    AckToken, Connection, Data, DisconnectReason, Error, Event, Message, Namespace, NamespaceMap,
    PreparedEvent, SendError,
};
use tokio::sync::oneshot;

use crate::engine_io::SharedSession;
use crate::socket_io::adapter::Flags;
use crate::socket_io::error::{AckError, ConnectError, EmitError};
use crate::socket_io::prepared::PreparedPacket;
use crate::socket_io::server::Rules;
use crate::socket_io::socket::Socket;

/// A client's connection: the sockets of its namespaces, over one session.
pub(crate) struct Client {
    session: Arc<SharedSession>,
    pub(crate) rules: Arc<Rules>,
    state: Mutex<State>,
}

/// The type of Engine.IO's packet that carries ours.
const MESSAGE: &str = "4";

pub(crate) type Answer = Result<Data, AckError>;

struct State {
    connection: Connection,
    members: NamespaceMap<Member>,
    /// Sockets that have gone, for the task to tell.
    left: Vec<(Socket, DisconnectReason)>,
    /// Why this side closes the session, if it does.
    closing: Option<DisconnectReason>,
    closes_after_output: bool,
    /// The session is over: nothing is sent any more.
    ended: bool,
}

/// Why a client has not joined a namespace.
pub(crate) enum NotJoined {
    /// It went away, or reads nothing and has to.
    Gone,
    /// What it missed has no room in its output.
    MissedTooMuch,
}

struct Member {
    socket: Socket,
    acks: BTreeMap<u64, oneshot::Sender<Answer>>,
}

impl Client {
    pub(crate) fn new(session: &Arc<SharedSession>, rules: &Arc<Rules>) -> Arc<Self> {
        let (limits, now) = (Arc::clone(&rules.limits), session.now());
        let connection = if speaks_v4(session) {
            Connection::new_v4(limits, now)
        } else {
            Connection::new(limits, now)
        };
        let connection = connection.with_parser(rules.parser);
        let state = State {
            connection,
            members: NamespaceMap::default(),
            left: Vec::new(),
            closing: None,
            closes_after_output: false,
            ended: false,
        };
        Arc::new(Self {
            session: Arc::clone(session),
            rules: Arc::clone(rules),
            state: Mutex::new(state),
        })
    }

    pub(crate) fn session(&self) -> &Arc<SharedSession> {
        &self.session
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panic could leave behind is a packet that was not queued.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message of the client. An error closes the session.
    pub(crate) fn receive(&self, message: Message, now: Duration) -> Option<Event> {
        let result = self.lock().connection.next_event(message, now);
        result.unwrap_or_else(|error| {
            self.fail(&error);
            None
        })
    }

    fn fail(&self, error: &Error) {
        let (rule, section, offset) = (error.rule(), error.rule().section(), error.offset());
        let peer = self.session.request().peer_addr();
        tracing::info!(?peer, %rule, section, offset, "Socket.IO refused");
        self.close(rule.disconnect_reason());
    }

    pub(crate) fn next_timeout(&self) -> Option<Duration> {
        let state = self.lock();
        if state.ended { None } else { state.connection.next_timeout() }
    }

    pub(crate) fn handle_timeout(&self, now: Duration) {
        loop {
            let mut state = self.lock();
            match state.connection.handle_timeout(now) {
                Ok(Some(Event::AckTimeout { namespace, id })) => {
                    state.answer(&namespace, id, Err(AckError::Timeout));
                }
                Ok(_) => return,
                Err(error) => {
                    drop(state);
                    return self.fail(&error);
                }
            }
        }
    }

    /// The socket that the client has in a namespace.
    pub(crate) fn member(&self, namespace: &Namespace) -> Option<Socket> {
        self.lock().members.get(namespace).map(|member| member.socket.clone())
    }

    pub(crate) fn answer(&self, namespace: &Namespace, id: u64, data: Data) {
        self.lock().answer(namespace, id, Ok(data));
    }

    /// Lets the client join a namespace, and the socket's rooms there; `missed` is sent before it hears of
    /// that.
    pub(crate) fn accept(&self, socket: &Socket, missed: Vec<Data>) -> Result<(), NotJoined> {
        let space = socket.space();
        // What is no event was none for anybody.
        let missed =
            missed.into_iter().filter_map(|data| PreparedEvent::new(&space.name, data).ok());
        let missed: Vec<_> = missed.collect();
        let mut state = self.lock();
        if state.is_over() {
            return Err(NotJoined::Gone);
        }
        let accepted = match socket.pid() {
            None => state.connection.accept(&space.name, socket.id()),
            Some(pid) => state.connection.accept_recovered(&space.name, socket.id(), pid, &missed),
        };
        match accepted {
            Ok(()) => {}
            Err(SendError::Full) if !missed.is_empty() => return Err(NotJoined::MissedTooMuch),
            Err(error) => {
                drop(state);
                self.unanswered(error);
                return Err(NotJoined::Gone);
            }
        }
        let member = Member { socket: socket.clone(), acks: BTreeMap::new() };
        state.members.insert(space.name.clone(), member);
        // Broadcasts reach it from here on, after the answer to its CONNECT.
        socket.enter_rooms();
        space.begin(socket);
        self.write(&mut state);
        Ok(())
    }

    pub(crate) fn refuse(&self, namespace: &Namespace, error: &ConnectError) {
        self.refuse_with(|connection| {
            connection.refuse(namespace, &error.message, error.data.as_ref())
        });
    }

    /// There is no such namespace.
    pub(crate) fn refuse_unknown(&self, namespace: &Namespace) {
        self.refuse_with(|connection| connection.refuse_unknown(namespace));
    }

    fn refuse_with(&self, refuse: impl FnOnce(&mut Connection) -> Result<(), SendError>) {
        let mut state = self.lock();
        let refused = refuse(&mut state.connection);
        self.write(&mut state);
        drop(state);
        if let Err(error) = refused {
            self.unanswered(error);
        }
    }

    /// A CONNECT stays without an answer: the client reads none, or has gone.
    fn unanswered(&self, error: SendError) {
        if error == SendError::Full {
            self.too_slow();
        }
    }

    fn too_slow(&self) {
        let peer = self.session.request().peer_addr();
        tracing::info!(?peer, "a Socket.IO client takes less than it is sent: closed");
        self.close(DisconnectReason::ForcedServerClose);
    }

    pub(crate) fn emit(&self, socket: &Socket, data: Data, flags: Flags) -> Result<(), EmitError> {
        let mut state = self.lock();
        state.member(socket)?;
        if flags.volatile && !self.is_writable(&mut state) {
            return data.event_name().map(drop).ok_or(EmitError::NotAnEvent);
        }
        state.queue(flags, |connection| connection.send_event(&socket.space().name, data))?;
        self.write(&mut state);
        Ok(())
    }

    pub(crate) fn emit_with_ack(
        &self,
        socket: &Socket,
        id: u64,
        data: Data,
        timeout: Duration,
        flags: Flags,
    ) -> Result<oneshot::Receiver<Answer>, EmitError> {
        let deadline = self.session.now().saturating_add(timeout);
        let namespace = &socket.space().name;
        let mut state = self.lock();
        state.member(socket)?;
        if flags.volatile && !self.is_writable(&mut state) {
            return Err(EmitError::Volatile);
        }
        state.forget_unwanted(self.rules.limits.max_acks);
        state.queue(flags, |connection| {
            connection.send_event_with_ack(namespace, id, data, Some(deadline))
        })?;
        let (sender, answer) = oneshot::channel();
        state.member(socket)?.acks.insert(id, sender);
        self.write(&mut state);
        // The task has a new deadline.
        self.session.update(|_| ());
        Ok(answer)
    }

    pub(crate) fn send_ack(&self, token: AckToken, data: Data) -> Result<(), EmitError> {
        let mut state = self.lock();
        if state.is_over() {
            return Err(EmitError::Disconnected);
        }
        state.connection.send_ack(token, data)?;
        self.write(&mut state);
        Ok(())
    }

    /// Whether an event may be sent to the socket now.
    pub(crate) fn ready(&self, socket: &Socket) -> Result<(), EmitError> {
        let mut state = self.lock();
        state.member(socket)?;
        Ok(state.connection.ready(&socket.space().name)?)
    }

    /// Sends what was encoded for many. False if this socket has gone; who is too slow has gone then,
    /// or goes without what is volatile.
    pub(crate) fn deliver(&self, socket: &Socket, packet: &PreparedPacket, flags: Flags) -> bool {
        let mut state = self.lock();
        if flags.volatile && !self.is_writable(&mut state) {
            return false;
        }
        let sent = state.member(socket).map(drop);
        let sent = sent.and_then(|()| self.send_packet(&mut state, socket, packet, flags));
        drop(state);
        if matches!(sent, Err(EmitError::Full)) {
            self.too_slow();
        }
        sent.is_ok()
    }

    /// As [`deliver`](Self::deliver), with an event of this ack id that the client is to answer.
    pub(crate) fn deliver_with_ack(
        &self,
        socket: &Socket,
        id: u64,
        packet: &PreparedPacket,
        timeout: Duration,
        flags: Flags,
    ) -> Result<oneshot::Receiver<Answer>, EmitError> {
        let deadline = self.session.now().saturating_add(timeout);
        let mut state = self.lock();
        state.member(socket)?;
        if flags.volatile && !self.is_writable(&mut state) {
            return Err(EmitError::Volatile);
        }
        state.forget_unwanted(self.rules.limits.max_acks);
        let sent = state.expect_answer(socket, id, deadline).and_then(|answer| {
            self.send_packet(&mut state, socket, packet, flags)?;
            Ok(answer)
        });
        drop(state);
        if matches!(sent, Err(EmitError::Full)) {
            self.too_slow();
        }
        // The task has a new deadline.
        self.session.update(|_| ());
        sent
    }

    /// Queues what was encoded for many: as it is where all is sent that was to be sent before.
    fn send_packet(
        &self,
        state: &mut State,
        socket: &Socket,
        packet: &PreparedPacket,
        flags: Flags,
    ) -> Result<(), EmitError> {
        state.connection.ready(&socket.space().name)?;
        if packet.parser == self.rules.parser && state.connection.output().is_empty() {
            let all = &packet.messages;
            match self.session.update(|session| session.send_all_prepared(all)) {
                Err(engine_io::SendError::Full) => {}
                sent => return sent.map_err(|_| EmitError::Disconnected),
            }
        }
        state.queue(flags, |connection| connection.send_prepared(&packet.event))?;
        self.write(state);
        Ok(())
    }

    /// Whether the transport takes something now, and nothing is held up on the way there.
    fn is_writable(&self, state: &mut State) -> bool {
        state.connection.output().is_empty() && self.session.is_writable()
    }

    /// Moves what is to be sent into the session, as far as that has room.
    fn write(&self, state: &mut State) {
        let output = state.connection.output();
        if !output.is_empty() {
            let max_queue = self.session.limits().max_queue;
            let has_room =
                |session: &engine_io::Session| session.is_closed() || session.queued() < max_queue;
            let sent = self.session.update_some(|session| {
                // Full, it is left alone: nothing would change, and nobody is to be woken.
                let mut sent = has_room(session).then_some(Ok(()));
                // Not until there is none: the room that it takes is wanted for the next one.
                while sent == Some(Ok(())) && !output.is_empty() && has_room(session) {
                    sent = output
                        .pop_after(MESSAGE)
                        .map(|message| send(session, message, output.may_compress()));
                }
                sent
            });
            match sent {
                None | Some(Ok(())) => {}
                Some(Err(engine_io::SendError::Closed)) => while output.pop().is_some() {},
                // JSON escapes the record separator, and a name with one is not of a namespace here.
                Some(Err(error)) => tracing::error!(%error, "a Socket.IO packet was not sent"),
            }
        }
        if state.closes_after_output && state.connection.output().is_empty() {
            state.closes_after_output = false;
            self.session.update(engine_io::Session::close);
        }
    }

    /// Between two events: writes what the session has room for now. False if some has none yet. And those who
    /// have left since the last call.
    pub(crate) fn turn(&self) -> (bool, Vec<(Socket, DisconnectReason)>) {
        let mut state = self.lock();
        self.write(&mut state);
        (state.connection.output().is_empty(), mem::take(&mut state.left))
    }

    /// After the last event for now: as [`turn`](Self::turn), and nothing to be sent takes no room.
    pub(crate) fn rest(&self) -> bool {
        let mut state = self.lock();
        self.write(&mut state);
        let output = state.connection.output();
        output.is_empty() && output.pop().is_none()
    }

    /// Whether the socket is connected.
    pub(crate) fn has(&self, socket: &Socket) -> bool {
        self.lock().member(socket).is_ok()
    }

    /// Puts the client out of a namespace.
    pub(crate) fn disconnect(&self, socket: &Socket) {
        let mut state = self.lock();
        if state.member(socket).is_ok() {
            // It has joined, and the session is open: what else there is to say is said already.
            let _ = state.connection.disconnect(&socket.space().name);
            state.leave(&socket.space().name, DisconnectReason::ServerNamespaceDisconnect);
            self.write(&mut state);
            drop(state);
            self.session.update(|_| ());
        }
    }

    /// Puts the client out of all namespaces, and closes the session.
    pub(crate) fn disconnect_all(&self) {
        let members: Vec<Socket> =
            self.lock().members.iter().map(|(_, member)| member.socket.clone()).collect();
        for socket in &members {
            self.disconnect(socket);
        }
        self.close_after_output(DisconnectReason::ForcedServerClose);
    }

    /// The client is back by another connection: this one is over, though nobody has noticed.
    pub(crate) fn evict(&self, socket: &Socket) {
        let reason = DisconnectReason::TransportClose;
        let mut state = self.lock();
        let namespace = &socket.space().name;
        if state.members.get(namespace).is_some_and(|member| member.socket == *socket) {
            state.leave(namespace, reason);
            drop(state);
            self.close(reason);
        }
    }

    /// The client has left a namespace.
    pub(crate) fn left(&self, namespace: &Namespace, reason: DisconnectReason) {
        self.lock().leave(namespace, reason);
    }

    /// Closes the session, after what is queued there.
    pub(crate) fn close(&self, reason: DisconnectReason) {
        self.lock().closing.get_or_insert(reason);
        self.session.update(engine_io::Session::close);
    }

    /// Closes the session, after all that was sent.
    pub(crate) fn close_after_output(&self, reason: DisconnectReason) {
        let mut state = self.lock();
        state.closing.get_or_insert(reason);
        state.closes_after_output = true;
        self.write(&mut state);
    }

    /// Once the session has ended nothing can be sent, and no ack will come. Events that came before
    /// may still be handled, until [`end`](Self::end).
    pub(crate) fn see_end(&self) {
        let mut state = self.lock();
        if !state.ended && self.session.read(engine_io::Session::is_closed) {
            state.ended = true;
            for member in state.members.values_mut() {
                member.acks.clear();
                member.socket.leave_rooms();
            }
        }
    }

    /// All sockets have gone.
    pub(crate) fn end(&self, reason: engine_io::CloseReason) {
        let mut state = self.lock();
        let reason = state.closing.unwrap_or(match reason {
            engine_io::CloseReason::TransportClose => DisconnectReason::TransportClose,
            engine_io::CloseReason::TransportError => DisconnectReason::TransportError,
            engine_io::CloseReason::PingTimeout => DisconnectReason::PingTimeout,
            engine_io::CloseReason::ParseError => DisconnectReason::ParseError,
            _ => DisconnectReason::ForcedClose,
        });
        state.ended = true;
        let joined: Vec<Namespace> =
            state.members.iter().map(|(namespace, _)| namespace.clone()).collect();
        for namespace in &joined {
            state.leave(namespace, reason);
        }
    }
}

/// Whether the client speaks protocol 4: that goes over Engine.IO 3, and protocol 5 over 4.
pub(crate) fn speaks_v4(session: &SharedSession) -> bool {
    session.read(engine_io::Session::version) == 3
}

/// Queues a message whose text has [`MESSAGE`] in front.
fn send(
    session: &mut engine_io::Session,
    message: Message,
    compress: bool,
) -> Result<(), engine_io::SendError> {
    let message = match message {
        Message::Binary(bytes) => Some(engine_io::PreparedMessage::new(bytes)),
        Message::Text(text) => engine_io::PreparedMessage::from_packet(text),
    };
    message.map_or(Ok(()), |message| session.send_prepared(message.compress(compress)))
}

impl State {
    /// Whether nothing is sent any more.
    fn is_over(&self) -> bool {
        self.ended || self.closing.is_some()
    }

    /// The entry of a socket, unless it has left; its namespace may have another one by now.
    fn member(&mut self, socket: &Socket) -> Result<&mut Member, EmitError> {
        if self.is_over() {
            return Err(EmitError::Disconnected);
        }
        let member = self.members.get_mut(&socket.space().name);
        member.filter(|member| member.socket == *socket).ok_or(EmitError::Disconnected)
    }

    /// Has `send` queue something with these flags.
    fn queue(
        &mut self,
        flags: Flags,
        send: impl FnOnce(&mut Connection) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        self.connection.output().set_compress(flags.compress);
        let sent = send(&mut self.connection);
        self.connection.output().set_compress(true);
        sent
    }

    /// When `max` acks are awaited, those that nobody waits for any more make room.
    fn forget_unwanted(&mut self, max: usize) {
        let Self { connection, members, .. } = self;
        if members.iter().map(|(_, member)| member.acks.len()).sum::<usize>() < max {
            return;
        }
        for Member { socket, acks } in members.values_mut() {
            acks.retain(|id, answer| {
                let is_wanted = !answer.is_closed();
                if !is_wanted {
                    connection.forget_ack(&socket.space().name, *id);
                }
                is_wanted
            });
        }
    }

    /// Has the event with this ack id answered, which is sent after this.
    fn expect_answer(
        &mut self,
        socket: &Socket,
        id: u64,
        deadline: Duration,
    ) -> Result<oneshot::Receiver<Answer>, EmitError> {
        self.member(socket)?;
        self.connection.await_ack(&socket.space().name, id, Some(deadline))?;
        let (sender, answer) = oneshot::channel();
        self.member(socket)?.acks.insert(id, sender);
        Ok(answer)
    }

    /// Whoever waits for an ack of this socket hears that it has gone.
    fn leave(&mut self, namespace: &Namespace, reason: DisconnectReason) {
        if let Some(Member { socket, .. }) = self.members.remove(namespace) {
            socket.set_left(reason);
            socket.leave_rooms();
            self.left.push((socket, reason));
        }
    }

    fn answer(&mut self, namespace: &Namespace, id: u64, answer: Answer) {
        let member = self.members.get_mut(namespace);
        if let Some(waiting) = member.and_then(|member| member.acks.remove(&id)) {
            // Nobody may want it any more.
            drop(waiting.send(answer));
        }
    }
}
