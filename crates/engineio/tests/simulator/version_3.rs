//! A client of version 3, as far as a session needs one. It is no model of a client: it is as
//! simple as one can be that keeps the protocol.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use rtwire_engineio::client::Event;
use rtwire_engineio::{CloseReason, Frame, Message, Packet, SendError, Transport, v3};

use crate::client::{Ask, Client, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Opening,
    Polling,
    Connecting,
    Probing,
    Paused,
    WebSocket,
    /// Posts what is queued, a close packet last.
    Closing,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    Off,
    /// From the time told next.
    In(Duration),
    At(Duration),
}

impl Timer {
    fn at(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::In(_) => Some(Duration::ZERO),
            Self::At(at) => Some(at),
        }
    }

    fn is_due(&mut self, now: Duration) -> bool {
        if let Self::In(time) = *self {
            *self = Self::At(now + time);
        }
        let due = self.at().is_some_and(|at| at <= now);
        if due {
            *self = Self::Off;
        }
        due
    }
}

pub(crate) struct Version3 {
    on: On,
    transport: Transport,
    upgrades: bool,
    /// Has text alone, as a browser without XHR2.
    base64: bool,
    sid: String,
    get: bool,
    post: bool,
    socket: Option<bool>,
    frames: VecDeque<Frame>,
    queue: VecDeque<Packet>,
    events: VecDeque<Event>,
    interval: Duration,
    timeout: Duration,
    /// The next ping, or the pong to it; or the end of patience.
    timer: Timer,
    pinged: bool,
    upgrade: Timer,
}

impl Version3 {
    pub(crate) fn new(transport: Transport, upgrades: bool, base64: bool) -> Self {
        let timeout = Duration::from_secs(20);
        Self {
            on: On::Opening,
            transport,
            upgrades,
            base64,
            sid: String::new(),
            get: false,
            post: false,
            socket: (transport == Transport::WebSocket).then_some(false),
            frames: VecDeque::new(),
            queue: VecDeque::new(),
            events: VecDeque::new(),
            interval: Duration::ZERO,
            timeout,
            timer: Timer::In(timeout),
            pinged: false,
            upgrade: Timer::Off,
        }
    }

    fn end(&mut self, reason: CloseReason) {
        if matches!(self.on, On::Closing | On::Closed) {
            return;
        }
        self.events.push_back(Event::Close(reason));
        let told = reason == CloseReason::ForcedClose && self.on != On::Opening;
        if !told {
            self.queue.clear();
        }
        if self.transport == Transport::WebSocket {
            let queue = mem::take(&mut self.queue);
            self.frames.extend(queue.iter().map(|packet| v3::encode(packet, self.base64)));
        } else {
            self.frames.clear();
        }
        if self.socket == Some(true) {
            self.frames.push_back(Frame::Close);
        } else {
            self.socket = None;
        }
        self.upgrade = Timer::Off;
        let posts = told && self.transport == Transport::Polling;
        (self.on, self.timer) = match posts {
            true => (On::Closing, Timer::In(self.timeout)),
            false => (On::Closed, Timer::Off),
        };
        if posts {
            self.queue.push_back(Packet::Close);
        }
    }

    fn forget(&mut self) {
        self.on = On::Closed;
        self.queue.clear();
        self.timer = Timer::Off;
    }

    fn end_upgrade(&mut self) {
        self.on = On::Polling;
        self.upgrade = Timer::Off;
        self.frames.clear();
        match self.socket {
            Some(true) => self.frames.push_back(Frame::Close),
            _ => self.socket = None,
        }
    }

    fn packet(&mut self, packet: Packet) {
        match packet {
            Packet::Open(open) if self.on == On::Opening => {
                self.sid = open.sid.to_string();
                (self.interval, self.timeout) = (open.ping_interval, open.ping_timeout);
                self.timer = Timer::In(self.interval);
                let upgrades = self.upgrades && !open.upgrades.is_empty();
                self.on = match self.transport {
                    Transport::WebSocket => On::WebSocket,
                    Transport::Polling if upgrades => {
                        self.socket = Some(false);
                        On::Connecting
                    }
                    Transport::Polling => On::Polling,
                };
                self.events.push_back(Event::Open(open));
            }
            Packet::Message(message) => self.events.push_back(Event::Message(message)),
            Packet::Pong { probe: false } => {
                assert!(mem::take(&mut self.pinged), "a pong that nobody asked for");
                self.timer = Timer::In(self.interval);
            }
            Packet::Close => self.end(CloseReason::TransportClose),
            Packet::Noop => {}
            packet => panic!("{packet:?}"),
        }
    }

    fn switch_if_idle(&mut self) {
        if self.on == On::Paused && !self.get && !self.post {
            self.on = On::WebSocket;
            self.transport = Transport::WebSocket;
            self.upgrade = Timer::Off;
            self.frames.push_back(Packet::Upgrade.encode());
            self.events.push_back(Event::Upgraded);
        }
    }

    fn query(&self, transport: Transport) -> String {
        let sid = if self.sid.is_empty() { String::new() } else { format!("&sid={}", self.sid) };
        let base64 = if self.base64 { "&b64=1" } else { "" };
        format!("EIO=3&transport={transport}{sid}{base64}")
    }
}

