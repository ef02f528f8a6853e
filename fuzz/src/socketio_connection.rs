use std::collections::{BTreeMap, VecDeque, btree_map::Entry};
use std::time::Duration;

use bytes::Bytes;
use rtwire_socketio::{
    AckToken, Body, Connection, Data, Decoder, DisconnectReason, Error, Event, Json, Limits,
    Message, Namespace, Packet, PreparedEvent, Rule, SendError,
};

/// The server's end of a connection, whatever client and server do. The first byte chooses the
/// limits and the protocol; then each line is an operation: a letter (see `step`), a namespace, and after a space
/// what else there is to say.
///
/// - Each packet of the client means what the state of its namespace says: no event before the
///   namespace is joined or after it was left, an ack once, if it was asked for and is not late.
/// - An error is final: it comes once, and nothing after it.
/// - What was sent comes out in order, attachments behind their text; what was refused does not,
///   and why it was refused is the first of the reasons there are. Limits hold.
/// - A timer is due when the first deadline is, and after it was handled no deadline is behind.
pub fn socketio_connection(input: &[u8]) {
    let Some((&choice, input)) = input.split_first() else { return };
    let mut model = Model::new(choice);
    for line in input.split(|&byte| byte == b'\n') {
        if let Some((&operation, operand)) = line.split_first() {
            model.step(operation, operand);
            model.check();
        }
    }
    model.finish();
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Asked,
    Joined { join: u32 },
}

struct Model {
    /// Of protocol 4.
    v4: bool,
    connection: Connection,
    limits: Limits,
    now: Duration,
    closed: bool,
    /// Puts the client's packets together, apart from the connection.
    client: Decoder,
    namespaces: BTreeMap<Namespace, State>,
    /// Those that the client was put out of last, the oldest first.
    left: VecDeque<Namespace>,
    joins: u32,
    connect_deadline: Option<Duration>,
    /// Acks that are to come, by join and id.
    awaited: BTreeMap<(u32, u64), Option<Duration>>,
    /// Of the next event that the client is to answer.
    next_id: u64,
    /// The client's events that wait for an answer.
    asked: VecDeque<Question>,
    /// What came last: an event, or an ack.
    last_event: Option<Data>,
    last_ack: Option<Data>,
    sent: VecDeque<Packet>,
    sent_bytes: usize,
    output: Decoder,
}

struct Question {
    token: AckToken,
    join: u32,
    id: u64,
    data: Data,
}

impl Model {
    fn new(choice: u8) -> Self {
        let v4 = choice & 2 != 0;
        let limits = match choice & 1 {
            0 => Limits::default(),
            _ => Limits::default()
                .max_packet(100)
                .max_attachments(2)
                .max_namespaces(2)
                .max_namespace(8)
                .max_auth(40)
                .max_acks(2)
                .max_output(200),
        };
        // Of protocol 4 the credentials are made from the query, which is not done here again.
        let limits = if v4 { limits.max_auth(usize::MAX) } else { limits };
        let (connection, asked) = if v4 {
            let asked = BTreeMap::from([(Namespace::default(), State::Asked)]);
            (Connection::new_v4(limits, Duration::ZERO), asked)
        } else {
            (Connection::new(limits, Duration::ZERO), BTreeMap::new())
        };
        Self {
            v4,
            connection,
            limits,
            now: Duration::ZERO,
            closed: false,
            client: Decoder::new(limits),
            namespaces: asked,
            left: VecDeque::new(),
            joins: 0,
            connect_deadline: Some(limits.connect_timeout),
            awaited: BTreeMap::new(),
            next_id: 0,
            asked: VecDeque::new(),
            last_event: None,
            last_ack: None,
            sent: VecDeque::new(),
            sent_bytes: 0,
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
            b't' => self.hear(Message::Text(operand.into())),
            b'z' => self.sleep(operand, true),
            // The time is told with what comes next.
            b'Z' => self.sleep(operand, false),
            b'a' => self.accept(ns, rest),
            b'r' => self.refuse(ns, rest),
            b'e' | b'E' => {
                if let Some(data) = data(operation, rest) {
                    self.send_event(ns, data);
                }
            }
            b'p' | b'P' => {
                if let Some(data) = data(operation, rest) {
                    self.send_prepared(ns, data);
                }
            }
            b'q' | b'Q' => {
                let (millis, json) = rest.split_once(' ').unwrap_or((rest, ""));
                if let Some(data) = data(operation, json) {
                    self.ask(ns, data, millis.parse().ok());
                }
            }
            b'k' => {
                let question = self.asked.pop_front();
                question.into_iter().for_each(|question| self.send_ack(question));
            }
            b'K' => {
                let question = self.asked.pop_back();
                question.into_iter().for_each(|question| self.send_ack(question));
            }
            b'f' => {
                if let Some(data) = self.last_event.clone() {
                    let data = data.into_event("forward").expect("an event");
                    self.send_event(ns, data);
                }
            }
            b'F' => {
                if let Some(data) = self.last_ack.clone() {
                    self.send_event(ns, data.ack_into_event("forward").expect("any ack"));
                }
            }
            b'd' => self.disconnect(ns),
            b'o' => drop(self.pop()),
            b'O' => while self.pop() {},
            _ => {}
        }
    }

