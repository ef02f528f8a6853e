use std::time::Duration;

use rtwire_engineio::client::{Event, Request};
use rtwire_engineio::{ClientSession, Frame, Message, SendError, Transport};

/// A request, as it leaves a client.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) kind: Kind,
    pub(crate) query: String,
    pub(crate) body: Frame,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    Post,
    WebSocket,
}

/// A client of any version.
pub(crate) trait Client {
    fn next_request(&mut self) -> Option<Ask>;
    fn finish(&mut self, kind: Kind, status: u16, body: Frame);
    fn failed(&mut self, kind: Kind);
    fn websocket_opened(&mut self);
    fn receive(&mut self, frame: Frame);
    fn next_frame(&mut self) -> Option<Frame>;
    fn next_event(&mut self) -> Option<Event>;
    fn send(&mut self, message: Message) -> Result<(), SendError>;
    fn close(&mut self);
    fn transport(&self) -> Transport;
    fn is_closed(&self) -> bool;
    fn is_finished(&self) -> bool;
    fn can_receive(&self) -> bool;
    fn queued(&self) -> usize;
    fn next_timeout(&self) -> Option<Duration>;
    fn handle_timeout(&mut self, now: Duration);
}

impl Client for ClientSession {
    fn next_request(&mut self) -> Option<Ask> {
        let request = self.next_request()?;
        let query = request.query().to_owned();
        let (kind, body) = match request {
            Request::Get { .. } => (Kind::Get, Frame::Close),
            Request::Post { body, .. } => (Kind::Post, Frame::Text(body)),
            Request::WebSocket { .. } => (Kind::WebSocket, Frame::Close),
        };
        Some(Ask { kind, query, body })
    }

    fn finish(&mut self, kind: Kind, status: u16, body: Frame) {
        let Frame::Text(body) = body else { panic!("version 4 has text alone") };
        let result = match kind {
            Kind::Get => self.finish_get(status, body.into_bytes()),
            Kind::Post => self.finish_post(status, body.into_bytes()),
            Kind::WebSocket => panic!("a WebSocket is opened"),
        };
        // The server keeps the protocol; all that it may do is refuse.
        assert!(result.is_ok() || status != 200, "{result:?}");
        assert!(result.is_ok() || self.is_closed());
    }

    fn failed(&mut self, kind: Kind) {
        match kind {
            Kind::Get => self.get_failed(),
            Kind::Post => self.post_failed(),
            Kind::WebSocket => self.websocket_failed(),
        }
    }

    fn websocket_opened(&mut self) {
        self.websocket_opened();
    }

    fn receive(&mut self, frame: Frame) {
        self.receive(frame).unwrap();
    }

    fn next_frame(&mut self) -> Option<Frame> {
        self.next_frame()
    }

    fn next_event(&mut self) -> Option<Event> {
        self.next_event()
    }

    fn send(&mut self, message: Message) -> Result<(), SendError> {
        self.send(message)
    }

    fn close(&mut self) {
        self.close();
    }

    fn transport(&self) -> Transport {
        self.transport()
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn is_finished(&self) -> bool {
        self.is_finished()
    }

    fn can_receive(&self) -> bool {
        self.can_receive()
    }

    fn queued(&self) -> usize {
        self.queued()
    }

    fn next_timeout(&self) -> Option<Duration> {
        self.next_timeout()
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.handle_timeout(now);
    }
}
