use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;
use core::mem;
use core::time::Duration;

use bytes::{Buf, Bytes};

use super::request::{Attempt, can_be_sent};
use super::timer::Timer;
use super::{
    BuildError, Event, FailedResponse, Failure, Limits, Options, Reconnect, Request, Url, backoff,
    content_type, retry_after,
};
use crate::Decoder;

/// The state of an [`EventSource`], as `readyState` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// There is no stream yet, or no more, and a request is under way, due or waited for.
    Connecting,
    /// Events may come.
    Open,
    /// Nothing more comes.
    Closed,
}

/// An event source: requests an event stream, reads it, and requests it again.
///
/// [The module](super) has the table of its states and the loop of who drives it.
pub struct EventSource {
    url: Url,
    options: Options,
    random: fn() -> u64,
    decoder: Decoder,
    state: State,
    /// What is asked for, now or next.
    attempt: Attempt,
    /// Attempts since the last progress, which was an event or an id.
    attempts: u32,
    timer: Timer,
    /// What is still to be told: `Open` and an `Error` at most, for there is no request before all has
    /// been.
    events: VecDeque<Event<'static>>,
}

#[derive(Debug)]
enum State {
    /// A request is to be sent.
    Due,
    /// Its response is waited for.
    Requested,
    /// The stream is read.
    Open,
    /// The body of a failed response is read.
    Failing(Box<Failing>),
    /// The time to the next request runs.
    Waiting,
    Closed,
}

#[derive(Debug)]
struct Failing {
    response: FailedResponse,
    /// The status was 200.
    ok: bool,
    /// The request is to be made again, not before so long. `None`: it is not.
    retry_after: Option<Duration>,
}

impl EventSource {
    /// A source that is about to make its first request. `random` gives numbers of 64 random bits, one
    /// for each time that it waits.
    ///
    /// # Errors
    /// [`BuildError`]: the URL or a header is none.
    pub fn new(url: &str, options: Options, random: fn() -> u64) -> Result<Self, BuildError> {
        let url: Url = url.parse()?;
        options.check()?;
        let decoder = Decoder::with_limits(options.limits.stream)
            .with_last_event_id(options.last_event_id.as_str());
        Ok(Self {
            attempt: Attempt::new(&url, options.body.is_some(), false),
            url,
            options,
            random,
            decoder,
            state: State::Due,
            attempts: 0,
            timer: Timer::Off,
            events: VecDeque::new(),
        })
    }

    /// The URL that it was made with, which each connection begins with.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The URL of the present request or stream: the end of the redirects so far. Its
    /// [origin](Url::origin) is that of the events.
    #[must_use]
    pub const fn current_url(&self) -> &Url {
        &self.attempt.url
    }

