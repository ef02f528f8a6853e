//! Feeds streams to decoders.

use bytes::Bytes;
use rtwire_sse::{Decoder, Error, Event, Item};

/// Decodes one chunk; asserts that all of it is used, so that no byte is ever given twice.
pub(crate) fn chunk(decoder: &mut Decoder, mut input: &[u8]) -> Result<Vec<Event<'static>>, Error> {
    let mut events = Vec::new();
    while let Some(event) = decoder.next_event(&mut input)? {
        events.push(event.into_owned());
    }
    assert!(input.is_empty(), "input left over");
    Ok(events)
}

/// How events are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Face {
    Borrowed,
    Owned,
    /// Among all items.
    Items,
}

/// The events of a stream in chunks, up to the error if there is one.
pub(crate) fn chunks<'c>(
    decoder: &mut Decoder,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> (Vec<Event<'static>>, Option<Error>) {
    by_face(Face::Borrowed, decoder, chunks)
}

fn by_face<'c>(
    face: Face,
    decoder: &mut Decoder,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> (Vec<Event<'static>>, Option<Error>) {
    if let Face::Items = face {
        let (items, error) = items(decoder, chunks);
        let event = |item| if let Item::Event(event) = item { Some(event) } else { None };
        return (items.into_iter().filter_map(event).collect(), error);
    }
    let mut events = Vec::new();
    for mut input in chunks {
        let mut shared = Bytes::copy_from_slice(input);
        loop {
            let next = match face {
                Face::Owned => {
                    let next = decoder.next_owned(&mut shared);
                    input = &input[input.len() - shared.len()..];
                    next
                }
                _ => decoder.next_event(&mut input).map(|event| event.map(Event::into_owned)),
            };
            match next {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break assert!(input.is_empty(), "input left over"),
                Err(error) => return (events, Some(error)),
            }
        }
    }
    (events, None)
}

/// All that a stream in chunks says, up to the error if there is one.
pub(crate) fn items<'c>(
    decoder: &mut Decoder,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> (Vec<Item<'static>>, Option<Error>) {
    let mut items = Vec::new();
    for mut input in chunks {
        loop {
            match decoder.next_item(&mut input) {
                Ok(Some(item)) => items.push(item.into_owned()),
                Ok(None) => break assert!(input.is_empty(), "input left over"),
                Err(error) => return (items, Some(error)),
            }
        }
    }
    (items, None)
}

/// Everything a decoder can be asked after a stream.
pub(crate) type Outcome = (Vec<Event<'static>>, Option<Error>, String, Option<u128>, u64);

fn outcome(face: Face, new: &dyn Fn() -> Decoder, parts: &[&[u8]]) -> Outcome {
    let mut decoder = new();
    let (events, error) = by_face(face, &mut decoder, parts.iter().copied());
    let retry = decoder.retry().map(|time| time.as_millis());
    (events, error, decoder.last_event_id().to_owned(), retry, decoder.skipped())
}

/// Feeds `stream` whole, byte by byte, byte by byte with empty chunks between, and cut in two
/// everywhere, and asks for events in each way; the outcome is always the same.
pub(crate) fn every_way(new: &dyn Fn() -> Decoder, stream: &[u8]) -> Outcome {
    let whole = outcome(Face::Borrowed, new, &[stream]);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    let sparse: Vec<&[u8]> = bytes.iter().flat_map(|byte| [&b""[..], byte]).collect();
    for face in [Face::Borrowed, Face::Owned, Face::Items] {
        assert_eq!(outcome(face, new, &[stream]), whole, "{face:?}");
        assert_eq!(outcome(face, new, &bytes), whole, "{face:?}, byte by byte");
        assert_eq!(outcome(face, new, &sparse), whole, "{face:?}, byte by byte with empty chunks");
        for cut in 0..=stream.len() {
            let (front, back) = stream.split_at(cut);
            assert_eq!(outcome(face, new, &[front, back]), whole, "{face:?}, cut at {cut}");
        }
    }
    whole
}
