mod client;
mod laws;
mod network;
mod server;

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::Duration;

use rtwire_engineio::{ClientSession, CloseReason, Frame, Session};

use crate::client::Client;
use crate::plan::{Act, Plan, SIDES, Side};
use crate::random::Random;
use crate::version_3::Version3;
use network::{Arrival, Connection};

/// What has come on the WebSocket and was not read yet.
enum Unread {
    Frame(Frame),
    Broken,
}

/// What came of many seeds.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    pub(crate) upgrades: u64,
    /// Why each side closed, and how often.
    pub(crate) reasons: BTreeMap<String, u64>,
}

/// What both sides have alike.
#[derive(Default)]
struct Application {
    /// Its clock, against that of the world.
    clock: Duration,
    gone: bool,
    rests: bool,
    to_send: u32,
    sent: u32,
    received: u32,
    opened: bool,
    closed: Option<CloseReason>,
    /// The other one had ended before.
    is_second: bool,
    get: Option<usize>,
    post: Option<usize>,
    socket: Option<usize>,
    unread: VecDeque<Unread>,
    /// The timeout that was asked for last, and when it goes off.
    timer: Option<(Duration, Duration)>,
}

pub(crate) struct World {
    plan: Plan,
    random: Random,
    now: Duration,
    /// When the clock was put forward last.
    stepped: Duration,
    arrivals: BTreeMap<(Duration, u64), Arrival>,
    /// Orders what arrives at the same time.
    count: u64,
    connections: Vec<Connection>,
    client: Box<dyn Client>,
    server: Option<Session>,
    /// Of each side, in the order of `Side`.
    applications: [Application; 2],
    /// The body of a POST that the server has no room for yet.
    body: Option<(usize, Frame)>,
    /// Says what happens.
    tells: bool,
    over: bool,
    /// Who closes in the end, if both were open until then.
    closer: Option<Side>,
    /// The server has given up on an upgrade.
    gave_up: bool,
    upgraded: bool,
}

impl World {
    pub(crate) fn new(seed: u64, tells: bool) -> Self {
        let mut random = Random::new(seed);
        let mut plan = Plan::new(&mut random);
        let client: Box<dyn Client> = if plan.v3 {
            Box::new(Version3::new(plan.transport, plan.upgrades, random.percent(50)))
        } else {
            let mut session = ClientSession::new(plan.transport, plan.client);
            session.set_upgrade(plan.upgrades);
            Box::new(session)
        };
        let mut applications = [Application::default(), Application::default()];
        for application in &mut applications {
            application.clock = random.up_to(100_000_000);
        }
        if tells {
            println!("{plan:#?}");
        }
        let acts = mem::take(&mut plan.acts);
        let mut world = Self {
            plan,
            random,
            now: Duration::ZERO,
            stepped: Duration::ZERO,
            arrivals: BTreeMap::new(),
            count: 0,
            connections: Vec::new(),
            client,
            server: None,
            applications,
            body: None,
            tells,
            over: false,
            closer: None,
            gave_up: false,
            upgraded: false,
        };
        for (at, act) in acts {
            world.arrives(at, Arrival::Act(act));
        }
        world
    }

    /// What came of it.
    pub(crate) fn tally(&self, tally: &mut Tally) {
        tally.upgrades += u64::from(self.upgraded);
        for side in SIDES {
            let app = &self.applications[side as usize];
            tally.messages += u64::from(app.received);
            if let Some(reason) = app.closed {
                let name = format!("{side:?}: {reason}");
                *tally.reasons.entry(name).or_default() += 1;
            }
        }
    }

    /// Lives it through, and asserts the laws on the way.
    pub(crate) fn run(&mut self) {
        for _ in 0..1_000_000 {
            self.settle_down();
            if self.over {
                return;
            }
            let arrival = self.arrivals.first_key_value().map(|((at, _), _)| *at);
            let timers = SIDES.map(|side| self.app(side).timer.map(|(_, at)| at));
            let next = timers.into_iter().flatten().chain(arrival).min();
            self.now = self.now.max(next.expect("it is over at the end"));
            let due = arrival.is_some_and(|at| Some(at) == next);
            if due && let Some((_, arrival)) = self.arrivals.pop_first() {
                if self.tells {
                    println!("{:?}: {arrival:?}", self.now);
                }
                self.arrival(arrival);
            }
        }
        panic!("no end");
    }

    fn app(&mut self, side: Side) -> &mut Application {
        &mut self.applications[side as usize]
    }

