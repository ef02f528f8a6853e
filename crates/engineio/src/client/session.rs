//! The session machine: the client's end.
//!
//! ```text
//!  state       what happens                      next        what it does
//!  ──────────  ────────────────────────────────  ──────────  ─────────────────────────────────────
//!  Opening     next_request                      Opening     a GET, or a WebSocket
//!  Opening     GET: 0{…}                         Polling     Open; goes on with the next GET
//!  Opening     GET: 0{…} with "websocket"        Connecting  the same, and asks for a WebSocket
//!  Opening     WebSocket: 0{…}                   WebSocket   Open
//!
//!  Connecting  WebSocket: opened                 Probing     WebSocket: 2probe
//!  Probing     WebSocket: 3probe                 Paused      no further GET or POST
//!  Paused      GET and POST have been answered   WebSocket   Upgraded; WebSocket: 5, then the queue
//!  upgrading*  WebSocket: anything else, its     Polling     closes the WebSocket, nothing else
//!              end, or 10 s over
//!
//!  polling*    GET answered                      polling*    Messages; the next GET, unless Paused
//!  polling*    something is queued               polling*    a POST of what fits, unless Paused
//!  live*       2                                 live*       queues 3, before the rest
//!
//!  live*       1                                 Closed      Close frame     "transport close"
//!  WebSocket   its end                           Closed                      "transport close"
//!  WebSocket   it breaks off                     Closed                      "transport error"
//!  polling*    GET or POST refused or failed     Closed                      "transport error"
//!  live*       too much at once, or a packet     Closed      Close frame     "transport error"
//!              out of place
//!  live*       malformed packet                  Closing°                    "parse error"
//!  live*       no ping in time                   Closing°                    "ping timeout"
//!  Opening     any of these                      Closed      Close frame     likewise
//!  Opening     20 s over                         Closed      Close frame     "transport error"
//!
//!  polling*    close()                           Closing     the queue, 1    "forced close"
//!  WebSocket   close()                           Closed      the queue,      "forced close"
//!                                                            then Close frame
//!  Opening     close()                           Closing°                    "forced close"
//!  Closing     the last POST has been answered   Closed
//!  Closing     20 s over, or a POST failed       Closed      drops the rest
//!
//!  upgrading* = Connecting, Probing, Paused; polling* = those and Polling: until the switch the
//!  session lives on polling. live* = polling* and WebSocket.
//!  Closing° = over polling, where nothing but 1 is sent, if the server has opened a session by then;
//!  on a WebSocket Closed, and a Close frame. A Close frame also ends what is left of an upgrade.
//! ```
//!
//! ```text
//!          ping_interval + ping_timeout, as the open packet has them
//!  open ───────────────────────────────────────────────────────────────▶ "ping timeout"
//!    ▲                  │
//!    └──── 2, then 3 ───┘        not while the caller has no room for what comes
//! ```

use alloc::{collections::VecDeque, string::String};
use core::{fmt, mem, slice, time::Duration};

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::Value;

use super::{event::Event, limits::Limits, request::Request};
use crate::{
    close_reason::CloseReason,
    error::{Error, SendError},
    frame::Frame,
    message::Message,
    open::OpenPacket,
    packet::Packet,
    payload::{Payload, SEPARATOR, polling_len, push_frame},
    prepared::PreparedMessage,
    query::{Transport, encode_query},
    queue::{PONG, Queue, Queued},
    rule::Rule,
    timer::Timer,
};

