//! Connections, what is on its way in them, and who it comes to.

use std::mem;
use std::time::Duration;

use rtwire_engineio::Frame;

use super::{Unread, World};
use crate::client::{Ask, Kind};
use crate::plan::{Act, SIDES, Side};

/// What comes about at a time of its own.
#[derive(Debug)]
pub(super) enum Arrival {
    Act(Act),
    /// Of a connection, by its number. The head of a request,
    Request(usize, Ask),
    /// the body of a POST,
    Body(usize, Frame),
    /// an answer,
    Answer(usize, u16, Frame),
    /// a WebSocket that is open,
    Opened(usize),
    /// what it brings,
    Frame(usize, Side, Frame),
    /// its end without any, which a side learns of.
    Broken(usize, Side),
    Break(usize),
}

/// A TCP connection, for a request or a WebSocket: in order in itself, and in any order beside others.
pub(super) struct Connection {
    pub(super) kind: Kind,
    pub(super) broken: bool,
    /// When the last of what is on its way arrives at the client, and at the server.
    pub(super) last: [Duration; 2],
}

impl World {
    /// Sends something over a connection.
    pub(super) fn transmit(&mut self, connection: usize, to: Side, arrival: Arrival) {
        let at = self.now + self.random.up_to(self.plan.latency);
        let Connection { broken, last, .. } = &mut self.connections[connection];
        let last = &mut last[to as usize];
        *last = (*last).max(at);
        let (at, broken) = (*last, *broken);
        if !broken && !self.app(to.other()).gone {
            self.arrives(at, arrival);
        }
    }

    /// Breaks a connection. Each side learns of it, or not.
    pub(super) fn break_connection(&mut self, connection: usize, learn: [bool; 2]) {
        if mem::replace(&mut self.connections[connection].broken, true) {
            return;
        }
        for side in SIDES {
            let at = self.now + self.random.up_to(self.plan.latency);
            if learn[side as usize] && !self.app(side.other()).gone {
                self.arrives(at, Arrival::Broken(connection, side));
            }
        }
    }

    pub(super) fn arrival(&mut self, arrival: Arrival) {
        let (connection, to) = match &arrival {
            Arrival::Act(act) => {
                let act = *act;
                return self.act(act);
            }
            Arrival::Break(connection) => {
                let learn = [self.random.percent(85), self.random.percent(85)];
                return self.break_connection(*connection, learn);
            }
            Arrival::Broken(connection, to) => {
                let (connection, to) = (*connection, *to);
                if !self.app(to).gone {
                    self.broken(connection, to);
                }
                return;
            }
            Arrival::Request(connection, _) | Arrival::Body(connection, _) => {
                (*connection, Side::Server)
            }
            Arrival::Answer(connection, ..) | Arrival::Opened(connection) => {
                (*connection, Side::Client)
            }
            Arrival::Frame(connection, to, _) => (*connection, *to),
        };
        if self.connections[connection].broken || self.app(to).gone {
            return;
        }
        match arrival {
            Arrival::Request(connection, ask) => self.request(connection, ask),
            Arrival::Body(connection, body) => {
                assert!(self.body.is_none(), "one POST at a time");
                self.body = Some((connection, body));
            }
            Arrival::Answer(connection, status, body) => {
                let kind = self.connections[connection].kind;
                let client = self.app(Side::Client);
                let waits = match kind {
                    Kind::Get => &mut client.get,
                    Kind::Post => &mut client.post,
                    Kind::WebSocket => &mut client.socket,
                };
                if *waits != Some(connection) {
                    return;
                }
                *waits = None;
                match kind {
                    Kind::WebSocket => self.client.failed(kind),
                    kind => self.client.finish(kind, status, body),
                }
            }
            Arrival::Opened(connection) => {
                if self.app(Side::Client).socket == Some(connection) {
                    self.client.websocket_opened();
                }
            }
            Arrival::Frame(connection, to, frame) => {
                if self.app(to).socket == Some(connection) {
                    self.app(to).unread.push_back(Unread::Frame(frame));
                }
            }
            Arrival::Act(_) | Arrival::Break(_) | Arrival::Broken(..) => {}
        }
    }

    /// A side learns that a connection is broken.
    pub(super) fn broken(&mut self, connection: usize, side: Side) {
        let kind = self.connections[connection].kind;
        let application = &mut self.applications[side as usize];
        let place = match kind {
            Kind::Get => &mut application.get,
            Kind::Post => &mut application.post,
            Kind::WebSocket if application.socket == Some(connection) => {
                application.unread.push_back(Unread::Broken);
                return;
            }
            Kind::WebSocket => return,
        };
        if *place != Some(connection) {
            return;
        }
        *place = None;
        match (side, kind, &mut self.server) {
            (Side::Client, kind, _) => self.client.failed(kind),
            (Side::Server, Kind::Get, Some(session)) => session.abort_poll(),
            (Side::Server, _, Some(session)) => {
                session.abort_post();
                self.body = None;
            }
            (Side::Server, _, None) => panic!("a request of nobody"),
        }
    }
}