    fn arrives(&mut self, at: Duration, arrival: Arrival) {
        self.count += 1;
        self.arrivals.insert((at, self.count), arrival);
    }

    fn after(&mut self, delay: Duration, act: Act) {
        self.arrives(self.now + delay, Arrival::Act(act));
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Send(side, count) => self.app(side).to_send += count,
            Act::Rest(side, time) => {
                self.app(side).rests = true;
                self.after(time, Act::Look(side));
            }
            Act::Look(side) => self.app(side).rests = false,
            Act::Close(side) => self.close(side),
            Act::Vanish(side) => {
                self.app(side).gone = true;
                self.app(side).timer = None;
                let patience = self.plan.patience();
                self.after(patience, Act::Notice(side.other()));
            }
            // A timer that runs behind another is late by all of a step.
            Act::Notice(_) if self.now < self.stepped + self.plan.patience() => {
                let at = self.stepped + self.plan.patience();
                self.arrives(at, Arrival::Act(act));
            }
            Act::Notice(side) => assert!(self.is_finished(side), "{side:?} outlives its deadline"),
            Act::Step(time) => {
                self.now += time;
                self.stepped = self.now;
            }
            Act::Last => {
                self.app(Side::Client).rests = false;
                self.app(Side::Server).rests = false;
                // Each message may have to wait for several others to come and go.
                let time = Duration::from_secs(60 + self.plan.latency);
                self.after(time, Act::Settled);
            }
            Act::Settled => {
                self.assert_settled();
                let side = self.random.one_of(&SIDES);
                let open = |app: &Application| app.opened && app.closed.is_none() && !app.gone;
                self.closer = self.applications.iter().all(open).then_some(side);
                self.close(side);
                let patience = self.plan.patience() + self.plan.patience();
                self.after(patience, Act::Over);
            }
            Act::Over => {
                self.assert_over();
                self.over = true;
            }
        }
    }

    fn close(&mut self, side: Side) {
        if self.app(side).gone {
            return;
        }
        match side {
            Side::Client => self.client.close(),
            Side::Server => self.server.iter_mut().for_each(Session::close),
        }
    }

    fn is_finished(&self, side: Side) -> bool {
        match side {
            _ if self.applications[side as usize].gone => true,
            Side::Client => self.client.is_finished(),
            Side::Server => self.server.as_ref().is_none_or(Session::is_finished),
        }
    }

    /// Does all that can be done without time going by.
    fn settle_down(&mut self) {
        for _ in 0..1000 {
            self.tell_time();
            let was = (self.count, self.connections.len());
            if !self.app(Side::Server).gone && self.server.is_some() {
                self.serve();
            }
            if !self.app(Side::Client).gone {
                self.use_client();
            }
            self.set_timers();
            let due = |app: &Application| app.timer.is_some_and(|(_, at)| at <= self.now);
            if was == (self.count, self.connections.len()) && !self.applications.iter().any(due) {
                return;
            }
        }
        panic!("it never settles");
    }

    fn timeout(&self, side: Side) -> Option<Duration> {
        match side {
            _ if self.applications[side as usize].gone => None,
            Side::Client => self.client.next_timeout(),
            Side::Server => self.server.as_ref().and_then(Session::next_timeout),
        }
    }

    /// A timer goes off late, perhaps; but who asks for the time gets it at once.
    fn set_timers(&mut self) {
        for side in SIDES {
            let timeout = self.timeout(side);
            let late = self.random.up_to(self.plan.late);
            let now = self.now;
            let app = self.app(side);
            app.timer = timeout.map(|timeout| match app.timer {
                Some((same, at)) if same == timeout => (same, at),
                _ => match timeout.checked_sub(app.clock) {
                    Some(at) if at > now => (timeout, at + late),
                    _ => (timeout, now),
                },
            });
        }
    }

    fn tell_time(&mut self) {
        for side in SIDES {
            let now = self.now + self.app(side).clock;
            if self.app(side).timer.is_none_or(|(_, at)| at > self.now) {
                continue;
            }
            self.app(side).timer = None;
            match (side, &mut self.server) {
                (Side::Client, _) => self.client.handle_timeout(now),
                (Side::Server, Some(session)) => {
                    // The caller does not read what has come, for want of room.
                    if !self.applications[1].unread.is_empty() || self.body.is_some() {
                        session.excuse_silence();
                    }
                    session.handle_timeout(now);
                }
                (Side::Server, None) => {}
            }
            assert!(self.timeout(side).is_none_or(|at| at > now), "{side:?} asks again");
        }
    }
}
