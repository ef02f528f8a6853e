use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use rtwire_sse::EventSource as Machine;
use rtwire_tokio::Clock;
use tokio::task::coop;

use super::request::http_request;
use super::{Event, EventSourceBuilder, ReadyState, Url};
use crate::NetworkError;
use crate::exchange::{Exchange, ExchangeLimits, Progress};

/// An event source: requests an event stream, reads it, and requests it again.
///
/// [`next`](Self::next) does all of it, connecting included, while it is waited for. A dropped `next`
/// loses nothing: what has been begun goes on with the one after it. Time does not stop in between, and
/// the server is not read meanwhile.
///
/// Each request has a connection of its own, which is closed when its response has ended or is of no
/// more use, and with the event source.
///
/// It is a [`Stream`] as well.
pub struct EventSource {
    machine: Machine,
    limits: ExchangeLimits,
    exchange: Option<Exchange>,
    /// What the machine has not seen of the last chunk.
    unread: Bytes,
    /// Made with the first poll, which may be the first in a runtime.
    clock: Option<Clock>,
    network_error: Option<NetworkError>,
}

impl EventSource {
    /// Of an `http` URL.
    pub fn builder(url: &str) -> EventSourceBuilder {
        EventSourceBuilder::new(url)
    }

    pub(super) const fn new(machine: Machine, limits: ExchangeLimits) -> Self {
        let unread = Bytes::new();
        let (exchange, clock, network_error) = (None, None, None);
        Self { machine, limits, exchange, unread, clock, network_error }
    }

    /// The next event; `None` once it is closed.
    pub async fn next(&mut self) -> Option<Event<'static>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// [`next`](Self::next) as a poll function.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event<'static>>> {
        loop {
            // A peer that sends without end is left alone now and then, for others to have their turn.
            let coop = ready!(coop::poll_proceed(cx));
            let step = ready!(self.poll_step(cx));
            coop.made_progress();
            if let ControlFlow::Break(event) = step {
                return Poll::Ready(event);
            }
        }
    }

    /// Closes it, and its connection: nothing is told any more, also of what has already come.
    pub fn close(&mut self) {
        self.machine.close();
        self.disconnect();
    }

    /// What a page would see.
    pub fn ready_state(&self) -> ReadyState {
        self.machine.ready_state()
    }

    /// The URL that it was made with, which each connection begins with.
    pub const fn url(&self) -> &Url {
        self.machine.url()
    }

    /// The URL of the present request or stream: the end of the redirects so far. Its
    /// [origin](Url::origin) is that of the events.
    pub const fn current_url(&self) -> &Url {
        self.machine.current_url()
    }

    /// The last event ID string: what the next request says, if a header can hold it.
    pub fn last_event_id(&self) -> &str {
        self.machine.last_event_id()
    }

    /// The reconnection time: that of the last `retry` field, or of the options.
    pub fn reconnection_time(&self) -> Duration {
        self.machine.reconnection_time()
    }

    /// How many events were dropped by [`Oversize::Skip`](rtwire_sse::Oversize::Skip).
    pub const fn skipped(&self) -> u64 {
        self.machine.skipped()
    }

    /// What was wrong with the network, until the next request.
    pub const fn network_error(&self) -> Option<&NetworkError> {
        self.network_error.as_ref()
    }

    /// Does the first of what there is to do: the loop of [`rtwire_sse::event_source`].
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<ControlFlow<Option<Event<'static>>>> {
        if let Some(event) = self.tell() {
            return Poll::Ready(ControlFlow::Break(Some(event)));
        }
        let clock = self.clock.get_or_insert_with(|| Clock::new(tokio::time::Instant::now()));
        if let Some(request) = self.machine.next_request() {
            self.network_error = None;
            match http_request(&request) {
                Ok(http) => {
                    self.exchange = Some(Exchange::new(&request.url, http, None, self.limits));
                }
                Err(error) => self.fail(NetworkError::Request(error)),
            }
            return Poll::Ready(ControlFlow::Continue(()));
        }
        if self.machine.ready_state() == ReadyState::Closed && !self.machine.is_receiving() {
            return Poll::Ready(ControlFlow::Break(None));
        }
        // What has arrived comes before the time: it is no silence if nobody has listened.
        if let Some(exchange) = &mut self.exchange
            && let Poll::Ready(progress) = exchange.poll(cx)
        {
            self.take(progress);
            return Poll::Ready(ControlFlow::Continue(()));
        }
        let now = ready!(clock.poll(self.machine.next_timeout(), cx));
        self.machine.handle_timeout(now);
        Poll::Ready(ControlFlow::Continue(()))
    }

    /// What there is to tell, of the machine or of the last chunk.
    fn tell(&mut self) -> Option<Event<'static>> {
        let event = self.machine.next_owned(&mut self.unread);
        if !self.machine.is_receiving() {
            self.disconnect();
        } else if self.unread.is_empty() {
            self.unread = Bytes::new(); // and the chunk is free
        }
        event
    }

    /// Hands the machine what has come.
    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Head(head) => {
                self.machine.handle_response(head.status.as_u16(), &head.headers);
            }
            Progress::Chunk(chunk) => self.unread = chunk,
            Progress::End => self.machine.handle_end(),
            Progress::Failed(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: NetworkError) {
        self.network_error = Some(error);
        self.machine.handle_error();
    }

    fn disconnect(&mut self) {
        self.exchange = None;
        self.unread = Bytes::new();
    }
}

impl Stream for EventSource {
    type Item = Event<'static>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl fmt::Debug for EventSource {
    /// Without headers, which may be secret, and without what the peer says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("machine", &self.machine)
            .field("unread", &self.unread.len())
            .field("network_error", &self.network_error)
            .finish_non_exhaustive()
    }
}
