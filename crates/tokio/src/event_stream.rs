use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use rtwire_sse::{Decoder, Event};
use tokio::io::{AsyncRead, ReadBuf};

use crate::{scratch::with_scratch, unread::Unread};

/// The events of an event stream (HTML #server-sent-events), from the body of a response.
///
/// It is a [`Stream`], which ends with the body: an event that the end cuts is dropped, as the
/// standard demands. A dropped [`next`](Self::next) loses nothing. Where the body is a stream of
/// chunks, as from an HTTP client, `tokio_util::io::StreamReader` makes the transport of it.
///
/// ```
/// use rtwire_tokio::EventStream;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rtwire_tokio::EventStreamError> {
/// let body: &[u8] = b"retry: 3000\n\nevent: tick\nid: 7\ndata: one\n\ndata: two\n\ndata: cut";
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
#[derive(Debug)]
pub struct EventStream<IO> {
    io: IO,
    decoder: Decoder,
    unread: Unread,
    ended: bool,
}

/// Why an [`EventStream`] could not go on. The end of the body is none of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventStreamError {
    /// The stream is over a limit of its decoder.
    #[error("the event stream is over a limit: {0}")]
    Stream(#[from] rtwire_sse::Error),
    /// The transport failed.
    #[error("the transport failed: {0}")]
    Io(#[from] io::Error),
}

impl<IO: AsyncRead + Unpin> EventStream<IO> {
    /// The events of `io`, which stands at the start of the body, within the default
    /// [`Limits`](rtwire_sse::Limits).
    pub fn new(io: IO) -> Self {
        Self::from_decoder(io, Decoder::new(), &[])
    }

    /// Reads with `decoder`, which has its limits and the last event ID of an earlier connection.
    /// `read_ahead` are bytes that were read together with the response head and belong to the
    /// body.
    pub fn from_decoder(io: IO, decoder: Decoder, read_ahead: &[u8]) -> Self {
        Self { io, decoder, unread: Unread::new(read_ahead), ended: false }
    }

    /// The transport.
    pub fn get_ref(&self) -> &IO {
        &self.io
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

    /// The next event; `None` once the body has ended.
    ///
    /// # Errors
    /// [`EventStreamError`], once; then `None`.
    pub async fn next(&mut self) -> Option<Result<Event<'static>, EventStreamError>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// [`next`](Self::next) as a poll function.
    pub fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Event<'static>, EventStreamError>>> {
        while !self.ended {
            let event = match self.decode_unread() {
                Ok(None) => ready!(self.poll_read(cx)),
                decoded => decoded,
            };
            self.ended |= event.is_err();
            if let Some(event) = event.transpose() {
                return Poll::Ready(Some(event));
            }
        }
        Poll::Ready(None)
    }

    /// The next event of what was read before.
    fn decode_unread(&mut self) -> Result<Option<Event<'static>>, EventStreamError> {
        let mut input: &[u8] = self.unread.get_mut();
        if input.is_empty() {
            return Ok(None);
        }
        let event = self.decoder.next_event(&mut input)?.map(Event::into_owned);
        let rest = input.len();
        self.unread.keep_last(rest);
        Ok(event)
    }

    /// Reads once, and decodes the first event of that.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Event<'static>>, EventStreamError>> {
        with_scratch(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
            let mut input = buffer.filled();
            self.ended = input.is_empty();
            let event = self.decoder.next_event(&mut input)?.map(Event::into_owned);
            self.unread = Unread::new(input);
            Poll::Ready(Ok(event))
        })
    }
}

impl<IO: AsyncRead + Unpin> Stream for EventStream<IO> {
    type Item = Result<Event<'static>, EventStreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}
