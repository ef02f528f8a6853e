use bytes::{Buf, BufMut};
use rtwire_websocket::{CloseReason, Connection, Error, Event, Limits, Message, Part, Role, State};

use crate::websocket_messages::deflate;

/// One end of a connection (RFC 6455 §5–§7), whatever the peer sends. The first byte chooses the
/// end, the limits and compression (RFC 7692); the rest is the peer's.
///
/// - Any way to cut the input, also through `payload_buffer` and with messages in parts, gives the same
///   events, error, output and state.
/// - The output is frames that the other end takes, each Ping answered and the last one a Close if
///   the connection ends.
/// - Limits hold; the offset of an error lies in the input.
pub fn websocket_connection(input: &[u8]) {
    let Some((&choice, input)) = input.split_first() else { return };
    let whole = run(choice, input, &mut std::iter::repeat(usize::MAX), Way::Events);
    assert_eq!(run(choice, input, &mut std::iter::repeat(1), Way::Events), whole, "byte by byte");
    // The cuts are in the input, so that the fuzzer finds those that matter.
    let cuts = || input.iter().rev().map(|&byte| usize::from(byte) + 1).cycle();
    assert_eq!(run(choice, input, &mut cuts(), Way::Events), whole, "cut here and there");
    assert_eq!(
        run(choice, input, &mut cuts(), Way::Direct),
        whole,
        "through the payload's own buffer"
    );
    let large = &mut std::iter::repeat(4096);
    assert_eq!(run(choice, input, large, Way::Direct), whole, "through it, 4 KiB each");
    let whole_input = &mut std::iter::repeat(usize::MAX);
    assert_eq!(run(choice, input, whole_input, Way::Parts), whole, "in parts");
    let bytes = &mut std::iter::repeat(1);
    assert_eq!(run(choice, input, bytes, Way::Parts), whole, "in parts, byte by byte");
    assert_eq!(run(choice, input, &mut cuts(), Way::Parts), whole, "in parts, cut here and there");

    within_limits(choice, &whole);
    if let Some(error) = whole.error {
        assert!(error.offset() <= input.len() as u64);
    }
    other_end(choice, &whole);
}

const MASKING_KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

fn role(choice: u8) -> Role {
    match choice & 1 {
        0 => Role::Server,
        _ => Role::Client { masking_key: || MASKING_KEY },
    }
}

fn limits(choice: u8) -> Limits {
    let limits = Limits::default().max_output(usize::MAX);
    match (choice & 2, choice & 4) {
        (0, 0) => limits,
        // It would take more time than memory to inflate as much as is allowed.
        (0, _) => limits.max_message(100_000),
        _ => limits.max_frame(140).max_message(200).max_fragments(3),
    }
}

#[derive(Debug, PartialEq)]
enum Seen {
    Message(Message),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(CloseReason),
}

#[derive(Debug, PartialEq)]
struct Outcome {
    seen: Vec<Seen>,
    error: Option<Error>,
    output: Vec<u8>,
    offset: u64,
    state: State,
    receiving: bool,
    close_reason: Option<CloseReason>,
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Events,
    /// Pieces of a large payload go to its own buffer.
    Direct,
    /// Messages come in parts, which are put together here.
    Parts,
}

