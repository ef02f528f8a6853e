//! The rules of Engine.IO 4, a file for each heading.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod client;
mod heartbeat;
mod http_long_polling;
mod limits;
mod round_trip;
mod upgrade;
mod vectors;
mod version_3;
mod websocket;

use std::time::Duration;

use rtwire_engineio::{CloseReason, Event, Frame, Limits, Session, Transport};

/// A session over polling whose handshake is done, at time 0.
fn polling() -> Session {
    polling_with(Limits::default())
}

fn polling_with(limits: Limits) -> Session {
    let mut session = Session::new("sid", Transport::Polling, limits);
    session.handle_timeout(Duration::ZERO);
    session.poll().unwrap();
    assert!(session.payload().unwrap().as_text().unwrap().starts_with("0{"));
    assert_eq!(events(&mut session), [Event::Open]);
    session
}

/// A session over a WebSocket whose handshake is done, at time 0.
fn websocket() -> Session {
    let mut session = Session::new("sid", Transport::WebSocket, Limits::default());
    session.handle_timeout(Duration::ZERO);
    assert!(matches!(session.next_frame(), Some(Frame::Text(open)) if open.starts_with("0{")));
    assert_eq!(events(&mut session), [Event::Open]);
    session
}

fn events(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.next_event()).collect()
}

fn frames(session: &mut Session) -> Vec<Frame> {
    std::iter::from_fn(|| session.next_frame()).collect()
}

fn text(text: &str) -> Frame {
    Frame::Text(text.into())
}

fn post(session: &mut Session, body: &str) -> Result<(), rtwire_engineio::Error> {
    session.start_post()?;
    session.finish_post(body.to_owned())
}

fn message(text: &str) -> Event {
    Event::Message(text.into())
}

fn at(session: &mut Session, millis: u64) {
    session.handle_timeout(Duration::from_millis(millis));
}

/// Asserts that the session ended just now, for `reason`, and for good.
#[track_caller]
fn assert_ended(session: &mut Session, reason: CloseReason) {
    assert_eq!(events(session), [Event::Close(reason)]);
    assert!(session.is_closed());
    assert_eq!(session.next_timeout(), None);
    assert_eq!(session.send("late"), Err(rtwire_engineio::SendError::Closed));
    session.close();
    session.websocket_failed();
    session.abort_poll();
    session.abort_post();
    assert!(session.start_upgrade().is_err());
    assert!(post(session, "4late").is_err());
    at(session, u64::MAX);
    assert_eq!(events(session), []);
}
