//! Feeds streams to decoders.

use rtwire_sse::{Decoder, Error, Event};

/// Decodes one chunk; asserts that all of it is used, so that no byte is ever given twice.
pub(crate) fn chunk(decoder: &mut Decoder, mut input: &[u8]) -> Result<Vec<Event<'static>>, Error> {
    let mut events = Vec::new();
    while let Some(event) = decoder.next_event(&mut input)? {
        events.push(event.into_owned());
    }
    assert!(input.is_empty(), "input left over");
    Ok(events)
}

/// The events of a stream in chunks, up to the error if there is one.
pub(crate) fn chunks<'c>(
    decoder: &mut Decoder,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> (Vec<Event<'static>>, Option<Error>) {
    let mut events = Vec::new();
    for mut input in chunks {
        loop {
            match decoder.next_event(&mut input) {
                Ok(Some(event)) => events.push(event.into_owned()),
                Ok(None) => break assert!(input.is_empty(), "input left over"),
                Err(error) => return (events, Some(error)),
            }
        }
    }
    (events, None)
}

/// Everything a decoder can be asked after a stream.
pub(crate) type Outcome = (Vec<Event<'static>>, Option<Error>, String, Option<u128>, u64);

fn outcome(new: &dyn Fn() -> Decoder, parts: &[&[u8]]) -> Outcome {
    let mut decoder = new();
    let (events, error) = chunks(&mut decoder, parts.iter().copied());
    let retry = decoder.retry().map(|time| time.as_millis());
    (events, error, decoder.last_event_id().to_owned(), retry, decoder.skipped())
}

/// Feeds `stream` whole, byte by byte, byte by byte with empty chunks between, and cut in two
/// everywhere; the outcome is always the same.
pub(crate) fn every_way(new: &dyn Fn() -> Decoder, stream: &[u8]) -> Outcome {
    let whole = outcome(new, &[stream]);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(outcome(new, &bytes), whole, "byte by byte");
    let sparse: Vec<&[u8]> = bytes.iter().flat_map(|byte| [&b""[..], byte]).collect();
    assert_eq!(outcome(new, &sparse), whole, "byte by byte with empty chunks");
    for cut in 0..=stream.len() {
        let (front, back) = stream.split_at(cut);
        assert_eq!(outcome(new, &[front, back]), whole, "cut at {cut}");
    }
    whole
}
