//! Event sources at a [`Peer`], and their events in a line each.

use std::time::Duration;

use rtwire_client::EventSource;
use rtwire_client::event_source::{Event, Limits, Options, ReadyState};

pub(crate) use crate::http::{Connection, Peer, Request, soon};

/// The head of an event stream that ends with its connection.
pub(crate) const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// A browser's, that connects again without delay.
pub(crate) fn at_once() -> Options {
    Options::get()
        .reconnection_time(Duration::from_millis(1))
        .limits(Limits::default().max_backoff(Duration::ZERO))
}

impl Peer {
    pub(crate) fn source(&self, options: Options) -> EventSource {
        EventSource::builder(&self.url("/events")).options(options).build().unwrap()
    }
}

impl Request {
    pub(crate) fn last_event_id(&self) -> Option<&str> {
        self.header("Last-Event-ID")
    }
}

/// The next event. Messages are `TYPE ID "DATA"`.
pub(crate) async fn next(source: &mut EventSource) -> String {
    soon(source.next()).await.map_or("closed".to_owned(), |event| line(&event))
}

/// All that is told until the source is closed.
pub(crate) async fn to_end(source: &mut EventSource) -> Vec<String> {
    let mut lines = Vec::new();
    let all = async {
        while let Some(event) = source.next().await {
            lines.push(line(&event));
        }
    };
    soon(all).await;
    assert!(source.next().await.is_none(), "the end is the end");
    assert_eq!(source.ready_state(), ReadyState::Closed);
    lines
}

pub(crate) fn line(event: &Event<'_>) -> String {
    match event {
        Event::Open => "open".to_owned(),
        Event::Message(event) => {
            format!("{} {} {:?}", event.event_type, event.last_event_id, &*event.data)
        }
        Event::Error { failure, ready_state } => format!("{failure}: {ready_state:?}"),
        Event::End => "end".to_owned(),
        other => panic!("{other:?}"),
    }
}