/// The client's end of a session, over polling, over a WebSocket, and from one to the other. It speaks
/// version 4.
///
/// Its file draws the table of transitions. After each call:
/// [`next_event`](Self::next_event) until `None`, [`next_request`](Self::next_request) until `None`,
/// [`next_frame`](Self::next_frame) for the WebSocket, [`next_timeout`](Self::next_timeout). When it
/// [`is_finished`](Self::is_finished), requests that have no answer yet are of no use any more.
///
/// ```
/// use rtwire_engineio::client::{Event, Limits, Request};
/// use rtwire_engineio::{ClientSession, Frame, Transport};
///
/// let mut session = ClientSession::new(Transport::Polling, Limits::default());
/// let Some(Request::Get { query }) = session.next_request() else { panic!() };
/// assert_eq!(query, "EIO=4&transport=polling");
/// session.finish_get(200, r#"0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100}"#)?;
/// assert!(matches!(session.next_event(), Some(Event::Open(open)) if open.max_payload == 100));
///
/// session.send("hello")?;
/// let Some(Request::Post { query, body }) = session.next_request() else { panic!() };
/// assert_eq!((&*query, &*body), ("EIO=4&transport=polling&sid=s", "4hello"));
/// assert!(matches!(session.next_request(), Some(Request::Get { .. })));
/// assert!(matches!(session.next_request(), Some(Request::WebSocket { .. })));
///
/// session.websocket_opened();
/// assert_eq!(session.next_frame(), Some(Frame::Text("2probe".into())));
/// session.receive(Frame::Text("3probe".into()))?;
/// session.send("meanwhile")?;
/// session.finish_post(200, "ok")?;
/// session.finish_get(200, "4last\x1e6")?;
/// assert_eq!(session.next_event(), Some(Event::Message("last".into())));
/// assert_eq!(session.next_event(), Some(Event::Upgraded));
/// assert_eq!(session.next_frame(), Some(Frame::Text("5".into())));
/// assert_eq!(session.next_frame(), Some(Frame::Text("4meanwhile".into())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ClientSession {
    limits: Limits,
    upgrades: bool,
    state: State,
    transport: Transport,
    /// `None` until it is open.
    sid: Option<ByteString>,
    /// What the server takes at once, in bytes, and how long it is never silent.
    server_max_payload: usize,
    ping_period: Duration,
    /// Whether a GET, and a POST, are on their way.
    get: bool,
    post: bool,
    socket: Socket,
    /// What the WebSocket is owed before the queue: `2probe`, or `5`.
    upgrade_packet: Option<&'static str>,
    queue: Queue,
    events: VecDeque<Event>,
    /// What the messages among `events` count.
    unread: usize,
    /// To be open, to hear a ping, or to have closed.
    deadline: Timer,
    upgrade_timer: Timer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Polling,
    /// A WebSocket is to be opened.
    Connecting,
    /// It is open, and asked whether it works.
    Probing,
    /// It works; what is on its way over polling has to end.
    Paused,
    WebSocket,
    /// Ended, and the server is to be told by POST.
    Closing,
    /// Ended; a WebSocket may still have something to write.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    Absent,
    /// The caller is to open it and has not been told.
    Wanted,
    /// Or being opened.
    Open,
    /// The caller is to close it and has not been told.
    Closing,
}

impl ClientSession {
    /// A session to be opened on this transport. From polling it moves to a WebSocket, if the server
    /// has one.
    pub fn new(transport: Transport, limits: Limits) -> Self {
        Self {
            limits,
            upgrades: true,
            state: State::Opening,
            transport,
            sid: None,
            server_max_payload: usize::MAX,
            ping_period: Duration::MAX,
            get: false,
            post: false,
            socket: match transport {
                Transport::Polling => Socket::Absent,
                Transport::WebSocket => Socket::Wanted,
            },
            upgrade_packet: None,
            queue: Queue::default(),
            events: VecDeque::new(),
            unread: 0,
            deadline: Timer::Start,
            upgrade_timer: Timer::Off,
        }
    }

    /// Whether it moves from polling to a WebSocket; to be said before it is open.
    pub fn set_upgrade(&mut self, upgrade: bool) {
        self.upgrades = upgrade;
    }

