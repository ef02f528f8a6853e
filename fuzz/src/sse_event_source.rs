use std::time::Duration;

use rtwire_sse::event_source::{Event, Failure, Limits, Options, ReadyState, Reconnect, Request};
use rtwire_sse::{Decoder, EventSource};

/// An event source, whatever its server does. The first byte chooses the options; then each record,
/// with FF between them, is an operation: a letter (see `step`), and its data.
///
/// - Any way to cut the bodies gives the same requests and events.
/// - A stream delivers what a decoder does, begun with the last event ID, up to the end mark.
/// - Events come between `Open` and an `Error` or `End`; behind one that is for good, or a close, nothing
///   does, no request either.
/// - A request has a URL that can be parsed again, headers without control characters, and the last event
///   ID if that can be sent; a POST's body goes with POST only.
/// - Limits hold: redirects, failed bodies, attempts without progress.
/// - The time told is not asked for again, but to set what follows a deadline.
pub fn sse_event_source(input: &[u8]) {
    let Some((&choice, input)) = input.split_first() else { return };
    let whole = run(choice, input, usize::MAX);
    assert_eq!(run(choice, input, 1), whole, "byte by byte");
    // The cut is in the input, so that the fuzzer finds one that matters.
    let size = usize::from(input.last().copied().unwrap_or(0)) % 31 + 2;
    assert_eq!(run(choice, input, size), whole, "cut each {size} bytes");
}

const MAX_REDIRECTS: u32 = 2;
const MAX_FAILED_BODY: usize = 8;
const MAX_RETRIES: u32 = 3;
const MARK: &str = "[DONE]";

fn run(choice: u8, input: &[u8], size: usize) -> Vec<Output> {
    let mut model = Model::new(choice, size);
    model.settle(b"");
    for record in input.split(|&byte| byte == 0xFF) {
        if let Some((&operation, data)) = record.split_first() {
            model.step(operation, data);
        }
    }
    model.outputs
}

#[derive(Debug, PartialEq)]
enum Output {
    Event(Event<'static>),
    Request(Request),
}

struct Model {
    source: EventSource,
    /// Into pieces of so many bytes bodies are cut.
    size: usize,
    with_body: bool,
    with_mark: bool,
    now: Duration,
    outputs: Vec<Output>,
    /// Reads the same streams.
    twin: Decoder,
    /// What the twin has delivered and the source has not.
    due: Vec<rtwire_sse::Event<'static>>,
    open: bool,
    ended: bool,
    redirects: u32,
    /// Requests after a failure and without progress.
    retries: u32,
}

impl Model {
    fn new(choice: u8, size: usize) -> Self {
        let (with_body, with_mark) = (choice & 1 != 0, choice & 2 != 0);
        let mut options =
            if with_body { Options::post("text/plain", "body") } else { Options::get() };
        if with_mark {
            options = options.end_mark(MARK);
        }
        options = options.header("Secret", "secret").retry_statuses(choice & 4 != 0).reconnect(
            match choice >> 3 & 3 {
                0 => Reconnect::Never,
                1 => Reconnect::Get,
                _ => Reconnect::Repeat,
            },
        );
        let idle_timeout = (choice & 32 != 0).then_some(Duration::from_secs(2));
        let stream = rtwire_sse::Limits::default().max_line(40).max_event(60);
        let limits = Limits::default()
            .stream(stream)
            .max_redirects(MAX_REDIRECTS)
            .max_failed_body(MAX_FAILED_BODY)
            .max_retries(Some(MAX_RETRIES))
            .idle_timeout(idle_timeout);
        let random = || 0x0123_4567_89AB_CDEF;
        let url = "http://a.example/b/c?d";
        Self {
            source: EventSource::new(url, options.limits(limits), random).expect("they are good"),
            size,
            with_body,
            with_mark,
            now: Duration::ZERO,
            outputs: Vec::new(),
            twin: Decoder::with_limits(stream),
            due: Vec::new(),
            open: false,
            ended: false,
            redirects: 0,
            retries: 0,
        }
    }

    fn step(&mut self, operation: u8, data: &[u8]) {
        match operation {
            b'o' => self.source.handle_response(200, [("Content-Type", "text/event-stream")]),
            // A status in two digits from 1 to 8, and lines of headers.
            b'r' => {
                let (status, lines) = data.split_at(data.len().min(2));
                let digit = |at: usize| u16::from(status.get(at).copied().unwrap_or(0) & 15);
                let headers = String::from_utf8_lossy(lines).into_owned();
                let headers = headers.split('\n').filter_map(|line| line.split_once(':'));
                self.source.handle_response(200 + 100 * (digit(0) & 3) + digit(1), headers);
            }
            b'b' => {
                for part in data.chunks(self.size.min(data.len().max(1))) {
                    self.body(part);
                }
            }
            b'e' => self.source.handle_end(),
            b'x' => self.source.handle_error(),
            b't' => {
                self.now += Duration::from_millis(40 * data.first().map_or(25, |&it| it.into()))
            }
            // As long as it waits for.
            b'w' => self.now = self.source.next_timeout().unwrap_or_default().max(self.now),
            b'c' => {
                self.source.close();
                self.due.clear();
                self.open = false;
                self.ended = true;
            }
            _ => {}
        }
        self.settle(b"");
    }

