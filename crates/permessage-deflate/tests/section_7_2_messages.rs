//! Messages and their payloads (RFC 7692 §7.2), from `vectors/messages.json` and beyond.
#![cfg(feature = "std")]

use std::fmt::Debug;

use bytes::BytesMut;
use rtwire_permessage_deflate::{
    Compressor, Config, Decompressor, Error, Rule, Window, WindowBits,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    context_takeover: bool,
    max_message: Option<u64>,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    payload: String,
    message: Option<String>,
    error: Option<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    rule: String,
    close: u16,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("vectors/messages.json")).expect("vectors")
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).expect("hex")).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("a byte")).collect()
}

fn takeover(context_takeover: bool) -> Window {
    Window { context_takeover, ..Window::default() }
}

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).expect("from 8 to 15")
}

/// One message in pieces, the last of them with `fin`.
fn inflate(decompressor: &mut Decompressor, pieces: &[&[u8]]) -> Result<BytesMut, Error> {
    let mut out = BytesMut::new();
    for (index, piece) in pieces.iter().enumerate() {
        decompressor.decompress(piece, index + 1 == pieces.len(), &mut out)?;
    }
    Ok(out)
}

fn whole(payload: &[u8]) -> Result<BytesMut, Error> {
    inflate(&mut Decompressor::new(takeover(true), u64::MAX), &[payload])
}

/// `run` is given ways to cut a payload, and gives the same result for each: whole, byte by byte,
/// with empty pieces, and in two anywhere.
fn at_any_cut<T: PartialEq + Debug>(len: usize, run: impl Fn(&dyn Fn(&[u8]) -> Vec<Vec<u8>>) -> T) {
    let expected = run(&|payload| vec![payload.to_vec()]);
    assert_eq!(run(&|payload| payload.chunks(1).map(<[u8]>::to_vec).collect()), expected);
    assert_eq!(run(&|payload| vec![vec![], payload.to_vec(), vec![]]), expected);
    for cut in 0..=len {
        let in_two = |payload: &[u8]| {
            let (front, back) = payload.split_at(cut.min(payload.len()));
            vec![front.to_vec(), back.to_vec()]
        };
        assert_eq!(run(&in_two), expected, "cut at {cut}");
    }
}

#[test]
fn s7_2_vectors_at_any_cut() {
    for case in cases() {
        let payloads: Vec<Vec<u8>> =
            case.messages.iter().map(|message| from_hex(&message.payload)).collect();
        let longest = payloads.iter().map(Vec::len).max().unwrap_or(0);
        at_any_cut(longest, |cut| {
            let max = case.max_message.unwrap_or(u64::MAX);
            let mut decompressor = Decompressor::new(takeover(case.context_takeover), max);
            let mut errors = Vec::new();
            for (message, payload) in case.messages.iter().zip(&payloads) {
                let mut pieces = cut(payload);
                if pieces.is_empty() {
                    pieces.push(Vec::new());
                }
                let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
                let result = inflate(&mut decompressor, &pieces);
                match (&message.message, &message.error) {
                    (Some(expected), None) => {
                        assert_eq!(result.unwrap(), from_hex(expected), "{}", case.name);
                    }
                    (None, Some(expected)) => {
                        let error = result.expect_err(&case.name);
                        let name = format!("{:?}", error.rule());
                        assert!(name.starts_with(&expected.rule), "{}: {error:?}", case.name);
                        assert_eq!(error.rule().close_code(), expected.close, "{}", case.name);
                        assert!(error.offset() <= max);
                        // It is final.
                        let again = inflate(&mut decompressor, &[&[0]]);
                        assert_eq!(again, Err(error));
                        errors.push(error);
                    }
                    _ => panic!("{}: a message or an error", case.name),
                }
            }
            (case.name.clone(), errors)
        });
    }
}

/// §7.2.1: no proper prefix of a payload with one block ends where a message may end.
#[test]
fn s7_2_1_a_payload_cut_anywhere_is_an_error() {
    let text =
        "The quick brown fox jumps over the lazy dog. ".repeat(3) + "Pack my box. 0123456789";
    for (message, level) in [(&*text, 6), (&*text, 1), (&text[..45], 9), ("Hello", 6)] {
        let payload = deflate(takeover(false), &Config::default().level(level), message.as_bytes());
        assert_eq!(whole(&payload).unwrap(), message);
        for len in 1..payload.len() {
            let error = whole(&payload[..len]).unwrap_err();
            assert_eq!(error.rule(), Rule::TruncatedDeflate, "{len} of {payload:x?}");
            assert!(error.offset() <= message.len() as u64);
        }
    }
}

