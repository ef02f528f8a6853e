//! The server's end and the client's against each other, over a transport that keeps the order of
//! messages, delays them as it likes, and may be lost or lose some.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use rtwire_socketio::{
    AckToken, ClientConnection, Connection, Data, Error, Event, Json, Limits, Message, Namespace,
    Parser, PreparedEvent, Recovery, SendError,
};

const NAMES: [&str; 3] = ["/", "/a", "/b"];

const FOREVER: Duration = Duration::from_secs(1 << 30);

fn ns(index: usize) -> Namespace {
    Namespace::try_from(NAMES[index]).unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Server,
    Client,
}

#[derive(Clone, Debug)]
enum Step {
    Connect(usize),
    Answer {
        accept: bool,
    },
    Emit {
        from: End,
        ns: usize,
        binary: bool,
    },
    Ask {
        from: End,
        ns: usize,
        millis: u64,
    },
    Reply {
        from: End,
        newest: bool,
    },
    Leave {
        from: End,
        ns: usize,
    },
    Deliver {
        to: End,
        messages: usize,
    },
    Sleep(u64),
    /// The transport is lost with what is on its way; the client comes back.
    Cut,
    /// A message on its way is lost.
    Lose {
        to: End,
        index: usize,
    },
}

fn any_end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Server), Just(End::Client)]
}

fn any_step() -> impl Strategy<Value = Step> {
    let ns = 0..NAMES.len();
    prop_oneof![
        3 => ns.clone().prop_map(Step::Connect),
        3 => (0..4).prop_map(|n| Step::Answer { accept: n > 0 }),
        6 => (any_end(), ns.clone(), any::<bool>())
            .prop_map(|(from, ns, binary)| Step::Emit { from, ns, binary }),
        3 => (any_end(), ns.clone(), 1..100u64)
            .prop_map(|(from, ns, millis)| Step::Ask { from, ns, millis }),
        3 => (any_end(), any::<bool>()).prop_map(|(from, newest)| Step::Reply { from, newest }),
        1 => (any_end(), ns).prop_map(|(from, ns)| Step::Leave { from, ns }),
        8 => (any_end(), 1..6usize).prop_map(|(to, messages)| Step::Deliver { to, messages }),
        1 => (1..60u64).prop_map(Step::Sleep),
    ]
}

fn any_cut() -> impl Strategy<Value = Step> {
    prop_oneof![20 => any_step(), 1 => Just(Step::Cut)]
}

fn any_loss() -> impl Strategy<Value = Step> {
    let lose = (any_end(), 0..8usize).prop_map(|(to, index)| Step::Lose { to, index });
    prop_oneof![10 => any_step(), 1 => lose]
}

/// What one end has said to the other and waits for.
#[derive(Default)]
struct Side {
    /// Messages to this end.
    inbox: VecDeque<Message>,
    /// Numbers of the events that will come out at this end, by namespace.
    expected: BTreeMap<usize, VecDeque<u64>>,
    /// Events that this end may answer.
    tokens: VecDeque<(AckToken, u64)>,
    /// Acks that this end awaits, by namespace and id, and their deadlines.
    awaited: BTreeMap<(usize, u64), Duration>,
    /// Those of them whose answer is on its way.
    answered: BTreeSet<(usize, u64)>,
    /// The join of each namespace that this end takes for the present one: the number of its
    /// CONNECT. None if it is not joined, or has been left.
    join: BTreeMap<usize, u64>,
    newest: u64,
    /// The newest event of the present session of each namespace that has an offset.
    offsets: BTreeMap<usize, u64>,
    /// The peer broke a rule.
    failed: bool,
}

/// What the server keeps of a namespace for a client that may come back.
#[derive(Default)]
struct Session {
    events: Vec<(u64, PreparedEvent)>,
}

