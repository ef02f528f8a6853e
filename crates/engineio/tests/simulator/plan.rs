use std::time::Duration;

use rtwire_engineio::{Limits, Transport, client};

use crate::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

pub(crate) const SIDES: [Side; 2] = [Side::Client, Side::Server];

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What somebody does, or what happens to them, at a time of the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Sends messages, as many as that; again later if the queue is full.
    Send(Side, u32),
    /// Takes no events for a while, and takes them again.
    Rest(Side, Duration),
    Look(Side),
    Close(Side),
    /// Is no more: says nothing, hears nothing, and no connection breaks.
    Vanish(Side),
    /// Must have noticed that the other one has vanished.
    Notice(Side),
    /// The clock goes forward, as after a sleep of the machine.
    Step(Duration),
    /// The last of the plan's own; then it settles, one end closes, and all is over.
    Last,
    Settled,
    Over,
}

/// What the seed makes of a run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) v3: bool,
    pub(crate) transport: Transport,
    pub(crate) upgrades: bool,
    pub(crate) server_upgrades: bool,
    pub(crate) closes_at_upgrade: bool,
    pub(crate) server: Limits,
    pub(crate) client: client::Limits,
    /// What a message may take, in milliseconds; each may take as long as it likes up to it.
    pub(crate) latency: u64,
    /// How late a timer may go off, in milliseconds.
    pub(crate) late: u64,
    /// Of a hundred connections.
    pub(crate) breaks: u64,
    /// Nothing goes wrong, and nobody closes before the end.
    pub(crate) calm: bool,
    pub(crate) acts: Vec<(Duration, Act)>,
}

/// How long the plan's own acts may take, in milliseconds.
const LENGTH: u64 = 40_000;

impl Plan {
    pub(crate) fn new(random: &mut Random) -> Self {
        let calm = random.percent(35);
        // An upgrade that takes as long as it may goes wrong: the last packet and the end cross.
        let upgrades: &[u64] = if calm { &[10_000] } else { &[500, 2_000, 10_000] };
        let millis = |most: &[u64], random: &mut Random| Duration::from_millis(random.one_of(most));
        let max_payload = random.one_of(&[64, 100, 1000, 100_000]);
        let server = Limits::default()
            .max_payload(max_payload)
            .max_packets_sent(random.one_of(&[1, 2, 16]))
            .max_queue(random.one_of(&[1, 300, 2000, 1 << 20]))
            .max_unread(random.one_of(&[1, 300, 1 << 20]))
            .ping_interval(millis(&[5_000, 10_000, 25_000], random))
            .ping_timeout(millis(&[8_000, 20_000], random))
            .upgrade_timeout(millis(upgrades, random));
        let client = client::Limits::default()
            .max_packets_sent(random.one_of(&[1, 2, 16]))
            .max_queue(random.one_of(&[1, 300, 2000, 1 << 20]))
            .max_unread(random.one_of(&[1, 300, 1 << 20]))
            .upgrade_timeout(millis(upgrades, random));
        let rough = |chance, random: &mut Random| !calm && random.percent(chance);
        let mut acts = vec![(Duration::from_millis(LENGTH), Act::Last)];
        let at = |random: &mut Random| {
            // Half of it happens while the session is young.
            let most = random.one_of(&[1_000, LENGTH]);
            random.up_to(most)
        };
        for side in SIDES {
            for _ in 0..random.below(12) {
                let count = random.one_of(&[1, 1, 2, 9, 60]);
                acts.push((at(random), Act::Send(side, count)));
            }
            for _ in 0..random.below(3) {
                acts.push((at(random), Act::Rest(side, random.up_to(3_000))));
            }
            if rough(15, random) {
                acts.push((at(random), Act::Vanish(side)));
            } else if rough(20, random) {
                acts.push((at(random), Act::Close(side)));
            }
        }
        if rough(20, random) {
            acts.push((at(random), Act::Step(random.up_to(60_000))));
        }
        Self {
            v3: random.percent(30),
            transport: random.one_of(&[
                Transport::Polling,
                Transport::Polling,
                Transport::WebSocket,
            ]),
            upgrades: random.percent(80),
            closes_at_upgrade: rough(5, random),
            server,
            client,
            latency: match rough(30, random) {
                true => 6_000,
                false => random.one_of(&[1, 30, 300]),
            },
            late: if rough(20, random) { 4_000 } else { 0 },
            breaks: if rough(40, random) { 10 } else { 0 },
            server_upgrades: random.percent(90),
            calm,
            acts,
        }
    }

    /// When whoever is left alone must have noticed, at the latest: a ping was just answered, then
    /// the time until the next one and for its answer, and what is said after the end. And what holds
    /// all of it up: rests, late timers, and what was on its way.
    pub(crate) fn patience(&self) -> Duration {
        let heartbeat = self.server.ping_interval + self.server.ping_timeout;
        let open = self.client.open_timeout;
        let last_words = self.client.close_timeout.max(self.server.ping_timeout);
        let held_up = Duration::from_millis(4 * self.late + 4 * self.latency + 7_000);
        heartbeat.max(open) + last_words + held_up
    }
}
