use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use futures_core::Stream;
use rtwire_sse::{EncodeError, Fields};

use crate::encoded_event::EncodedEvent;

/// A bounded log of events: what is published goes to all subscribers, and the newest events stay
/// for those that come back with a `Last-Event-ID`.
///
/// Each event is encoded once. A subscriber is a position in the log and has no queue of its own,
/// so however slow it is, it costs no memory and delays nobody.
///
/// Ids are decimal numbers that grow by one. The first is the time in microseconds at which the
/// log was made, so that the ids of an earlier process are older than all of this one.
///
/// # When events are gone
/// A subscriber that wants events which the log no longer holds (its id is too old, or it reads
/// so slowly that the log has moved past it) is told: it receives an event of type `gap`, whose
/// data is the number of events lost, or empty if that is not known; then it goes on with the
/// oldest event that is held. An id that this log never gave counts as too old.
///
/// ```
/// use rtwire_server::{EventLog, Fields};
///
/// let log = EventLog::new(256);
/// let id = log.publish(Fields::new().data("hello"))?;
/// log.publish(Fields::new().data("world"))?;
/// let missed = log.subscribe(Some(&id.to_string())); // will yield "world", then what comes
/// # Ok::<(), rtwire_server::PublishError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EventLog {
    log: Arc<Mutex<Log>>,
}

#[derive(Debug)]
struct Log {
    events: VecDeque<EncodedEvent>,
    /// Of all events held.
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
    /// The id of the first event ever.
    origin: u64,
    /// The id of the next event; the oldest one held is as many before as there are held.
    next: u64,
    /// The subscribers that wait, by their keys.
    waiting: HashMap<u64, Waker>,
    next_key: u64,
}

/// Why an event was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The event type holds what a field cannot.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The encoded event is larger than all that the log may hold.
    #[error("event of {bytes} bytes in a log of {limit}")]
    TooLarge {
        /// The encoded event.
        bytes: usize,
        /// [`EventLog::with_max_bytes`].
        limit: usize,
    },
}

impl EventLog {
    /// Keeps the newest `max_events` events (at least one), and of these no more than 4 MiB.
    #[must_use]
    pub fn new(max_events: usize) -> Self {
        Self::with_max_bytes(max_events, 4 << 20)
    }

    /// Keeps the newest `max_events` events (at least one), and of these no more than `max_bytes`
    /// as encoded.
    #[must_use]
    pub fn with_max_bytes(max_events: usize, max_bytes: usize) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let origin = u64::try_from(since.as_micros()).unwrap_or(1).max(1);
        let log = Log {
            events: VecDeque::new(),
            bytes: 0,
            max_events: max_events.max(1),
            max_bytes,
            origin,
            next: origin,
            waiting: HashMap::new(),
            next_key: 0,
        };
        Self { log: Arc::new(Mutex::new(log)) }
    }

    /// Appends an event, wakes the subscribers, and returns its id. The id takes the place of one
    /// among the fields.
    ///
    /// # Errors
    /// [`PublishError`]; then nothing has been published.
    pub fn publish(&self, fields: Fields<'_>) -> Result<u64, PublishError> {
        let mut log = lock(&self.log);
        let id = log.next;
        let event = EncodedEvent::new(&fields.id(&id.to_string()))?;
        let bytes = event.len();
        if bytes > log.max_bytes {
            return Err(PublishError::TooLarge { bytes, limit: log.max_bytes });
        }
        while log.events.len() >= log.max_events || log.bytes + bytes > log.max_bytes {
            let Some(oldest) = log.events.pop_front() else { break };
            log.bytes -= oldest.len();
        }
        log.bytes += bytes;
        log.events.push_back(event);
        log.next += 1;
        let waiting: Vec<Waker> = log.waiting.drain().map(|(_, waker)| waker).collect();
        drop(log);
        waiting.into_iter().for_each(Waker::wake);
        Ok(id)
    }

    /// The events from now on; or, if an id is given, from the one after it.
    #[must_use]
    pub fn subscribe(&self, last_event_id: Option<&str>) -> Subscription {
        let mut log = lock(&self.log);
        let position = match last_event_id {
            None => Position::At(log.next),
            Some(text) => match text.parse::<u64>() {
                Ok(id) if (log.origin..log.next).contains(&id) => Position::At(id + 1),
                _ => Position::Unknown,
            },
        };
        let key = log.next_key;
        log.next_key += 1;
        drop(log);
        Subscription { log: Arc::clone(&self.log), position, key }
    }
}

/// One subscriber's stream of events; it never ends by itself.
#[derive(Debug)]
pub struct Subscription {
    log: Arc<Mutex<Log>>,
    position: Position,
    key: u64,
}

#[derive(Clone, Copy, Debug)]
enum Position {
    /// The id of the next event to deliver.
    At(u64),
    /// After an id that the log never gave.
    Unknown,
}

impl Stream for Subscription {
    type Item = EncodedEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<EncodedEvent>> {
        let this = &mut *self;
        let mut log = lock(&this.log);
        let oldest = log.next - log.events.len() as u64;
        let lost = match this.position {
            Position::Unknown => Some(None),
            Position::At(id) if id < oldest => Some(Some(oldest - id)),
            Position::At(_) => None,
        };
        if let Some(lost) = lost {
            this.position = Position::At(oldest);
            return Poll::Ready(gap(lost));
        }
        let Position::At(id) = this.position else { return Poll::Pending };
        let held = usize::try_from(id - oldest).unwrap_or(usize::MAX);
        if let Some(event) = log.events.get(held) {
            this.position = Position::At(id + 1);
            return Poll::Ready(Some(event.clone()));
        }
        log.waiting.insert(this.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        lock(&self.log).waiting.remove(&self.key);
    }
}

/// The event that says how many were lost.
fn gap(lost: Option<u64>) -> Option<EncodedEvent> {
    let lost = lost.map(|events| events.to_string()).unwrap_or_default();
    // Digits and a fixed event type always encode.
    EncodedEvent::new(&Fields::new().event("gap").data(&lost)).ok()
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    // Every change is complete before anything that could panic.
    log.lock().unwrap_or_else(PoisonError::into_inner)
}