    fn body(&mut self, part: &[u8]) {
        if self.open {
            // Of an id without data the decoder does not tell, if it is the same as before.
            if part.contains(&b'd') {
                self.retries = 0;
            }
            let mut rest = part;
            while let Ok(Some(event)) = self.twin.next_event(&mut rest) {
                let end = self.with_mark && event.data == MARK;
                self.due.push(event.into_owned());
                if end {
                    break;
                }
            }
        }
        self.settle(part);
        assert!(self.due.is_empty(), "{:?}", self.due);
    }

    /// Takes what the source tells now.
    fn settle(&mut self, mut input: &[u8]) {
        for round in 0.. {
            while let Some(event) = self.source.next_event(&mut input) {
                self.event(event);
            }
            assert!(input.is_empty());
            if self.source.next_timeout().is_some_and(|at| at <= self.now) {
                assert!(round < 4, "it goes on asking for the time");
                self.source.handle_timeout(self.now);
            } else if let Some(request) = self.source.next_request() {
                self.request(request);
            } else {
                break;
            }
        }
        if !self.ended {
            assert_eq!(self.open, self.source.ready_state() == ReadyState::Open);
            assert_eq!(self.twin.last_event_id(), self.source.last_event_id());
        }
        assert!(self.source.next_timeout().is_none() || !self.ended);
        assert!(!self.ended || !self.source.is_receiving());
    }

    fn event(&mut self, event: Event<'_>) {
        assert!(!self.ended, "{event:?} after the end");
        let event = match event {
            Event::Open => {
                assert!(!self.open && self.source.is_receiving());
                self.open = true;
                self.redirects = 0;
                self.twin.reset();
                Event::Open
            }
            Event::Message(event) => {
                assert!(self.open);
                assert_eq!(event, self.due.remove(0));
                assert!(!self.with_mark || event.data != MARK);
                self.retries = 0;
                Event::Message(event.into_owned())
            }
            Event::Error { failure, ready_state } => {
                self.error(&failure, ready_state);
                Event::Error { failure, ready_state }
            }
            Event::End => {
                assert!(self.open && self.with_mark);
                assert_eq!(self.due.remove(0).data, MARK);
                (self.open, self.ended) = (false, true);
                Event::End
            }
            event => panic!("{event:?}"),
        };
        self.outputs.push(Output::Event(event));
    }

    fn error(&mut self, failure: &Failure, ready_state: ReadyState) {
        assert_ne!(ready_state, ReadyState::Open);
        assert_eq!(self.source.ready_state(), ready_state);
        assert!(!self.source.is_receiving());
        self.ended = ready_state == ReadyState::Closed;
        self.open = false;
        self.redirects = 0;
        if let Some(response) = failure.response() {
            assert!(response.body.len() <= MAX_FAILED_BODY);
        }
        if let Failure::Stream(_) = failure {
            assert!(self.ended);
        }
        if !self.ended {
            self.retries += 1;
            assert!(self.retries <= MAX_RETRIES);
        }
    }

    fn request(&mut self, request: Request) {
        assert!(!self.ended && !self.open && self.source.is_receiving());
        let again = EventSource::new(request.url.as_str(), Options::get(), || 0);
        assert_eq!(again.expect("it can be parsed").url(), &request.url);
        assert!(request.url.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(!request.url.authority().contains(['@', '\\', '%']));
        assert_eq!(request.body.is_some(), request.method == "POST");
        assert!(self.with_body || request.body.is_none());
        for (name, value) in &request.headers {
            assert!(!value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7F));
            assert_eq!(value.trim_matches([' ', '\t']).len(), value.len());
            if name == "Last-Event-ID" {
                assert_eq!(value, self.twin.last_event_id());
            }
        }
        let has = |name: &str| request.headers.iter().any(|(other, _)| other == name);
        assert_eq!(has("Content-Type"), request.body.is_some());
        assert!(!has("Secret") || request.url.origin() == "http://a.example");
        assert!(has("Accept") && has("Cache-Control"));
        // The requests since the last event are one and those that redirects made of it.
        let is_redirect = matches!(self.outputs.last(), Some(Output::Request(_)));
        self.redirects += u32::from(is_redirect);
        assert!(self.redirects <= MAX_REDIRECTS);
        self.outputs.push(Output::Request(request));
    }
}
