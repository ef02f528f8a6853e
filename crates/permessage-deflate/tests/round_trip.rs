//! Laws over any messages and any way to cut them.
#![cfg(feature = "std")]

use bytes::BytesMut;
use proptest::prelude::*;
use rtwire_permessage_deflate::negotiation::{Offer, Params, Role};
use rtwire_permessage_deflate::{Compressor, Config, Decompressor, Window, WindowBits};

fn any_bits() -> impl Strategy<Value = WindowBits> {
    (8u8..=15).prop_map(|bits| WindowBits::new(bits).expect("from 8 to 15"))
}

fn any_window() -> impl Strategy<Value = Window> {
    (any_bits(), any::<bool>())
        .prop_map(|(bits, context_takeover)| Window { bits, context_takeover })
}

fn any_config() -> impl Strategy<Value = Config> {
    let switches = (any::<bool>(), any::<bool>(), any_bits(), any_bits());
    (switches, 0u8..=9, 1u8..=9).prop_map(|((server, client, ours, theirs), level, memory)| {
        Config::default()
            .server_no_context_takeover(server)
            .client_no_context_takeover(client)
            .server_max_window_bits(ours)
            .client_max_window_bits(theirs)
            .level(level)
            .memory_level(memory)
    })
}

/// Text with much and with little to find again, and noise.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2000),
        "[ab]{0,400}".prop_map(String::into_bytes),
        ("[a-z ]{1,40}", 1usize..3000).prop_map(|(text, times)| text.repeat(times).into_bytes()),
        (any::<u8>(), 0usize..100_000).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn any_offer() -> impl Strategy<Value = Offer> {
    let bits = || proptest::option::of(any_bits());
    (any::<bool>(), any::<bool>(), bits(), proptest::option::of(bits())).prop_map(
        |(server, client, ours, theirs)| {
            Offer::default()
                .server_no_context_takeover(server)
                .client_no_context_takeover(client)
                .server_max_window_bits(ours)
                .client_max_window_bits(theirs)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decompress_inverts_compress(
        window in any_window(),
        config in any_config(),
        messages in proptest::collection::vec(any_message(), 1..8),
        piece in 1usize..5000,
        fragment in 1usize..5000,
    ) {
        let mut compressor = Compressor::new(window, &config);
        let longest = messages.iter().map(Vec::len).max().unwrap_or(0);
        let mut decompressor = Decompressor::new(window, longest as u64);
        for message in &messages {
            let mut payload = BytesMut::new();
            for piece in message.chunks(piece) {
                compressor.compress(piece, false, &mut payload);
            }
            compressor.compress(&[], true, &mut payload);
            // Noise gets longer by at most an eighth: fixed codes take up to 9 bits for a byte.
            prop_assert!(payload.len() <= message.len() + message.len() / 8 + 64);

            let mut inflated = BytesMut::new();
            for fragment in payload.chunks(fragment) {
                decompressor.decompress(fragment, false, &mut inflated).unwrap();
            }
            decompressor.decompress(&[], true, &mut inflated).unwrap();
            prop_assert_eq!(&inflated[..], &message[..]);
        }
    }

    #[test]
    fn any_payload_means_the_same_at_any_cut(
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let run = |pieces: &[&[u8]]| {
            let mut decompressor = Decompressor::new(Window::default(), 1000);
            let mut message = BytesMut::new();
            for piece in pieces {
                decompressor.decompress(piece, false, &mut message)?;
            }
            decompressor.decompress(&[], true, &mut message).map(|()| message)
        };
        let whole = run(&[&payload]);
        let (front, back) = payload.split_at(cut.index(payload.len() + 1));
        prop_assert_eq!(run(&[front, back]), whole.clone());
        prop_assert_eq!(run(&payload.chunks(1).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn what_a_server_agrees_to_its_client_takes(
        offers in proptest::collection::vec(any_offer(), 1..4),
        config in any_config(),
    ) {
        let request = Offer::encode(&offers);
        prop_assert_eq!(&Offer::decode([request.as_bytes()]).unwrap(), &offers);
        let Some(agreed) = Params::negotiate([request.as_bytes()], &config).unwrap() else {
            return Ok(());
        };
        let response = agreed.encode();
        let params = Params::from_response([response.as_bytes()], &offers).unwrap().unwrap();
        prop_assert!(params.window(Role::Server).bits <= config.server_max_window_bits);
        prop_assert!(params.window(Role::Client).bits <= config.client_max_window_bits);
        for role in [Role::Client, Role::Server] {
            let (ours, theirs) = (agreed.window(role), params.window(role));
            // A client may hold itself to more than was agreed: to what an offer of its promised.
            prop_assert!(theirs.bits <= ours.bits);
            prop_assert!(theirs.context_takeover <= ours.context_takeover);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What was flushed is all there at the other end, before the message ends and after.
    #[test]
    fn flush_leaves_nothing_behind(
        window in any_window(),
        config in any_config(),
        pieces in proptest::collection::vec((any_message(), 0u8..3, any::<bool>()), 1..12),
    ) {
        let mut compressor = Compressor::new(window, &config);
        let mut decompressor = Decompressor::new(window, u64::MAX);
        let (mut sent, mut message, mut payload) = (Vec::new(), BytesMut::new(), BytesMut::new());
        for (piece, flushes, fin) in pieces {
            sent.extend_from_slice(&piece);
            compressor.compress(&piece, false, &mut payload);
            for _ in 0..flushes {
                compressor.flush(&mut payload);
            }
            decompressor.decompress(&payload.split(), false, &mut message).expect("valid");
            if flushes > 0 {
                prop_assert!(message == sent, "{} of {}", message.len(), sent.len());
            }
            if fin {
                compressor.compress(&[], true, &mut payload);
                decompressor.decompress(&payload.split(), true, &mut message).expect("valid");
                prop_assert!(message.split() == sent, "at the end of the message");
                sent.clear();
            }
        }
    }
}
