//! Messages in fragments, and in the parts in which they arrive. That parts come to the same as whole
//! messages is asked of each vector in `section_5_frames.rs`.
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use bytes::{Buf, Bytes};
use proptest::prelude::*;
use rtwire_websocket::{
    CloseCode, CloseReason, Connection, Event, Limits, Message, Part, Payload, PreparedMessage,
    Role, Rule, SendError, Text,
};

const CLIENT: Role = Role::Client { masking_key: || [0x37, 0xFA, 0x21, 0x3D] };

fn server() -> Connection {
    Connection::new(Role::Server, Limits::default())
}

fn drain(connection: &mut Connection) -> Vec<u8> {
    let output = connection.output();
    output.copy_to_bytes(output.remaining()).to_vec()
}

fn messages(to: &mut Connection, wire: &mut [u8]) -> Vec<Message> {
    let (mut input, mut messages) = (wire, Vec::new());
    while let Some(event) = to.next_event(&mut input).unwrap() {
        messages.extend(event.into_message());
    }
    messages
}

#[test]
fn s5_4_fragments_have_the_type_in_the_first_and_fin_in_the_last() {
    let mut connection = server();
    connection.send_fragment("a", false).unwrap();
    connection.send_fragment("", false).unwrap();
    connection.send_fragment("b", true).unwrap();
    connection.send_fragment(vec![1], false).unwrap();
    connection.send_fragment(vec![], true).unwrap();
    connection.send_fragment("alone", true).unwrap();
    connection.send_text("next").unwrap();
    let expected = b"\x01\x01a\x00\x00\x80\x01b\x02\x01\x01\x80\x00\x81\x05alone\x81\x04next";
    assert_eq!(drain(&mut connection), expected);
}

#[test]
fn s5_4_only_fragments_of_its_type_and_control_frames_follow_an_unfinished_message() {
    let mut connection = server();
    connection.send_fragment("a", false).unwrap();
    let unfinished = Err(SendError::UnfinishedMessage);
    assert_eq!(connection.ready(), unfinished);
    assert_eq!(connection.send("b"), unfinished);
    assert_eq!(connection.send_text("b"), unfinished);
    assert_eq!(connection.send_binary(b"b"), unfinished);
    assert_eq!(connection.send_prepared(&PreparedMessage::new("b".into())), unfinished);
    assert_eq!(connection.forward(Event::Text(Text::Borrowed("b"))), unfinished);
    assert_eq!(connection.send_fragment(vec![1], true), unfinished);
    connection.send_ping(b"p").unwrap();
    connection.send_pong(b"p").unwrap();
    let mut input = *b"\x89\x81\x00\x00\x00\x00q";
    assert!(matches!(connection.next_event(&mut &mut input[..]), Ok(Some(Event::Ping(_)))));
    connection.send_fragment("c", true).unwrap();
    connection.ready().unwrap();
    assert_eq!(drain(&mut connection), b"\x01\x01a\x89\x01p\x8A\x01p\x8A\x01q\x80\x01c");

    // §5.5.1: also a Close frame, and nothing after it.
    connection.send_fragment("a", false).unwrap();
    connection.close(&CloseReason::new(CloseCode::GOING_AWAY)).unwrap();
    assert_eq!(connection.send_fragment("b", true), Err(SendError::Closing));
}

#[test]
fn s5_4_fragments_wait_while_the_output_is_full() {
    for (limit, fits) in [(2, false), (3, false), (4, true)] {
        let mut connection = Connection::new(Role::Server, Limits::default().max_output(limit));
        connection.send_fragment("a", false).unwrap();
        assert_eq!(connection.send_fragment("b", true).is_ok(), fits, "{limit}");
    }
}

#[test]
fn s5_3_a_client_masks_each_fragment_and_copies_none_that_it_holds_alone() {
    let large = Bytes::from(vec![7; 100_000]);
    let mut connection = server();
    connection.send_fragment(large.clone(), false).unwrap();
    connection.output().advance(10);
    assert_eq!(connection.output().chunk().as_ptr(), large.as_ptr(), "a server sends it as it is");

    let mut client = Connection::new(CLIENT, Limits::default());
    let address = large.as_ptr();
    drop(connection);
    client.send_fragment(large, false).unwrap();
    client.output().advance(14);
    assert_eq!(client.output().chunk().as_ptr(), address);
    client.send_fragment(vec![8], true).unwrap();
}

/// Feeds `wire` in these reads, and gives all parts.
fn parts(wire: &[&[u8]]) -> Vec<Part<'static>> {
    let mut connection = Connection::new(CLIENT, Limits::default());
    let mut parts = Vec::new();
    for read in wire {
        let mut read = read.to_vec();
        let mut input = &mut read[..];
        while let Some(part) = connection.next_part(&mut input).unwrap() {
            parts.push(part.into_owned());
        }
    }
    parts
}