    /// What a page would see.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        match &self.state {
            State::Due | State::Requested | State::Waiting => ReadyState::Connecting,
            State::Failing(failing) if failing.retry_after.is_some() => ReadyState::Connecting,
            State::Open => ReadyState::Open,
            State::Failing(_) | State::Closed => ReadyState::Closed,
        }
    }

    /// Whether something of the connection is of use: its response, the stream, or the body of a
    /// failed response. If not, it is to be dropped.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        match self.state {
            State::Requested | State::Open | State::Failing(_) => true,
            State::Due | State::Waiting | State::Closed => false,
        }
    }

    /// The last event ID string.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The reconnection time: that of the last `retry` field, or of the [options](Options).
    #[must_use]
    pub fn reconnection_time(&self) -> Duration {
        self.decoder.retry().unwrap_or(self.options.reconnection_time)
    }

    /// How many events were dropped by [`Oversize::Skip`](crate::Oversize::Skip).
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.decoder.skipped()
    }

    /// A request to send on a connection of its own; an earlier one is to be dropped. `None`: not now,
    /// or there is [something to tell](Self::next_event) first.
    pub fn next_request(&mut self) -> Option<Request> {
        if !matches!(self.state, State::Due) || !self.events.is_empty() {
            return None;
        }
        self.state = State::Requested;
        self.timer = self.limits().idle_timeout.into();
        Some(self.attempt.request(&self.options, self.decoder.last_event_id()))
    }

    /// The head of the response has come; not that of an interim one (1xx).
    pub fn handle_response<N: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        status: u16,
        headers: impl IntoIterator<Item = (N, V)>,
    ) {
        if !matches!(self.state, State::Requested) {
            return;
        }
        let copy =
            |(name, value): (N, V)| (name.as_ref().into(), Bytes::copy_from_slice(value.as_ref()));
        let headers = headers.into_iter().map(copy).collect();
        let response = FailedResponse { status, headers, ..FailedResponse::default() };
        match status {
            301 | 302 | 303 | 307 | 308 if response.header("Location").is_some() => {
                self.redirect(&response);
            }
            200 if content_type::is_event_stream(response.values("Content-Type")) => {
                self.decoder.reset();
                self.state = State::Open;
                self.timer = self.limits().idle_timeout.into();
                self.events.push_back(Event::Open);
            }
            // "If res's status is not 200, or if res's `Content-Type` is not `text/event-stream`,
            // then fail the connection." So is a redirect without a Location, which goes nowhere.
            _ => self.refuse(response),
        }
    }

    /// What happened next, by the `input` from the front of which it takes, or before. `None`: nothing
    /// more, and all of `input` is used.
    ///
    /// The input is the body, without what HTTP puts around it. Ask with an empty one after each other
    /// call that brings something in.
    pub fn next_event<'i>(&mut self, input: &mut &'i [u8]) -> Option<Event<'i>> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        match &mut self.state {
            State::Open => return self.read(input),
            State::Failing(failing) => {
                let body = &mut failing.response.body;
                let (kept, rest) = input
                    .split_at(input.len().min(self.options.limits.max_failed_body - body.len()));
                body.extend_from_slice(kept);
                if !rest.is_empty() {
                    self.finish_failing(false);
                }
            }
            State::Due | State::Requested | State::Waiting | State::Closed => {}
        }
        *input = &[];
        self.events.pop_front()
    }

    /// The same with an event that does not borrow the chunk: as [`Decoder::next_owned`].
    pub fn next_owned(&mut self, chunk: &mut Bytes) -> Option<Event<'static>> {
        let mut input = &chunk[..];
        let next = self.next_event(&mut input).map(|event| event.share(chunk));
        let used = chunk.len() - input.len();
        chunk.advance(used);
        next
    }

    /// The body has ended, or the connection before any response.
    pub fn handle_end(&mut self) {
        match self.state {
            State::Requested => self.reestablish(Failure::Network),
            State::Open => self.reestablish(Failure::EndOfStream),
            State::Failing(_) => self.finish_failing(true),
            State::Due | State::Waiting | State::Closed => {}
        }
    }

    /// The connection could not be made, or has failed.
    pub fn handle_error(&mut self) {
        match self.state {
            State::Requested | State::Open => self.reestablish(Failure::Network),
            State::Failing(_) => self.finish_failing(false),
            State::Due | State::Waiting | State::Closed => {}
        }
    }

    /// Closes it: nothing is told any more, also of what has already come.
    pub fn close(&mut self) {
        self.events.clear();
        self.end();
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, on the caller's clock. Ask
    /// again after each other call. A point in the past, such as zero, means at once: that is how the
    /// source learns what time it is.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        self.timer.at()
    }

    /// Tells the time, which may be earlier or later than asked for. Feed what has arrived to
    /// [`next_event`](Self::next_event) first.
    pub fn handle_timeout(&mut self, now: Duration) {
        if !self.timer.tick(now) {
            return;
        }
        match self.state {
            State::Waiting => self.state = State::Due,
            State::Requested | State::Open => {
                let timeout = self.limits().idle_timeout.unwrap_or_default();
                self.reestablish(Failure::Silence { timeout });
            }
            State::Failing(_) => self.finish_failing(false),
            State::Due | State::Closed => {}
        }
    }

    const fn limits(&self) -> &Limits {
        &self.options.limits
    }

    fn redirect(&mut self, response: &FailedResponse) {
        let max_redirects = self.limits().max_redirects;
        let mut locations = response.values("Location");
        let followed = match (locations.next(), locations.next()) {
            (Some(location), None) => self.attempt.follow(response.status, location, max_redirects),
            _ => Err(Failure::Location),
        };
        match followed {
            Ok(()) => {
                self.state = State::Due;
                self.timer = Timer::Off;
            }
            Err(failure) => self.reestablish(failure),
        }
    }

    /// Reads the stream.
    fn read<'i>(&mut self, input: &mut &'i [u8]) -> Option<Event<'i>> {
        if input.is_empty() {
            return None;
        }
        self.timer = self.options.limits.idle_timeout.into();
        let read = self.decoder.next_event(input);
        if self.decoder.took_id() || matches!(read, Ok(Some(_))) {
            self.attempts = 0;
        }
        match read {
            Ok(Some(event)) => {
                if self.options.end_mark.as_deref() == Some(event.data.as_str()) {
                    self.end(); // and the rest of the input is nobody's
                    return Some(Event::End);
                }
                Some(Event::Message(event))
            }
            Ok(None) => None,
            Err(error) => {
                self.fail(Failure::Stream(error));
                self.events.pop_front()
            }
        }
    }

    /// The response is no event stream: its body is read, and then the failure told.
    fn refuse(&mut self, response: FailedResponse) {
        let retry_after = self.retry_after(&response);
        let ok = response.status == 200;
        self.state = State::Failing(Box::new(Failing { response, ok, retry_after }));
        self.timer = Timer::Start(self.limits().failed_body_timeout);
        if self.limits().max_failed_body == 0 {
            self.finish_failing(false);
        }
    }

    /// How long to wait at least, if the request is to be made again.
    fn retry_after(&self, response: &FailedResponse) -> Option<Duration> {
        let busy = matches!(response.status, 429 | 500..=599);
        if !busy || !self.options.retry_statuses || !self.may_retry() {
            return None;
        }
        let value = response.header("Retry-After").unwrap_or_default();
        let wait = retry_after::retry_after(value, response.header("Date")).unwrap_or_default();
        (wait <= self.limits().max_retry_after).then_some(wait)
    }

    fn finish_failing(&mut self, complete: bool) {
        let State::Failing(failing) = mem::replace(&mut self.state, State::Closed) else { return };
        let Failing { mut response, ok, retry_after } = *failing;
        response.complete = complete;
        let response = Box::new(response);
        let failure = if ok { Failure::ContentType(response) } else { Failure::Status(response) };
        match retry_after {
            Some(least) => {
                let resumes = self.attempt.resumes;
                let with_body = self.options.body.is_some() && !resumes;
                self.wait(failure, Attempt::new(&self.url, with_body, resumes), least);
            }
            None => self.fail(failure),
        }
    }

    /// HTML, "reestablish the connection".
    fn reestablish(&mut self, failure: Failure) {
        let with_body = self.options.body.is_some();
        let resumable = can_be_sent(self.last_event_id());
        let attempt = match self.options.reconnect {
            Reconnect::Repeat => Attempt::new(&self.url, with_body, false),
            Reconnect::Get if resumable => Attempt::new(&self.url, false, true),
            Reconnect::Get | Reconnect::Never => return self.fail(failure),
        };
        if self.may_retry() {
            self.wait(failure, attempt, Duration::ZERO);
        } else {
            self.fail(failure);
        }
    }

    fn may_retry(&self) -> bool {
        self.limits().max_retries.is_none_or(|most| self.attempts < most)
    }

    fn wait(&mut self, failure: Failure, attempt: Attempt, least: Duration) {
        let time = self.reconnection_time().max(least);
        let random = (self.random)();
        let delay = backoff::delay(time, self.attempts, self.limits().max_backoff, random);
        self.attempts = self.attempts.saturating_add(1);
        self.attempt = attempt;
        self.state = State::Waiting;
        self.timer = Timer::Start(delay);
        self.events.push_back(Event::Error { failure, ready_state: ReadyState::Connecting });
    }

    /// HTML, "fail the connection".
    fn fail(&mut self, failure: Failure) {
        self.end();
        self.events.push_back(Event::Error { failure, ready_state: ReadyState::Closed });
    }

    fn end(&mut self) {
        self.state = State::Closed;
        self.timer = Timer::Off;
    }
}

impl fmt::Debug for EventSource {
    /// Without headers, which may be secret, and without what the peer says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("url", &self.url)
            .field("ready_state", &self.ready_state())
            .field("attempts", &self.attempts)
            .field("timer", &self.timer)
            .finish_non_exhaustive()
    }
}
