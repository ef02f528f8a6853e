//! What clients may have missed: the newest events of a namespace, and who is away.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use bytestring::ByteString;
use rtwire_socketio::Data;

use crate::socket_io::adapter::recovery::bytes;
use crate::socket_io::adapter::{Recovery, Selection, Session};

/// Times are points on a clock of the caller's.
pub(crate) struct Log {
    limits: Recovery,
    /// What offsets begin with, lest something else that a client was sent be taken for one.
    tag: ByteString,
    events: VecDeque<Entry>,
    /// What `events` count.
    bytes: usize,
    /// The number of the next event; the oldest one held is as many before as there are held.
    next: u64,
    /// Who is away, by pid.
    sessions: HashMap<ByteString, Away>,
    /// Their pids, the one away for longest first.
    order: BTreeMap<u64, ByteString>,
    next_place: u64,
}

struct Away {
    session: Session,
    since: Duration,
    /// In the order.
    place: u64,
}

struct Entry {
    data: Data,
    to: Selection,
    at: Duration,
}

/// What an event counts beside its bytes.
const OVERHEAD: usize = 128;

impl Log {
    pub(crate) fn new(limits: Recovery, tag: ByteString) -> Self {
        Self {
            limits,
            tag,
            events: VecDeque::new(),
            bytes: 0,
            next: 0,
            sessions: HashMap::new(),
            order: BTreeMap::new(),
            next_place: 0,
        }
    }

    /// Keeps an event, and returns it with its offset as a further argument. `None` if it is none.
    pub(crate) fn push(&mut self, data: &Data, to: &Selection, now: Duration) -> Option<Data> {
        data.event_name()?;
        let data = data.clone().with_offset(&format!("{}{:x}", self.tag, self.next));
        self.next += 1;
        let entry = Entry { data: data.clone(), to: to.clone(), at: now };
        self.bytes += entry.cost();
        self.events.push_back(entry);
        while self.events.len() > self.limits.max_events
            || self.bytes > self.limits.max_event_bytes
            || self.events.front().is_some_and(|entry| self.is_over(entry.at, now))
        {
            match self.events.pop_front() {
                Some(entry) => self.bytes -= entry.cost(),
                None => break,
            }
        }
        Some(data)
    }

    /// The socket of this session is away from now on.
    pub(crate) fn leave(&mut self, session: Session, now: Duration) {
        let (pid, place) = (session.pid.clone(), self.next_place);
        self.next_place += 1;
        self.forget(&pid);
        self.order.insert(place, pid.clone());
        self.sessions.insert(pid, Away { session, since: now, place });
        while let Some((_, pid)) = self.order.first_key_value() {
            let pid = pid.clone();
            let is_over = self.sessions.get(&pid).is_none_or(|away| self.is_over(away.since, now));
            if !is_over && self.sessions.len() <= self.limits.max_sessions {
                break;
            }
            self.forget(&pid);
        }
    }

    /// The session, and what it has missed since `offset`, if both are known. It is away no longer.
    pub(crate) fn come_back(
        &mut self,
        pid: &str,
        offset: &str,
        now: Duration,
    ) -> Option<(Session, Vec<Data>)> {
        let Away { session, since, .. } = self.sessions.get(pid)?;
        if self.is_over(*since, now) {
            return None;
        }
        let number = u64::from_str_radix(offset.strip_prefix(&*self.tag)?, 16).ok()?;
        let behind = usize::try_from(self.next.checked_sub(number)?.checked_sub(1)?).ok()?;
        let first = self.events.len().checked_sub(behind)?;
        // The whole namespace waits meanwhile, and a client may have been in a thousand rooms.
        let rooms: HashSet<_> = session.rooms.iter().collect();
        let missed = self.events.range(first..);
        let missed = missed.filter(|entry| entry.to.is_for(|room| rooms.contains(room)));
        let missed = missed.map(|entry| entry.data.clone()).collect();
        Some((self.forget(pid)?, missed))
    }

    fn forget(&mut self, pid: &str) -> Option<Session> {
        let away = self.sessions.remove(pid)?;
        self.order.remove(&away.place);
        Some(away.session)
    }

    fn is_over(&self, since: Duration, now: Duration) -> bool {
        now.saturating_sub(since) > self.limits.max_disconnection
    }
}

impl Entry {
    fn cost(&self) -> usize {
        let rooms = self.to.rooms.iter().chain(&self.to.except).map(|room| room.len());
        OVERHEAD + bytes(&self.data) + rooms.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1000);

    fn log(limits: Recovery) -> Log {
        Log::new(limits, "t-".into())
    }