fn text(text: &'static str, fin: bool) -> Part<'static> {
    Part::Text { text: Text::Owned(text.into()), fin }
}

fn binary(bytes: &'static [u8], fin: bool) -> Part<'static> {
    Part::Binary { bytes: Payload::Owned(Bytes::from_static(bytes)), fin }
}

#[test]
fn s6_2_parts_are_what_each_read_brings() {
    assert_eq!(parts(&[b"\x81\x05Hello"]), [text("Hello", true)]);
    assert_eq!(parts(&[b"\x81\x05Hel", b"lo"]), [text("Hel", false), text("lo", true)]);
    assert_eq!(parts(&[b"\x82\x00", b"\x81\x00"]), [binary(b"", true), text("", true)]);
    // No part without bytes, but for the last.
    assert_eq!(
        parts(&[b"\x02\x00\x00\x03abc\x00\x00\x80\x00\x81\x01d"]),
        [binary(b"abc", false), binary(b"", true), text("d", true)]
    );
    let ping = Part::Ping(Payload::Owned(Bytes::from_static(b"p")));
    assert_eq!(
        parts(&[b"\x01\x01a\x89\x01p\x80\x02b", b"c\x88\x02\x03\xE8"]),
        [
            text("a", false),
            ping,
            text("b", false),
            text("c", true),
            Part::Close(CloseReason::new(CloseCode::NORMAL))
        ]
    );
}

#[test]
fn s8_1_a_code_point_that_a_read_or_a_fragment_cuts_comes_whole() {
    let expected = [text("a", false), text("€", false), text("b", true)];
    assert_eq!(parts(&[b"\x81\x05a\xE2", b"\x82\xACb"]), expected);
    assert_eq!(parts(&[b"\x81\x05a\xE2", b"\x82", b"\xACb"]), expected);
    assert_eq!(parts(&[b"\x01\x02a\xE2\x00\x01\x82\x80\x02\xACb"]), expected);
    assert_eq!(parts(&[b"\x01\x01\xE2\x80\x02\x82\xAC"]), [text("€", true)]);
}

#[test]
fn s8_1_a_text_that_ends_inside_a_code_point_is_refused() {
    let mut connection = Connection::new(CLIENT, Limits::default());
    let mut wire = *b"\x01\x01\xE2\x80\x01\x82";
    let error = connection.next_part(&mut &mut wire[..]).unwrap_err();
    assert_eq!((error.rule(), error.offset()), (Rule::InvalidUtf8, 6));
    assert_eq!(connection.next_part(&mut &mut [0x81, 0][..]), Ok(None), "an error comes once");
}

#[test]
fn next_event_and_next_part_are_each_for_all_of_a_message() {
    let wire = || *b"\x01\x03one\x80\x03ONE\x81\x03two";
    let mut connection = Connection::new(CLIENT, Limits::default());
    let (mut first, mut rest) = (wire(), wire());
    let (mut first, mut rest) = (&mut first[..4], &mut rest[4..]);
    assert!(matches!(connection.next_part(&mut first), Ok(Some(Part::Text { fin: false, .. }))));
    assert_eq!(messages(&mut connection, rest), ["two".into()], "the rest is passed over");

    let mut connection = Connection::new(CLIENT, Limits::default());
    let mut wire = wire();
    (first, rest) = wire.split_at_mut(4);
    assert_eq!(connection.next_event(&mut first), Ok(None));
    let part = connection.next_part(&mut rest).unwrap().map(Part::into_owned);
    assert_eq!(part, Some(text("oneONE", true)), "it comes as a whole");
    let part = connection.next_part(&mut rest).unwrap().map(Part::into_owned);
    assert_eq!(part, Some(text("two", true)));
}

proptest! {
    #[test]
    fn s5_4_any_fragments_come_together_in_parts_and_as_a_whole(
        texts in prop::collection::vec(".{0,30}", 1..6),
        blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6000), 1..4),
        reads in prop::collection::vec(1..200_usize, 1..20),
    ) {
        let mut from = Connection::new(CLIENT, Limits::default().max_output(usize::MAX));
        for (index, text) in texts.iter().enumerate() {
            from.send_ping(b"between").unwrap();
            from.send_fragment(text.as_str(), index + 1 == texts.len()).unwrap();
        }
        for (index, block) in blocks.iter().enumerate() {
            from.send_fragment(block.clone(), index + 1 == blocks.len()).unwrap();
        }
        let wire = drain(&mut from);
        let expected = [Message::from(texts.concat()), Message::from(blocks.concat())];
        prop_assert_eq!(messages(&mut server(), &mut wire.clone()), expected.clone());

        let (mut to, mut rest, mut reads) = (server(), &wire[..], reads.iter().cycle());
        let (mut text, mut binary, mut ends) = (String::new(), Vec::new(), Vec::new());
        while !rest.is_empty() {
            let (read, after) = rest.split_at((*reads.next().unwrap()).min(rest.len()));
            rest = after;
            let mut read = read.to_vec();
            let mut input = &mut read[..];
            while let Some(part) = to.next_part(&mut input).unwrap() {
                match part {
                    Part::Text { text: part, fin } => {
                        text.push_str(&part);
                        ends.extend(fin.then_some("text"));
                    }
                    Part::Binary { bytes, fin } => {
                        binary.extend_from_slice(&bytes);
                        ends.extend(fin.then_some("binary"));
                    }
                    other => prop_assert!(matches!(other, Part::Ping(_))),
                }
            }
        }
        prop_assert_eq!([Message::from(text), Message::from(binary)], expected);
        prop_assert_eq!(ends, ["text", "binary"]);
    }
}