    /// The transport that it is on, or was when it ended.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether it is open: messages can be sent.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Opening | State::Closing | State::Closed)
    }

    /// Whether it has ended. There may still be something to send:
    /// [`is_finished`](Self::is_finished).
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closing | State::Closed)
    }

    /// Whether it has ended and nothing is left to send: it may be forgotten, and what is still on its
    /// way with it. Before that, a GET that is dropped without its answer may end the session at the
    /// server before the last POST has reached it.
    pub fn is_finished(&self) -> bool {
        self.state == State::Closed && self.socket == Socket::Absent
    }

    /// What is queued, in bytes as [`Limits::max_queue`] counts them.
    pub fn queued(&self) -> usize {
        self.queue.bytes()
    }

    /// What happened next. `None`: nothing more.
    pub fn next_event(&mut self) -> Option<Event> {
        let had_room = self.can_receive();
        let event = self.events.pop_front();
        if let Some(Event::Message(message)) = &event {
            self.unread = self.unread.saturating_sub(message.unread_cost());
        }
        // What was not read may be a ping.
        if !had_room && self.can_receive() && self.is_open() {
            self.deadline = Timer::Start;
        }
        event
    }

    /// Whether more is to be read from the WebSocket: fewer than [`Limits::max_unread`] bytes wait in
    /// [`next_event`](Self::next_event). Until then there is no further GET either, and the server's
    /// silence is excused.
    pub fn can_receive(&self) -> bool {
        self.unread < self.limits.max_unread
    }

    /// Queues a message.
    ///
    /// # Errors
    /// [`SendError::NotOpen`], [`SendError::Closed`], [`SendError::Full`]; [`SendError::TooBig`], over
    /// the server's `maxPayload` by itself; [`SendError::RecordSeparator`] until the session is on a
    /// WebSocket.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.send_all_prepared(slice::from_ref(&PreparedMessage::new(message)))
    }

    /// Queues messages that belong together, such as a text and the binary that follows it: all of
    /// them, or none. Whether the queue is full is asked before the first.
    ///
    /// # Errors
    /// As for [`send`](Self::send); nothing is queued then.
    pub fn send_all_prepared(&mut self, messages: &[PreparedMessage]) -> Result<(), SendError> {
        match self.state {
            State::Opening => return Err(SendError::NotOpen),
            State::Closing | State::Closed => return Err(SendError::Closed),
            State::Polling
            | State::Connecting
            | State::Probing
            | State::Paused
            | State::WebSocket => {}
        }
        if self.queued() >= self.limits.max_queue {
            return Err(SendError::Full);
        }
        for PreparedMessage { queued: Queued { frame, .. } } in messages {
            let polling = self.transport == Transport::Polling;
            let len = if polling { polling_len(frame) } else { frame.len() };
            if len > self.server_max_payload {
                return Err(SendError::TooBig { limit: self.server_max_payload });
            }
            if polling && frame.as_text().is_some_and(|text| text.contains(SEPARATOR)) {
                return Err(SendError::RecordSeparator);
            }
        }
        for message in messages {
            self.queue.push(message.queued.clone());
        }
        Ok(())
    }

    /// Ends the session. What is queued is sent; then the server is told. An upgrade that has not come
    /// to its end is given up.
    pub fn close(&mut self) {
        if !self.is_closed() {
            self.end(CloseReason::ForcedClose);
        }
    }

    /// A request to be made now; at most one GET, one POST and one WebSocket are on their way.
    pub fn next_request(&mut self) -> Option<Request> {
        let polls = matches!(self.state, State::Polling | State::Connecting | State::Probing);
        let posts = polls || self.state == State::Closing && self.sid.is_some();
        if posts && !self.post && !self.queue.is_empty() {
            self.post = true;
            let body = self.take_payload();
            return Some(Request::Post { query: self.query(Transport::Polling), body });
        }
        let opens = self.state == State::Opening && self.transport == Transport::Polling;
        if (opens || polls && self.can_receive()) && !self.get {
            self.get = true;
            return Some(Request::Get { query: self.query(Transport::Polling) });
        }
        if self.socket == Socket::Wanted {
            self.socket = Socket::Open;
            if self.state == State::Connecting {
                self.upgrade_timer = Timer::Start;
            }
            return Some(Request::WebSocket { query: self.query(Transport::WebSocket) });
        }
        None
    }

    /// Takes the answer to the GET.
    ///
    /// # Errors
    /// [`Rule::Refused`], [`Rule::PayloadTooBig`], [`Rule::UnexpectedPacket`] and those of
    /// [`Payload::decode`]: the packets before count, the session has ended.
    pub fn finish_get(&mut self, status: u16, body: impl Into<Bytes>) -> Result<(), Error> {
        if !mem::take(&mut self.get) || self.state == State::Closed {
            return Ok(());
        }
        let body = body.into();
        if self.state == State::Closing {
            self.finish_get_after_close(status, body);
            return Ok(());
        }
        if status != 200 {
            self.end(CloseReason::TransportError);
            return Err(refused(status, &body));
        }
        if body.len() > self.limits.max_payload {
            self.end(CloseReason::TransportError);
            return Err(Rule::PayloadTooBig { limit: self.limits.max_payload }.into());
        }
        let len = body.len();
        let mut payload = Payload::decode(body, self.limits.max_packets);
        loop {
            let start = payload.offset();
            match payload.next() {
                None => break,
                Some(Ok(packet)) => {
                    self.packet(packet.detached(len)).map_err(|rule| Error::new(rule, start))?;
                    // What follows a close packet is nobody's.
                    if self.is_closed() {
                        break;
                    }
                }
                Some(Err(error)) => {
                    self.end(CloseReason::ParseError);
                    return Err(error);
                }
            }
        }
        self.switch_if_idle();
        Ok(())
    }

    /// Its session is over, but if this is the handshake's answer the server does not know that yet.
    fn finish_get_after_close(&mut self, status: u16, body: Bytes) {
        if self.sid.is_some() {
            return;
        }
        match Payload::decode(body, 1).next() {
            Some(Ok(Packet::Open(open))) if status == 200 => self.sid = Some(open.sid),
            _ => self.forget(),
        }
    }

    /// Takes the answer to the POST.
    ///
    /// # Errors
    /// [`Rule::Refused`]: the session has ended, and whether the server has taken what was sent is not
    /// known.
    pub fn finish_post(&mut self, status: u16, body: impl Into<Bytes>) -> Result<(), Error> {
        if !mem::take(&mut self.post) {
            return Ok(());
        }
        match self.state {
            State::Closed => Ok(()),
            State::Closing => {
                if status != 200 || self.queue.is_empty() {
                    self.forget();
                }
                Ok(())
            }
            _ if status != 200 => {
                self.end(CloseReason::TransportError);
                Err(refused(status, &body.into()))
            }
            _ => {
                self.switch_if_idle();
                Ok(())
            }
        }
    }

    /// The GET has failed: there is no answer, or only some of it.
    pub fn get_failed(&mut self) {
        if !mem::take(&mut self.get) {
            return;
        }
        match self.state {
            State::Closing if self.sid.is_none() => self.forget(),
            State::Closing | State::Closed => {}
            _ => self.end(CloseReason::TransportError),
        }
    }

    /// The POST has failed: there is no answer.
    pub fn post_failed(&mut self) {
        if !mem::take(&mut self.post) {
            return;
        }
        match self.state {
            State::Closing => self.forget(),
            State::Closed => {}
            _ => self.end(CloseReason::TransportError),
        }
    }

    /// The WebSocket is open.
    pub fn websocket_opened(&mut self) {
        if self.state == State::Connecting && self.socket == Socket::Open {
            self.state = State::Probing;
            self.upgrade_packet = Some("2probe");
        }
    }

    /// Takes what the WebSocket brought.
    ///
    /// # Errors
    /// Those of [`Packet::decode`], [`Rule::UnexpectedPacket`], [`Rule::PayloadTooBig`]. They end the
    /// session; during an upgrade only the WebSocket. [`next_frame`](Self::next_frame) has the Close
    /// frame.
    pub fn receive(&mut self, frame: Frame) -> Result<(), Error> {
        if self.socket != Socket::Open {
            // To be closed: what it still brings is nobody's, but its end is.
            if frame == Frame::Close {
                self.end_socket(CloseReason::TransportClose);
            }
            return Ok(());
        }
        let upgrading = self.transport == Transport::Polling;
        if frame.len() > self.limits.max_payload {
            self.refuse_frame(upgrading, CloseReason::TransportError);
            return Err(Rule::PayloadTooBig { limit: self.limits.max_payload }.into());
        }
        let packet = match frame {
            Frame::Text(text) => Packet::decode(&text),
            Frame::Binary(bytes) => Ok(Packet::Message(bytes.into())),
            Frame::Close => {
                self.end_socket(CloseReason::TransportClose);
                return Ok(());
            }
        };
        match packet {
            Ok(packet) if upgrading => self.probe_packet(&packet).map_err(Error::from),
            Ok(packet) => self.packet(packet).map_err(Error::from),
            Err(error) => {
                self.refuse_frame(upgrading, CloseReason::ParseError);
                Err(error)
            }
        }
    }

    fn refuse_frame(&mut self, upgrading: bool, reason: CloseReason) {
        if upgrading {
            self.end_upgrade();
        } else {
            self.end(reason);
        }
    }

    /// The WebSocket could not be opened, or has broken off without a closing handshake or by breaking
    /// a rule of its own.
    pub fn websocket_failed(&mut self) {
        self.end_socket(CloseReason::TransportError);
    }

    /// What to write on the WebSocket next. After [`Frame::Close`] it is the caller's to close, open or
    /// not, and no longer of this session.
    pub fn next_frame(&mut self) -> Option<Frame> {
        if matches!(self.socket, Socket::Absent | Socket::Wanted) {
            return None;
        }
        if let Some(packet) = self.upgrade_packet.take() {
            return Some(Frame::Text(ByteString::from_static(packet)));
        }
        if self.transport == Transport::WebSocket
            && let Some(queued) = self.queue.pop()
        {
            return Some(queued.frame);
        }
        if self.socket == Socket::Closing {
            self.socket_is_gone();
            return Some(Frame::Close);
        }
        None
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, on the caller's clock. Ask
    /// again after each call that changes the session. A point in the past, such as zero, means at
    /// once: that is how the session learns what time it is.
    pub fn next_timeout(&self) -> Option<Duration> {
        [self.deadline, self.upgrade_timer].into_iter().filter_map(Timer::at).min()
    }

    /// Tells the time, which may be earlier or later than asked for: gives up on a silent server, a
    /// slow upgrade, or a close that takes too long.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.deadline.tick(now, self.period()) {
            match self.state {
                State::Opening => self.end(CloseReason::TransportError),
                State::Closing | State::Closed => self.forget(),
                // The time runs again when there is room.
                _ if !self.can_receive() => {}
                _ => self.end(CloseReason::PingTimeout),
            }
            // What begins now has been told the time.
            self.deadline.tick(now, self.period());
        }
        if self.upgrade_timer.tick(now, self.limits.upgrade_timeout) {
            self.end_upgrade();
        }
    }

    /// What the deadline runs for.
    fn period(&self) -> Duration {
        match self.state {
            State::Opening => self.limits.open_timeout,
            State::Closing | State::Closed => self.limits.close_timeout,
            State::Polling
            | State::Connecting
            | State::Probing
            | State::Paused
            | State::WebSocket => self.ping_period,
        }
    }

    /// A packet on the transport that the session is on.
    fn packet(&mut self, packet: Packet) -> Result<(), Rule> {
        match (self.state, packet) {
            (State::Opening, Packet::Open(open)) => self.open(open),
            (_, Packet::Close) => self.end(CloseReason::TransportClose),
            (State::Opening, _) => return self.unexpected(),
            (_, Packet::Message(message)) => {
                self.unread = self.unread.saturating_add(message.unread_cost());
                self.events.push_back(Event::Message(message));
            }
            (_, Packet::Ping { probe: false }) => {
                self.queue.push_heartbeat(PONG);
                self.deadline = Timer::Start;
            }
            (_, Packet::Noop) => {}
            (_, Packet::Open(_) | Packet::Ping { .. } | Packet::Pong { .. } | Packet::Upgrade) => {
                return self.unexpected();
            }
        }
        Ok(())
    }

    fn unexpected(&mut self) -> Result<(), Rule> {
        self.end(CloseReason::TransportError);
        Err(Rule::UnexpectedPacket)
    }

    fn open(&mut self, open: OpenPacket) {
        let websocket = Transport::WebSocket.as_str();
        self.state = match self.transport {
            Transport::WebSocket => State::WebSocket,
            Transport::Polling if self.upgrades && open.upgrades.iter().any(|u| u == websocket) => {
                self.socket = Socket::Wanted;
                State::Connecting
            }
            Transport::Polling => State::Polling,
        };
        self.sid = Some(open.sid.clone());
        self.ping_period = open.ping_interval.saturating_add(open.ping_timeout);
        // The reference client takes 0 as no limit, too.
        self.server_max_payload = match usize::try_from(open.max_payload) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(limit) => limit,
        };
        self.deadline = Timer::Start;
        self.events.push_back(Event::Open(open));
    }

    /// A packet on the WebSocket of an upgrade.
    fn probe_packet(&mut self, packet: &Packet) -> Result<(), Rule> {
        // An answer to what has not been asked is none.
        let asked = self.state == State::Probing && self.upgrade_packet.is_none();
        if asked && *packet == (Packet::Pong { probe: true }) {
            self.state = State::Paused;
            self.switch_if_idle();
            return Ok(());
        }
        self.end_upgrade();
        Err(Rule::UnexpectedPacket)
    }

    /// "Upgrade": polling is paused, so that nothing is on its way there when the WebSocket takes over.
    fn switch_if_idle(&mut self) {
        if self.state == State::Paused && !self.get && !self.post {
            self.state = State::WebSocket;
            self.transport = Transport::WebSocket;
            self.upgrade_packet = Some("5");
            self.upgrade_timer = Timer::Off;
            self.events.push_back(Event::Upgraded);
        }
    }

    /// Gives up the WebSocket of an upgrade; the session goes on over polling.
    fn end_upgrade(&mut self) {
        self.state = State::Polling;
        self.dismiss_socket();
    }

    /// The WebSocket is of no use any more.
    fn dismiss_socket(&mut self) {
        self.socket = match self.socket {
            Socket::Absent | Socket::Wanted => Socket::Absent,
            Socket::Open | Socket::Closing => Socket::Closing,
        };
        // The queue that leaves on it after a close follows the switch.
        if self.transport == Transport::Polling {
            self.upgrade_packet = None;
        }
        self.upgrade_timer = Timer::Off;
    }

    /// The WebSocket is no more, so that nobody is told to close it.
    fn end_socket(&mut self, reason: CloseReason) {
        match self.socket {
            Socket::Absent | Socket::Wanted => return,
            Socket::Open if self.transport == Transport::WebSocket => self.end(reason),
            Socket::Open => self.end_upgrade(),
            Socket::Closing => {}
        }
        self.socket_is_gone();
    }

    fn socket_is_gone(&mut self) {
        self.socket = Socket::Absent;
        if self.state == State::Closed {
            self.forget();
        }
    }

    /// Ends the session. It may have last words: what was queued if that was wished for, and a close
    /// packet if the server may still think that the session is open.
    fn end(&mut self, reason: CloseReason) {
        let ours = match reason {
            CloseReason::ForcedClose => true,
            CloseReason::PingTimeout | CloseReason::ParseError => {
                self.queue = Queue::default();
                true
            }
            CloseReason::TransportClose | CloseReason::TransportError => {
                self.queue = Queue::default();
                false
            }
        };
        // Of a handshake that was asked for the answer may come yet.
        let known = self.sid.is_some() || self.get;
        self.state = if ours && known && self.transport == Transport::Polling {
            self.queue.push(Packet::Close.encode().into());
            State::Closing
        } else {
            State::Closed
        };
        self.dismiss_socket();
        self.deadline = if self.is_finished() { Timer::Off } else { Timer::Start };
        self.events.push_back(Event::Close(reason));
    }

    /// Drops what could not be sent.
    fn forget(&mut self) {
        self.state = State::Closed;
        self.queue = Queue::default();
        self.deadline = Timer::Off;
    }

    /// As many packets as go into a POST. One goes always: `send` has seen to that.
    fn take_payload(&mut self) -> ByteString {
        let mut payload = String::new();
        for _ in 0..self.limits.max_packets_sent.max(1) {
            let separator = usize::from(!payload.is_empty());
            let Some(len) = self.queue.front().map(|frame| separator + polling_len(frame)) else {
                break;
            };
            if separator > 0 && payload.len().saturating_add(len) > self.server_max_payload {
                break;
            }
            if let Some(queued) = self.queue.pop() {
                push_frame(&mut payload, &queued.frame);
            }
        }
        payload.into()
    }

    fn query(&self, transport: Transport) -> String {
        encode_query(transport, self.sid.as_deref())
    }
}

/// What an answer means that is not 200: the reference server says why in JSON.
fn refused(status: u16, body: &Bytes) -> Error {
    /// More than any of its errors.
    const MOST: usize = 1024;
    let value = serde_json::from_slice::<Value>(body.get(..MOST).unwrap_or(body));
    let code = value.ok().and_then(|value| u8::try_from(value.get("code")?.as_u64()?).ok());
    Rule::Refused { status, code }.into()
}

impl fmt::Debug for ClientSession {
    /// Without the sid, which is a secret, and without what peers say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSession")
            .field("state", &self.state)
            .field("transport", &self.transport)
            .field("get", &self.get)
            .field("post", &self.post)
            .field("socket", &self.socket)
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