/// Feeds `input` in pieces.
fn run(choice: u8, input: &[u8], pieces: &mut dyn Iterator<Item = usize>, way: Way) -> Outcome {
    let deflate = (choice & 4 != 0).then(|| deflate(choice & 8 == 0));
    let mut connection = Connection::new(role(choice), limits(choice)).with_deflate(deflate);
    let (mut rest, mut seen, mut error) = (input, Vec::new(), None);
    let mut joined = Joined::default();
    while !rest.is_empty() {
        let len = pieces.next().unwrap_or(1).min(rest.len());
        let mut piece = Vec::new();
        match connection.payload_buffer() {
            Some(mut buffer) if way == Way::Direct => {
                let len = len.min(buffer.remaining_mut());
                assert!(len > 0);
                buffer.put_slice(&rest[..len]);
                rest = &rest[len..];
            }
            _ => {
                piece.extend_from_slice(&rest[..len]);
                rest = &rest[len..];
            }
        }
        let mut piece = &mut piece[..];
        loop {
            let next = match way {
                Way::Parts => {
                    connection.next_part(&mut piece).map(|part| part.map(|p| joined.part(p)))
                }
                _ => connection.next_event(&mut piece).map(|event| event.map(|e| Some(see(e)))),
            };
            match next {
                Ok(Some(event)) => seen.extend(event),
                Ok(None) => break,
                Err(fault) => assert_eq!(error.replace(fault), None, "an error comes once"),
            }
        }
        assert!(piece.is_empty());
    }
    let output = connection.output();
    let output = output.copy_to_bytes(output.remaining()).to_vec();
    Outcome {
        seen,
        error,
        output,
        offset: connection.offset(),
        state: connection.state(),
        receiving: connection.is_receiving(),
        close_reason: connection.close_reason().cloned(),
    }
}

fn see(event: Event<'_>) -> Seen {
    match event {
        Event::Ping(payload) => Seen::Ping(payload.to_vec()),
        Event::Pong(payload) => Seen::Pong(payload.to_vec()),
        Event::Close(reason) => Seen::Close(reason),
        event => Seen::Message(event.into_message().expect("text or binary")),
    }
}

/// The parts of a message so far.
#[derive(Default)]
struct Joined(Vec<u8>);

impl Joined {
    fn part(&mut self, part: Part<'_>) -> Option<Seen> {
        let (bytes, fin, is_text) = match &part {
            Part::Text { text, fin } => (text.as_bytes(), *fin, true),
            Part::Binary { bytes, fin } => (&bytes[..], *fin, false),
            Part::Ping(payload) => return Some(Seen::Ping(payload.to_vec())),
            Part::Pong(payload) => return Some(Seen::Pong(payload.to_vec())),
            Part::Close(reason) => return Some(Seen::Close(reason.clone())),
        };
        assert!(fin || !bytes.is_empty(), "an empty part is the last");
        self.0.extend_from_slice(bytes);
        if !fin {
            return None;
        }
        let bytes = std::mem::take(&mut self.0);
        Some(Seen::Message(if is_text {
            String::from_utf8(bytes).expect("whole code points").into()
        } else {
            bytes.into()
        }))
    }
}

fn within_limits(choice: u8, outcome: &Outcome) {
    let max = limits(choice).max_message;
    for seen in &outcome.seen {
        match seen {
            Seen::Message(message) => assert!(message.len() as u64 <= max),
            Seen::Ping(payload) | Seen::Pong(payload) => assert!(payload.len() <= 125),
            Seen::Close(reason) => assert!(reason.reason.len() <= CloseReason::MAX_REASON_LEN),
        }
    }
}

/// What this end has answered, as the other end sees it.
fn other_end(choice: u8, outcome: &Outcome) {
    let replies =
        run((choice ^ 1) & !2, &outcome.output, &mut std::iter::repeat(usize::MAX), Way::Events);
    assert_eq!(replies.error, None, "{:?}", outcome.output);
    let mut replies = replies.seen.into_iter();
    for seen in &outcome.seen {
        if let Seen::Ping(payload) = seen {
            assert_eq!(replies.next(), Some(Seen::Pong(payload.clone())));
        }
    }
    let code = match (outcome.error, outcome.seen.last()) {
        (Some(error), _) => Some(error.rule().close_code()),
        (None, Some(Seen::Close(reason))) => Some(reason.code),
        (None, _) => None,
    };
    assert_eq!(outcome.state == State::Closing, code.is_some());
    assert_eq!(outcome.receiving, code.is_none());
    match (code, replies.next()) {
        (None, None) => {}
        (Some(code), Some(Seen::Close(reason))) => assert_eq!(reason.code, code),
        (code, reply) => panic!("{code:?} is told as {reply:?}"),
    }
    assert_eq!(replies.next(), None, "nothing after the Close frame");
}
