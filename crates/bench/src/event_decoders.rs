//! Decoders of event streams, ours and others, as `bench-sse` drives them.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::task::{Context, Poll, Waker};

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use memchr::memchr2;
use rtwire_sse::Limits;

use crate::event_stream::{Scenario, Shape, Stream, Sum};

/// What may be done with a stream.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    /// What it is called in tables.
    pub name: &'static str,
    /// Who it is from.
    pub kind: Kind,
    decode: fn(&Stream) -> Result<Sum>,
}

impl Decoder {
    /// Whether there is sense in it.
    #[must_use]
    pub fn suits(&self, scenario: &Scenario) -> bool {
        let is_long = matches!(scenario.shape, Shape::Line(_)) && scenario.chunk > 1;
        self.kind != Kind::Reserving || is_long
    }

    /// Goes through a stream once.
    ///
    /// # Errors
    /// It fails, or finds other events than the stream has.
    pub fn pass(&self, stream: &Stream) -> Result<()> {
        let found = (self.decode)(stream)?;
        let expected = if self.kind == Kind::Walk { Sum::default() } else { stream.expected };
        ensure!(found == expected, "it found {found:?}, and not {expected:?}");
        Ok(())
    }
}

/// Who a decoder is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// rtwire.
    Ours,
    /// rtwire, told how long the data is going to be: for the long line only.
    Reserving,
    /// Another implementation.
    Peer,
    /// It only looks at the bytes, and finds no events.
    Walk,
}

/// The decoder that the others' speed is divided by.
pub const REFERENCE: &str = "sse-stream";

/// Ours, those it is compared with, and what it costs to look at the bytes.
pub const DECODERS: &[Decoder] = &[
    Decoder { name: "rtwire-sse", kind: Kind::Ours, decode: borrowed },
    Decoder { name: "rtwire-sse, owned", kind: Kind::Ours, decode: owned },
    Decoder { name: "rtwire-sse, reserved", kind: Kind::Reserving, decode: reserved },
    Decoder { name: REFERENCE, kind: Kind::Peer, decode: sse_stream },
    Decoder { name: "sse-core", kind: Kind::Peer, decode: sse_core },
    Decoder { name: "sseer", kind: Kind::Peer, decode: sseer },
    Decoder { name: "sse-parse", kind: Kind::Peer, decode: sse_parse },
    Decoder { name: "eventsource-stream", kind: Kind::Peer, decode: eventsource_stream },
    Decoder { name: "memchr2", kind: Kind::Walk, decode: walk },
    Decoder { name: "memchr2, simdutf8", kind: Kind::Walk, decode: validating_walk },
];

/// Over every event and line of the streams, in bytes.
const LIMIT: usize = 64 << 20;

fn decoder() -> rtwire_sse::Decoder {
    rtwire_sse::Decoder::with_limits(Limits::default().max_line(LIMIT).max_event(LIMIT))
}

fn borrowed(stream: &Stream) -> Result<Sum> {
    borrowed_from(decoder(), stream)
}

fn reserved(stream: &Stream) -> Result<Sum> {
    let mut decoder = decoder();
    decoder.reserve(usize::try_from(stream.expected.bytes)?);
    borrowed_from(decoder, stream)
}

fn borrowed_from(mut decoder: rtwire_sse::Decoder, stream: &Stream) -> Result<Sum> {
    let mut sum = Sum::default();
    for mut input in stream.slices() {
        while let Some(event) = decoder.next_event(&mut input)? {
            sum.add(&event.event_type, &event.data);
        }
    }
    Ok(sum)
}

/// Events that may outlive the chunk, as those of the others always may.
fn owned(stream: &Stream) -> Result<Sum> {
    let mut decoder = decoder();
    let mut sum = Sum::default();
    for mut chunk in stream.chunks() {
        while let Some(event) = decoder.next_owned(&mut chunk)? {
            sum.add(&event.event_type, &event.data);
        }
    }
    Ok(sum)
}

fn sse_stream(stream: &Stream) -> Result<Sum> {
    drain(sse_stream::SseByteStream::new(ready(stream)), |event, sum| {
        let event = event?;
        let event_type = event.event.as_deref().unwrap_or("message");
        sum.add(event_type, event.data.as_deref().unwrap_or_default());
        Ok(())
    })
}

fn sse_core(stream: &Stream) -> Result<Sum> {
    let limit = NonZeroUsize::new(LIMIT).unwrap_or(NonZeroUsize::MAX);
    let mut decoder = sse_core::SseDecoder::with_limit(limit);
    let mut sum = Sum::default();
    for mut input in stream.slices() {
        while let Some(event) = decoder.next(&mut input) {
            if let sse_core::SseEvent::Message(message) = event? {
                sum.add(&message.event, &message.data);
            }
        }
    }
    Ok(sum)
}

fn sseer(stream: &Stream) -> Result<Sum> {
    drain(sseer::EventStream::new(ready(stream)), |event, sum| {
        let event = event?;
        sum.add(&event.event, &event.data);
        Ok(())
    })
}

fn sse_parse(stream: &Stream) -> Result<Sum> {
    let mut parser = sse_parse::SseParser::new();
    let mut sum = Sum::default();
    for chunk in stream.slices() {
        parser.feed(chunk);
        while let Some(event) = parser.next_event() {
            sum.add(&event.event, &event.data);
        }
    }
    Ok(sum)
}

fn eventsource_stream(stream: &Stream) -> Result<Sum> {
    drain(eventsource_stream::EventStream::new(ready(stream)), |event, sum| {
        let event = event?;
        sum.add(&event.event, &event.data);
        Ok(())
    })
}

/// Finds the line ends.
fn walk(stream: &Stream) -> Result<Sum> {
    for mut input in stream.slices() {
        while let Some(end) = memchr2(b'\n', b'\r', input) {
            input = &input[black_box(end) + 1..];
        }
    }
    Ok(Sum::default())
}

/// Finds the line ends, and whether what is between them is UTF-8.
fn validating_walk(stream: &Stream) -> Result<Sum> {
    for mut input in stream.slices() {
        while let Some(end) = memchr2(b'\n', b'\r', input) {
            black_box(simdutf8::basic::from_utf8(&input[..end]).is_ok());
            input = &input[end + 1..];
        }
        black_box(simdutf8::basic::from_utf8(input).is_ok());
    }
    Ok(Sum::default())
}

type Never = std::convert::Infallible;

/// Bytes that are ready, and below polls without an executor: what is left is the decoder.
fn ready(stream: &Stream) -> impl stream::Stream<Item = Result<Bytes, Never>> + Unpin + use<> {
    stream::iter(stream.chunks().map(Ok))
}

fn drain<S: stream::Stream + Unpin>(
    mut events: S,
    mut add: impl FnMut(S::Item, &mut Sum) -> Result<()>,
) -> Result<Sum> {
    let mut context = Context::from_waker(Waker::noop());
    let mut sum = Sum::default();
    loop {
        match events.poll_next_unpin(&mut context) {
            Poll::Ready(Some(event)) => add(event, &mut sum)?,
            Poll::Ready(None) => return Ok(sum),
            Poll::Pending => bail!("pending on bytes that are ready"),
        }
    }
}