impl Client for Version3 {
    fn next_request(&mut self) -> Option<Ask> {
        let ask = |kind, query| Some(Ask { kind, query, body: Frame::Close });
        let polls = matches!(self.on, On::Polling | On::Connecting | On::Probing);
        if (polls || self.on == On::Closing) && !self.post && !self.queue.is_empty() {
            self.post = true;
            // One by one, for who counts lengths in UTF-16 and base64.
            let packet = self.queue.pop_front()?;
            let body = v3::encode_payload([&packet], self.base64);
            return Some(Ask { kind: Kind::Post, query: self.query(Transport::Polling), body });
        }
        let opens = self.on == On::Opening && self.transport == Transport::Polling;
        if (opens || polls) && !self.get {
            self.get = true;
            return ask(Kind::Get, self.query(Transport::Polling));
        }
        if self.socket == Some(false) {
            self.socket = Some(true);
            if self.on == On::Connecting {
                self.upgrade = Timer::In(Duration::from_secs(10));
            }
            return ask(Kind::WebSocket, self.query(Transport::WebSocket));
        }
        None
    }

    fn finish(&mut self, kind: Kind, status: u16, body: Frame) {
        match kind {
            Kind::Get => self.get = false,
            Kind::Post => self.post = false,
            Kind::WebSocket => panic!("a WebSocket is opened"),
        }
        match (self.on, kind) {
            (On::Closing, Kind::Post) if status != 200 || self.queue.is_empty() => self.forget(),
            (On::Closing | On::Closed, _) => {}
            _ if status != 200 => self.end(CloseReason::TransportError),
            (_, Kind::Get) => {
                for packet in v3::Payload::decode(body, 1000) {
                    if !matches!(self.on, On::Closing | On::Closed) {
                        self.packet(packet.unwrap());
                    }
                }
                self.switch_if_idle();
            }
            _ => self.switch_if_idle(),
        }
    }

    fn failed(&mut self, kind: Kind) {
        match (kind, self.on) {
            (Kind::Get, _) => self.get = false,
            (Kind::Post, _) => self.post = false,
            (Kind::WebSocket, _) => {
                self.socket = None;
                self.frames.clear();
            }
        }
        match (kind, self.on) {
            (Kind::Post, On::Closing) => self.forget(),
            (Kind::WebSocket, On::Connecting | On::Probing | On::Paused) => self.end_upgrade(),
            (Kind::WebSocket, On::Polling) => {}
            _ => self.end(CloseReason::TransportError),
        }
    }

    fn websocket_opened(&mut self) {
        if self.on == On::Connecting {
            self.on = On::Probing;
            self.frames.push_back(Packet::Ping { probe: true }.encode());
        }
    }

    fn receive(&mut self, frame: Frame) {
        if frame == Frame::Close {
            self.socket = None;
            self.frames.clear();
            match self.on {
                On::Connecting | On::Probing | On::Paused => self.end_upgrade(),
                On::Opening | On::WebSocket => self.end(CloseReason::TransportClose),
                On::Polling | On::Closing | On::Closed => {}
            }
            return;
        }
        let packet = v3::decode(&frame).unwrap();
        match self.on {
            On::Probing if packet == (Packet::Pong { probe: true }) => {
                self.on = On::Paused;
                self.switch_if_idle();
            }
            On::Opening | On::WebSocket => self.packet(packet),
            // Of a WebSocket that was given up.
            On::Polling | On::Closing | On::Closed => {}
            on => panic!("{packet:?} while {on:?}"),
        }
    }

    fn next_frame(&mut self) -> Option<Frame> {
        self.socket.filter(|open| *open)?;
        let frame = self.frames.pop_front().or_else(|| {
            let packet = (self.on == On::WebSocket).then(|| self.queue.pop_front())??;
            Some(v3::encode(&packet, self.base64))
        });
        if frame == Some(Frame::Close) {
            self.socket = None;
        }
        frame
    }

    fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn send(&mut self, message: Message) -> Result<(), SendError> {
        match self.on {
            On::Opening => Err(SendError::NotOpen),
            On::Closing | On::Closed => Err(SendError::Closed),
            _ => {
                self.queue.push_back(Packet::Message(message));
                Ok(())
            }
        }
    }

    fn close(&mut self) {
        self.end(CloseReason::ForcedClose);
    }

    fn transport(&self) -> Transport {
        self.transport
    }

    fn is_closed(&self) -> bool {
        matches!(self.on, On::Closing | On::Closed)
    }

    fn is_finished(&self) -> bool {
        self.on == On::Closed && self.socket.is_none()
    }

    fn can_receive(&self) -> bool {
        true
    }

    fn queued(&self) -> usize {
        0
    }

    fn next_timeout(&self) -> Option<Duration> {
        [self.timer, self.upgrade].into_iter().filter_map(Timer::at).min()
    }

    fn handle_timeout(&mut self, now: Duration) {
        if self.upgrade.is_due(now) {
            self.end_upgrade();
        }
        if self.timer.is_due(now) {
            match self.on {
                On::Opening => self.end(CloseReason::TransportError),
                On::Closing | On::Closed => self.forget(),
                _ if self.pinged => self.end(CloseReason::PingTimeout),
                _ => {
                    self.pinged = true;
                    self.timer = Timer::At(now + self.timeout);
                    self.queue.push_front(Packet::Ping { probe: false });
                }
            }
        }
    }
}
