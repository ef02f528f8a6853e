//! Drives a source: tells it the time when it asks, and writes down what it tells.

use bytes::Bytes;
use rtwire_sse::EventSource;
use rtwire_sse::event_source::{Event, Options, Request};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    Event(Event<'static>),
    Request(Request),
}

pub(crate) struct Driver {
    pub(crate) source: EventSource,
    pub(crate) now: Duration,
}

impl Driver {
    pub(crate) fn new(url: &str, options: Options, random: fn() -> u64) -> Self {
        let source = EventSource::new(url, options, random).expect("a good URL and headers");
        Self { source, now: Duration::ZERO }
    }

    /// A source for `http://a.example/events` that waits the reconnection time and no more.
    pub(crate) fn with(options: Options) -> Self {
        Self::new("http://a.example/events", options, || 0)
    }

    /// What it tells and asks for now.
    pub(crate) fn settle(&mut self, input: &[u8]) -> Vec<Output> {
        let (mut outputs, mut told) = (Vec::new(), 0);
        let mut input = Bytes::copy_from_slice(input);
        loop {
            while let Some(event) = self.source.next_owned(&mut input) {
                outputs.push(Output::Event(event));
            }
            assert!(input.is_empty(), "input left over");
            // A deadline that is over may set another, which asks for the time once more to learn it.
            if self.source.next_timeout().is_some_and(|at| at <= self.now) {
                self.source.handle_timeout(self.now);
                told += 1;
                assert!(told <= 3, "it goes on asking");
                continue;
            }
            match self.source.next_request() {
                Some(request) => outputs.push(Output::Request(request)),
                None => return outputs,
            }
        }
    }

    pub(crate) fn events(&mut self, input: &[u8]) -> Vec<Event<'static>> {
        let event = |output| match output {
            Output::Event(event) => event,
            Output::Request(request) => panic!("{request:?}"),
        };
        self.settle(input).into_iter().map(event).collect()
    }

    pub(crate) fn request(&mut self) -> Request {
        match <[Output; 1]>::try_from(self.settle(b"")) {
            Ok([Output::Request(request)]) => request,
            outputs => panic!("{outputs:?}"),
        }
    }

    /// A 200 with an event stream.
    pub(crate) fn open(&mut self) {
        self.source.handle_response(200, [("Content-Type", "text/event-stream")]);
        assert_eq!(self.events(b""), [Event::Open]);
    }

    /// Lets the time pass until the source asks for it.
    pub(crate) fn wait(&mut self) {
        self.now = self.source.next_timeout().expect("it waits");
    }
}
