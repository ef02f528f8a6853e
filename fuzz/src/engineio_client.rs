use std::collections::VecDeque;
use std::time::Duration;

use rtwire_engineio::client::{Event, Limits, Request};
use rtwire_engineio::{
    ClientSession, Frame, Message, Packet, Payload, Query, SendError, Transport,
};

use crate::engineio_messages;

/// The client's end of a session, whatever server and caller do. The first byte chooses the
/// transport and the limits; then each line is an operation: a letter (see `step`), and its data.
///
/// - At most one GET, one POST and one WebSocket are asked for at a time, each with a query that a
///   server reads; none after the end but POSTs of the last words.
/// - What was sent comes out in order, nothing twice and nothing left out; a POST has what the server
///   takes at once, in bytes, and what the limits allow, in packets.
/// - What an answer or a WebSocket brings comes in as its messages, all of them or those before its
///   error.
/// - `Open` is the first event, `Close` the last, once; after it nothing comes in.
/// - Before the switch a WebSocket gets nothing but `2probe` and its Close frame, which is the last; at
///   the switch `5`, and nothing is on its way over polling.
/// - The time told is not asked for without end. Closed, a session comes to its end, all is sent, and
///   then nothing comes out of it.
pub fn engineio_client(input: &[u8]) {
    let Some((&choice, input)) = input.split_first() else { return };
    let mut model = Model::new(choice);
    for line in input.split(|&byte| byte == b'\n') {
        if let Some((&operation, data)) = line.split_first() {
            model.step(operation, data);
        }
    }
    model.finish();
}

const MAX_PACKETS: usize = 4;
const MAX_PAYLOAD: usize = 300;

struct Model {
    session: ClientSession,
    /// Whether events are taken only when the input says so.
    lazy: bool,
    now: Duration,
    /// Whether a GET, a POST, a WebSocket is on its way.
    get: bool,
    post: bool,
    socket: bool,
    probed: bool,
    switched: bool,
    /// What the server takes at once.
    server_max_payload: usize,
    sent: u32,
    came_out: u32,
    /// Whether the server has said that the session is open.
    opened: bool,
    /// Messages that have come in and were not taken as events.
    expected: VecDeque<Message>,
    event_open: bool,
    event_upgraded: bool,
    event_close: bool,
}

impl Model {
    fn new(choice: u8) -> Self {
        let transport = match choice & 1 {
            0 => Transport::Polling,
            _ => Transport::WebSocket,
        };
        let limits = match choice & 2 {
            0 => Limits::default(),
            _ => Limits::default().max_queue(600).max_unread(200),
        };
        let limits = limits.max_payload(MAX_PAYLOAD).max_packets(MAX_PACKETS);
        let mut session = ClientSession::new(transport, limits.max_packets_sent(MAX_PACKETS));
        session.set_upgrade(choice & 4 == 0);
        Self {
            session,
            lazy: choice & 8 != 0,
            now: Duration::ZERO,
            get: false,
            post: false,
            socket: false,
            probed: false,
            switched: transport == Transport::WebSocket,
            server_max_payload: usize::MAX,
            sent: 0,
            came_out: 0,
            opened: false,
            expected: VecDeque::new(),
            event_open: false,
            event_upgraded: false,
            event_close: false,
        }
    }

    fn step(&mut self, operation: u8, data: &[u8]) {
        let was_closed = self.session.is_closed();
        let was_finished = self.session.is_finished();
        match operation {
            b'n' => {
                self.request();
            }
            b'g' if self.get => self.finish_get(data),
            b'e' if self.get => {
                self.get = false;
                let result = self.session.finish_get(400, data.to_vec());
                assert_eq!(result.is_err(), !was_closed);
                assert!(self.session.is_closed());
            }
            b'G' if self.get => {
                self.get = false;
                self.session.get_failed();
            }
            b'p' if self.post => {
                self.post = false;
                assert_eq!(self.session.finish_post(200, "ok"), Ok(()));
            }
            b'q' if self.post => {
                self.post = false;
                let result = self.session.finish_post(413, data.to_vec());
                assert_eq!(result.is_err(), !was_closed);
                assert!(self.session.is_closed());
            }
            b'P' if self.post => {
                self.post = false;
                self.session.post_failed();
            }
            b'o' if self.socket => self.session.websocket_opened(),
            b't' if self.socket => {
                if let Ok(text) = std::str::from_utf8(data) {
                    self.receive(Frame::Text(text.into()));
                }
            }
            b'b' if self.socket => self.receive(Frame::Binary(data.to_vec().into())),
            b'c' if self.socket => {
                self.receive(Frame::Close);
                self.socket = false;
            }
            b'C' if self.socket => {
                self.session.websocket_failed();
                self.socket = false;
            }
            b'w' => {
                self.frame();
            }
            b'd' => self.take_events(),
            b'z' => self.sleep(data),
            b's' | b'S' => self.send(operation == b'S', data),
            b'm' | b'M' => self.send_all(operation == b'M'),
            b'x' => self.session.close(),
            _ => {}
        }
        assert!(!was_closed || self.session.is_closed(), "the end is the end");
        assert!(!was_finished || self.session.is_finished());
        if !self.lazy {
            self.take_events();
        }
        if self.session.is_finished() {
            self.silent();
        }
    }

