//! A session against a client that keeps the protocol, in any interleaving: each message arrives
//! once and in order, in both directions, wherever the upgrade falls and however it fails.

use std::time::Duration;

use proptest::prelude::*;
use rtwire_engineio::{Event, Frame, Limits, Message, Packet, Payload, Session, Transport};

#[derive(Clone, Copy, Debug)]
enum Step {
    ServerSends,
    ServerSendsBinary,
    ClientSends,
    ClientPolls,
    AnswerArrives,
    PostStarts,
    PostEnds,
    PostIsTooBig,
    UpgradeStarts,
    ProbeGoesOut,
    UpgradeGoesOut,
    UpgradeFails,
    WebSocketBreaks,
    FramesArrive,
    TimePasses(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    use Step::*;
    prop_oneof![
        4 => Just(ServerSends), 2 => Just(ServerSendsBinary), 4 => Just(ClientSends),
        6 => Just(ClientPolls), 6 => Just(AnswerArrives), 3 => Just(PostStarts),
        3 => Just(PostEnds), 1 => Just(PostIsTooBig), 3 => Just(UpgradeStarts),
        4 => Just(ProbeGoesOut), 4 => Just(UpgradeGoesOut), 1 => Just(UpgradeFails),
        1 => Just(WebSocketBreaks), 4 => Just(FramesArrive),
        2 => (1..400_u64).prop_map(TimePasses), 1 => (5_000..12_000_u64).prop_map(TimePasses),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum On {
    Polling,
    Connected,
    Probing,
    /// Has the reply to its probe: starts no request any more.
    Paused,
    WebSocket,
}

struct Model {
    session: Session,
    on: On,
    polling: bool,
    posting: Option<Vec<u32>>,
    now: Duration,
    sent: [u32; 2],
    unposted: Vec<u32>,
    received_by_client: Vec<u32>,
    received_by_server: Vec<u32>,
}

fn number(message: &Message) -> u32 {
    match message {
        Message::Text(text) => text.parse().unwrap(),
        Message::Binary(bytes) => u32::from_be_bytes(bytes[..].try_into().unwrap()),
    }
}

impl Model {
    fn new() -> Self {
        let limits = Limits::default().max_packets(5).max_packets_sent(5).max_queue(usize::MAX);
        let mut session = Session::new("s", Transport::Polling, limits);
        assert_eq!(session.next_event(), Some(Event::Open));
        let mut model = Self {
            session,
            on: On::Polling,
            polling: true,
            posting: None,
            now: Duration::ZERO,
            sent: [0; 2],
            unposted: Vec::new(),
            received_by_client: Vec::new(),
            received_by_server: Vec::new(),
        };
        model.session.poll().unwrap();
        model
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::ServerSends | Step::ServerSendsBinary => {
                let n = self.sent[0];
                self.sent[0] += 1;
                let message = match step {
                    Step::ServerSends => Message::from(n.to_string()),
                    _ => Message::from(n.to_be_bytes().to_vec()),
                };
                self.session.send(message).unwrap();
            }
            Step::ClientSends => {
                self.client_sends();
            }
            Step::ClientPolls if !self.polling && self.may_request() => {
                self.session.poll().unwrap();
                self.polling = true;
            }
            Step::AnswerArrives => self.answer_arrives(),
            Step::PostStarts if self.posting.is_none() && self.may_request() => {
                self.session.start_post().unwrap();
                let count = self.unposted.len().min(5);
                self.posting = Some(self.unposted.drain(..count).collect());
            }
            Step::PostEnds => self.post_ends(),
            Step::PostIsTooBig => {
                if let Some(mut again) = self.posting.take() {
                    assert_eq!(self.session.refuse_post().rule().http_status(), 413);
                    again.append(&mut self.unposted);
                    self.unposted = again;
                }
            }
            Step::UpgradeStarts
                if self.on == On::Polling && self.session.start_upgrade().is_ok() =>
            {
                self.on = On::Connected;
            }
            Step::ProbeGoesOut if self.on == On::Connected => {
                self.on = On::Probing;
                // The session may have given up on this WebSocket, and then ignores it.
                self.session.receive(Frame::Text("2probe".into())).unwrap();
            }
            // "Upgrade": only when no request is on its way any more.
            Step::UpgradeGoesOut
                if self.on == On::Paused && !self.polling && self.posting.is_none() =>
            {
                self.session.receive(Frame::Text("5".into())).unwrap();
                if self.session.transport() == Transport::WebSocket {
                    self.on = On::WebSocket;
                }
            }
            Step::UpgradeFails if matches!(self.on, On::Connected | On::Probing) => {
                // Refused, or ignored if the session gave up before.
                let _ = self.session.receive(Frame::Text("oops".into()));
            }
            Step::WebSocketBreaks if !matches!(self.on, On::Polling | On::WebSocket) => {
                self.session.websocket_failed();
                self.on = On::Polling;
            }
            Step::FramesArrive => self.frames_arrive(),
            Step::TimePasses(millis) => self.now += Duration::from_millis(millis),
            _ => {}
        }
        self.session.handle_timeout(self.now);
        self.drain();
    }

    fn may_request(&self) -> bool {
        matches!(self.on, On::Polling | On::Connected | On::Probing)
    }

    fn client_sends(&mut self) {
        let n = self.sent[1];
        self.sent[1] += 1;
        if self.on == On::WebSocket {
            while !self.unposted.is_empty() {
                let n = self.unposted.remove(0);
                self.session.receive(Frame::Text(format!("4{n}").into())).unwrap();
            }
            self.session.receive(Frame::Text(format!("4{n}").into())).unwrap();
        } else {
            self.unposted.push(n);
        }
    }

    fn post_ends(&mut self) {
        if let Some(numbers) = self.posting.take() {
            let packets: Vec<_> =
                numbers.iter().map(|n| Packet::Message(n.to_string().into())).collect();
            let packets = if packets.is_empty() { vec![Packet::Noop] } else { packets };
            self.session.finish_post(Payload::encode(&packets).unwrap().into_bytes()).unwrap();
        }
    }

    fn answer_arrives(&mut self) {
        let Some(payload) = self.session.payload() else { return };
        assert!(self.polling);
        self.polling = false;
        let payload = payload.as_text().expect("version 4").to_owned();
        for packet in Payload::decode(payload, 5) {
            self.client_receives(packet.unwrap());
        }
    }

    fn frames_arrive(&mut self) {
        while let Some(frame) = self.session.next_frame() {
            match frame {
                Frame::Text(text) => {
                    let packet = Packet::decode(&text).unwrap();
                    let probe = packet == Packet::Pong { probe: true };
                    assert!(probe || self.on == On::WebSocket, "{packet:?} before the switch");
                    self.client_receives(packet);
                }
                Frame::Binary(bytes) => {
                    assert_eq!(self.on, On::WebSocket);
                    self.client_receives(Packet::Message(bytes.into()));
                }
                Frame::Close => self.on = On::Polling,
            }
        }
    }

    fn client_receives(&mut self, packet: Packet) {
        match packet {
            Packet::Message(message) => self.received_by_client.push(number(&message)),
            Packet::Pong { probe: true } => {
                assert_eq!(self.on, On::Probing);
                self.on = On::Paused;
            }
            Packet::Ping { probe: false } if self.on == On::WebSocket => {
                self.session.receive(Frame::Text("3".into())).unwrap();
            }
            Packet::Ping { probe: false } => {
                // Between two POSTs as far as the session can tell: what it started is kept.
                let posting = self.posting.take();
                if posting.is_some() {
                    self.session.refuse_post();
                }
                self.session.start_post().unwrap();
                self.session.finish_post("3").unwrap();
                if posting.is_some() {
                    self.session.start_post().unwrap();
                    self.posting = posting;
                }
            }
            Packet::Open(_) | Packet::Noop => {}
            other => panic!("{other:?}"),
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.session.next_event() {
            match event {
                Event::Message(message) => self.received_by_server.push(number(&message)),
                // Whatever the interleaving, a client that keeps the protocol is never closed.
                other => panic!("{other:?}"),
            }
        }
    }

    /// Lets everything arrive that is on its way.
    fn settle(&mut self) {
        self.post_ends();
        self.frames_arrive();
        if self.on == On::WebSocket {
            self.answer_arrives();
            self.client_sends();
        } else {
            while self.session.queued() > 0 {
                if !self.polling {
                    self.session.poll().unwrap();
                    self.polling = true;
                }
                self.answer_arrives();
            }
            while !self.unposted.is_empty() {
                self.session.start_post().unwrap();
                let count = self.unposted.len().min(5);
                self.posting = Some(self.unposted.drain(..count).collect());
                self.post_ends();
            }
        }
        self.drain();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn nothing_is_lost_doubled_or_reordered(steps in prop::collection::vec(any_step(), 1..120)) {
        let mut model = Model::new();
        let mut idle = Duration::ZERO;
        for step in steps {
            // A ping is answered before its deadline, as by any client that lives.
            if let Step::TimePasses(millis) = step {
                idle += Duration::from_millis(millis);
            }
            if idle > Duration::from_secs(8) {
                idle = Duration::ZERO;
                model.answer_arrives();
                model.frames_arrive();
                if !model.polling && model.may_request() {
                    model.step(Step::ClientPolls);
                    model.answer_arrives();
                }
            }
            model.step(step);
        }
        model.settle();
        prop_assert_eq!(model.received_by_client, (0..model.sent[0]).collect::<Vec<_>>());
        prop_assert_eq!(model.received_by_server, (0..model.sent[1]).collect::<Vec<_>>());
    }
}