fn deflate(window: Window, config: &Config, message: &[u8]) -> BytesMut {
    let mut payload = BytesMut::new();
    Compressor::new(window, config).compress(message, true, &mut payload);
    payload
}

/// §7.2.3: what the examples compress to is what we send.
#[test]
fn s7_2_3_our_payloads_are_those_of_the_examples() {
    let mut compressor = Compressor::new(takeover(true), &Config::default());
    let mut send = |message: &[u8]| {
        let mut payload = BytesMut::new();
        compressor.compress(message, true, &mut payload);
        payload
    };
    assert_eq!(send(b"Hello"), from_hex("f248cdc9c90700"));
    assert_eq!(send(b"Hello"), from_hex("f200110000"));
    assert_eq!(send(b"")[..], [0]);
    assert_eq!(send(b"")[..], [0]);
    assert_eq!(deflate(takeover(true), &Config::default().level(0), b"Hello").len(), 11);
}

#[test]
fn s7_2_3_6_an_empty_message_in_pieces_is_one_byte() {
    let mut compressor = Compressor::new(takeover(true), &Config::default());
    let mut payload = BytesMut::new();
    for fin in [false, false, true, false, true] {
        compressor.compress(b"", fin, &mut payload);
    }
    assert_eq!(payload[..], [0, 0]);
}

/// §7.2.3.1: an endpoint may cut the payload into fragments anywhere; it is the same for a message
/// in one piece as for a reader.
#[test]
fn s7_2_1_a_message_in_pieces() {
    let message: Vec<u8> =
        (0..20_000u32).flat_map(|i| (i * i % 1009).to_string().into_bytes()).collect();
    for piece in [1, 7, 1000, 50_000] {
        let mut compressor = Compressor::new(takeover(true), &Config::default());
        let mut decompressor = Decompressor::new(takeover(true), u64::MAX);
        for _ in 0..2 {
            let (mut fragments, mut inflated) = (Vec::new(), BytesMut::new());
            let mut pieces = message.chunks(piece).peekable();
            while let Some(next) = pieces.next() {
                let mut fragment = BytesMut::new();
                compressor.compress(next, pieces.peek().is_none(), &mut fragment);
                fragments.push(fragment);
            }
            for (index, fragment) in fragments.iter().enumerate() {
                let fin = index + 1 == fragments.len();
                decompressor.decompress(fragment, fin, &mut inflated).unwrap();
            }
            assert_eq!(inflated, message);
        }
    }
}

/// What is in a buffer already stays there, and counts for nothing.
#[test]
fn s7_2_both_append() {
    let mut payload = BytesMut::from(&b"header"[..]);
    Compressor::new(takeover(true), &Config::default()).compress(b"Hello", true, &mut payload);
    assert_eq!(payload[..6], b"header"[..]);
    let mut message = BytesMut::from(&b"before, "[..]);
    Decompressor::new(takeover(true), 5).decompress(&payload[6..], true, &mut message).unwrap();
    assert_eq!(message, "before, Hello");
}

/// A message that was prepared elsewhere may be sent in between, if the compressor is reset.
#[test]
fn s7_1_1_a_prepared_message_between_others() {
    let config = Config::default();
    let prepared = deflate(takeover(false), &config, b"prepared for many");
    let mut compressor = Compressor::new(takeover(true), &config);
    let mut decompressor = Decompressor::new(takeover(true), 1000);
    for round in 0..3 {
        for message in ["one of our own", "one of our own, again", "and one more"] {
            let mut payload = BytesMut::new();
            compressor.compress(message.as_bytes(), true, &mut payload);
            assert_eq!(inflate(&mut decompressor, &[&payload]).unwrap(), message, "{round}");
        }
        assert_eq!(inflate(&mut decompressor, &[&prepared]).unwrap(), "prepared for many");
        compressor.compress(b"a message that is abandoned", false, &mut BytesMut::new());
        compressor.reset();
    }
}

