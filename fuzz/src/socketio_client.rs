use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rtwire_socketio::{
    AckToken, Body, ClientConnection, Connection, Data, Decoder, DisconnectReason, Event, Json,
    Limits, Message, Namespace, Packet, Recovery, Rule, SendError,
};
use serde_json::value::RawValue;

/// The client's end of a connection, whatever client and server do. The first byte chooses the
/// limits; then each line is an operation: a letter (see `step`), a namespace, and after a space
/// what else there is to say.
///
/// - Each packet of the server means what the state of its namespace says: an answer comes once and
///   to who has asked, no event before it but those of a session that is taken up, and what may
///   have crossed a DISCONNECT is ignored.
/// - An error is final, comes once, and is a "parse error".
/// - The session that can be taken up is the one that the server has named last, from the newest
///   event that has an offset.
/// - What was sent comes out in order, and no DISCONNECT before its CONNECT was answered.
pub fn socketio_client(input: &[u8]) {
    let Some((&choice, input)) = input.split_first() else { return };
    let mut model = Model::new(choice);
    for line in input.split(|&byte| byte == b'\n') {
        if let Some((&operation, operand)) = line.split_first() {
            model.step(operation, operand);
            model.check();
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Asked,
    Joined { join: u32 },
    Left,
}

struct Model {
    connection: ClientConnection,
    limits: Limits,
    now: Duration,
    closed: bool,
    /// Puts the server's packets together, apart from the connection.
    server: Decoder,
    namespaces: BTreeMap<Namespace, State>,
    recoveries: BTreeMap<Namespace, Recovery>,
    left: bool,
    joins: u32,
    /// Acks that are to come, by join and id.
    awaited: BTreeMap<(u32, u64), Option<Duration>>,
    next_id: u64,
    tokens: VecDeque<(AckToken, u32, u64)>,
    sent: VecDeque<Packet>,
    output: Decoder,
}

impl Model {
    fn new(choice: u8) -> Self {
        let limits = match choice & 1 {
            0 => Limits::default(),
            _ => Limits::default().max_packet(200).max_namespaces(2).max_acks(2).max_offset(4),
        };
        Self {
            connection: Connection::client(limits),
            limits,
            now: Duration::ZERO,
            closed: false,
            server: Decoder::new(limits),
            namespaces: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            left: false,
            joins: 0,
            awaited: BTreeMap::new(),
            next_id: 0,
            tokens: VecDeque::new(),
            sent: VecDeque::new(),
            output: Decoder::new(Limits::default()),
        }
    }

    fn step(&mut self, operation: u8, operand: &[u8]) {
        if operation == b'b' {
            return self.hear(Message::Binary(Bytes::copy_from_slice(operand)));
        }
        let Ok(operand) = std::str::from_utf8(operand) else { return };
        let (name, rest) = operand.split_once(' ').unwrap_or((operand, ""));
        let ns = Namespace::try_from(name).unwrap_or_default();
        match operation {
            // Half a surrogate pair is no text to serde_json.
            b't' if operand.to_ascii_lowercase().contains("\\ud") => {}
            b't' => self.hear(Message::Text(operand.into())),
            b'z' => self.sleep(operand),
            b'c' => self.connect(&ns, Json::decode(rest.into()).ok(), None),
            // A pid and maybe an offset.
            b'C' => {
                let (pid, offset) = rest
                    .split_once(' ')
                    .map_or((rest, None), |(pid, offset)| (pid, Some(offset.to_owned())));
                self.connect(&ns, None, Some(Recovery { pid: pid.to_owned(), offset }));
            }
            b'd' => self.disconnect(&ns),
            b'e' => self.send_event(&ns, rest),
            b'q' => self.ask(&ns, rest.parse().ok()),
            b'k' => self.send_ack(),
            _ => {}
        }
        self.pop();
    }

    fn hear(&mut self, message: Message) {
        let expected = self.server.next_packet(message.clone(), self.now);
        let result = self.connection.next_event(message, self.now);
        if self.closed {
            return assert_eq!(result, Ok(None), "an error is final");
        }
        let packet = match expected {
            Ok(Some(packet)) => packet,
            Ok(None) => return assert_eq!(result, Ok(None), "attachments are missing"),
            Err(error) => {
                self.closed = true;
                return assert_eq!(result, Err(error));
            }
        };
        match self.rule(&packet) {
            Some(rule) => {
                self.closed = true;
                assert_eq!(result.expect_err("out of place").rule(), rule);
                assert_eq!(rule.disconnect_reason(), DisconnectReason::ParseError);
            }
            None => self.hear_packet(packet, result.expect("in its place")),
        }
    }

    fn rule(&self, packet: &Packet) -> Option<Rule> {
        let state = self.namespaces.get(&packet.namespace);
        match (&packet.body, state) {
            (Body::Connect(answer), Some(State::Asked)) => {
                let sid = answer.as_ref().and_then(|answer| member(answer, "sid"));
                sid.is_none().then_some(Rule::MissingSid)
            }
            (Body::ConnectError(error), Some(State::Asked)) => {
                let message = member(error, "message").or_else(|| error.deserialize().ok());
                message.is_none().then_some(Rule::MissingMessage)
            }
            (Body::Connect(_) | Body::ConnectError(_), Some(State::Left)) => None,
            (Body::Connect(_) | Body::ConnectError(_), _) => Some(Rule::NotAsked),
            (_, Some(State::Joined { .. } | State::Left)) => None,
            (Body::Event { .. }, Some(State::Asked))
                if self.recoveries.contains_key(&packet.namespace) =>
            {
                None
            }
            _ => (!self.left).then_some(Rule::NotJoined),
        }
    }

    fn hear_packet(&mut self, packet: Packet, event: Option<Event>) {
        let ns = packet.namespace;
        match (packet.body, self.namespaces.get(&ns).copied()) {
            (Body::Connect(answer), Some(State::Asked)) => {
                let answer = answer.expect("checked");
                let pid = member(&answer, "pid").filter(|pid| pid.len() <= self.limits.max_offset);
                let before = self.recoveries.remove(&ns);
                let recovered = before.as_ref().is_some_and(|r| Some(&r.pid) == pid.as_ref());
                if let Some(pid) = pid {
                    let fresh = Recovery { pid, offset: None };
                    let recovery = before.filter(|_| recovered).unwrap_or(fresh);
                    self.recoveries.insert(ns.clone(), recovery);
                }
                self.joins += 1;
                self.namespaces.insert(ns.clone(), State::Joined { join: self.joins });
                let sid = member(&answer, "sid").expect("checked");
                assert_eq!(event, Some(Event::Connected { namespace: ns, sid, recovered }));
            }
            (Body::Connect(_), _) => {
                self.namespaces.remove(&ns);
                self.left = true;
                self.sent.push_back(Packet { namespace: ns, body: Body::Disconnect });
                assert_eq!(event, None);
            }
            (Body::ConnectError(_), state) => {
                self.namespaces.remove(&ns);
                self.recoveries.remove(&ns);
                let told = matches!(&event, Some(Event::ConnectError { namespace, .. }) if *namespace == ns);
                assert_eq!(told, state == Some(State::Asked));
            }
            (Body::Event { data, .. }, Some(State::Asked)) if self.recoveries.contains_key(&ns) => {
                self.keep_offset(&ns, &data);
                assert_eq!(event, Some(Event::Event { namespace: ns, data, ack: None }));
            }
            (Body::Event { id, data }, Some(State::Joined { join })) => {
                self.keep_offset(&ns, &data);
                let Some(Event::Event { namespace, data: heard, ack }) = event else {
                    panic!("{event:?}")
                };
                assert_eq!((namespace, heard, ack.is_some()), (ns, data, id.is_some()));
                self.tokens.extend(ack.zip(id).map(|(token, id)| (token, join, id)));
            }
            (Body::Ack { id, data }, Some(State::Joined { join })) => {
                let awaited = self.awaited.remove(&(join, id)).is_some();
                assert_eq!(event, awaited.then_some(Event::Ack { namespace: ns, id, data }));
            }
            (Body::Disconnect, Some(State::Joined { .. })) => {
                self.forget(&ns);
                let reason = DisconnectReason::IoServerDisconnect;
                assert_eq!(event, Some(Event::Disconnect { namespace: ns, reason }));
            }
            _ => assert_eq!(event, None, "it has crossed a DISCONNECT"),
        }
    }

    fn keep_offset(&mut self, ns: &Namespace, data: &Data) {
        let Some(recovery) = self.recoveries.get_mut(ns) else { return };
        let elements: Vec<&RawValue> = serde_json::from_str(data.json()).expect("an array");
        if let [_, .., last] = elements[..]
            && last.get().len() <= self.limits.max_offset + 2
            && let Ok(offset) = serde_json::from_str(last.get())
        {
            recovery.offset = Some(offset);
        }
    }

    fn forget(&mut self, ns: &Namespace) {
        if let Some(State::Joined { join }) = self.namespaces.remove(ns) {
            self.awaited.retain(|(of, _), _| *of != join);
        }
        self.recoveries.remove(ns);
    }

    fn sleep(&mut self, millis: &str) {
        self.now += Duration::from_millis(u64::from(millis.parse::<u16>().unwrap_or(1)));
        let error = self.server.handle_timeout(self.now).err();
        if self.closed || error.is_some() {
            let expected = error.filter(|_| !self.closed).map_or(Ok(None), Err);
            self.closed = true;
            return assert_eq!(self.connection.handle_timeout(self.now), expected);
        }
        let due = |at: &Option<Duration>| at.is_some_and(|at| at <= self.now);
        let late = self.awaited.values().filter(|at| due(at)).count();
        for _ in 0..late {
            match self.connection.handle_timeout(self.now) {
                Ok(Some(Event::AckTimeout { namespace, id })) => {
                    let Some(State::Joined { join }) = self.namespaces.get(&namespace) else {
                        panic!("not joined")
                    };
                    let deadline = self.awaited.remove(&(*join, id)).expect("awaited");
                    assert!(deadline.is_some_and(|at| at <= self.now));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(self.connection.handle_timeout(self.now), Ok(None));
    }

    fn connect(&mut self, ns: &Namespace, auth: Option<Json>, recovery: Option<Recovery>) {
        let expected = if self.closed {
            Some(SendError::Closed)
        } else if self.namespaces.contains_key(ns) {
            Some(SendError::AlreadyAsked)
        } else if self.namespaces.len() >= self.limits.max_namespaces {
            Some(SendError::TooManyNamespaces)
        } else {
            auth.as_ref().is_some_and(|auth| !auth.is_object()).then_some(SendError::Auth)
        };
        let result = self.connection.connect(ns, auth.as_ref(), recovery.clone());
        assert_eq!(result.err(), expected);
        if expected.is_some() {
            return;
        }
        self.namespaces.insert(ns.clone(), State::Asked);
        let auth = match recovery {
            Some(recovery) => {
                let (pid, offset) = (recovery.pid.clone(), recovery.offset.clone());
                self.recoveries.insert(ns.clone(), recovery);
                let members = [("pid", Some(pid)), ("offset", offset)];
                let text = members
                    .into_iter()
                    .filter_map(|(key, value)| {
                        let value = serde_json::to_string(&value?).expect("text");
                        Some(format!("\"{key}\":{value}"))
                    })
                    .collect::<Vec<_>>()
                    .join(",");
                Some(Json::decode(format!("{{{text}}}").into()).expect("JSON"))
            }
            None => auth,
        };
        self.sent.push_back(Packet { namespace: ns.clone(), body: Body::Connect(auth) });
    }

    fn disconnect(&mut self, ns: &Namespace) {
        let result = self.connection.disconnect(ns);
        if self.closed {
            return assert_eq!(result, Err(SendError::Closed));
        }
        match self.namespaces.get(ns) {
            Some(State::Joined { .. }) => {
                self.forget(ns);
                self.left = true;
                self.sent.push_back(Packet { namespace: ns.clone(), body: Body::Disconnect });
                assert_eq!(result, Ok(()));
            }
            Some(State::Asked) => {
                self.recoveries.remove(ns);
                self.namespaces.insert(ns.clone(), State::Left);
                assert_eq!(result, Ok(()));
            }
            Some(State::Left) | None => assert_eq!(result, Err(SendError::NotJoined)),
        }
    }

    fn join(&self, ns: &Namespace) -> Result<u32, SendError> {
        match self.namespaces.get(ns) {
            _ if self.closed => Err(SendError::Closed),
            Some(State::Joined { join }) => Ok(*join),
            _ => Err(SendError::NotJoined),
        }
    }

    fn send_event(&mut self, ns: &Namespace, json: &str) {
        let Ok(data) = Data::from_parts(json.into(), vec![]) else { return };
        let event = data.event_name().map(drop).ok_or(SendError::NotAnEvent);
        let expected = self.join(ns).and(event);
        assert_eq!(self.connection.send_event(ns, data.clone()), expected);
        if expected.is_ok() {
            let body = Body::Event { id: None, data };
            self.sent.push_back(Packet { namespace: ns.clone(), body });
        }
    }

    fn ask(&mut self, ns: &Namespace, millis: Option<u16>) {
        let data = Data::binary_event("ask", vec![Bytes::from_static(b"x")]).expect("a name");
        let deadline = millis.map(|millis| self.now + Duration::from_millis(u64::from(millis)));
        let id = self.next_id;
        let result = self.connection.send_event_with_ack(ns, id, data.clone(), deadline);
        let expected = self.join(ns).and_then(|join| {
            let room = self.awaited.len() < self.limits.max_acks;
            room.then_some(join).ok_or(SendError::TooManyAcks)
        });
        assert_eq!(result, expected.map(drop));
        if let Ok(join) = expected {
            self.next_id += 1;
            self.awaited.insert((join, id), deadline);
            let body = Body::Event { id: Some(id), data };
            self.sent.push_back(Packet { namespace: ns.clone(), body });
        }
    }

    fn send_ack(&mut self) {
        let Some((token, join, id)) = self.tokens.pop_front() else { return };
        let ns = token.namespace().clone();
        let data = Data::from_parts("[]".into(), vec![]).expect("JSON");
        let expected = match self.join(&ns) {
            Ok(present) if present != join => Err(SendError::NotJoined),
            other => other.map(drop),
        };
        assert_eq!(self.connection.send_ack(token, data.clone()), expected);
        if expected.is_ok() {
            self.sent.push_back(Packet { namespace: ns, body: Body::Ack { id, data } });
        }
    }

    /// What was sent comes out, and nothing else.
    fn pop(&mut self) {
        while let Some(message) = self.connection.output().pop() {
            let packet = self.output.next_packet(message, Duration::ZERO).expect("well-formed");
            if let Some(packet) = packet {
                assert_eq!(Some(packet), self.sent.pop_front());
            }
        }
        assert_eq!(self.sent, [], "all of it came out");
    }

    fn check(&self) {
        assert_eq!(self.connection.is_closed(), self.closed);
        let joined = self.namespaces.iter().filter(|(_, s)| matches!(s, State::Joined { .. }));
        assert!(self.connection.joined().eq(joined.map(|(ns, _)| ns)));
        if self.closed {
            return assert_eq!(self.connection.next_timeout(), None);
        }
        let deadlines = self.awaited.values().copied().chain([self.server.next_timeout()]);
        assert_eq!(self.connection.next_timeout(), deadlines.flatten().min());
        for ns in self.namespaces.keys() {
            assert_eq!(self.connection.recovery(ns), self.recoveries.get(ns));
        }
    }
}

/// The text under a key of an object.
fn member(object: &Json, key: &str) -> Option<String> {
    let mut members: BTreeMap<String, Box<RawValue>> = object.deserialize().ok()?;
    serde_json::from_str(members.remove(key)?.get()).ok()
}
