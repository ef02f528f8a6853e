use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use rtwire_sse::{Decoder, Event};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

/// What one read of [`EventStream::from_reader`] takes at most.
const READ: usize = 16 << 10;

/// The events of an event stream (HTML #server-sent-events), from the body of a response as an HTTP
/// client gives it: a [`Stream`] of chunks.
///
/// A chunk is whatever has bytes: `reqwest::Response::bytes_stream` is such a body, and so is
/// `http_body_util::BodyDataStream` around hyper's. [`from_reader`](Self::from_reader) takes an
/// `AsyncRead`.
///
/// It is a [`Stream`] itself, which ends with the body: an event that the end cuts is dropped, as the
/// standard demands. A dropped [`next`](Self::next) loses nothing. One chunk is held until its events are
/// told, and by events that [share](Decoder::next_owned) long data with it.
///
/// ```
/// use rtwire_tokio::EventStream;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let body = ["retry: 3000\n\nevent: tick\nid: 7\nda", "ta: one\n\ndata: two\n\ndata: cut"];
/// let body = futures_util::stream::iter(body.map(Ok::<_, std::io::Error>));
/// let mut events = EventStream::new(body);
///
/// let tick = events.next().await.expect("two events")?;
/// assert_eq!((&*tick.event_type, &*tick.data), ("tick", "one"));
/// let message = events.next().await.expect("one more")?;
/// assert_eq!((&*message.event_type, &*message.data), ("message", "two"));
/// assert!(events.next().await.is_none());
///
/// // What a reconnection needs:
/// assert_eq!(events.last_event_id(), "7");
/// assert_eq!(events.retry(), Some(std::time::Duration::from_secs(3)));
/// # Ok(())
/// # }
/// ```
pub struct EventStream<S> {
    chunks: S,
    decoder: Decoder,
    /// What is not decoded yet of the last chunk.
    unread: Bytes,
    ended: bool,
}

/// Why an [`EventStream`] could not go on. The end of the body is none of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventStreamError<E> {
    /// The stream is over a limit of its decoder.
    #[error("the event stream is over a limit: {0}")]
    Stream(#[source] rtwire_sse::Error),
    /// The body failed.
    #[error("the body failed: {0}")]
    Body(#[source] E),
}

impl<IO: AsyncRead> EventStream<ReaderStream<IO>> {
    /// The events of `io`, which stands at the start of the body. It is read 16 KiB at a time.
    ///
    /// What was read together with the head of the response goes in front:
    /// `tokio::io::AsyncReadExt::chain(ahead, io)`. For another decoder, `tokio_util`'s
    /// `ReaderStream` makes chunks of an `AsyncRead`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut events = rtwire_tokio::EventStream::from_reader(&b"data: one\n\n"[..]);
    /// assert_eq!(events.next().await.expect("an event")?.data, "one");
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_reader(io: IO) -> Self {
        Self::with_decoder(ReaderStream::with_capacity(io, READ), Decoder::new())
    }
}

impl<S, C, E> EventStream<S>
where
    S: Stream<Item = Result<C, E>> + Unpin,
    C: AsRef<[u8]> + Send + 'static,
{
    /// The events of a whole body, within the default [`Limits`](rtwire_sse::Limits).
    pub fn new(chunks: S) -> Self {
        Self::with_decoder(chunks, Decoder::new())
    }

    /// The next event; `None` once the body has ended.
    ///
    /// # Errors
    /// [`EventStreamError`], once; then `None`.
    pub async fn next(&mut self) -> Option<Result<Event<'static>, EventStreamError<E>>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// [`next`](Self::next) as a poll function.
    pub fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Event<'static>, EventStreamError<E>>>> {
        while !self.ended {
            if let Some(event) = self.decode().transpose() {
                self.ended = event.is_err();
                return Poll::Ready(Some(event.map_err(EventStreamError::Stream)));
            }
            match ready!(Pin::new(&mut self.chunks).poll_next(cx)) {
                Some(Ok(chunk)) => self.unread = Bytes::from_owner(chunk),
                Some(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(EventStreamError::Body(error))));
                }
                None => self.ended = true,
            }
        }
        Poll::Ready(None)
    }
}

impl<S> EventStream<S> {
    /// Reads with `decoder`, which has its limits and the last event ID of an earlier connection.
    pub fn with_decoder(chunks: S, decoder: Decoder) -> Self {
        Self { chunks, decoder, unread: Bytes::new(), ended: false }
    }

    /// The body.
    pub fn get_ref(&self) -> &S {
        &self.chunks
    }

    /// The last event ID string, as of the last event: what a reconnection sends as
    /// `Last-Event-ID`, if not empty.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The reconnection time, if the stream has set one.
    pub fn retry(&self) -> Option<Duration> {
        self.decoder.retry()
    }

    /// The next event of the last chunk.
    fn decode(&mut self) -> Result<Option<Event<'static>>, rtwire_sse::Error> {
        let event = self.decoder.next_owned(&mut self.unread);
        if self.unread.is_empty() {
            self.unread = Bytes::new(); // and the chunk is free
        }
        event
    }
}

impl<S, C, E> Stream for EventStream<S>
where
    S: Stream<Item = Result<C, E>> + Unpin,
    C: AsRef<[u8]> + Send + 'static,
{
    type Item = Result<Event<'static>, EventStreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl<S> fmt::Debug for EventStream<S> {
    /// Without what the peer says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("unread", &self.unread.len())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
