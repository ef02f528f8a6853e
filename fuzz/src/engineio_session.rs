use std::time::Duration;

use rtwire_engineio::{
    Event, Frame, Limits, Message, Packet, Payload, Rule, SendError, Session, Transport,
};

use crate::engineio_messages;

/// The server's end of a session, whatever peer and caller do. The first byte chooses the
/// transport and the limits; then each line is an operation: a letter (see `step`), and its data.
///
/// - What was sent comes out in order, nothing twice and nothing left out, after the open packet.
/// - What a POST or a WebSocket brings comes in as its messages, all of them or those before its
///   error.
/// - `Open` is the first event, `Close` the last, once; after it nothing comes in.
/// - A GET is answered once, and at once when the session ends. Before the switch a WebSocket gets
///   nothing but `3probe` and its Close frame, which is the last.
/// - The time told is never asked for again.
/// - Closed, a session can be brought to its end, and then nothing comes out of it.
pub fn engineio_session(input: &[u8]) {
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

struct Model {
    session: Session,
    base64: bool,
    now: Duration,
    /// Whether there is a GET, the body of a POST, a WebSocket.
    get: bool,
    posting: bool,
    socket: bool,
    sent: u32,
    opened: bool,
    received: u32,
    /// What comes in by the operation that goes on.
    events: Vec<Message>,
    event_open: bool,
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
            _ => Limits::default().max_payload(24).max_queue(600),
        };
        let mut session = Session::new(
            "sid",
            transport,
            limits.max_packets(MAX_PACKETS).max_packets_sent(MAX_PACKETS),
        );
        let base64 = choice & 4 != 0;
        session.set_base64(base64);
        Self {
            session,
            base64,
            now: Duration::ZERO,
            get: false,
            posting: false,
            socket: transport == Transport::WebSocket,
            sent: 0,
            opened: false,
            received: 0,
            events: Vec::new(),
            event_open: false,
            event_close: false,
        }
    }

    fn step(&mut self, operation: u8, data: &[u8]) {
        let was_closed = self.session.is_closed();
        let was_finished = self.session.is_finished();
        match operation {
            b'g' => self.get(),
            b'G' if self.get => {
                self.session.abort_poll();
                self.get = false;
            }
            b'p' => match self.session.start_post() {
                Ok(()) => self.posting = true,
                // The first one is still being read.
                Err(error) if error.rule() == Rule::Overlap => assert!(self.posting),
                Err(_) => {}
            },
            b'f' if self.posting => self.finish_post(data),
            b'r' if self.posting => {
                self.posting = false;
                assert!(matches!(self.session.refuse_post().rule(), Rule::PayloadTooBig { .. }));
            }
            b'P' if self.posting => {
                self.posting = false;
                self.session.abort_post();
            }
            b'u' => {
                let upgrading = self.session.start_upgrade().is_ok();
                assert!(!(upgrading && self.socket), "one WebSocket at a time");
                self.socket |= upgrading;
            }
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
            b'z' => self.sleep(data),
            b's' | b'S' => self.send(operation == b'S', data),
            b'm' | b'M' => self.send_all(operation == b'M'),
            b'x' => self.session.close(),
            _ => {}
        }
        assert!(!was_closed || self.session.is_closed(), "the end is the end");
        assert!(!was_finished || self.session.is_finished());
        self.answer();
        self.drain();
        if was_closed {
            assert_eq!(self.events, [], "nothing comes in after the end");
        }
        self.events.clear();
        if self.session.is_finished() {
            self.silent();
        }
    }

    fn get(&mut self) {
        match self.session.poll() {
            Ok(()) => {
                assert!(!self.get, "one GET at a time");
                self.get = true;
            }
            Err(error) => assert_eq!(error.rule() == Rule::Overlap, self.get),
        }
    }

    /// The packets of a POST that count, and whether the session has taken them.
    fn finish_post(&mut self, body: &[u8]) {
        self.posting = false;
        let was_closed = self.session.is_closed();
        let result = self.session.finish_post(body.to_vec());
        self.drain();
        let mut messages = Vec::new();
        for packet in Payload::decode(body.to_vec(), MAX_PACKETS) {
            match packet {
                Ok(Packet::Message(message)) => messages.push(message),
                Ok(Packet::Noop | Packet::Pong { probe: false }) => {}
                Ok(Packet::Close) | Ok(_) | Err(_) => break,
            }
        }
        match result {
            Err(error) if was_closed => assert_eq!(error.rule(), Rule::UnknownSession),
            Err(error) if matches!(error.rule(), Rule::PayloadTooBig { .. }) => {
                assert!(!self.session.is_closed(), "only this POST is refused");
                assert_eq!(self.events, []);
            }
            Ok(()) => {
                assert!(!was_closed);
                assert_eq!(self.events, messages);
            }
            Err(error) => {
                assert!(self.session.is_closed());
                assert!(error.offset() <= body.len() as u64);
                assert_eq!(self.events, messages);
            }
        }
    }

    fn receive(&mut self, frame: Frame) {
        let expected = match &frame {
            Frame::Text(text) => match Packet::decode(text) {
                Ok(Packet::Message(message)) => Some(message),
                Ok(_) | Err(_) => None,
            },
            Frame::Binary(bytes) => Some(bytes.clone().into()),
            Frame::Close => None,
        };
        let live = self.session.transport() == Transport::WebSocket && !self.session.is_closed();
        let result = self.session.receive(frame);
        self.drain();
        match (result, expected) {
            (Ok(()), Some(message)) if live => assert_eq!(self.events, [message]),
            _ => assert_eq!(self.events, []),
        }
        if result.is_err() && live {
            assert!(self.session.is_closed());
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
        match result {
            Ok(()) => {
                assert!(!(separator && polling));
                self.sent += messages;
            }
            Err(SendError::Closed) => assert!(self.session.is_closed()),
            Err(SendError::Full) => assert!(self.session.queued() > 0),
            Err(error) => assert!(separator && polling, "{error}"),
        }
    }

    fn sleep(&mut self, data: &[u8]) {
        let millis = std::str::from_utf8(data).ok().and_then(|text| text.parse::<u16>().ok());
        self.now += Duration::from_millis(millis.unwrap_or(1).into());
        self.session.handle_timeout(self.now);
        assert!(self.session.next_timeout().is_none_or(|at| at > self.now));
    }

    /// Answers the GET, if it can be.
    fn answer(&mut self) {
        match self.session.payload() {
            None => assert!(!(self.get && self.session.is_closed()), "the end is told"),
            Some(payload) => {
                assert!(self.get, "{payload:?} answers nobody");
                self.get = false;
                let payload = payload.as_text().expect("version 4 has no other").to_owned();
                let alone = payload.len() == 1;
                for packet in Payload::decode(payload, MAX_PACKETS) {
                    let packet = packet.expect("well-formed");
                    assert!(alone || packet != Packet::Close);
                    self.came_out(packet);
                }
            }
        }
    }

    /// Takes a frame, if there is one.
    fn frame(&mut self) -> bool {
        let frame = self.session.next_frame();
        match &frame {
            None => return false,
            Some(frame) => assert!(self.socket, "{frame:?} is for nobody"),
        }
        let packet = match frame {
            Some(Frame::Text(text)) => Packet::decode(&text).expect("well-formed"),
            Some(Frame::Binary(bytes)) => {
                assert!(!self.base64);
                Packet::Message(bytes.into())
            }
            Some(Frame::Close) | None => {
                self.socket = false;
                return true;
            }
        };
        if packet != (Packet::Pong { probe: true }) {
            assert_eq!(self.session.transport(), Transport::WebSocket, "{packet:?}");
            self.came_out(packet);
        }
        true
    }

    fn came_out(&mut self, packet: Packet) {
        match packet {
            Packet::Open(open) => {
                assert_eq!(open.sid, *self.session.sid());
                assert!(!self.opened);
                self.opened = true;
            }
            Packet::Message(message) => {
                assert!(self.opened);
                let number = match message {
                    Message::Text(text) => text.trim_end_matches('\x1e').parse().ok(),
                    Message::Binary(bytes) => bytes[..].try_into().ok().map(u32::from_be_bytes),
                };
                assert_eq!(number, Some(self.received));
                self.received += 1;
                assert!(self.received <= self.sent);
            }
            Packet::Close => assert!(self.session.is_closed()),
            Packet::Ping { probe: false } => assert!(self.opened),
            Packet::Noop => {}
            packet => panic!("{packet:?} is not a server's"),
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.session.next_event() {
            assert!(!self.event_close, "{event:?} after the last");
            assert_eq!(event == Event::Open, !self.event_open);
            match event {
                Event::Open => self.event_open = true,
                Event::Message(message) => self.events.push(message),
                Event::Close(_) => self.event_close = true,
                event => panic!("{event:?}"),
            }
        }
        assert_eq!(self.event_close, self.session.is_closed());
    }

    fn finish(mut self) {
        self.step(b'x', b"");
        while self.frame() {}
        // A GET takes the queue or some of it, and then the close packet.
        while !self.session.is_finished() {
            let queued = self.session.queued();
            self.step(b'g', b"");
            // A WebSocket that was probed is kept until then.
            while self.frame() {}
            let progress = self.session.queued() < queued || self.session.is_finished();
            assert!(progress, "{:?}", self.session);
        }
        self.silent();
    }

    fn silent(&mut self) {
        assert!(!self.get && !self.socket);
        assert_eq!(self.session.next_event(), None);
        assert_eq!(self.session.payload(), None);
        assert_eq!(self.session.next_frame(), None);
        assert_eq!(self.session.next_timeout(), None);
        assert_eq!(self.session.queued(), 0);
    }
}
