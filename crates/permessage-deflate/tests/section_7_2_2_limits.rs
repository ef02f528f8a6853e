//! What a message may cost: its limit holds while it is inflated (RFC 7692 §7.2.2, RFC 6455 §10.4),
//! in bytes and in memory.
#![cfg(feature = "std")]

use allocation_counter::measure;
use bytes::BytesMut;
use rtwire_permessage_deflate::{
    Compressor, Config, Decompressor, Error, Rule, Window, WindowBits,
};

const MIB: usize = 1 << 20;

fn deflate(message: &[u8], level: u8) -> BytesMut {
    let mut payload = BytesMut::new();
    let config = Config::default().level(level);
    Compressor::new(Window::default(), &config).compress(message, true, &mut payload);
    payload
}

fn inflate(payload: &[u8], limit: usize, piece: usize) -> (Result<(), Error>, BytesMut) {
    let mut decompressor = Decompressor::new(Window::default(), limit as u64);
    let mut message = BytesMut::new();
    let mut pieces = payload.chunks(piece).peekable();
    while let Some(next) = pieces.next() {
        let result = decompressor.decompress(next, pieces.peek().is_none(), &mut message);
        if result.is_err() {
            return (result, message);
        }
    }
    (Ok(()), message)
}

fn too_big(limit: usize) -> Rule {
    Rule::MessageTooBig { limit: limit as u64 }
}

#[test]
fn s7_2_2_messages_below_at_and_above_the_limit() {
    for limit in [1, 2, 255, 256, 257, 1000, 4096, 65_535, 65_536, 100_000, MIB] {
        for level in [0, 1, 6] {
            let text: Vec<u8> = (0..limit + 2).map(|i| (i / 7 % 251).to_le_bytes()[0]).collect();
            for len in [limit - 1, limit] {
                let payload = deflate(&text[..len], level);
                for piece in [1, 1000, MIB].into_iter().filter(|piece| limit < MIB || *piece > 1) {
                    let (result, message) = inflate(&payload, limit, piece);
                    assert_eq!((result, &message[..]), (Ok(()), &text[..len]), "{len} of {limit}");
                }
            }
            for len in [limit + 1, limit + 2] {
                let payload = deflate(&text[..len], level);
                for piece in [1, 1000, MIB].into_iter().filter(|piece| limit < MIB || *piece > 1) {
                    let (result, message) = inflate(&payload, limit, piece);
                    let error = result.expect_err("over the limit");
                    let expected = (too_big(limit), limit as u64);
                    assert_eq!((error.rule(), error.offset()), expected, "{len} of {limit}");
                    assert!(message.len() <= limit);
                }
            }
        }
    }
}

#[test]
fn s7_2_2_a_limit_of_nothing_lets_an_empty_message_in() {
    assert_eq!(inflate(&[0], 0, 1).0, Ok(()));
    assert_eq!(inflate(&deflate(b"x", 6), 0, 1).0.unwrap_err().rule(), too_big(0));
}

/// 64 MiB of zeros arrive as 64 KiB. They are refused at the limit, with the memory that the limit
/// takes.
#[test]
fn s7_2_2_a_bomb_costs_no_more_than_the_limit() {
    let mut bomb = BytesMut::new();
    let mut compressor = Compressor::new(Window::default(), &Config::default());
    let zeros = vec![0; MIB];
    for part in 1..=64 {
        compressor.compress(&zeros, part == 64, &mut bomb);
    }
    assert!(bomb.len() < 80_000, "{}", bomb.len());
    for piece in [1, 1000, bomb.len()] {
        let used = measure(|| {
            let error = inflate(&bomb, MIB, piece).0.expect_err("over the limit");
            assert_eq!(error.rule(), too_big(MIB));
        });
        let peak = usize::try_from(used.bytes_max).unwrap();
        assert!(peak < 2 * MIB, "{peak} bytes for a limit of {MIB}, in pieces of {piece}");
    }
}

/// Memory follows what arrives: a limit by itself allocates nothing, and what is inflated is held
/// once, but for the moment in which its buffer grows.
#[test]
fn s7_2_2_output_grows_with_what_is_inflated() {
    let state = measure(|| drop(Decompressor::new(Window::default(), u64::MAX))).bytes_max;
    for len in [1usize, 1000, 100_000, 3 * MIB + 1] {
        let payload = deflate(&vec![b'x'; len], 6);
        let used = measure(|| drop(inflate(&payload, usize::MAX, MIB)));
        let peak = used.bytes_max - state;
        assert!(peak <= 3 * len as u64 + 512, "{peak} bytes for {len}");

        let used = measure(|| drop(inflate(&payload, len, MIB)));
        let peak = used.bytes_max - state;
        assert!(peak <= 2 * len as u64 + 512, "{peak} bytes for {len}, which is the limit");
    }
}

/// A payload of a million blocks without content, and one of a million pieces: linear.
#[test]
fn s7_2_2_empty_blocks_and_pieces_cost_no_memory() {
    let empty = [0, 0, 0, 0xFF, 0xFF];
    let payload = [&empty.repeat(1_000_000)[..], &[0]].concat();
    for piece in [payload.len(), 1] {
        let used = measure(|| {
            let (result, message) = inflate(&payload, 10, piece);
            assert_eq!((result, message.len()), (Ok(()), 0));
        });
        assert!(used.bytes_max < 64 << 10, "{}", used.bytes_max);
    }
}

/// Messages that are not kept cost nothing after their time: the buffers are the caller's.
#[test]
fn s7_1_1_memory_does_not_grow_with_the_number_of_messages() {
    let window = Window { context_takeover: true, ..Window::default() };
    let mut compressor = Compressor::new(window, &Config::default());
    let mut decompressor = Decompressor::new(window, 1000);
    let (mut payload, mut message) = (BytesMut::new(), BytesMut::new());
    let mut round = |number: u32| {
        payload.clear();
        message.clear();
        compressor.compress(format!("message {number}").repeat(9).as_bytes(), true, &mut payload);
        decompressor.decompress(&payload, true, &mut message).unwrap();
    };
    round(0);
    let used = measure(|| (0..10_000).for_each(&mut round));
    assert_eq!(used.bytes_current, 0);
    assert!(used.bytes_max < 1000, "{}", used.bytes_max);
}

/// The README's table. zlib-rs allocates all of it at once, so that it is exact.
#[test]
#[cfg(target_pointer_width = "64")]
fn s8_memory_of_a_window() {
    let compressor = |bits: u8, level: u8| {
        let window =
            Window { bits: WindowBits::new(bits).expect("from 8 to 15"), context_takeover: true };
        let config = Config::default().memory_level(level);
        let used = measure(|| drop(Compressor::new(window, &config)));
        used.bytes_max + size_of::<Compressor>() as u64
    };
    let mut table = String::new();
    for bits in 9..=15 {
        let sizes = [1, 5, 8, 9].map(|level| compressor(bits, level).to_string());
        table += &format!("| {bits} | {} |\n", sizes.join(" | "));
    }
    let readme = include_str!("../README.md");
    assert!(readme.contains(&table), "README.md has other sizes than\n{table}");

    let used = measure(|| drop(Decompressor::new(Window::default(), u64::MAX))).bytes_max;
    let used = used + size_of::<Decompressor>() as u64;
    assert!(readme.contains(&format!("takes {used} bytes")), "README.md: takes {used} bytes");
}
