//! What has to be so, of each message and in the end.

use std::mem;

use rtwire_engineio::{CloseReason, Limits, Message, Session, Transport};

use super::World;
use crate::plan::{Plan, SIDES, Side};
use crate::random::Random;

/// The message of this number, which both sides know.
pub(super) fn message(side: Side, number: u32, plan: &Plan) -> Message {
    let most = (plan.server.max_payload - 20) / 2;
    let mut random = Random::new(u64::from(number) << 1 | u64::from(side == Side::Client));
    let longest = random.one_of(&[8, 22, 300, 4000]).min(most as u64);
    let rest = usize::try_from(random.below(longest)).unwrap();
    match random.below(3) {
        0 => Message::from(format!("{number}{}", "€".repeat(rest / 4))),
        1 => Message::from(format!("{number}{}", "x".repeat(rest))),
        _ => {
            let mut bytes = number.to_be_bytes().to_vec();
            bytes.resize(4 + rest, b'\x1e');
            Message::from(bytes)
        }
    }
}

/// What a message counts that was not taken.
pub(super) fn cost(message: &Message) -> usize {
    let bytes = match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
    };
    bytes + Limits::PACKET_OVERHEAD
}

impl World {
    pub(super) fn opened(&mut self, side: Side) {
        let app = self.app(side);
        assert!(!mem::replace(&mut app.opened, true) && app.closed.is_none(), "{side:?} opens");
    }

    pub(super) fn received(&mut self, side: Side, received: &Message) {
        let app = &mut self.applications[side as usize];
        assert!(app.opened && app.closed.is_none());
        let expected = message(side.other(), app.received, &self.plan);
        assert_eq!(*received, expected, "message {} to the {side:?}", app.received);
        app.received += 1;
        let (received, sent) = (app.received, self.app(side.other()).sent);
        assert!(received <= sent);
    }

    pub(super) fn closed(&mut self, side: Side, reason: CloseReason) {
        if self.tells {
            println!("{:?}: {side:?} ends, {reason}", self.now);
        }
        assert_eq!(self.app(side).closed.replace(reason), None, "{side:?} closes twice");
        self.app(side).is_second = self.app(side.other()).closed.is_some();
    }

    /// All that was on its way has arrived: both are open and have everything, or one has ended.
    pub(super) fn assert_settled(&mut self) {
        let [client, server] = &self.applications;
        if self.plan.calm {
            assert_eq!((client.closed, server.closed), (None, None), "nobody has a reason");
        }
        if client.gone || server.gone || client.closed.is_some() || server.closed.is_some() {
            return;
        }
        let Some(session) = &self.server else {
            assert!(!client.opened);
            return;
        };
        // An answer that never came, of a connection whose end nobody has learnt of.
        let stuck = |request: Option<usize>| match request {
            Some(connection) => self.connections[connection].broken,
            None => false,
        };
        let parts =
            [client.get, client.post, client.socket, server.get, server.post, server.socket];
        if parts.into_iter().any(stuck) {
            return;
        }
        assert_eq!((client.received, server.received), (server.sent, client.sent));
        assert_eq!(client.to_send + server.to_send, 0, "there is room again");
        assert_eq!(self.client.transport(), session.transport(), "they agree");
        if self.plan.calm && self.plan.upgrades && self.plan.server_upgrades {
            assert_eq!(session.transport(), Transport::WebSocket);
        }
    }

    /// Nobody is left, and who says that all is well is right.
    pub(super) fn assert_over(&mut self) {
        for side in SIDES {
            assert!(self.is_finished(side), "{side:?} outlives its deadline");
            assert_eq!(self.timeout(side), None, "{side:?} has nothing to wait for");
            let app = &self.applications[side as usize];
            let other = &self.applications[side.other() as usize];
            let (sent, ended) = (other.sent, other.closed);
            // An end that one side wished for and the other then heard of leaves nothing behind.
            let heard = app.closed == Some(CloseReason::TransportClose) && app.is_second;
            // But where the last packet of an upgrade and the end of the server's patience with it cross:
            // to the client the end of the WebSocket is that of the session.
            if heard && !self.gave_up && ended == Some(CloseReason::ForcedClose) {
                assert_eq!(app.received, sent, "{side:?} has heard all");
            }
        }
        let reasons = SIDES.map(|side| self.applications[side as usize].closed);
        let (closed, heard) = (CloseReason::ForcedClose, CloseReason::TransportClose);
        match self.closer.filter(|_| self.plan.calm) {
            Some(Side::Client) => assert_eq!(reasons, [Some(closed), Some(heard)]),
            // A POST that crosses it is refused.
            Some(Side::Server) => assert!(
                reasons == [Some(heard), Some(closed)]
                    || reasons == [Some(CloseReason::TransportError), Some(closed)],
                "{reasons:?}"
            ),
            None => assert!(!self.plan.calm),
        }
        let queued = self.server.as_ref().filter(|_| !self.applications[1].gone);
        assert_eq!(queued.map_or(0, Session::queued), 0);
        if !self.applications[0].gone {
            assert_eq!(self.client.queued(), 0);
            let app = self.app(Side::Client);
            assert_eq!((app.get, app.post, app.socket), (None, None, None));
        }
    }
}