/// A message is abandoned in its middle; the next one has nothing of it, at any level.
#[test]
fn s7_1_1_a_reset_inside_a_message() {
    for level in 0..=9 {
        for memory_level in [1, 5, 9] {
            let config = Config::default().level(level).memory_level(memory_level);
            for len in [1, 1000, 100_000] {
                let abandoned: Vec<u8> =
                    (0..len).map(|i: u32| (i % 199).to_le_bytes()[0]).collect();
                let mut compressor = Compressor::new(takeover(true), &config);
                compressor.compress(&abandoned, false, &mut BytesMut::new());
                compressor.reset();
                let mut payload = BytesMut::new();
                compressor.compress(b"Hello", true, &mut payload);
                assert_eq!(whole(&payload).unwrap(), "Hello", "level {level}, {len} bytes");
            }
        }
    }
}

/// §7.1.1: a receiver with an empty window understands only who sends with one.
#[test]
fn s7_1_1_no_context_takeover_on_one_side() {
    let config = Config::default();
    let run = |sends: bool, receives: bool| {
        let mut compressor = Compressor::new(takeover(sends), &config);
        let mut decompressor = Decompressor::new(takeover(receives), 1000);
        (0..3).try_for_each(|_| {
            let mut payload = BytesMut::new();
            compressor.compress(b"Hello, Hello", true, &mut payload);
            let message = inflate(&mut decompressor, &[&payload])?;
            assert_eq!(message, "Hello, Hello");
            Ok::<(), Error>(())
        })
    };
    for (sends, receives) in [(false, false), (false, true), (true, true)] {
        assert_eq!(run(sends, receives), Ok(()));
    }
    let error = run(true, false).unwrap_err();
    assert_eq!(error.rule(), Rule::InvalidDeflate);
    assert_eq!(error.to_string(), "invalid DEFLATE data at byte 0 (RFC 7692 §7.2.2)");
}

/// After a reset a decompressor is as good as new, also in the middle of a message or after an error.
#[test]
fn s7_2_2_a_decompressor_that_was_reset() {
    let hello = from_hex("f248cdc9c90700");
    let mut decompressor = Decompressor::new(takeover(true), 5);
    for before in [&hello[..3], &hello[..], &[0xFF], &[]] {
        _ = inflate(&mut decompressor, &[before]);
        decompressor.reset();
        let again = inflate(&mut decompressor, &[&from_hex("f200110000")]);
        assert_eq!(again.unwrap_err().rule(), Rule::InvalidDeflate, "the window is empty");
        decompressor.reset();
        assert_eq!(inflate(&mut decompressor, &[&hello]).unwrap(), "Hello");
        decompressor.reset();
    }
}

/// §7.1.2: with an agreed window of 8 bits nothing refers back at all.
#[test]
fn s7_1_2_a_window_of_8_bits_gets_stored_blocks() {
    let window = Window { bits: WindowBits::MIN, context_takeover: true };
    let message = [b'x'; 1000];
    let payload = deflate(window, &Config::default(), &message);
    assert!((1006..1020).contains(&payload.len()), "{}", payload.len());
    assert_eq!(whole(&payload).unwrap(), message[..]);
}

/// §7.1.2: no reference goes further back than the window. With random bytes, the second half is
/// the first, at the edge of each window.
#[test]
fn s7_1_2_references_stay_within_the_window() {
    let mut state = 7692u32;
    let mut noise = |len: usize| -> Vec<u8> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_le_bytes()[3]
        };
        (0..len).map(|_| next()).collect()
    };
    for window_bits in 9..=15u8 {
        let window = Window { bits: bits(window_bits), context_takeover: true };
        let size = 1usize << window_bits;
        let half = noise(size);
        // At a distance of the window and more nothing is found again, well within it all is.
        let far = deflate(window, &Config::default(), &[&half[..], &half[..]].concat());
        assert!(far.len() >= 2 * size, "{window_bits} bits: {} of {}", far.len(), 2 * size);
        let near = &half[..size / 4];
        let near = deflate(window, &Config::default(), &[near, near].concat());
        assert!(near.len() < size / 4 + size / 8 + 40, "{window_bits} bits: {}", near.len());
    }
}

/// A connection moves between threads, and so do these.
#[test]
fn s8_both_are_send_and_sync() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Compressor>();
    is_send_and_sync::<Decompressor>();
}

#[test]
fn s7_2_2_each_rule_has_its_code_and_section() {
    let rules = [Rule::InvalidDeflate, Rule::TruncatedDeflate, Rule::MessageTooBig { limit: 7 }];
    let expected = [(1007, "RFC 7692 §7.2.2"), (1007, "RFC 7692 §7.2.1"), (1009, "RFC 6455 §10.4")];
    assert_eq!(rules.map(|rule| (rule.close_code(), rule.section())), expected);
    assert_eq!(rules[2].to_string(), "message over 7 bytes");
}