    /// Takes a request, if there is one.
    fn request(&mut self) -> bool {
        let closed = self.session.is_closed();
        let Some(request) = self.session.next_request() else { return false };
        let query = Query::parse(request.query()).expect("well-formed");
        assert_eq!(query.sid.is_some(), self.opened);
        let websocket = matches!(request, Request::WebSocket { .. });
        assert_eq!(websocket, query.transport == Transport::WebSocket);
        match request {
            Request::Get { .. } => {
                assert!(!self.get && !closed);
                assert!(self.session.can_receive());
                self.get = true;
            }
            Request::Post { body, .. } => {
                assert!(!self.post && self.opened);
                self.post = true;
                assert!(body.len() <= self.server_max_payload);
                for packet in Payload::decode(body.into_bytes(), MAX_PACKETS) {
                    self.comes_out(packet.expect("well-formed"));
                }
            }
            Request::WebSocket { .. } => {
                assert!(!self.socket && !closed);
                self.socket = true;
            }
        }
        true
    }

    fn finish_get(&mut self, body: &[u8]) {
        self.get = false;
        let closed = self.session.is_closed();
        // The last words may want to know the name of the session.
        let takes = if closed { 1 } else { MAX_PACKETS };
        let mut broken = body.len() > MAX_PAYLOAD && !closed;
        let mut ended = false;
        if !broken && !self.session.is_finished() {
            for packet in Payload::decode(body.to_vec(), takes) {
                if closed && self.opened {
                    break;
                }
                ended = packet == Ok(Packet::Close);
                broken = packet.is_err() || !self.comes_in(&packet);
                if broken || ended || closed {
                    break;
                }
            }
        }
        let result = self.session.finish_get(200, body.to_vec());
        if closed {
            assert_eq!(result, Ok(()));
            return;
        }
        assert_eq!(result.is_err(), broken, "{result:?}");
        assert_eq!(self.session.is_closed(), broken || ended);
        if let Err(error) = result {
            assert!(error.offset() <= body.len() as u64);
        }
    }

    /// A packet of the server's, and whether it is in its place.
    fn comes_in(&mut self, packet: &Result<Packet, rtwire_engineio::Error>) -> bool {
        match packet {
            Ok(Packet::Open(open)) if !self.opened => {
                self.opened = true;
                self.server_max_payload = match usize::try_from(open.max_payload) {
                    Ok(0) | Err(_) => usize::MAX,
                    Ok(limit) => limit,
                };
                true
            }
            Ok(Packet::Close) => true,
            Ok(Packet::Message(message)) if self.opened => {
                self.expected.push_back(message.clone());
                true
            }
            Ok(Packet::Ping { probe: false } | Packet::Noop) => self.opened,
            _ => false,
        }
    }

    fn receive(&mut self, frame: Frame) {
        let live = self.session.transport() == Transport::WebSocket && !self.session.is_closed();
        let closed = self.session.is_closed();
        let len = match &frame {
            Frame::Text(text) => text.len(),
            Frame::Binary(bytes) => bytes.len(),
            Frame::Close => 0,
        };
        let packet = match &frame {
            Frame::Text(text) => Packet::decode(text),
            Frame::Binary(bytes) => Ok(Packet::Message(bytes.clone().into())),
            Frame::Close => Ok(Packet::Close),
        };
        let good = len <= MAX_PAYLOAD && (!live || self.comes_in(&packet));
        let result = self.session.receive(frame);
        if live {
            assert_eq!(result.is_err(), !good, "{result:?}");
            assert_eq!(self.session.is_closed(), !good || packet == Ok(Packet::Close));
        } else {
            assert_eq!(self.session.is_closed(), closed, "an upgrade that fails ends nothing");
        }
    }

    fn send(&mut self, separator: bool, data: &[u8]) {
        let result = self.session.send(engineio_messages::one(self.sent, separator, data));
        self.sent(1, separator, result);
    }

    fn send_all(&mut self, separator: bool) {
        let messages = engineio_messages::three(self.sent, separator);
        let queued = self.session.queued();
        let result = self.session.send_all_prepared(&messages);
        assert_eq!(result.is_ok(), self.session.queued() > queued, "all or none");
        self.sent(3, separator, result);
    }

