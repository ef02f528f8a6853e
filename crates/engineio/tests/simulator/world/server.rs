//! The server: what answers requests, and the application on it.

use rtwire_engineio::{
    Event, Frame, Limits, Method, Query, Request, Rule, SendError, Session, Transport,
};

use super::laws::{cost, message};
use super::network::Arrival;
use super::{Unread, World};
use crate::client::{Ask, Kind};
use crate::plan::Side;

impl World {
    /// The head of a request has come to the server.
    pub(super) fn request(&mut self, connection: usize, ask: Ask) {
        let upgrade = ask.kind == Kind::WebSocket;
        let method = if ask.kind == Kind::Post { Method::Post } else { Method::Get };
        let query = match self.plan.v3 {
            true => Query::parse_v3(&ask.query),
            false => Query::parse(&ask.query),
        };
        let query = query.unwrap();
        let request = query.request(method, upgrade).unwrap();
        if let Request::Handshake(transport) = request {
            assert!(self.server.is_none(), "one handshake");
            let mut session = match self.plan.v3 {
                true => Session::new_v3("s/id", transport, self.plan.server),
                false => Session::new("s/id", transport, self.plan.server),
            };
            session.set_base64(query.base64);
            session.set_upgrade(self.plan.server_upgrades);
            self.server = Some(session);
        }
        let session = self.server.as_mut().expect("nothing comes before the handshake");
        if !matches!(request, Request::Handshake(_)) {
            assert_eq!(query.sid.as_ref(), Some(session.sid()));
        }
        let server = &mut self.applications[Side::Server as usize];
        let outcome = match request {
            Request::Handshake(Transport::Polling) | Request::Poll => {
                session.poll().map(|()| server.get = Some(connection))
            }
            Request::Post => session.start_post().map(|()| server.post = Some(connection)),
            Request::Handshake(Transport::WebSocket) => {
                server.socket = Some(connection);
                Ok(())
            }
            Request::Upgrade => session.start_upgrade().map(|()| server.socket = Some(connection)),
        };
        match outcome {
            Err(error) => {
                // A client that keeps the protocol comes too late at worst.
                assert_ne!(error.rule(), Rule::Overlap, "{error}");
                self.refuse(connection, error.rule());
            }
            Ok(()) if upgrade => {
                self.transmit(connection, Side::Client, Arrival::Opened(connection))
            }
            Ok(()) if ask.kind == Kind::Post => {
                let arrival = Arrival::Body(connection, ask.body);
                self.transmit(connection, Side::Server, arrival);
            }
            Ok(()) => {}
        }
    }

    pub(super) fn refuse(&mut self, connection: usize, rule: Rule) {
        let body = Frame::Text(rule.body().into());
        let answer = Arrival::Answer(connection, rule.http_status(), body);
        self.transmit(connection, Side::Client, answer);
    }

    /// The server's application, then what its session has to say.
    pub(super) fn serve(&mut self) {
        let Some(mut session) = self.server.take() else { return };
        loop {
            self.server_events(&mut session);
            if !session.can_receive() {
                break;
            }
            if let Some((connection, body)) = self.body.take() {
                self.app(Side::Server).post = None;
                self.finish_post(&mut session, connection, body);
            } else if let Some(unread) = self.app(Side::Server).unread.pop_front() {
                match unread {
                    Unread::Broken => {
                        self.app(Side::Server).socket = None;
                        session.websocket_failed();
                    }
                    Unread::Frame(frame) => {
                        if frame == Frame::Close {
                            self.app(Side::Server).socket = None;
                        }
                        session.receive(frame).unwrap();
                    }
                }
            } else {
                break;
            }
        }
        let most = self.plan.server.max_queue + self.plan.server.max_payload + 64 + 1000;
        while self.app(Side::Server).to_send > 0 {
            let number = self.app(Side::Server).sent;
            match session.send(message(Side::Server, number, &self.plan)) {
                Ok(()) => {
                    self.app(Side::Server).sent += 1;
                    self.app(Side::Server).to_send -= 1;
                }
                Err(SendError::Full) => break,
                Err(error) => {
                    assert_eq!(error, SendError::Closed);
                    self.app(Side::Server).to_send = 0;
                }
            }
        }
        assert!(session.queued() <= most, "{} bytes are queued", session.queued());
        if let Some(payload) = session.payload() {
            let connection = self.app(Side::Server).get.take().expect("somebody waits");
            self.transmit(connection, Side::Client, Arrival::Answer(connection, 200, payload));
        }
        while let Some(frame) = session.next_frame() {
            let connection = self.app(Side::Server).socket.expect("there is a WebSocket");
            if frame == Frame::Close {
                self.app(Side::Server).socket = None;
                self.app(Side::Server).unread.clear();
                self.gave_up |= !session.is_closed();
            }
            self.transmit(
                connection,
                Side::Client,
                Arrival::Frame(connection, Side::Client, frame),
            );
        }
        self.server = Some(session);
    }

    pub(super) fn finish_post(&mut self, session: &mut Session, connection: usize, body: Frame) {
        let outcome = match body {
            Frame::Text(text) => session.finish_post(text.into_bytes()),
            Frame::Binary(bytes) => session.finish_binary_post(bytes),
            Frame::Close => panic!("a POST has a body"),
        };
        match outcome {
            Ok(()) => {
                let answer = Arrival::Answer(connection, 200, Frame::Text("ok".into()));
                self.transmit(connection, Side::Client, answer);
            }
            Err(error) => {
                assert_eq!(error.rule(), Rule::UnknownSession, "{error}");
                self.refuse(connection, error.rule());
            }
        }
    }

    pub(super) fn server_events(&mut self, session: &mut Session) {
        if self.app(Side::Server).rests {
            return;
        }
        let mut unread = 0;
        while let Some(event) = session.next_event() {
            match event {
                Event::Open => self.opened(Side::Server),
                Event::Message(message) => {
                    unread += cost(&message);
                    self.received(Side::Server, &message);
                }
                Event::Close(reason) => self.closed(Side::Server, reason),
                event => panic!("{event:?}"),
            }
        }
        let payload = self.plan.server.max_payload + 16 * Limits::PACKET_OVERHEAD;
        assert!(unread <= self.plan.server.max_unread + payload, "{unread} bytes were not taken");
        assert_eq!(self.app(Side::Server).closed.is_some(), session.is_closed());
    }
}
