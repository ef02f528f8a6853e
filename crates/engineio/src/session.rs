//! The session machine: the server's end.
//!
//! ```text
//!  state      what happens                      next       what it does
//!  ─────────  ────────────────────────────────  ─────────  ──────────────────────────────────────
//!  Polling    start_upgrade, if it may          Probing    10 s begin
//!  Polling    start_upgrade, if it may not      Polling    refused
//!  Probing    WebSocket: 2probe                 Probed     WebSocket: 3probe; a waiting GET: 6
//!  Probing    WebSocket: anything else, its     Polling    closes the WebSocket, nothing else
//!  or Probed  end, or 10 s over
//!  Probed     WebSocket: 5                      WebSocket  a waiting GET: 6; the queue goes on here
//!  Probed     a GET finds the queue empty       Probed     6 after 100 ms
//!  WebSocket  start_upgrade, GET, POST          WebSocket  refused
//!
//!  polling*   GET while one waits               Closed     first GET: 1     "transport error"
//!  polling*   POST while one is read            Closed     waiting GET: 1   "transport error"
//!  polling*   POST: 1                           Closed     waiting GET: 6   "transport close"
//!  polling*   client of a GET or POST vanishes  Closed                      "transport error"
//!  polling*   close()                           Lingering                  "forced close"
//!  Lingering  a GET finds messages queued       Lingering  GET: the messages
//!  Lingering  a GET finds none, or nobody came  Closed     GET: 1
//!  Lingering  WebSocket that was Probed: 5      Closed     queue, then Close frame
//!  WebSocket  its end, or 1                     Closed     Close frame      "transport close"
//!  WebSocket  it breaks a rule, or is oversize  Closed                      "transport error"
//!  WebSocket  close()                           Closed     queue, then      "forced close"
//!                                                          Close frame
//!  any open   malformed packet                  Closed     waiting GET: 1,  "parse error"
//!  any open   packet out of place               Closed     or Close frame   "transport error"
//!  any open   no pong in time, or in version 3  Closed                      "ping timeout"
//!             no ping
//!
//!  polling* = Polling, Probing, Probed: until the switch the session lives on polling, and a
//!  message queued during an upgrade leaves with the next GET or, after 5, on the WebSocket.
//! ```
//!
//! ```text
//!          ping_interval          ping_timeout
//!  open ──────────────────▶ 2 ───────────────────▶ "ping timeout"
//!    ▲                      │
//!    └───────── 3 ──────────┘   the deadline goes on through an upgrade; it is put off, once,
//!                               when something else than 3 comes
//!
//!  version 3: the client pings
//!          ping_interval + ping_timeout
//!  open ─────────────────────────────────▶ "ping timeout"
//!    ▲                  │
//!    └──── 2, then 3 ───┘
//! ```

use alloc::{collections::VecDeque, string::String, vec, vec::Vec};
use core::{fmt, mem, slice, time::Duration};

use bytes::Bytes;
use bytestring::ByteString;

use crate::{
    close_reason::CloseReason,
    error::{Error, SendError},
    event::Event,
    frame::Frame,
    limits::Limits,
    message::Message,
    open::OpenPacket,
    packet::{Packet, base64_text},
    payload::{Payload, SEPARATOR, push_frame},
    prepared::PreparedMessage,
    query::Transport,
    queue::{PING, PONG, Queue},
    rule::Rule,
    timer::Timer,
    v3,
};

/// How long a GET waits during an upgrade before a noop answers it: a client that polls in a loop
/// is slowed by it, one that pauses does so soon.
const NOOP_DELAY: Duration = Duration::from_millis(100);

/// An upgrade packet, of either version.
const UPGRADE: &str = "5";

