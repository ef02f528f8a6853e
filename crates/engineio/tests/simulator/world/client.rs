//! The client: what makes requests, and the application on it.

use std::mem;

use rtwire_engineio::client::Event;
use rtwire_engineio::{Frame, Packet, SendError, v3};

use super::laws::{cost, message};
use super::network::{Arrival, Connection};
use super::{Unread, World};
use crate::client::{Ask, Kind};
use crate::plan::Side;

impl World {
    /// The client's application, then what its session asks for.
    pub(super) fn use_client(&mut self) {
        loop {
            self.client_events();
            if !self.client.can_receive() {
                break;
            }
            match self.app(Side::Client).unread.pop_front() {
                Some(Unread::Broken) => {
                    self.app(Side::Client).socket = None;
                    self.client.failed(Kind::WebSocket);
                }
                Some(Unread::Frame(frame)) => {
                    if frame == Frame::Close {
                        self.app(Side::Client).socket = None;
                    }
                    self.client.receive(frame);
                }
                None => break,
            }
        }
        while self.app(Side::Client).to_send > 0 {
            let number = self.app(Side::Client).sent;
            match self.client.send(message(Side::Client, number, &self.plan)) {
                Ok(()) => {
                    self.app(Side::Client).sent += 1;
                    self.app(Side::Client).to_send -= 1;
                }
                Err(SendError::Full | SendError::NotOpen) => break,
                Err(error) => {
                    assert_eq!(error, SendError::Closed);
                    self.app(Side::Client).to_send = 0;
                }
            }
        }
        let most = self.plan.client.max_queue + self.plan.server.max_payload + 64 + 1000;
        assert!(self.client.queued() <= most, "{} bytes are queued", self.client.queued());
        while let Some(ask) = self.client.next_request() {
            self.ask(ask);
        }
        while let Some(frame) = self.client.next_frame() {
            let connection = self.app(Side::Client).socket.expect("there is a WebSocket");
            if frame == Frame::Close {
                self.app(Side::Client).socket = None;
                self.app(Side::Client).unread.clear();
            }
            let arrival = Arrival::Frame(connection, Side::Server, frame);
            self.transmit(connection, Side::Server, arrival);
        }
        if self.client.is_finished() {
            let client = self.app(Side::Client);
            let dropped = [client.get.take(), client.post.take()];
            for connection in dropped.into_iter().flatten() {
                self.break_connection(connection, [false, true]);
            }
        }
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        let connection = self.connections.len();
        let last = [self.now; 2];
        self.connections.push(Connection { kind: ask.kind, broken: false, last });
        let client = self.app(Side::Client);
        let place = match ask.kind {
            Kind::Get => &mut client.get,
            Kind::Post => &mut client.post,
            Kind::WebSocket => &mut client.socket,
        };
        assert_eq!(place.replace(connection), None, "one at a time");
        if ask.kind == Kind::Post {
            let packets: Vec<_> = match &ask.body {
                body if self.plan.v3 => v3::Payload::decode(body.clone(), 1).collect(),
                Frame::Text(text) => {
                    let most = self.plan.client.max_packets_sent;
                    rtwire_engineio::Payload::decode(text.as_bytes().clone(), most).collect()
                }
                body => panic!("{body:?}"),
            };
            let len = match &ask.body {
                Frame::Text(text) => text.len(),
                Frame::Binary(bytes) => bytes.len(),
                Frame::Close => 0,
            };
            assert!(len <= self.plan.server.max_payload, "a POST of {len} bytes");
            let packets: Result<Vec<Packet>, _> = packets.into_iter().collect();
            assert!(!packets.unwrap().is_empty());
        }
        if self.random.percent(self.plan.breaks) {
            let at = self.now + self.random.up_to(5_000);
            self.arrives(at, Arrival::Break(connection));
        }
        self.transmit(connection, Side::Server, Arrival::Request(connection, ask));
    }

    pub(super) fn client_events(&mut self) {
        if self.app(Side::Client).rests {
            return;
        }
        let mut unread = 0;
        while let Some(event) = self.client.next_event() {
            match event {
                Event::Open(_) => self.opened(Side::Client),
                Event::Upgraded => {
                    assert!(self.plan.upgrades && self.plan.server_upgrades);
                    assert!(!mem::replace(&mut self.upgraded, true));
                    // Before the WebSocket has been told.
                    if self.plan.closes_at_upgrade {
                        self.client.close();
                    }
                }
                Event::Message(message) => {
                    unread += cost(&message);
                    self.received(Side::Client, &message);
                }
                Event::Close(reason) => self.closed(Side::Client, reason),
                event => panic!("{event:?}"),
            }
        }
        // What one answer brings: as many as the server sends.
        let most = self.plan.server.max_packets_sent * (self.plan.server.max_payload + 64);
        let within = unread <= self.plan.client.max_unread + most;
        assert!(self.plan.v3 || within, "{unread} bytes were not taken");
        assert_eq!(self.app(Side::Client).closed.is_some(), self.client.is_closed());
    }
}
