//! Laws that hold for any input: what one end sends the other receives, however it is cut, and a
//! header is the inverse of its encoding.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use bytes::{Buf, Bytes};
use proptest::prelude::*;
use rtwire_websocket::{Connection, FrameHeader, Limits, Message, Opcode, Role};

fn any_opcode() -> impl Strategy<Value = Opcode> {
    use Opcode::*;
    prop::sample::select(vec![Continuation, Text, Binary, Close, Ping, Pong])
}

prop_compose! {
    fn any_header()(
        opcode in any_opcode(),
        bits in any::<[bool; 4]>(),
        masking_key in any::<Option<[u8; 4]>>(),
        len in prop_oneof![0..=127_u64, 65_534..=65_538_u64, 0..=i64::MAX as u64],
    ) -> FrameHeader {
        let [fin, rsv1, rsv2, rsv3] = bits;
        let fin = fin || opcode.is_control();
        let payload_len = if opcode.is_control() { len.min(125) } else { len };
        FrameHeader { fin, rsv1, rsv2, rsv3, opcode, masking_key, payload_len }
    }
}

fn any_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        ".{0,200}".prop_map(Message::from),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Message::from),
        (4000..200_000_usize).prop_map(|len| Message::from(vec![0xA5; len])),
        (4000..9000_usize).prop_map(|len| Message::from("€".repeat(len))),
    ]
}

proptest! {
    #[test]
    fn s5_2_decode_inverts_encode_and_each_proper_prefix_is_cut(header in any_header()) {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        prop_assert_eq!(bytes.len(), header.encoded_len());
        prop_assert_eq!(FrameHeader::decode(&bytes), Ok(Some((header, bytes.len()))));
        for len in 0..bytes.len() {
            prop_assert_eq!(FrameHeader::decode(&bytes[..len]), Ok(None));
        }
    }

    #[test]
    fn s5_what_one_end_sends_the_other_receives(
        messages in prop::collection::vec(any_message(), 1..8),
        to_server: bool,
        reads in prop::collection::vec(1..70_000_usize, 1..20),
    ) {
        let client = Role::Client { masking_key: || [0xDE, 0xAD, 0xBE, 0xEF] };
        let limits = Limits::default().max_output(usize::MAX);
        let (from, to) = if to_server { (client, Role::Server) } else { (Role::Server, client) };
        let (mut from, mut to) = (Connection::new(from, limits), Connection::new(to, limits));
        for message in &messages {
            from.send(message.clone()).unwrap();
        }
        let output = from.output();
        let mut wire = output.copy_to_bytes(output.remaining());
        let mut received = Vec::new();
        let mut reads = reads.iter().cycle();
        while !wire.is_empty() {
            let count = (*reads.next().unwrap()).min(wire.len());
            let mut read = Vec::from(wire.split_to(count));
            let mut input = &mut read[..];
            while let Some(event) = to.next_event(&mut input).unwrap() {
                received.extend(event.into_message());
            }
        }
        prop_assert_eq!(received, messages);
    }

    #[test]
    fn any_bytes_mean_the_same_at_any_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let run = |chunks: [&[u8]; 2]| {
            let mut connection = Connection::new(Role::Server, Limits::default());
            let mut seen = Vec::new();
            for chunk in chunks {
                let mut chunk = chunk.to_vec();
                let mut input = &mut chunk[..];
                loop {
                    match connection.next_event(&mut input) {
                        Ok(None) => break,
                        Ok(Some(event)) => seen.push(format!("{:?}", event.into_message())),
                        Err(error) => seen.push(error.to_string()),
                    }
                }
            }
            let output = connection.output();
            (seen, output.copy_to_bytes(output.remaining()))
        };
        let cut = cut.index(bytes.len() + 1);
        let whole: (Vec<String>, Bytes) = run([&bytes, &[]]);
        prop_assert_eq!(run([&bytes[..cut], &bytes[cut..]]), whole);
    }
}
