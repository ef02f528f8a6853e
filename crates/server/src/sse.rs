use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, HeaderValue, header};
use http_body::Frame;
use tokio::time::{Instant, Sleep};

use crate::encoded_event::EncodedEvent;

/// An event stream on its way out: a stream of events with a heartbeat, as an
/// [`http_body::Body`] that any server built on `http` can send.
///
/// The heartbeat is an empty comment after 15 s without an event: it keeps proxies from closing
/// the connection.
///
/// # When the client goes
/// The body is dropped, and the stream of events with it. On HTTP/1.1 hyper sees the client's FIN or
/// reset at once, also while the stream is idle; a client that only finishes sending counts as gone. What
/// hyper does not see is found out by the heartbeat: a FIN behind another request by the next that
/// cannot be written, a client that vanished without a word when the system gives up sending it.
///
/// ```
/// use rtwire_server::{EventLog, Sse};
///
/// let log = EventLog::new(16);
/// let response: http::Response<Sse> = Sse::new(log.subscribe(None)).into_response();
/// assert_eq!(response.headers()["content-type"], "text/event-stream");
/// ```
pub struct Sse {
    events: Pin<Box<dyn Stream<Item = EncodedEvent> + Send>>,
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    heartbeat: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    sent: Option<Instant>,
    ended: bool,
}

impl Sse {
    /// Sends these events until there are no more.
    #[must_use]
    pub fn new(events: impl Stream<Item = EncodedEvent> + Send + 'static) -> Self {
        Self {
            events: Box::pin(events),
            end: None,
            heartbeat: Some(Duration::from_secs(15)),
            timer: None,
            sent: None,
            ended: false,
        }
    }

    /// Sets the silence after which a comment is sent; `None` sends none. Must not be zero, which
    /// counts as `None`.
    #[must_use]
    pub fn heartbeat(mut self, heartbeat: Option<Duration>) -> Self {
        self.heartbeat = heartbeat.filter(|interval| !interval.is_zero());
        self
    }

    /// Ends the stream when `end` is done. The endpoints do this themselves, for shutdown.
    #[must_use]
    pub fn until(mut self, end: impl Future<Output = ()> + Send + 'static) -> Self {
        self.end = Some(match self.end.take() {
            None => Box::pin(end),
            Some(mut earlier) => Box::pin(async move {
                let mut end = std::pin::pin!(end);
                std::future::poll_fn(|cx| match earlier.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(()),
                    Poll::Pending => end.as_mut().poll(cx),
                })
                .await;
            }),
        });
        self
    }

    /// The response with its header fields, for other servers; our own endpoints call it.
    #[must_use]
    pub fn into_response(self) -> http::Response<Self> {
        let mut response = http::Response::new(self);
        *response.headers_mut() = headers();
        response
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(interval) = self.heartbeat else { return Poll::Pending };
        let sent = *self.sent.get_or_insert_with(Instant::now);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(interval)));
        // The timer is not moved for each event: when it fires, it is set again to what remains.
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let due = sent + interval;
            if now >= due {
                self.sent = Some(now);
                timer.as_mut().reset(now + interval);
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl http_body::Body for Sse {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        if this.end.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready()) {
            this.ended = true;
            return Poll::Ready(None);
        }
        match this.events.as_mut().poll_next(cx) {
            Poll::Ready(Some(event)) => {
                if this.heartbeat.is_some() {
                    this.sent = Some(Instant::now());
                }
                Poll::Ready(Some(Ok(Frame::data(event.into_bytes()))))
            }
            Poll::Ready(None) => {
                this.ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => {
                // HTML #authoring-notes: a comment about every 15 seconds.
                this.poll_heartbeat(cx)
                    .map(|()| Some(Ok(Frame::data(Bytes::from_static(rtwire_sse::KEEP_ALIVE)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl fmt::Debug for Sse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse").field("heartbeat", &self.heartbeat).finish_non_exhaustive()
    }
}

impl From<Sse> for Result<Sse, http::StatusCode> {
    fn from(sse: Sse) -> Self {
        Ok(sse)
    }
}

/// The fields of the response that carries an event stream.
pub(crate) fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // nginx collects a response before it passes it on unless told not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    headers
}
