use bytes::Bytes;
use rtwire_sse::{Decoder, Error, Event, Fields, Item, Limits, Oversize};

/// The event stream decoder (HTML #parsing-an-event-stream, #event-stream-interpretation).
///
/// - Any way to cut the stream gives the same events, the same error and the same state.
/// - An event is delivered with a CR or an LF, and none by the prefix before it.
/// - Encode inverts decode: each event can be encoded, and is read back as it was.
/// - Owned events and items are the same events.
/// - Limits hold, and skipping delivers what failing does and then goes on.
pub fn sse_decoder(stream: &[u8]) {
    let unlimited = any_cut(stream, Limits::default());
    assert_eq!((unlimited.error, unlimited.skipped), (None, 0));
    earliest(stream);
    for event in &unlimited.events {
        encode_inverts_decode(event);
    }

    let (max_line, max_event) = (24, 32);
    let limits = Limits::default().max_line(max_line).max_event(max_event);
    let failing = any_cut(stream, limits);
    let skipping = any_cut(stream, limits.oversize(Oversize::Skip));
    assert_eq!(skipping.error, None);
    assert!(skipping.events.starts_with(&failing.events));
    if failing.error.is_none() {
        assert_eq!(failing, unlimited);
        assert_eq!(skipping, unlimited);
    }
    let mut all = unlimited.events.iter();
    for event in &skipping.events {
        assert!(event.data.len() <= max_event);
        // Three times, because U+FFFD has three bytes.
        assert!(event.event_type.len() <= 3 * max_line);
        let same = |other: &&Event<'_>| {
            (&other.event_type, &other.data) == (&event.event_type, &event.data)
        };
        assert!(all.any(|other| same(&other)), "{event:?} is one of all, in order");
    }
}

#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event<'static>>,
    error: Option<Error>,
    last_event_id: String,
    retry: Option<std::time::Duration>,
    skipped: u64,
}

fn decode(chunks: &[&[u8]], limits: Limits) -> Outcome {
    let mut decoder = Decoder::with_limits(limits);
    let (mut events, mut error) = (Vec::new(), None);
    'stream: for &chunk in chunks {
        let mut input = chunk;
        loop {
            match decoder.next_event(&mut input) {
                Ok(Some(event)) => events.push(event.into_owned()),
                Ok(None) => break,
                Err(fault) => {
                    error = Some(fault);
                    break 'stream;
                }
            }
        }
        assert!(input.is_empty());
    }
    Outcome {
        events,
        error,
        last_event_id: decoder.last_event_id().to_owned(),
        retry: decoder.retry(),
        skipped: decoder.skipped(),
    }
}

fn any_cut(stream: &[u8], limits: Limits) -> Outcome {
    let whole = decode(&[stream], limits);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(decode(&bytes, limits), whole, "byte by byte");
    // The cut is in the stream, so that the fuzzer finds one that matters.
    let last = usize::from(stream.last().copied().unwrap_or(0));
    let (front, back) = stream.split_at(last.min(stream.len()));
    assert_eq!(decode(&[front, &[], back], limits), whole, "cut at {}", front.len());
    other_faces(&[front, back], limits, &whole);
    let parts: Vec<&[u8]> = stream.chunks(last % 31 + 2).collect();
    assert_eq!(decode(&parts, limits), whole, "cut each {} bytes", last % 31 + 2);
    whole
}

/// Owned events, and the events among all items.
fn other_faces(chunks: &[&[u8]], limits: Limits, expected: &Outcome) {
    let mut owned = Decoder::with_limits(limits);
    let mut items = owned.clone();
    let (mut of_owned, mut of_items) = (Vec::new(), Vec::new());
    for &chunk in chunks {
        let mut shared = Bytes::copy_from_slice(chunk);
        while let Ok(Some(event)) = owned.next_owned(&mut shared) {
            of_owned.push(event);
        }
        let mut input = chunk;
        while let Ok(Some(item)) = items.next_item(&mut input) {
            if let Item::Event(event) = item {
                of_items.push(event.into_owned());
            }
        }
        assert_eq!(shared, input);
    }
    assert_eq!((&of_owned, &of_items), (&expected.events, &expected.events));
    for decoder in [owned, items] {
        assert_eq!(decoder.last_event_id(), expected.last_event_id);
        assert_eq!((decoder.retry(), decoder.skipped()), (expected.retry, expected.skipped));
    }
}

fn earliest(stream: &[u8]) {
    let mut decoder = Decoder::new();
    for mut byte in stream.chunks(1) {
        let line_end = byte == b"\n" || byte == b"\r";
        let event = decoder.next_event(&mut byte).expect("the limits are far");
        assert!(event.is_none() || line_end);
    }
}

fn encode_inverts_decode(event: &Event<'_>) {
    let fields = Fields::new().event(&event.event_type).id(&event.last_event_id).data(&event.data);
    let bytes = fields.to_bytes().expect("a decoded value has no line break");
    let again = decode(&[&bytes], Limits::default());
    assert_eq!(again.events, std::slice::from_ref(event));
}