    fn sent(&mut self, messages: u32, separator: bool, result: Result<(), SendError>) {
        let polling = self.session.transport() == Transport::Polling;
        assert_eq!(self.session.is_open(), self.opened && !self.session.is_closed());
        match result {
            Ok(()) => {
                assert!(self.session.is_open() && !(separator && polling));
                self.sent += messages;
            }
            Err(SendError::NotOpen) => assert!(!self.opened && !self.session.is_closed()),
            Err(SendError::Closed) => assert!(self.session.is_closed()),
            Err(SendError::Full) => assert!(self.session.queued() > 0),
            Err(SendError::TooBig { limit }) => {
                assert_eq!(limit, self.server_max_payload);
                assert!(limit < 12, "each of them is short");
            }
            Err(error) => assert!(separator && polling, "{error}"),
        }
    }

    fn sleep(&mut self, data: &[u8]) {
        let millis = std::str::from_utf8(data).ok().and_then(|text| text.parse::<u16>().ok());
        self.now += Duration::from_millis(millis.unwrap_or(1).into());
        self.session.handle_timeout(self.now);
        // A server may name an interval of nothing: then it has pinged too late.
        for _ in 0..2 {
            if self.session.next_timeout().is_some_and(|at| at <= self.now) {
                self.session.handle_timeout(self.now);
            }
        }
        assert!(self.session.next_timeout().is_none_or(|at| at > self.now));
    }

    /// Takes a frame, if there is one.
    fn frame(&mut self) -> bool {
        let Some(frame) = self.session.next_frame() else { return false };
        assert!(self.socket, "{frame:?} is for nobody");
        let packet = match frame {
            Frame::Text(text) => Packet::decode(&text).expect("well-formed"),
            Frame::Binary(bytes) => Packet::Message(bytes.into()),
            Frame::Close => {
                self.socket = false;
                return true;
            }
        };
        match packet {
            Packet::Ping { probe: true } => {
                assert!(!self.probed && !self.switched);
                self.probed = true;
            }
            Packet::Upgrade => {
                assert!(self.probed && !self.switched && !self.get && !self.post);
                self.switched = true;
            }
            packet => {
                assert!(self.switched, "{packet:?}");
                assert_ne!(packet, Packet::Close, "a WebSocket has its own");
                self.comes_out(packet);
            }
        }
        true
    }

    fn comes_out(&mut self, packet: Packet) {
        match packet {
            Packet::Message(message) => {
                let number = match message {
                    Message::Text(text) => text.trim_end_matches('\x1e').parse().ok(),
                    Message::Binary(bytes) => bytes[..].try_into().ok().map(u32::from_be_bytes),
                };
                assert_eq!(number, Some(self.came_out));
                self.came_out += 1;
                assert!(self.came_out <= self.sent);
            }
            Packet::Close => assert!(self.session.is_closed()),
            Packet::Pong { probe: false } => assert!(self.opened),
            packet => panic!("{packet:?} is not a client's"),
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.session.next_event() {
            assert!(!self.event_close, "{event:?} after the last");
            match event {
                Event::Open(open) => {
                    assert!(!self.event_open && !open.sid.is_empty());
                    self.event_open = true;
                }
                Event::Upgraded => {
                    assert!(self.event_open && !self.event_upgraded);
                    assert_eq!(self.session.transport(), Transport::WebSocket);
                    self.event_upgraded = true;
                }
                Event::Message(message) => {
                    assert!(self.event_open);
                    assert_eq!(Some(message), self.expected.pop_front());
                }
                Event::Close(_) => self.event_close = true,
                event => panic!("{event:?}"),
            }
        }
        assert!(self.expected.is_empty(), "a message was lost");
        assert!(self.session.can_receive());
        assert_eq!(self.event_close, self.session.is_closed());
    }

    fn finish(mut self) {
        let all = self.session.is_open();
        self.step(b'x', b"");
        for _ in 0..=2 * self.sent + 4 {
            while self.frame() {}
            while self.request() {}
            self.step(b'p', b"");
        }
        if !self.session.is_finished() {
            assert!(self.get && !self.opened, "it waits for its name");
            self.step(b'G', b"");
        }
        assert!(!all || self.came_out == self.sent, "what was queued is sent");
        self.take_events();
        self.silent();
    }

    fn silent(&mut self) {
        assert!(self.session.is_finished());
        assert!(!self.socket);
        assert_eq!(self.session.next_request(), None);
        assert_eq!(self.session.next_frame(), None);
        assert_eq!(self.session.next_timeout(), None);
        assert_eq!(self.session.queued(), 0);
    }
}