    fn hear(&mut self, message: Message) {
        let expected = self.client.next_packet(message.clone(), self.now);
        let result = self.connection.next_event(message, self.now);
        if self.closed {
            assert_eq!(result, Ok(None), "an error is final");
            return;
        }
        let packet = match expected {
            Ok(Some(packet)) if self.v4 => without_query(packet, result.as_ref()),
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
            }
            None => self.hear_packet(packet, result.expect("in its place")),
        }
    }

    /// The rule of "Connection to a namespace" that the packet breaks.
    fn rule(&self, packet: &Packet) -> Option<Rule> {
        let state = self.namespaces.get(&packet.namespace);
        match (&packet.body, state) {
            (Body::ConnectError(_), _) => Some(Rule::UnexpectedConnectError),
            (Body::Connect(auth), None) => {
                let Limits { max_namespaces, max_namespace, max_auth, .. } = self.limits;
                if self.namespaces.len() >= max_namespaces {
                    Some(Rule::TooManyNamespaces { limit: max_namespaces })
                } else if packet.namespace.len() > max_namespace {
                    Some(Rule::NamespaceTooLong { limit: max_namespace })
                } else {
                    let is_too_long = auth.as_ref().is_some_and(|auth| auth.len() > max_auth);
                    is_too_long.then_some(Rule::AuthTooLong { limit: max_auth })
                }
            }
            (Body::Connect(_), Some(_)) => Some(Rule::AlreadyConnected),
            (_, None) if self.left.contains(&packet.namespace) => None,
            (_, None | Some(State::Asked)) => Some(Rule::NotConnected),
            (_, Some(State::Joined { .. })) => None,
        }
    }

    fn hear_packet(&mut self, packet: Packet, event: Option<Event>) {
        let ns = packet.namespace;
        let state = self.namespaces.get(&ns).copied();
        match (packet.body, state) {
            (Body::Connect(auth), _) => {
                self.left.retain(|left| *left != ns);
                self.namespaces.insert(ns.clone(), State::Asked);
                assert_eq!(event, Some(Event::Connect { namespace: ns, auth }));
            }
            (Body::Disconnect, Some(State::Joined { join, .. })) => {
                self.namespaces.remove(&ns);
                self.awaited.retain(|(of, _), _| *of != join);
                let reason = DisconnectReason::ClientNamespaceDisconnect;
                assert_eq!(event, Some(Event::Disconnect { namespace: ns, reason }));
            }
            (Body::Event { id, data }, Some(State::Joined { join, .. })) => {
                let Some(Event::Event { namespace, data: heard, ack }) = event else {
                    panic!("{event:?}")
                };
                assert_eq!((&namespace, &heard), (&ns, &data));
                assert_eq!(ack.is_some(), id.is_some());
                if let (Some(token), Some(id)) = (ack, id) {
                    assert_eq!(token.namespace(), &ns);
                    self.asked.push_back(Question { token, join, id, data });
                }
                self.last_event = Some(heard);
            }
            (Body::Ack { id, data }, Some(State::Joined { join, .. })) => {
                if self.awaited.remove(&(join, id)).is_some() {
                    self.last_ack = Some(data.clone());
                    assert_eq!(event, Some(Event::Ack { namespace: ns, id, data }));
                } else {
                    assert_eq!(event, None, "nobody awaits it any more");
                }
            }
            (body, _) => {
                assert_eq!(event, None, "it has crossed a DISCONNECT");
                if body == Body::Disconnect {
                    self.left.retain(|left| *left != ns);
                }
            }
        }
    }

    fn sleep(&mut self, millis: &str, told: bool) {
        self.now += Duration::from_millis(u64::from(millis.parse::<u16>().unwrap_or(1)));
        if !told {
            return;
        }
        let due = |deadline: Option<Duration>| deadline.is_some_and(|at| at <= self.now);
        if self.closed {
            assert_eq!(self.connection.handle_timeout(self.now), Ok(None));
            return;
        }
        let mut error = due(self.connect_deadline).then_some(Rule::ConnectTimeout);
        error = error.or(self.client.handle_timeout(self.now).err().map(|error| error.rule()));
        if let Some(rule) = error {
            self.closed = true;
            let result = self.connection.handle_timeout(self.now);
            assert_eq!(result.expect_err("too late").rule(), rule);
            return;
        }
        let mut late: Vec<_> = self
            .awaited
            .iter()
            .filter(|(_, deadline)| due(**deadline))
            .map(|(&(join, id), &deadline)| (deadline, join, id))
            .collect();
        late.sort_unstable();
        for (_, join, id) in late {
            self.awaited.remove(&(join, id));
            let namespace = self.namespace_of(join);
            let event = self.connection.handle_timeout(self.now).expect("no error");
            assert_eq!(event, Some(Event::AckTimeout { namespace, id }));
        }
        assert_eq!(self.connection.handle_timeout(self.now), Ok(None));
        assert!(self.connection.next_timeout().is_none_or(|at| at > self.now));
    }

    fn namespace_of(&self, of: u32) -> Namespace {
        let joined =
            |(_, state): &(_, &State)| matches!(state, State::Joined { join, .. } if *join == of);
        self.namespaces.iter().find(joined).expect("joined").0.clone()
    }

    /// Why nothing can be sent, given the state in which it could.
    fn obstacle(&self, in_place: bool, otherwise: SendError) -> Option<SendError> {
        if self.closed {
            Some(SendError::Closed)
        } else if !in_place {
            Some(otherwise)
        } else {
            (self.sent_bytes >= self.limits.max_output).then_some(SendError::Full)
        }
    }

    fn not_ready(&self, ns: &Namespace) -> Option<SendError> {
        let joined = matches!(self.namespaces.get(ns), Some(State::Joined { .. }));
        let obstacle = self.obstacle(joined, SendError::NotJoined);
        assert_eq!(self.connection.ready(ns).err(), obstacle);
        obstacle
    }

    fn not_an_event(&self, data: &Data) -> Option<SendError> {
        data.event_name().is_none().then_some(SendError::NotAnEvent)
    }

    fn sent(&mut self, namespace: Namespace, body: Body) {
        let packet = Packet { namespace, body };
        self.sent_bytes += packet.encode().len() + Limits::MESSAGE_OVERHEAD;
        if let Body::Event { data, .. } | Body::Ack { data, .. } = &packet.body {
            let cost = |attachment: &Bytes| attachment.len() + Limits::MESSAGE_OVERHEAD;
            self.sent_bytes += data.attachments().iter().map(cost).sum::<usize>();
        }
        self.sent.push_back(packet);
    }

    fn accept(&mut self, ns: Namespace, sid: &str) {
        let asked = self.namespaces.get(&ns) == Some(&State::Asked);
        let expected = self.obstacle(asked, SendError::NotAsked);
        assert_eq!(self.connection.accept(&ns, sid).err(), expected);
        if expected.is_none() {
            self.joins += 1;
            self.connect_deadline = None;
            self.namespaces.insert(ns.clone(), State::Joined { join: self.joins });
            let sid = BTreeMap::from([("sid", sid)]);
            let answer = (!self.v4).then(|| Json::from_serialize(&sid).expect("JSON"));
            self.sent(ns, Body::Connect(answer));
        }
    }

    fn refuse(&mut self, ns: Namespace, data: &str) {
        let asked = self.namespaces.get(&ns) == Some(&State::Asked);
        let expected = self.obstacle(asked, SendError::NotAsked);
        let (result, object) = match Json::decode(data.into()) {
            // A digit reads as an ack id.
            Ok(_) if self.v4 && data.starts_with(|first: char| first.is_ascii_digit()) => return,
            Ok(json) => {
                let result = self.connection.refuse(&ns, data, Some(&json));
                let message = Json::from_serialize(data).expect("JSON");
                let nothing = ["null", "false", "\"\""].contains(&data);
                let v4 = if nothing { message.to_string() } else { json.to_string() };
                (
                    result,
                    if self.v4 {
                        v4
                    } else {
                        format!(r#"{{"message":{},"data":{}}}"#, &*message, &*json)
                    },
                )
            }
            Err(_) => {
                let result = self.connection.refuse_unknown(&ns);
                (result, r#"{"message":"Invalid namespace"}"#.to_owned())
            }
        };
        assert_eq!(result.err(), expected);
        if expected.is_none() {
            self.namespaces.remove(&ns);
            let object = Json::decode(object.into()).expect("JSON");
            self.sent(ns, Body::ConnectError(object));
        }
    }

    fn send_event(&mut self, ns: Namespace, data: Data) {
        let expected = self.not_ready(&ns).or(self.not_an_event(&data));
        assert_eq!(self.connection.send_event(&ns, data.clone()).err(), expected);
        if expected.is_none() {
            self.sent(ns, Body::Event { id: None, data });
        }
    }

    fn send_prepared(&mut self, ns: Namespace, data: Data) {
        let prepared = PreparedEvent::new(&ns, data.clone());
        assert_eq!(prepared.as_ref().err().copied(), self.not_an_event(&data));
        let Ok(prepared) = prepared else { return };
        let expected = self.not_ready(&ns);
        assert_eq!(self.connection.send_prepared(&prepared).err(), expected);
        if expected.is_none() {
            self.sent(ns, Body::Event { id: None, data });
        }
    }

    fn ask(&mut self, ns: Namespace, data: Data, millis: Option<u16>) {
        let full = self.awaited.len() >= self.limits.max_acks;
        let expected = self
            .not_ready(&ns)
            .or(self.not_an_event(&data))
            .or(full.then_some(SendError::TooManyAcks));
        let deadline = millis.map(|millis| self.now + Duration::from_millis(millis.into()));
        // Those of all namespaces together count up; now and then one is used again.
        let id = self.next_id - u64::from(self.next_id % 8 == 7);
        self.next_id += 1;
        let result = self.connection.send_event_with_ack(&ns, id, data.clone(), deadline);
        match (expected, self.namespaces.get(&ns)) {
            (None, Some(State::Joined { join })) => match self.awaited.entry((*join, id)) {
                Entry::Occupied(_) => assert_eq!(result, Err(SendError::AckId)),
                Entry::Vacant(awaited) => {
                    assert_eq!(result, Ok(()));
                    awaited.insert(deadline);
                    self.sent(ns, Body::Event { id: Some(id), data });
                }
            },
            (expected, _) => assert_eq!(result.err(), expected),
        }
    }

    fn send_ack(&mut self, question: Question) {
        let Question { token, join, id, data } = question;
        let ns = token.namespace().clone();
        let here =
            matches!(self.namespaces.get(&ns), Some(State::Joined { join: j, .. }) if *j == join);
        let expected = self.not_ready(&ns).or((!here).then_some(SendError::NotJoined));
        let data = data.into_ack();
        assert_eq!(self.connection.send_ack(token, data.clone()).err(), expected);
        if expected.is_none() {
            self.sent(ns, Body::Ack { id, data });
        }
    }

    fn disconnect(&mut self, ns: Namespace) {
        // There is always room: it ends what fills the output.
        let result = self.connection.disconnect(&ns);
        match self.namespaces.get(&ns).copied() {
            _ if self.closed => assert_eq!(result, Err(SendError::Closed)),
            Some(State::Joined { join, .. }) => {
                assert_eq!(result, Ok(()));
                self.namespaces.remove(&ns);
                self.left.push_back(ns.clone());
                if self.left.len() > self.limits.max_namespaces {
                    self.left.pop_front();
                }
                self.awaited.retain(|(of, _), _| *of != join);
                self.sent(ns, Body::Disconnect);
            }
            _ => assert_eq!(result, Err(SendError::NotJoined)),
        }
    }

    /// Takes a message of the output, if there is one.
    fn pop(&mut self) -> bool {
        let Some(message) = self.connection.output().pop() else { return false };
        self.sent_bytes -= Limits::MESSAGE_OVERHEAD
            + match &message {
                Message::Text(text) => text.len(),
                Message::Binary(bytes) => bytes.len(),
            };
        if let Some(packet) = self.output.next_packet(message, Duration::ZERO).expect("well-formed")
        {
            assert_eq!(Some(packet), self.sent.pop_front());
        }
        true
    }

    fn check(&mut self) {
        assert_eq!(self.connection.is_closed(), self.closed);
        assert_eq!(self.connection.output().bytes(), self.sent_bytes);
        let joined =
            self.namespaces.iter().filter(|(_, state)| matches!(state, State::Joined { .. }));
        assert!(self.connection.joined().eq(joined.map(|(ns, _)| ns)));
        assert!(self.namespaces.len() <= self.limits.max_namespaces);
        assert!(self.awaited.len() <= self.limits.max_acks);
        let deadlines = [self.connect_deadline, self.client.next_timeout()];
        let deadline = deadlines.into_iter().chain(self.awaited.values().copied()).flatten().min();
        assert_eq!(self.connection.next_timeout(), deadline.filter(|_| !self.closed));
    }

    fn finish(mut self) {
        while self.pop() {}
        assert!(self.connection.output().is_empty());
        assert_eq!(self.sent, [], "all of it came out");
        assert_eq!(self.output.next_timeout(), None, "and whole");
        self.check();
    }
}

/// The packet as protocol 4 has it: the query is not part of the namespace, but of a CONNECT the
/// credentials.
fn without_query(mut packet: Packet, result: Result<&Option<Event>, &Error>) -> Packet {
    let (name, query) = packet.namespace.split_once('?').unwrap_or((&packet.namespace, ""));
    let any = !query.trim_matches('&').is_empty();
    packet.namespace = Namespace::try_from(name).expect("as before");
    if let Body::Connect(data) = &mut packet.body {
        *data = match result {
            Ok(Some(Event::Connect { auth, .. })) => auth.clone(),
            _ => None,
        };
        if result.is_ok() {
            let members = data.as_ref().map(|auth| {
                auth.deserialize::<BTreeMap<String, String>>().expect("an object of text").len()
            });
            assert_eq!(members.is_some_and(|members| members > 0), any);
        }
    }
    packet
}

/// The data of an operation, with an attachment if its letter is large.
fn data(operation: u8, json: &str) -> Option<Data> {
    let attachments = match operation {
        b'A'..=b'Z' => vec![Bytes::from_static(b"bytes")],
        _ => Vec::new(),
    };
    match json {
        "" => Data::binary_event("event", attachments),
        json => Data::from_parts(json.into(), attachments).ok(),
    }
}