struct Pair {
    parser: Parser,
    /// In namespaces: what both ends keep to.
    limit: usize,
    now: Duration,
    server: Connection,
    client: ClientConnection,
    server_side: Side,
    client_side: Side,
    /// CONNECTs that the server has not answered: their namespace, number and recovery.
    asked: VecDeque<(usize, u64, Option<Recovery>)>,
    sessions: BTreeMap<String, Session>,
    /// The session of each namespace that the server has joined.
    pids: BTreeMap<usize, String>,
    counter: u64,
    lossy: bool,
}

impl Pair {
    fn new(parser: Parser, limit: usize) -> Self {
        let limits = Limits::default()
            .attachments_timeout(FOREVER)
            .connect_timeout(FOREVER)
            .max_namespaces(limit);
        Self {
            parser,
            limit,
            now: Duration::ZERO,
            server: Connection::new(limits, Duration::ZERO).with_parser(parser),
            client: Connection::client(limits).with_parser(parser),
            server_side: Side::default(),
            client_side: Side::default(),
            asked: VecDeque::new(),
            sessions: BTreeMap::new(),
            pids: BTreeMap::new(),
            counter: 0,
            lossy: false,
        }
    }

    fn side(&mut self, end: End) -> &mut Side {
        match end {
            End::Server => &mut self.server_side,
            End::Client => &mut self.client_side,
        }
    }

    fn other(&mut self, end: End) -> &mut Side {
        match end {
            End::Server => &mut self.client_side,
            End::Client => &mut self.server_side,
        }
    }

    fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Connect(index) => self.connect(index, None),
            Step::Answer { accept } => self.answer(accept),
            Step::Emit { from, ns, binary } => self.emit(from, ns, binary),
            Step::Ask { from, ns, millis } => self.ask(from, ns, millis),
            Step::Reply { from, newest } => self.reply(from, newest),
            Step::Leave { from, ns } => self.leave(from, ns),
            Step::Deliver { to, messages } => self.deliver(to, messages),
            Step::Sleep(millis) => self.sleep(Duration::from_millis(millis)),
            Step::Cut => self.cut(),
            Step::Lose { to, index } => {
                self.lossy |= self.side(to).inbox.remove(index).is_some();
            }
        }
        // Behind what was sent before.
        let of_server = std::iter::from_fn(|| self.server.output().pop());
        self.client_side.inbox.extend(of_server);
        let of_client = std::iter::from_fn(|| self.client.output().pop());
        self.server_side.inbox.extend(of_client);
        if !self.lossy {
            let timeout = self.client.next_timeout().filter(|at| *at < FOREVER);
            assert_eq!(timeout, self.client_side.awaited.values().min().copied());
        }
    }

    fn connect(&mut self, index: usize, recovery: Option<Recovery>) {
        let number = self.count();
        let auth = Json::decode(format!(r#"{{"number":{number}}}"#).into()).unwrap();
        if self.client.connect(&ns(index), Some(&auth), recovery).is_ok() {
            self.client_side.join.insert(index, number);
        }
    }

    /// The server answers the oldest CONNECT.
    fn answer(&mut self, accept: bool) {
        let Some((index, number, recovery)) = self.asked.pop_front() else { return };
        if self.server.is_closed() {
            return;
        }
        if !accept {
            self.server.refuse(&ns(index), "no", None).unwrap();
            return;
        }
        self.server_side.join.insert(index, number);
        let session = recovery.and_then(|recovery| {
            let events = &self.sessions.get(&recovery.pid)?.events;
            let offset: u64 = recovery.offset?.parse().unwrap();
            let seen = events.iter().position(|(at, _)| *at == offset)?;
            Some((recovery.pid, events[seen + 1..].to_vec()))
        });
        if let Some((pid, missed)) = session {
            let (numbers, missed): (Vec<_>, Vec<_>) = missed.into_iter().unzip();
            self.server.accept_recovered(&ns(index), &pid, &pid, &missed).unwrap();
            self.pids.insert(index, pid);
            if self.client_side.join.get(&index) == Some(&number) {
                let expected = self.client_side.expected.entry(index).or_default();
                assert_eq!(expected.iter().copied().collect::<Vec<_>>(), numbers, "missed");
            }
        } else {
            let pid = format!("p-{number}");
            self.server.accept_recoverable(&ns(index), &pid, &pid).unwrap();
            self.pids.insert(index, pid.clone());
            self.sessions.insert(pid, Session::default());
            if self.client_side.join.get(&index) == Some(&number) {
                self.client_side.expected.remove(&index);
            }
        }
    }

    /// Whether what `from` sends now to a namespace that it has joined will come out.
    fn comes_out(&mut self, from: End, index: usize) -> bool {
        let join = self.side(from).join.get(&index).copied();
        join.is_some() && self.other(from).join.get(&index).copied() == join
    }

    fn emit(&mut self, from: End, index: usize, binary: bool) {
        let number = self.count();
        let attachments = if binary { vec![Bytes::from_static(b"bytes")] } else { vec![] };
        let data = Data::binary_event("event", attachments).unwrap();
        let result = match from {
            // The offset tells the number, and so does the client's last argument.
            End::Server => {
                let data = data.with_offset(&number.to_string());
                let event = PreparedEvent::new(&ns(index), data).unwrap();
                let result = self.server.send_prepared(&event);
                if result.is_ok() {
                    let pid = &self.pids[&index];
                    self.sessions.get_mut(pid).unwrap().events.push((number, event));
                }
                result
            }
            End::Client => {
                self.client.send_event(&ns(index), data.with_offset(&number.to_string()))
            }
        };
        self.sent(from, index, number, result);
    }

    fn sent(&mut self, from: End, index: usize, number: u64, result: Result<(), SendError>) {
        if result.is_ok() && self.comes_out(from, index) {
            self.other(from).expected.entry(index).or_default().push_back(number);
        }
    }

    fn ask(&mut self, from: End, index: usize, millis: u64) {
        let id = self.count();
        let data = Data::from_parts(format!("[\"ask\",{id}]").into(), vec![]).unwrap();
        let deadline = self.now + Duration::from_millis(millis);
        let (ns, due) = (ns(index), Some(deadline));
        let result = match from {
            // As one that many are to answer, and perhaps for the other parser.
            End::Server if millis.is_multiple_of(2) => {
                let event = PreparedEvent::with_ack(Parser::Text, &ns, id, data).unwrap();
                let awaited = self.server.await_ack(&ns, id, due);
                awaited.and_then(|()| self.server.send_prepared(&event))
            }
            End::Server => self.server.send_event_with_ack(&ns, id, data, due),
            End::Client => self.client.send_event_with_ack(&ns, id, data, due),
        };
        if result.is_ok() {
            self.side(from).awaited.insert((index, id), deadline);
        }
        self.sent(from, index, id, result);
    }

    fn reply(&mut self, from: End, newest: bool) {
        let tokens = &mut self.side(from).tokens;
        let Some((token, id)) = (if newest { tokens.pop_back() } else { tokens.pop_front() })
        else {
            return;
        };
        let index = NAMES.iter().position(|name| *name == &**token.namespace()).unwrap();
        let data = Data::from_parts(format!("[{id}]").into(), vec![]).unwrap();
        let result = match from {
            End::Server => self.server.send_ack(token, data),
            End::Client => self.client.send_ack(token, data),
        };
        let in_time = self.other(from).awaited.contains_key(&(index, id));
        if result.is_ok() && in_time && self.comes_out(from, index) {
            self.other(from).answered.insert((index, id));
        }
    }

    fn leave(&mut self, from: End, index: usize) {
        let result = match from {
            End::Server => self.server.disconnect(&ns(index)),
            End::Client => self.client.disconnect(&ns(index)),
        };
        if result.is_ok() {
            self.left(from, index);
        }
    }

    /// From here on nothing of the namespace comes out at this end.
    fn left(&mut self, end: End, index: usize) {
        if end == End::Server {
            self.sessions.remove(&self.pids.remove(&index).unwrap());
        }
        let side = self.side(end);
        side.join.remove(&index);
        side.offsets.remove(&index);
        side.expected.remove(&index);
        side.awaited.retain(|(of, _), _| *of != index);
        side.answered.retain(|(of, _)| *of != index);
    }

    fn deliver(&mut self, to: End, messages: usize) {
        for _ in 0..messages {
            let Some(message) = self.side(to).inbox.pop_front() else { return };
            let now = self.now;
            let result = match to {
                End::Server => self.server.next_event(message, now),
                End::Client => self.client.next_event(message, now),
            };
            match result {
                Ok(Some(event)) => self.heard(to, event),
                Ok(None) => {}
                Err(error) => self.fail(to, error),
            }
        }
    }

    fn fail(&mut self, end: End, error: Error) {
        assert!(self.lossy, "{end:?}: {error}");
        assert!(!self.side(end).failed, "an error comes once");
        self.side(end).failed = true;
    }

    fn heard(&mut self, at: End, event: Event) {
        let index =
            |namespace: &Namespace| NAMES.iter().position(|name| *name == &**namespace).unwrap();
        let lossy = self.lossy;
        match event {
            Event::Connect { namespace, auth } => {
                let auth = auth.unwrap();
                let number = auth.split("\"number\":").nth(1).unwrap().trim_end_matches('}');
                let recovery = Recovery::from_auth(&auth);
                let asked = (index(&namespace), number.parse().unwrap(), recovery);
                self.asked.push_back(asked);
            }
            Event::Connected { recovered: true, .. } => {}
            Event::Connected { namespace, recovered: false, .. } => {
                self.side(at).offsets.remove(&index(&namespace));
            }
            Event::ConnectError { namespace, message, data } => {
                assert_eq!((&*message, data), ("no", None));
                self.left(at, index(&namespace));
            }
            Event::Event { namespace, data, ack } => {
                let index = index(&namespace);
                let asks = data.event_name().as_deref() == Some("ask");
                assert_eq!(ack.is_some(), asks, "who asks is told whom to answer");
                let args = data.json().trim_end_matches(']').trim_matches('"');
                let number: u64 = args.rsplit([',', '"']).next().unwrap().parse().unwrap();
                let side = self.side(at);
                assert!(number > side.newest || !lossy, "in order, and once");
                side.newest = number;
                if data.json().ends_with("\"]") {
                    side.offsets.insert(index, number);
                }
                side.tokens.extend(ack.map(|token| (token, number)));
                if !lossy {
                    let expected = side.expected.get_mut(&index).and_then(VecDeque::pop_front);
                    assert_eq!(Some(number), expected, "at the {at:?}");
                }
            }
            Event::Ack { namespace, id, data } => {
                assert_eq!(*data.json(), format!("[{id}]"));
                let (key, side) = ((index(&namespace), id), self.side(at));
                assert!(side.awaited.remove(&key).is_some(), "an ack comes once");
                assert!(side.answered.remove(&key));
            }
            Event::AckTimeout { namespace, id } => {
                let (key, now) = ((index(&namespace), id), self.now);
                let side = self.side(at);
                assert!(side.awaited.remove(&key).unwrap() <= now);
                side.answered.remove(&key);
            }
            Event::Disconnect { namespace, .. } => self.left(at, index(&namespace)),
            event => panic!("{event:?}"),
        }
    }

    fn sleep(&mut self, duration: Duration) {
        self.now += duration;
        for end in [End::Server, End::Client] {
            loop {
                let result = match end {
                    End::Server => self.server.handle_timeout(self.now),
                    End::Client => self.client.handle_timeout(self.now),
                };
                match result {
                    Ok(Some(event)) => self.heard(end, event),
                    Ok(None) => break,
                    Err(error) => self.fail(end, error),
                }
            }
            let now = self.now;
            let side = self.side(end);
            assert!(side.failed || side.awaited.values().all(|deadline| *deadline > now));
        }
    }

    fn cut(&mut self) {
        let asked: Vec<_> = self.client_side.join.keys().copied().collect();
        let recoveries: Vec<_> =
            asked.iter().map(|&index| self.client.recovery(&ns(index)).cloned()).collect();
        for (index, recovery) in asked.iter().zip(&recoveries) {
            let offset = recovery.as_ref().and_then(|recovery| recovery.offset.as_ref());
            let newest = self.client_side.offsets.get(index).map(u64::to_string);
            assert_eq!(offset, newest.as_ref());
        }
        let fresh = Self::new(self.parser, self.limit);
        self.server = fresh.server;
        self.client = fresh.client;
        self.asked.clear();
        self.pids.clear();
        self.server_side = Side::default();
        // What the server has logged is to come yet; what has an ack is not logged.
        let expected = std::mem::take(&mut self.client_side.expected);
        self.client_side = Side {
            newest: self.client_side.newest,
            offsets: std::mem::take(&mut self.client_side.offsets),
            ..Side::default()
        };
        for (index, recovery) in asked.into_iter().zip(recoveries) {
            let logged = recovery.as_ref().and_then(|recovery| self.sessions.get(&recovery.pid));
            if let (Some(session), Some(mut expected)) = (logged, expected.get(&index).cloned()) {
                expected.retain(|number| session.events.iter().any(|(at, _)| at == number));
                self.client_side.expected.insert(index, expected);
            }
            self.connect(index, recovery);
        }
    }

    /// Everything arrives, and nobody waits any more.
    fn finish(mut self) {
        while !self.server_side.inbox.is_empty()
            || !self.client_side.inbox.is_empty()
            || !self.asked.is_empty()
        {
            self.step(&Step::Answer { accept: true });
            self.step(&Step::Deliver { to: End::Server, messages: usize::MAX });
            self.step(&Step::Deliver { to: End::Client, messages: usize::MAX });
        }
        if !self.lossy {
            for side in [&self.server_side, &self.client_side] {
                assert!(side.expected.values().all(VecDeque::is_empty), "all has come");
                assert!(side.answered.is_empty(), "each answer has come, or was late");
            }
            let joined =
                |names: Vec<&Namespace>| names.iter().map(|ns| ns.to_string()).collect::<Vec<_>>();
            let server = joined(self.server.joined().collect());
            assert_eq!(server, joined(self.client.joined().collect()));
        }
        self.sleep(Duration::from_secs(1));
        if !self.server_side.failed && !self.client_side.failed {
            for timeout in [self.server.next_timeout(), self.client.next_timeout()] {
                assert!(timeout.is_none_or(|at| at >= FOREVER));
            }
        }
    }
}

fn any_parser() -> impl Strategy<Value = Parser> {
    prop_oneof![Just(Parser::Text), Just(Parser::Msgpack)]
}

fn run(parser: Parser, limit: usize, steps: &[Step]) {
    let mut pair = Pair::new(parser, limit);
    for step in steps {
        pair.step(step);
    }
    pair.finish();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_crosses_is_no_fault_and_what_is_sent_comes_out(
        parser in any_parser(),
        limit in 1..=NAMES.len(),
        steps in prop::collection::vec(any_step(), 0..200),
    ) {
        run(parser, limit, &steps);
    }

    #[test]
    fn what_a_recovered_session_missed_comes_once_and_in_order(
        parser in any_parser(),
        limit in 1..=NAMES.len(),
        steps in prop::collection::vec(any_cut(), 0..200),
    ) {
        run(parser, limit, &steps);
    }

    #[test]
    fn a_lost_message_is_noticed_once_or_not_at_all(
        parser in any_parser(),
        limit in 1..=NAMES.len(),
        steps in prop::collection::vec(any_loss(), 0..200),
    ) {
        run(parser, limit, &steps);
    }
}