    fn event(number: usize) -> Data {
        Data::from_parts(format!(r#"["e",{number}] "#).into(), Vec::new()).unwrap()
    }

    fn session(pid: &str) -> Session {
        let rooms = vec![pid.into(), "x".into()];
        Session { sid: pid.into(), pid: pid.into(), rooms, data: serde_json::json!({}) }
    }

    fn room(room: &str) -> Selection {
        Selection { rooms: vec![room.into()], except: Vec::new() }
    }

    fn push(log: &mut Log, number: usize) -> Data {
        log.push(&event(number), &Selection::default(), START).unwrap()
    }

    fn missed(log: &mut Log, offset: &str, now: Duration) -> Option<Vec<String>> {
        log.leave(session("p"), START);
        let (back, missed) = log.come_back("p", offset, now)?;
        assert_eq!(back, session("p"));
        Some(missed.iter().map(|data| data.json().to_string()).collect())
    }

    #[test]
    fn events_missed_are_those_of_its_rooms_after_the_offset() {
        let mut log = log(Recovery::default());
        for number in 0..20 {
            assert_eq!(
                **push(&mut log, number).json(),
                format!(r#"["e",{number},"t-{number:x}"]"#)
            );
        }
        for (to, is_for_it) in [
            (room("x"), true),
            (room("p"), true),
            (room("y"), false),
            (Selection { except: vec!["x".into()], ..room("p") }, false),
            (Selection { except: vec!["y".into()], ..room("x") }, true),
        ] {
            let offset = log.push(&event(1), &Selection::default(), START).unwrap();
            let offset = offset.json().split('"').nth(3).unwrap().to_owned();
            log.push(&event(2), &to, START).unwrap();
            assert_eq!(missed(&mut log, &offset, START).unwrap().len(), usize::from(is_for_it));
        }
        assert_eq!(missed(&mut log, "t-12", START).unwrap()[0], r#"["e",19,"t-13"]"#);
        assert_eq!(missed(&mut log, "t-1d", START).unwrap(), [""; 0]);
        for unknown in ["t-1e", "t-x", "t-", "", "12", "u-12", "t-ffffffffffffffff", "t-+1z"] {
            assert_eq!(missed(&mut log, unknown, START), None, "{unknown}");
        }
        assert!(
            log.push(&Data::from_parts("[]".into(), vec![]).unwrap(), &room("x"), START).is_none()
        );
    }

    #[test]
    fn attachments_stay_with_their_event() {
        let json = r#"["e",{"_placeholder":true,"num":0}]"#;
        let data = Data::from_parts(json.into(), vec![vec![1].into()]).unwrap();
        let kept = log(Recovery::default()).push(&data, &room("x"), START).unwrap();
        assert_eq!(**kept.json(), *r#"["e",{"_placeholder":true,"num":0},"t-0"]"#);
        assert_eq!(kept.attachments(), data.attachments());
    }

    #[test]
    fn events_are_limited_by_number() {
        for (away, is_known) in [(2, true), (3, true), (4, false)] {
            let mut log = log(Recovery::default().max_events(3));
            (0..=away).for_each(|number| drop(push(&mut log, number)));
            let missed = missed(&mut log, "t-0", START);
            assert_eq!(missed.map(|missed| missed.len()), is_known.then_some(away), "{away}");
        }
    }

    #[test]
    fn events_are_limited_by_bytes() {
        let cost = OVERHEAD + r#"["e",0,"t-0"]"#.len() + "x".len();
        for (limit, kept) in [(3 * cost - 1, 2), (3 * cost, 3), (3 * cost + 1, 3)] {
            let mut log = log(Recovery::default().max_event_bytes(limit));
            for number in 0..5 {
                log.push(&event(number), &room("x"), START).unwrap();
            }
            assert_eq!(log.events.len(), kept, "{limit}");
            assert_eq!(log.bytes, kept * cost);
        }
    }

    #[test]
    fn time_away_is_limited() {
        let limits = Recovery::default().max_disconnection(Duration::from_millis(10));
        for (millis, is_known) in [(9, true), (10, true), (11, false)] {
            let mut log = log(limits);
            push(&mut log, 0);
            let now = START + Duration::from_millis(millis);
            assert_eq!(missed(&mut log, "t-0", now).is_some(), is_known, "{millis}");
            // And what nobody can ask for any more is not kept.
            log.push(&event(1), &room("x"), now).unwrap();
            assert_eq!(log.events.len(), 1 + usize::from(is_known));
            log.leave(session("a"), START);
            log.leave(session("b"), now);
            assert_eq!(log.sessions.contains_key("a"), is_known);
        }
    }

    #[test]
    fn clients_away_are_limited() {
        for (away, is_known) in [(2, true), (3, true), (4, false)] {
            let mut log = log(Recovery::default().max_sessions(3));
            push(&mut log, 0);
            (0..away).for_each(|number| log.leave(session(&number.to_string()), START));
            assert_eq!(log.come_back("0", "t-0", START).is_some(), is_known, "{away}");
            assert!(log.come_back("1", "t-0", START).is_some());
            assert!(log.come_back("1", "t-0", START).is_none(), "once");
        }
        // Who comes and goes pushes nobody out.
        let mut log = log(Recovery::default().max_sessions(3));
        push(&mut log, 0);
        log.leave(session("stays"), START);
        for _ in 0..100 {
            log.leave(session("p"), START + Duration::from_millis(1));
            assert!(log.come_back("p", "t-0", START).is_some());
        }
        assert_eq!((log.order.len(), log.sessions.len()), (1, 1));
        assert!(log.come_back("stays", "t-0", START).is_some());
    }
}
