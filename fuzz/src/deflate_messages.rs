use bytes::BytesMut;
use rtwire_permessage_deflate::{
    Compressor, Config, Decompressor, Error, Rule, Window, WindowBits,
};

/// Most bytes that the input may inflate to.
const LIMIT: u64 = 1 << 14;

/// Compression (RFC 7692 §7.2): the input is the payloads of two messages, and the messages of a
/// script.
///
/// - Any payload gives the same result at any cut: a message within the limit, or an error at the
///   same byte, which is final.
/// - A message goes through a limit of its length, and not through one byte less.
/// - Decompress inverts compress, with any window and level, in any pieces.
pub fn deflate_messages(input: &[u8]) {
    payloads(input);
    script(input);
}

/// Both messages over one window, in the pieces that `cut` makes of them.
fn inflate(
    payloads: [&[u8]; 2],
    window: Window,
    limit: u64,
    cut: &dyn Fn(&[u8]) -> Vec<Vec<u8>>,
) -> Vec<Result<BytesMut, Error>> {
    let mut decompressor = Decompressor::new(window, limit);
    let one = |payload: &&[u8]| {
        let mut message = BytesMut::new();
        for piece in cut(payload) {
            let result = decompressor.decompress(&piece, false, &mut message);
            assert!(message.len() as u64 <= limit);
            result?;
        }
        decompressor.decompress(&[], true, &mut message).map(|()| message)
    };
    payloads.iter().map(one).collect()
}

fn payloads(input: &[u8]) {
    // The cuts are in the input, so that the fuzzer finds those that matter.
    let (&first, rest) = input.split_first().unwrap_or((&0, &[]));
    let payloads = rest.split_at(rest.len().min(first.into()));
    let payloads = [payloads.0, payloads.1];
    let window = Window { context_takeover: first % 2 == 0, ..Window::default() };
    let whole = inflate(payloads, window, LIMIT, &|payload| vec![payload.to_vec()]);
    let at = usize::from(rest.last().copied().unwrap_or(0));
    let in_two = |payload: &[u8]| {
        let (front, back) = payload.split_at(at.min(payload.len()));
        vec![front.to_vec(), vec![], back.to_vec()]
    };
    let by_byte = |payload: &[u8]| payload.chunks(1).map(<[u8]>::to_vec).collect();
    assert_eq!(inflate(payloads, window, LIMIT, &in_two), whole, "cut at {at}");
    assert_eq!(inflate(payloads, window, LIMIT, &by_byte), whole);
    if whole[0].is_err() {
        assert_eq!(whole[1], whole[0], "an error is final");
    }

    // The limit, at the message and below it.
    let Ok(message) = &whole[0] else { return };
    let len = message.len() as u64;
    assert_eq!(inflate(payloads, window, len, &in_two)[0], whole[0]);
    let Some(below) = len.checked_sub(1) else { return };
    let error = inflate(payloads, window, below, &in_two)[0].clone().expect_err("over the limit");
    assert_eq!((error.rule(), error.offset()), (Rule::MessageTooBig { limit: below }, below));
}

/// A byte for the window, one for the levels; then for each message one for how it goes, two for
/// its length, and what it is made of.
fn script(input: &[u8]) {
    let (&[window, level], mut script) = input.split_first_chunk().unwrap_or((&[0, 0], &[]));
    let bits = WindowBits::new(8 + window % 8).expect("from 8 to 15");
    let window = Window { bits, context_takeover: window & 0x08 == 0 };
    let config = Config::default().level(level % 10).memory_level(level / 10 % 10);
    let mut compressor = Compressor::new(window, &config);
    let mut decompressor = Decompressor::new(window, u64::MAX);
    // More than a window; and all of it is done again for each input.
    let mut most = 40_000;
    for _ in 0..16 {
        let Some((&[way, high, low], rest)) = script.split_first_chunk() else { break };
        let len = usize::from(u16::from_be_bytes([high, low])).min(most);
        most -= len;
        let (seed, rest) = rest.split_at(rest.len().min(len).min(64));
        script = rest;
        // A short script may say much: the seed is repeated up to the length.
        let message: Vec<u8> = seed.iter().copied().cycle().take(len).collect();
        if way & 0x80 != 0 {
            compressor.compress(&message, false, &mut BytesMut::new());
            compressor.reset();
        }
        // In few pieces if it is long, which leaves time for others.
        let mut payload = BytesMut::new();
        for piece in message.chunks(usize::from(way & 0x0F) * 999 + 1 + len / 64) {
            compressor.compress(piece, false, &mut payload);
        }
        compressor.compress(&[], true, &mut payload);
        let mut inflated = BytesMut::new();
        for piece in payload.chunks(usize::from(way >> 4 & 0x07) * 999 + 1 + len / 64) {
            decompressor.decompress(piece, false, &mut inflated).expect("our own payload");
        }
        decompressor.decompress(&[], true, &mut inflated).expect("all of it");
        assert_eq!(inflated, message);
    }
}
