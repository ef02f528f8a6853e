//! `EventSource` as a machine (HTML, [server-sent events](https://html.spec.whatwg.org/#server-sent-events)):
//! which request to send, what its answer means, and when to send the next.
//!
//! It has no connection, no clock and no randomness: heads of responses, bytes of bodies and the time go
//! in, requests and events come out.
//!
//! ```text
//!  state       what happens                          next       what it tells
//!  ──────────  ────────────────────────────────────  ─────────  ──────────────────────────────────
//!  Due         next_request                          Requested  the request
//!  Requested   200, text/event-stream                Open       Open
//!  Requested   301, 302, 303, 307, 308, a Location   Due
//!  Requested   a Location that is no http(s) URL,    Waiting*   Error: Location
//!              or one redirect too many                         Error: TooManyRedirects
//!  Requested   another status, another type          Failing
//!  Requested   error, end                            Waiting*   Error: Network
//!  Open        bytes                                 Open       Message
//!  Open        end                                   Waiting*   Error: EndOfStream
//!  Open        error                                 Waiting*   Error: Network
//!  Open        the end mark                          Closed     End
//!  Open        a line or an event over its limit     Closed     Error: Stream
//!  Requested   nothing for idle_timeout              Waiting*   Error: Silence
//!  or Open
//!  Failing     bytes, up to max_failed_body          Failing
//!  Failing     more bytes, end, error, or            Closed     Error: Status, ContentType
//!              failed_body_timeout is over           or Waiting (retry_statuses, for 429 and 5xx)
//!  Waiting     the time is over                      Due
//!  any         close                                 Closed     nothing, also of what has come
//!
//!  Waiting* = or Closed: with Reconnect::Never, with Reconnect::Get and nothing to go on with, or
//!  after max_retries attempts without progress.
//!
//!  What is not in the table changes nothing. CONNECTING is Due, Requested, Waiting, and Failing if
//!  Waiting follows; Failing is CLOSED otherwise. An `Error` says which of the two the source is in.
//! ```
//!
//! # Driving it
//!
//! A loop does the first of these that there is to do:
//!
//! 1. [`next_request`](EventSource::next_request): drop the connection that there was, send this.
//! 2. Not [`is_receiving`](EventSource::is_receiving): drop the connection.
//! 3. Wait for the connection or the time of [`next_timeout`](EventSource::next_timeout), and tell what
//!    came: [`handle_response`](EventSource::handle_response), bytes to
//!    [`next_event`](EventSource::next_event), [`handle_end`](EventSource::handle_end),
//!    [`handle_error`](EventSource::handle_error), [`handle_timeout`](EventSource::handle_timeout).
//! 4. `next_event` until it is `None`.
//!
//! ```
//! use rtwire_sse::EventSource;
//! use rtwire_sse::event_source::{Event, Failure, Options, ReadyState};
//! use std::time::Duration;
//!
//! let random = || 0; // of your random source, an unpredictable u64
//! let mut source = EventSource::new("https://example.com/a/ticks", Options::get(), random)?;
//! let request = source.next_request().expect("the first is due at once");
//! assert_eq!((request.method, request.url.as_str()), ("GET", "https://example.com/a/ticks"));
//!
//! // A redirect is followed, and nothing is told of it.
//! source.handle_response(307, [("Location", "//ticks.example/b")]);
//! let request = source.next_request().expect("at once");
//! assert_eq!(request.url.as_str(), "https://ticks.example/b");
//!
//! source.handle_response(200, [("Content-Type", "text/event-stream")]);
//! let mut input = &b"id: 7\ndata: hello\n\ndata: cut he"[..];
//! assert_eq!(source.next_event(&mut input), Some(Event::Open));
//! let Some(Event::Message(event)) = source.next_event(&mut input) else { panic!() };
//! assert_eq!((event.data.as_str(), source.current_url().origin()), ("hello", "https://ticks.example"));
//! assert_eq!(source.next_event(&mut input), None);
//!
//! // The stream ends. The time is told, waited for, and told again.
//! source.handle_end();
//! let error = Event::Error { failure: Failure::EndOfStream, ready_state: ReadyState::Connecting };
//! assert_eq!(source.next_event(&mut &[][..]), Some(error));
//! source.handle_timeout(Duration::from_secs(100));
//! assert_eq!(source.next_timeout(), Some(Duration::from_secs(103)));
//! source.handle_timeout(Duration::from_secs(103));
//! let request = source.next_request().expect("now");
//! assert_eq!(request.url.as_str(), "https://example.com/a/ticks");
//! assert!(request.headers.contains(&("Last-Event-ID".into(), "7".into())));
//! # Ok::<(), rtwire_sse::event_source::BuildError>(())
//! ```

mod abnf;
mod backoff;
mod content_type;
mod event;
mod failure;
mod limits;
mod machine;
mod options;
mod request;
mod retry_after;
mod timer;
mod url;

pub use event::Event;
pub use failure::{FailedResponse, Failure};
pub use limits::Limits;
pub use machine::{EventSource, ReadyState};
pub use options::{BuildError, Options, Reconnect};
pub use request::Request;
pub use url::Url;