/// The server's end of a session, over polling, over a WebSocket, and from one to the other.
///
/// Its file draws the table of transitions. Drain [`next_event`](Self::next_event) after each call
/// that brings something in: the events of one input are bounded, those of many are not.
///
/// ```
/// use std::time::Duration;
/// use rtwire_engineio::{Frame, Limits, Session, Transport};
///
/// let mut session = Session::new("sid", Transport::Polling, Limits::default());
/// session.handle_timeout(Duration::ZERO);
/// session.poll()?;
/// session.payload(); // the open packet
/// session.poll()?; // waits
///
/// session.start_upgrade()?; // a WebSocket with this sid
/// session.receive(Frame::Text("2probe".into()))?;
/// assert_eq!(session.next_frame(), Some(Frame::Text("3probe".into())));
/// assert_eq!(session.payload(), Some(Frame::Text("6".into())));
/// session.send("meanwhile")?;
/// session.receive(Frame::Text("5".into()))?;
/// assert_eq!(session.next_frame(), Some(Frame::Text("4meanwhile".into())));
/// assert_eq!(session.transport(), Transport::WebSocket);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    /// It speaks version 3.
    v3: bool,
    sid: ByteString,
    limits: Limits,
    state: State,
    transport: Transport,
    get: Get,
    /// Whether the body of a POST is being read.
    posting: bool,
    /// Whether it may move to a WebSocket.
    may_upgrade: bool,
    socket: Socket,
    /// Whether the WebSocket is owed a `3probe`.
    probe_reply: bool,
    base64: bool,
    /// Of what was taken last.
    may_compress: bool,
    queue: Queue,
    events: VecDeque<Event>,
    /// What the messages among `events` count.
    unread: usize,
    heartbeat: Heartbeat,
    /// The deadline of this pong was put off.
    is_put_off: bool,
    heartbeat_timer: Timer,
    upgrade_timer: Timer,
    noop_timer: Timer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Polling,
    /// A WebSocket has come and not yet spoken.
    Probing,
    /// The WebSocket works in both directions.
    Probed,
    WebSocket,
    /// Closed by us; the next GET gets what is queued. An open WebSocket is one that was probed.
    Lingering,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Get {
    Absent,
    /// Until there is something to say.
    Waiting,
    /// To be answered with this packet, whatever is queued.
    Answer(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    Absent,
    Open,
    /// The caller is to close it and has not been told.
    Closing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heartbeat {
    /// The timer runs to the next ping, in version 3 to the deadline of the client's,
    Idle,
    /// to the deadline of its pong,
    Pinged,
    /// or, lingering, to the end of patience.
    Lingering,
}

impl Session {
    /// Opens a session: the open packet is queued, and [`Event::Open`] is the first event. The
    /// `sid` is secret ([`OpenPacket::sid`]).
    pub fn new(sid: impl Into<ByteString>, transport: Transport, limits: Limits) -> Self {
        Self::of_version(false, sid.into(), transport, limits)
    }

    /// Opens a session of [version 3](crate::v3).
    pub fn new_v3(sid: impl Into<ByteString>, transport: Transport, limits: Limits) -> Self {
        Self::of_version(true, sid.into(), transport, limits)
    }

    fn of_version(v3: bool, sid: ByteString, transport: Transport, limits: Limits) -> Self {
        let (state, socket) = match transport {
            Transport::Polling => (State::Polling, Socket::Absent),
            Transport::WebSocket => (State::WebSocket, Socket::Open),
        };
        let mut session = Self {
            v3,
            sid,
            limits,
            state,
            transport,
            get: Get::Absent,
            posting: false,
            may_upgrade: true,
            socket,
            probe_reply: false,
            base64: false,
            may_compress: true,
            queue: Queue::default(),
            events: VecDeque::from([Event::Open]),
            unread: 0,
            heartbeat: Heartbeat::Idle,
            is_put_off: false,
            heartbeat_timer: Timer::Start,
            upgrade_timer: Timer::Off,
            noop_timer: Timer::Off,
        };
        session.queue.push_open(session.open_packet());
        session
    }

    fn open_packet(&self) -> Frame {
        let upgrades = match self.transport {
            Transport::Polling if self.may_upgrade => vec![Transport::WebSocket.as_str().into()],
            Transport::Polling | Transport::WebSocket => Vec::new(),
        };
        let open = OpenPacket {
            sid: self.sid.clone(),
            upgrades,
            ping_interval: self.limits.ping_interval,
            ping_timeout: self.limits.ping_timeout,
            max_payload: self.limits.max_payload as u64,
        };
        Packet::Open(open).encode()
    }

    /// The session's name; a secret.
    pub fn sid(&self) -> &ByteString {
        &self.sid
    }

    /// The transport that it is on, or was when it ended.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The protocol's version, 3 or 4: what [`Query::version`](crate::Query) of its requests must be.
    pub fn version(&self) -> u8 {
        if self.v3 { 3 } else { 4 }
    }

    /// Whether it has ended. There may still be something to write:
    /// [`is_finished`](Self::is_finished).
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Lingering | State::Closed)
    }

    /// Whether it has ended and nothing is left to write: it may be forgotten.
    pub fn is_finished(&self) -> bool {
        self.state == State::Closed && self.get == Get::Absent && self.socket == Socket::Absent
    }

    /// What is queued, in bytes as [`Limits::max_queue`] counts them.
    pub fn queued(&self) -> usize {
        self.queue.bytes()
    }

    /// Whether binary goes out as base64 where the version has another way ([`Query::base64`](crate::Query)):
    /// on a WebSocket; in version 3 over polling too, which JSONP needs.
    pub fn set_base64(&mut self, base64: bool) {
        self.base64 = base64;
    }

    /// Whether it may move from polling to a WebSocket: yes. To be said before the open packet is taken, by
    /// which the client knows.
    pub fn set_upgrade(&mut self, upgrade: bool) {
        if self.may_upgrade != upgrade {
            self.may_upgrade = upgrade;
            self.queue.replace_open(self.open_packet());
        }
    }

    /// What happened next. `None`: nothing more.
    pub fn next_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        // Sessions are many, and most of them are idle.
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        if let Some(Event::Message(message)) = &event {
            self.unread = self.unread.saturating_sub(message.unread_cost());
        }
        event
    }

    /// Whether more is to be read from the peer: fewer than [`Limits::max_unread`] bytes wait in
    /// [`next_event`](Self::next_event).
    pub fn can_receive(&self) -> bool {
        self.unread < self.limits.max_unread
    }

    /// The caller reads nothing from the peer, because it [can't](Self::can_receive): a pong may be
    /// among what is not read, and has its whole time again. That is no excuse for a peer that does
    /// not take the ping.
    pub fn excuse_silence(&mut self) {
        let waits = self.heartbeat == Heartbeat::Pinged && !self.queue.holds_heartbeat();
        if waits || (self.v3 && self.heartbeat == Heartbeat::Idle) {
            self.heartbeat_timer = Timer::Start;
        }
    }

    /// Whether [`next_event`](Self::next_event) has something.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Queues a message.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::Full`]; [`SendError::RecordSeparator`] until the session
    /// is on a WebSocket.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.send_prepared(PreparedMessage::new(message))
    }

    /// Queues a message that was encoded before; a clone of it shares its bytes.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn send_prepared(&mut self, message: PreparedMessage) -> Result<(), SendError> {
        self.may_send(slice::from_ref(&message))?;
        self.queue.push(message.queued);
        Ok(())
    }

    /// Queues messages that belong together, such as a text and the binary that follows it: all of
    /// them, or none. Whether the queue is full is asked before the first.
    ///
    /// # Errors
    /// As for [`send`](Self::send); nothing is queued then.
    pub fn send_all_prepared(&mut self, messages: &[PreparedMessage]) -> Result<(), SendError> {
        self.may_send(messages)?;
        for message in messages {
            self.queue.push(message.queued.clone());
        }
        Ok(())
    }

    fn may_send(&self, messages: &[PreparedMessage]) -> Result<(), SendError> {
        if self.is_closed() {
            return Err(SendError::Closed);
        }
        if self.queued() >= self.limits.max_queue {
            return Err(SendError::Full);
        }
        let separated = |message: &PreparedMessage| {
            message.queued.frame.as_text().is_some_and(|text| text.contains(SEPARATOR))
        };
        if !self.v3 && self.state != State::WebSocket && messages.iter().any(separated) {
            return Err(SendError::RecordSeparator);
        }
        Ok(())
    }

    /// Ends the session, after what is queued: over polling with a close packet, which a GET gets when
    /// others have taken all messages. A client that is just moving to a WebSocket gets all of it there.
    pub fn close(&mut self) {
        if self.is_closed() {
            return;
        }
        let polling = self.state != State::WebSocket;
        // The client's upgrade packet may be on its way, and then no GET comes any more.
        let moving = self.state == State::Probed && !self.probe_reply;
        let queue = mem::take(&mut self.queue);
        let get = self.get;
        self.end(CloseReason::ForcedClose);
        self.queue = queue;
        if polling {
            self.state = State::Lingering;
            self.get = get;
            self.heartbeat = Heartbeat::Lingering;
            self.heartbeat_timer = Timer::Start;
            if moving {
                self.socket = Socket::Open;
            }
        }
    }

    /// A GET has come. Its answer is [`payload`](Self::payload), now or later.
    ///
    /// # Errors
    /// [`Rule::Overlap`] if another waits: this one is refused, the other one gets `1`, the session
    /// has ended. [`Rule::TransportMismatch`] on a WebSocket, [`Rule::UnknownSession`] after the
    /// end.
    pub fn poll(&mut self) -> Result<(), Error> {
        match self.state {
            State::WebSocket => return Err(Rule::TransportMismatch.into()),
            State::Closed => return Err(Rule::UnknownSession.into()),
            State::Lingering if self.get != Get::Absent => return Err(Rule::Overlap.into()),
            State::Polling | State::Probing | State::Probed if self.get != Get::Absent => {
                self.get = Get::Answer("1");
                self.end(CloseReason::TransportError);
                return Err(Rule::Overlap.into());
            }
            State::Polling | State::Probing | State::Lingering => {}
            State::Probed => {
                if self.noop_timer == Timer::Off {
                    self.noop_timer = Timer::Start;
                }
            }
        }
        self.get = Get::Waiting;
        Ok(())
    }

    /// Whether a GET waits for its answer.
    pub fn is_polled(&self) -> bool {
        self.get != Get::Absent
    }

    /// Whether [`payload`](Self::payload) has an answer for the GET.
    pub fn has_payload(&self) -> bool {
        match self.get {
            Get::Answer(_) => true,
            Get::Waiting => !self.queue.is_empty() || self.state == State::Lingering,
            Get::Absent => false,
        }
    }

    /// The answer to the GET that waits, which is thereby answered: text (`text/plain; charset=UTF-8`),
    /// or, in version 3, binary (`application/octet-stream`). `None`: there is no GET, or nothing to
    /// say.
    pub fn payload(&mut self) -> Option<Frame> {
        self.may_compress = true;
        match self.get {
            Get::Answer(packet) => {
                self.get = Get::Absent;
                Some(self.packet_alone(packet))
            }
            Get::Waiting if !self.queue.is_empty() => {
                self.get = Get::Absent;
                Some(self.take_payload())
            }
            // By itself: Node's client forgets the messages that come in one payload with a close.
            Get::Waiting if self.state == State::Lingering => {
                self.end_linger();
                Some(self.packet_alone("1"))
            }
            Get::Waiting | Get::Absent => None,
        }
    }

    /// Whether what [`payload`](Self::payload) or [`next_frame`](Self::next_frame) gave last may be
    /// compressed: yes, but for a message with [`PreparedMessage::compress`], and for a payload in which each
    /// packet is one.
    pub fn may_compress(&self) -> bool {
        self.may_compress
    }

    /// The client of a GET has gone without its answer.
    pub fn abort_poll(&mut self) {
        if self.get == Get::Absent {
            return;
        }
        self.get = Get::Absent;
        match self.state {
            State::Polling | State::Probing | State::Probed => {
                self.end(CloseReason::TransportError);
            }
            State::Lingering => self.end_linger(),
            State::WebSocket | State::Closed => {}
        }
    }

    /// A POST has come: its body may be read, up to [`Limits::max_payload`] bytes. Then call one of
    /// [`finish_post`](Self::finish_post), [`refuse_post`](Self::refuse_post),
    /// [`abort_post`](Self::abort_post).
    ///
    /// # Errors
    /// [`Rule::Overlap`] if another is being read: this one is refused, the session has ended.
    /// [`Rule::TransportMismatch`] on a WebSocket, [`Rule::UnknownSession`] after the end.
    pub fn start_post(&mut self) -> Result<(), Error> {
        match self.state {
            State::WebSocket => Err(Rule::TransportMismatch.into()),
            State::Lingering | State::Closed => Err(Rule::UnknownSession.into()),
            State::Polling | State::Probing | State::Probed if self.posting => {
                self.end(CloseReason::TransportError);
                Err(Rule::Overlap.into())
            }
            State::Polling | State::Probing | State::Probed => {
                self.posting = true;
                Ok(())
            }
        }
    }

    /// Takes the body of the POST. `Ok`: answer `ok`, as `text/html`. A POST that an upgrade
    /// overtook still counts.
    ///
    /// # Errors
    /// [`Rule::PayloadTooBig`]: the session goes on. Those of [`Payload::decode`] and
    /// [`Rule::UnexpectedPacket`]: the packets before count, the session has ended.
    /// [`Rule::UnknownSession`], if it ended before.
    pub fn finish_post(&mut self, body: impl Into<Bytes>) -> Result<(), Error> {
        let body = self.end_post(body.into())?;
        let (len, max_packets) = (body.len(), self.limits.max_packets);
        if self.v3 {
            let mut payload = v3::Payload::decode_text(body, max_packets);
            return self.packets(len, || (payload.offset(), payload.next()));
        }
        let mut payload = Payload::decode(body, max_packets);
        self.packets(len, || (payload.offset(), payload.next()))
    }

    /// The same with a body of `application/octet-stream`, which version 3 has.
    ///
    /// # Errors
    /// As for [`finish_post`](Self::finish_post); in version 4 [`Rule::InvalidUtf8`], and the session has
    /// ended.
    pub fn finish_binary_post(&mut self, body: impl Into<Bytes>) -> Result<(), Error> {
        if !self.v3 {
            self.abort_post();
            return Err(Rule::InvalidUtf8.into());
        }
        let body = self.end_post(body.into())?;
        let len = body.len();
        let mut payload = v3::Payload::decode(Frame::Binary(body), self.limits.max_packets);
        self.packets(len, || (payload.offset(), payload.next()))
    }

    /// No POST is read any more; its body, unless it is too long or nobody's.
    fn end_post(&mut self, body: Bytes) -> Result<Bytes, Error> {
        if self.is_closed() {
            return Err(Rule::UnknownSession.into());
        }
        self.posting = false;
        if body.len() > self.limits.max_payload {
            return Err(self.too_big());
        }
        Ok(body)
    }

    /// Takes the packets of a payload of `len` bytes, each with the offset where it starts.
    fn packets(
        &mut self,
        len: usize,
        mut next: impl FnMut() -> (u64, Option<Result<Packet, Error>>),
    ) -> Result<(), Error> {
        loop {
            match next() {
                (_, None) => return Ok(()),
                (start, Some(Ok(packet))) => {
                    self.packet(packet.detached(len)).map_err(|rule| Error::new(rule, start))?;
                    // What follows a close packet is nobody's.
                    if self.is_closed() {
                        return Ok(());
                    }
                }
                (_, Some(Err(error))) => {
                    self.end(CloseReason::ParseError);
                    return Err(error);
                }
            }
        }
    }

    /// The body of the POST is longer than [`Limits::max_payload`], as its length or the reading of
    /// it showed: the error to answer with. The session goes on.
    pub fn refuse_post(&mut self) -> Error {
        self.posting = false;
        self.too_big()
    }

    /// The client of a POST has gone before its end, or sent what is not text
    /// (`application/octet-stream`: [`Rule::InvalidUtf8`] is the answer).
    pub fn abort_post(&mut self) {
        let posting = mem::take(&mut self.posting);
        if posting && matches!(self.state, State::Polling | State::Probing | State::Probed) {
            self.end(CloseReason::TransportError);
        }
    }

    /// A request for a WebSocket of this session has come; after `Ok` it gets its 101, and
    /// [`receive`](Self::receive) and [`next_frame`](Self::next_frame) are about it.
    ///
    /// # Errors
    /// [`Rule::TransportMismatch`] on a WebSocket, during another upgrade, until the WebSocket of an
    /// upgrade that failed has been closed, or if it [may not](Self::set_upgrade);
    /// [`Rule::UnknownSession`] after the end.
    pub fn start_upgrade(&mut self) -> Result<(), Error> {
        match self.state {
            State::Lingering | State::Closed => Err(Rule::UnknownSession.into()),
            State::Polling if self.may_upgrade && self.socket == Socket::Absent => {
                self.state = State::Probing;
                self.socket = Socket::Open;
                self.upgrade_timer = Timer::Start;
                Ok(())
            }
            State::Polling | State::Probing | State::Probed | State::WebSocket => {
                Err(Rule::TransportMismatch.into())
            }
        }
    }

    /// Takes what the WebSocket brought.
    ///
    /// # Errors
    /// Those of [`Packet::decode`], [`Rule::UnexpectedPacket`], [`Rule::PayloadTooBig`]. They end
    /// the session; during an upgrade only the WebSocket. [`next_frame`](Self::next_frame) has the
    /// Close frame.
    pub fn receive(&mut self, frame: Frame) -> Result<(), Error> {
        let upgrading = match self.state {
            State::WebSocket => false,
            State::Probing | State::Probed => true,
            State::Lingering if self.socket == Socket::Open && frame != Frame::Close => {
                self.receive_after_close(&frame);
                return Ok(());
            }
            // A WebSocket to be closed: what it still brings is nobody's, but its end is.
            State::Polling | State::Lingering | State::Closed => {
                if frame == Frame::Close {
                    self.end_socket(CloseReason::TransportClose);
                }
                return Ok(());
            }
        };
        if frame.len() > self.limits.max_payload {
            if upgrading {
                self.end_upgrade();
            } else {
                self.end(CloseReason::TransportError);
            }
            return Err(self.too_big());
        }
        let packet = match frame {
            Frame::Text(_) | Frame::Binary(_) if self.v3 => v3::decode(&frame),
            Frame::Text(text) => Packet::decode(&text),
            Frame::Binary(bytes) => Ok(Packet::Message(bytes.into())),
            Frame::Close => {
                self.end_socket(CloseReason::TransportClose);
                return Ok(());
            }
        };
        match packet {
            Ok(packet) if upgrading => self.upgrade_packet(&packet).map_err(Error::from),
            Ok(packet) => self.packet(packet).map_err(Error::from),
            Err(error) => {
                if upgrading {
                    self.end_upgrade();
                } else {
                    self.end(CloseReason::ParseError);
                }
                Err(error)
            }
        }
    }

    /// A WebSocket that was probed before the session was closed: its client has moved to it, or it
    /// is of no use any more.
    fn receive_after_close(&mut self, frame: &Frame) {
        self.socket = Socket::Closing;
        if frame.as_text().is_some_and(|text| *text == *UPGRADE) {
            self.answer_with_noop();
            self.state = State::Closed;
            self.transport = Transport::WebSocket;
            self.heartbeat_timer = Timer::Off;
        }
    }

    /// The WebSocket has broken a rule of its own, or was never opened. One that breaks off has come to its
    /// end: [`Frame::Close`].
    pub fn websocket_failed(&mut self) {
        self.end_socket(CloseReason::TransportError);
    }

    /// What to write on the WebSocket next. After [`Frame::Close`] it is the caller's to close, and
    /// no longer of this session.
    pub fn next_frame(&mut self) -> Option<Frame> {
        self.may_compress = true;
        if self.socket == Socket::Absent {
            return None;
        }
        if mem::take(&mut self.probe_reply) {
            return Some(Packet::Pong { probe: true }.encode());
        }
        if matches!(self.state, State::WebSocket | State::Closed)
            && let Some(queued) = self.queue.pop()
        {
            self.may_compress = queued.may_compress;
            return Some(match queued.frame {
                Frame::Binary(bytes) if self.v3 => v3::prefixed(&bytes, self.base64),
                Frame::Binary(bytes) if self.base64 => Frame::Text(base64_text(&bytes)),
                frame => frame,
            });
        }
        if self.socket == Socket::Closing {
            self.socket = Socket::Absent;
            return Some(Frame::Close);
        }
        None
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, on the caller's clock. Ask
    /// again after each call that changes the session. A point in the past, such as zero, means at
    /// once: that is how the session learns what time it is.
    pub fn next_timeout(&self) -> Option<Duration> {
        let timers = [self.heartbeat_timer, self.upgrade_timer, self.noop_timer];
        timers.into_iter().filter_map(Timer::at).min()
    }

    /// Tells the time, which may be earlier or later than asked for: pings, gives up on a silent
    /// peer or a slow upgrade.
    pub fn handle_timeout(&mut self, now: Duration) {
        let period = match self.heartbeat {
            Heartbeat::Idle if self.v3 => {
                self.limits.ping_interval.saturating_add(self.limits.ping_timeout)
            }
            Heartbeat::Idle => self.limits.ping_interval,
            Heartbeat::Pinged | Heartbeat::Lingering => self.limits.ping_timeout,
        };
        if self.heartbeat_timer.tick(now, period) {
            match self.heartbeat {
                Heartbeat::Idle if !self.v3 => {
                    self.queue.push_heartbeat(PING);
                    self.heartbeat = Heartbeat::Pinged;
                    self.is_put_off = false;
                    self.heartbeat_timer = Timer::after(now, self.limits.ping_timeout);
                }
                Heartbeat::Idle | Heartbeat::Pinged => self.end(CloseReason::PingTimeout),
                Heartbeat::Lingering => self.end_linger(),
            }
        }
        if self.upgrade_timer.tick(now, self.limits.upgrade_timeout) {
            self.end_upgrade();
        }
        if self.noop_timer.tick(now, NOOP_DELAY) {
            self.answer_with_noop();
        }
    }

    /// A packet on the transport that the session is on.
    fn packet(&mut self, packet: Packet) -> Result<(), Rule> {
        // As the reference: the peer lives, and its pong may be behind what takes long. But it is due.
        if self.heartbeat == Heartbeat::Pinged && !self.is_put_off {
            self.is_put_off = true;
            self.heartbeat_timer = Timer::Start;
        }
        match packet {
            Packet::Message(message) => {
                self.unread = self.unread.saturating_add(message.unread_cost());
                self.events.push_back(Event::Message(message));
            }
            Packet::Ping { probe: false } if self.v3 => {
                self.queue.push_heartbeat(PONG);
                self.heartbeat_timer = Timer::Start;
            }
            Packet::Pong { probe: false } if !self.v3 => {
                if self.heartbeat == Heartbeat::Pinged {
                    self.heartbeat = Heartbeat::Idle;
                    self.heartbeat_timer = Timer::Start;
                }
            }
            Packet::Close => {
                self.answer_with_noop();
                self.end(CloseReason::TransportClose);
            }
            Packet::Noop => {}
            // "Heartbeat": since version 4 the server pings and the client answers.
            Packet::Ping { .. } | Packet::Pong { .. } | Packet::Open(_) | Packet::Upgrade => {
                self.end(CloseReason::TransportError);
                return Err(Rule::UnexpectedPacket);
            }
        }
        Ok(())
    }

    /// A packet on the WebSocket of an upgrade.
    fn upgrade_packet(&mut self, packet: &Packet) -> Result<(), Rule> {
        match (self.state, packet) {
            (State::Probing, Packet::Ping { probe: true }) => {
                self.state = State::Probed;
                self.probe_reply = true;
                self.answer_with_noop();
            }
            (State::Probed, Packet::Upgrade) => {
                self.state = State::WebSocket;
                self.transport = Transport::WebSocket;
                self.upgrade_timer = Timer::Off;
                self.noop_timer = Timer::Off;
                self.answer_with_noop();
            }
            _ => {
                self.end_upgrade();
                return Err(Rule::UnexpectedPacket);
            }
        }
        Ok(())
    }

    /// Closes the WebSocket of an upgrade; the session goes on over polling.
    fn end_upgrade(&mut self) {
        self.state = State::Polling;
        self.socket = Socket::Closing;
        self.probe_reply = false;
        self.upgrade_timer = Timer::Off;
        self.noop_timer = Timer::Off;
    }

    /// The WebSocket is no more, so that nobody is told to close it.
    fn end_socket(&mut self, reason: CloseReason) {
        match self.state {
            State::Probing | State::Probed => self.end_upgrade(),
            State::WebSocket => self.end(reason),
            State::Closed => self.queue = Queue::default(),
            State::Polling | State::Lingering => {}
        }
        self.socket = Socket::Absent;
    }

    fn end_linger(&mut self) {
        self.queue = Queue::default();
        self.get = Get::Absent;
        self.state = State::Closed;
        if self.socket == Socket::Open {
            self.socket = Socket::Closing;
        }
        self.heartbeat_timer = Timer::Off;
    }

    /// Ends the session. Whoever waits is told at once; what was queued is dropped.
    fn end(&mut self, reason: CloseReason) {
        self.state = State::Closed;
        if self.get == Get::Waiting {
            self.get = Get::Answer("1");
        }
        self.posting = false;
        if self.socket == Socket::Open {
            self.socket = Socket::Closing;
        }
        self.probe_reply = false;
        self.queue = Queue::default();
        self.heartbeat_timer = Timer::Off;
        self.upgrade_timer = Timer::Off;
        self.noop_timer = Timer::Off;
        self.events.push_back(Event::Close(reason));
    }

    fn answer_with_noop(&mut self) {
        if self.get == Get::Waiting {
            self.get = Get::Answer("6");
        }
    }

    /// A payload of one packet.
    fn packet_alone(&self, packet: &'static str) -> Frame {
        let packet = Frame::Text(ByteString::from_static(packet));
        if self.v3 { v3::from_frames([packet].into_iter(), self.base64) } else { packet }
    }

    fn take_payload(&mut self) -> Frame {
        let most = self.limits.max_packets_sent.max(1);
        let len = self.queue.payload_len(most);
        let mut may_compress = false;
        let frames = core::iter::from_fn(|| self.queue.pop()).take(most).map(|queued| {
            // As in Node: all of it for the sake of one.
            may_compress |= queued.may_compress;
            queued.frame
        });
        let payload = if self.v3 {
            v3::from_frames(frames, self.base64)
        } else {
            let mut payload = String::with_capacity(len);
            frames.for_each(|frame| push_frame(&mut payload, &frame));
            Frame::Text(payload.into())
        };
        self.may_compress = may_compress;
        payload
    }

    fn too_big(&self) -> Error {
        Rule::PayloadTooBig { limit: self.limits.max_payload }.into()
    }
}

impl fmt::Debug for Session {
    /// Without the sid, which is a secret, and without what peers say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state)
            .field("get", &self.get)
            .field("socket", &self.socket)
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
