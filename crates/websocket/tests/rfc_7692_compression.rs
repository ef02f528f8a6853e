//! Compressed messages (RFC 7692) on a connection: which are compressed, how they are negotiated, and what
//! they cost. What arrives is in `section_5_frames.rs` with its vectors.
#![cfg(feature = "deflate")]
#![allow(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use allocation_counter::measure;
use bytes::{Buf, Bytes};
use proptest::prelude::*;
use rtwire_permessage_deflate::{
    Config, WindowBits,
    negotiation::{self, Offer, Params},
};
use rtwire_websocket::{
    Connection, Deflate, Event, FrameHeader, Limits, Message, Opcode, Part, PreparedMessage, Role,
    Rule, SendError,
    handshake::{self, Answer, HeadSearch, Request},
};

const CLIENT: Role = Role::Client { masking_key: || [0x37, 0xFA, 0x21, 0x3D] };

/// Contexts are taken over in both directions.
fn takeover() -> Config {
    Config::default().server_no_context_takeover(false).client_no_context_takeover(false)
}

fn agreed(config: Config) -> Deflate {
    let offer = Offer::from(&config);
    Deflate { params: offer.accept(&config).unwrap(), config }
}

fn server(config: Config) -> Connection {
    Connection::new(Role::Server, Limits::default()).with_deflate(agreed(config))
}

fn client(config: Config) -> Connection {
    Connection::new(CLIENT, Limits::default()).with_deflate(agreed(config))
}

fn drain(connection: &mut Connection) -> Vec<u8> {
    let output = connection.output();
    output.copy_to_bytes(output.remaining()).to_vec()
}

fn messages(to: &mut Connection, wire: &[u8]) -> Vec<Message> {
    let mut wire = wire.to_vec();
    let (mut input, mut messages) = (&mut wire[..], Vec::new());
    while let Some(event) = to.next_event(&mut input).unwrap() {
        messages.extend(event.into_message());
    }
    messages
}

/// RSV1 and the length of each frame's payload.
fn frames(mut wire: &[u8]) -> Vec<(bool, u64)> {
    let mut frames = Vec::new();
    while let Some((header, used)) = FrameHeader::decode(wire).unwrap() {
        frames.push((header.rsv1, header.payload_len));
        wire = &wire[used + usize::try_from(header.payload_len).unwrap()..];
    }
    frames
}

/// Bytes that DEFLATE makes longer.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(step).collect()
}

#[test]
fn s6_1_messages_below_at_and_above_the_threshold() {
    let config = Config::default().threshold(100);
    for (len, compressed) in [(99, false), (100, true), (101, true)] {
        let text = "x".repeat(len);
        let send: [fn(&mut Connection, &str); 5] = [
            |to, text| to.send(text).unwrap(),
            |to, text| to.send(Bytes::copy_from_slice(text.as_bytes())).unwrap(),
            |to, text| to.send_text(text).unwrap(),
            |to, text| to.send_binary(text.as_bytes()).unwrap(),
            |to, text| to.send_prepared(&PreparedMessage::new(text.into())).unwrap(),
        ];
        for send in send {
            let mut server = server(config);
            send(&mut server, &text);
            let wire = drain(&mut server);
            assert_eq!(frames(&wire)[0].0, compressed, "{len}");
            assert_eq!(messages(&mut client(config), &wire)[0].as_bytes(), text.as_bytes());
        }
    }
}

#[test]
fn s6_1_what_does_not_get_shorter_is_sent_as_it_is_unless_the_context_needs_it() {
    let message = noise(5000);
    let mut without = server(Config::default());
    without.send_binary(&message).unwrap();
    without.send_prepared(&PreparedMessage::new(message.clone().into())).unwrap();
    assert_eq!(frames(&drain(&mut without)), [(false, 5000), (false, 5000)]);

    // Unless that is asked for.
    let mut all = server(Config::default().threshold(0));
    all.send_binary(&message).unwrap();
    all.send("").unwrap();
    let [(true, 5001..), (true, 1)] = frames(&drain(&mut all))[..] else { panic!() };

    let mut with = server(takeover());
    with.send_binary(&message).unwrap();
    with.send_binary(&message).unwrap();
    let wire = drain(&mut with);
    let [(true, 5001..), (true, ..100)] = frames(&wire)[..] else { panic!("{:?}", frames(&wire)) };
    assert_eq!(messages(&mut client(takeover()), &wire), [&message[..]; 2].map(Message::from));
}

#[test]
fn s7_2_1_a_message_may_go_uncompressed_between_others() {
    let text = "like the one before it, ".repeat(100);
    let len = text.len() as u64;
    let plain = PreparedMessage::uncompressed(text.as_str().into());
    let ways: [&dyn Fn(&mut Connection); 2] =
        [&|sender| sender.send_uncompressed(text.as_str()).unwrap(), &|sender| {
            sender.send_prepared(&plain).unwrap()
        }];
    for config in [Config::default(), takeover(), takeover().threshold(0)] {
        for (new, peer) in [(server as fn(_) -> _, client as fn(_) -> _), (client, server)] {
            for send_uncompressed in ways {
                let (mut sender, mut without) = (new(config), new(config));
                for _ in 0..3 {
                    sender.send(text.as_str()).unwrap();
                    without.send(text.as_str()).unwrap();
                    send_uncompressed(&mut sender);
                }
                let wire = drain(&mut sender);
                let all = frames(&wire);
                let [
                    (true, _),
                    (false, second),
                    (true, _),
                    (false, fourth),
                    (true, _),
                    (false, last),
                ] = all[..]
                else {
                    panic!("{all:?}")
                };
                assert_eq!([second, fourth, last], [len; 3]);
                // A window has nothing of it.
                let compressed: Vec<_> = all.into_iter().filter(|(rsv1, _)| *rsv1).collect();
                assert_eq!(compressed, frames(&drain(&mut without)));
                assert_eq!(
                    messages(&mut peer(config), &wire),
                    vec![Message::from(text.as_str()); 6]
                );
            }
        }
    }
    let mut closed = server(takeover());
    closed.handle_eof();
    assert_eq!(closed.send_uncompressed("late"), Err(SendError::Closing));
}

#[test]
fn s6_control_frames_are_never_compressed() {
    let mut server = server(takeover().threshold(0));
    server.send_ping(&[7; 125]).unwrap();
    server.send_pong(&[7; 125]).unwrap();
    server.close(&rtwire_websocket::CloseReason::new(rtwire_websocket::CloseCode::NORMAL)).unwrap();
    assert_eq!(frames(&drain(&mut server)), [(false, 125), (false, 125), (false, 2)]);
}

#[test]
fn s7_1_1_a_context_is_taken_over_or_is_not() {
    let text = "a message that is like the one before it is like the message ";
    for (config, like_the_first) in [(takeover(), false), (Config::default(), true)] {
        let config = config.threshold(0);
        let mut sender = client(config);
        let mut receiver = server(config);
        sender.send(text).unwrap();
        sender.send(text).unwrap();
        let wire = drain(&mut sender);
        let [(true, first), (true, second)] = frames(&wire)[..] else { panic!() };
        assert_eq!(first == second, like_the_first);
        assert_eq!(messages(&mut receiver, &wire), [text, text].map(Message::from));
    }
}

#[test]
fn s7_1_2_2_a_client_that_agreed_to_8_bits_sends_messages_as_they_are() {
    let response = &b"permessage-deflate; client_max_window_bits=8"[..];
    let params = Params::from_response([response], &[Offer::default()]).unwrap();
    let deflate = Deflate { params: params.unwrap(), config: Config::default().threshold(0) };
    let mut client = Connection::new(CLIENT, Limits::default()).with_deflate(deflate);
    client.send("x".repeat(5000)).unwrap();
    client.send_fragment("x".repeat(5000), false).unwrap();
    client.send_fragment("", true).unwrap();
    assert_eq!(frames(&drain(&mut client)), [(false, 5000), (false, 5000), (false, 0)]);
}

#[test]
fn s6_1_fragments_of_a_compressed_message() {
    let config = takeover();
    let (mut sender, mut receiver) = (server(config), client(config));
    // Nothing to send yet, and nothing else may be.
    sender.send_fragment("", false).unwrap();
    assert_eq!(sender.send("b"), Err(SendError::UnfinishedMessage));
    assert_eq!(sender.send_fragment(vec![1], true), Err(SendError::UnfinishedMessage));
    assert_eq!(drain(&mut sender), b"");
    sender.send_ping(b"p").unwrap();
    let noise = noise(200_000);
    let hex: String = noise.iter().map(|byte| format!("{byte:02x}")).collect();
    sender.send_fragment(hex.as_str(), false).unwrap();
    sender.send_fragment("", false).unwrap();
    sender.send_fragment("c", true).unwrap();
    let wire = drain(&mut sender);
    let [(false, 1), (true, 200_000..), (false, 1..)] = frames(&wire)[..] else {
        panic!("{:?}", frames(&wire));
    };
    let second = FrameHeader::decode(&wire[3..]).unwrap().unwrap().0;
    assert_eq!((second.opcode, second.fin), (Opcode::Text, false));
    assert_eq!(messages(&mut receiver, &wire), [Message::from(format!("{hex}c"))]);

    // Each is there when it arrives, also the end by itself.
    for piece in ["live ", "text, ", "as ", "it comes"] {
        sender.send_fragment(piece, false).unwrap();
        let mut wire = drain(&mut sender);
        let part = receiver.next_part(&mut &mut wire[..]).unwrap();
        let Some(Part::Text { text, fin: false }) = part else { panic!("{part:?}") };
        assert_eq!(&*text, piece);
    }
    sender.send_fragment("", true).unwrap();
    let mut wire = drain(&mut sender);
    let part = receiver.next_part(&mut &mut wire[..]).unwrap();
    assert!(matches!(part, Some(Part::Text { text, fin: true }) if text.is_empty()));

    // A message of one fragment is one as any other.
    sender.send_fragment("short", true).unwrap();
    assert_eq!(drain(&mut sender), b"\x81\x05short");
}

#[test]
fn s6_2_parts_of_a_compressed_message_are_of_a_bounded_size() {
    let config = Config::default();
    let zeros = Bytes::from(vec![0; 5 << 20]);
    let mut sender = server(config);
    sender.send(zeros.clone()).unwrap();
    let mut wire = drain(&mut sender);
    assert!(wire.len() < 6_000);
    let mut receiver = client(config);
    let (mut input, mut size, mut ended) = (&mut wire[..], 0, false);
    while let Some(part) = receiver.next_part(&mut input).unwrap() {
        let Part::Binary { bytes, fin } = part else { panic!() };
        assert!(bytes.len() <= 300 << 10, "{}", bytes.len());
        (size, ended) = (size + bytes.len(), fin);
    }
    assert_eq!((size, ended), (zeros.len(), true));
}

#[test]
fn prepared_messages_are_compressed_once_and_may_come_between_others() {
    let text = "prepared ".repeat(500);
    let prepared = PreparedMessage::new(text.as_str().into());
    let others = ["others ".repeat(300), "more ".repeat(400)];
    for config in [Config::default(), takeover()] {
        for bits in 9..=15 {
            let config = config.server_max_window_bits(WindowBits::new(bits).unwrap());
            let mut sender = server(config);
            let mut receiver = client(config);
            let mut expected = Vec::new();
            for other in &others {
                sender.send(other.as_str()).unwrap();
                sender.send_prepared(&prepared).unwrap();
                sender.send_prepared(&prepared).unwrap();
                expected.extend([other, &text, &text].map(|text| Message::from(text.as_str())));
            }
            let wire = drain(&mut sender);
            let all = frames(&wire);
            assert!(all.iter().all(|(compressed, len)| *compressed && *len < 200), "{all:?}");
            assert_eq!((all[1], all[1], all[1]), (all[2], all[4], all[5]), "the same frame");
            assert_eq!(messages(&mut receiver, &wire), expected);
        }
    }
    // A client masks, and compresses by itself.
    let mut sender = client(takeover());
    sender.send_prepared(&prepared).unwrap();
    assert_eq!(messages(&mut server(takeover()), &drain(&mut sender)), [Message::from(text)]);
}

/// §10.4 of RFC 6455: 16 MiB of zeros are 16 KiB on the wire.
#[test]
fn s10_4_a_bomb_costs_no_more_than_the_limit() {
    const LIMIT: usize = 2 << 20;
    let config = Config::default();
    let limits = || Limits::default().max_message(LIMIT as u64);
    let receive = |message_len: usize, read: usize| {
        let mut sender = client(config);
        sender.send(vec![0; message_len]).unwrap();
        let wire = drain(&mut sender);
        let mut outcome = Ok(0);
        let used = measure(|| {
            let mut receiver = Connection::new(Role::Server, limits()).with_deflate(agreed(config));
            'reads: for read in wire.chunks(read) {
                let mut read = read.to_vec();
                let mut input = &mut read[..];
                loop {
                    match receiver.next_event(&mut input) {
                        Ok(None) => break,
                        Ok(Some(Event::Binary(payload))) => outcome = Ok(payload.len()),
                        Ok(Some(other)) => panic!("{other:?}"),
                        Err(error) => {
                            outcome = Err(error.rule());
                            break 'reads;
                        }
                    }
                }
            }
        });
        (outcome, usize::try_from(used.bytes_max).unwrap())
    };
    for read in [1000, usize::MAX] {
        assert_eq!(receive(LIMIT - 1, read).0, Ok(LIMIT - 1));
        assert_eq!(receive(LIMIT, read).0, Ok(LIMIT));
        for len in [LIMIT + 1, LIMIT + 2, 16 << 20] {
            let (outcome, peak) = receive(len, read);
            assert_eq!(outcome, Err(Rule::MessageTooBig { limit: LIMIT as u64 }));
            // The allocator of the test cannot grow a buffer in place.
            assert!(peak < 2 * LIMIT, "{peak} bytes");
        }
    }
}

/// What takes nothing over leaves nothing behind.
#[test]
fn s7_1_1_an_idle_connection_without_takeover_holds_no_codec() {
    let text = "text ".repeat(1000);
    let exchange = |config: Config| {
        let (mut a, mut b) = (client(config), server(config));
        a.send(text.as_str()).unwrap();
        assert_eq!(messages(&mut b, &drain(&mut a)).len(), 1);
        b.send(text.as_str()).unwrap();
        assert_eq!(messages(&mut a, &drain(&mut b)).len(), 1);
        (a, b)
    };
    // What the thread keeps for the next.
    drop(exchange(Config::default()));
    for (config, most) in [(Config::default(), 6 << 10), (takeover(), 800 << 10)] {
        let mut held = Vec::new();
        let used = measure(|| held.push(exchange(config)));
        assert!(used.bytes_current < most, "{} bytes", used.bytes_current);
    }
}

#[test]
fn s10_4_a_compressed_message_that_does_not_go_on_holds_one_decompressor() {
    let mut held = Vec::new();
    let used = measure(|| {
        for _ in 0..10 {
            let mut begun = b"\x41\x80\0\0\0\0".to_vec();
            let mut receiver = server(takeover());
            assert_eq!(receiver.next_event(&mut &mut begun[..]), Ok(None));
            held.push(receiver);
        }
    });
    assert!(used.bytes_current / 10 < 49_000, "{} bytes", used.bytes_current / 10);
}

/// Paths of one server may differ in the threshold, and clients in what they offered.
#[test]
fn s7_1_1_connections_that_compress_alike_share_the_codec_of_a_thread() {
    let text = "text ".repeat(1000);
    let mut servers = [
        server(Config::default()),
        server(Config::default().threshold(1)),
        server(Config::default().client_no_context_takeover(false)),
    ];
    let mut send_all = || {
        for server in &mut servers {
            server.send_text(&text).unwrap();
            assert!(drain(server).len() < 100);
        }
    };
    send_all();
    let used = measure(send_all);
    assert!(used.bytes_total < 64 << 10, "{} bytes", used.bytes_total);
}

fn offer_and_answer(
    request: &Request,
    answer: impl FnOnce(&Request) -> handshake::Response,
) -> Result<Answer, handshake::Error> {
    let wire = request.encode();
    let (seen, _) = Request::decode(&wire, &mut HeadSearch::default())?.unwrap();
    let wire = answer(&seen).encode();
    Ok(Answer::decode(&wire, request, &mut HeadSearch::default())?.unwrap().0)
}

fn request() -> Request {
    Request::new("example.com", "/", *b"the sample nonce").unwrap()
}

#[test]
fn s5_1_both_ends_agree() {
    let with_protocol = request().with_protocol("chat").unwrap();
    for config in [Config::default(), takeover()] {
        let offering = with_protocol.clone().with_deflate(takeover()).with_deflate(config);
        let answer = offer_and_answer(&offering, |seen| {
            let response = seen.accept_protocol("chat").unwrap();
            response.with_deflate(seen, takeover()).unwrap()
        });
        let Ok(Answer::Accepted(response)) = answer else { panic!("{answer:?}") };
        assert_eq!(response.protocol(), Some("chat"));
        let agreed = response.deflate().unwrap();
        assert_eq!(agreed.config, config);
        assert_eq!(agreed.params.server_no_context_takeover, config == Config::default());
    }
}

#[test]
fn s5_1_who_is_not_asked_or_declines_does_not_compress() {
    // Not offered.
    let answer = offer_and_answer(&request(), |seen| {
        seen.accept().with_deflate(seen, Config::default()).unwrap()
    });
    assert_eq!(answer.unwrap().response().deflate(), None);
    // Not looked at, or not acceptable: this client cannot be told to use a smaller window.
    let offering = request().with_deflate(Config::default());
    let answer = offer_and_answer(&offering, Request::accept);
    assert_eq!(answer.unwrap().response().deflate(), None);
    let head = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Extensions: x, permessage-deflate\r\n\r\n";
    let (seen, _) = Request::decode(head.as_bytes(), &mut HeadSearch::default()).unwrap().unwrap();
    let config = Config::default().client_max_window_bits(WindowBits::new(10).unwrap());
    let response = seen.accept().with_deflate(&seen, config).unwrap();
    assert_eq!((response.deflate(), response.header("sec-websocket-extensions")), (None, None));
    // A refusal agrees to nothing.
    let refusal = handshake::Response::refuse(403).unwrap();
    let refusal = refusal.with_deflate(&seen, Config::default()).unwrap();
    assert_eq!((refusal.deflate(), refusal.header("sec-websocket-extensions")), (None, None));
}

#[test]
fn s9_1_a_malformed_offer_is_refused() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Extensions: permessage-deflate;;\r\n\r\n";
    let (seen, _) = Request::decode(head.as_bytes(), &mut HeadSearch::default()).unwrap().unwrap();
    let error = seen.accept().with_deflate(&seen, Config::default()).unwrap_err();
    let rule = error.rule();
    assert_eq!(rule, handshake::Rule::Deflate(negotiation::Rule::Malformed));
    assert_eq!((rule.section(), rule.http_status()), ("RFC 6455 §9.1", 400));
    assert_eq!(error.response().status(), 400);
}

#[test]
fn s5_1_an_answer_that_breaks_a_rule_is_told_by_its_field() {
    let offering = request().with_deflate(Config::default());
    let accepted = String::from_utf8(offer_and_accept(&offering)).unwrap();
    for (fields, at_fault, expected) in [
        ("permessage-deflate", 0, negotiation::Rule::ServerNoContextTakeover),
        ("x-webkit-deflate-frame", 0, negotiation::Rule::UnofferedExtension),
        (
            "permessage-deflate; server_no_context_takeover\nx",
            1,
            negotiation::Rule::UnofferedExtension,
        ),
        ("permessage-deflate; server_no_context_takeover\n;", 1, negotiation::Rule::Malformed),
        ("permessage-deflate\nx;", 1, negotiation::Rule::Malformed),
    ] {
        let lines: Vec<&str> = fields.split('\n').collect();
        let extensions: String =
            lines.iter().map(|line| format!("Sec-WebSocket-Extensions: {line}\r\n")).collect();
        let wire = accepted.replacen("\r\n\r\n", &format!("\r\n{extensions}\r\n"), 1);
        let error =
            Answer::decode(wire.as_bytes(), &offering, &mut HeadSearch::default()).unwrap_err();
        assert_eq!(error.rule(), handshake::Rule::Deflate(expected), "{fields}");
        let line = format!("Sec-WebSocket-Extensions: {}\r\n", lines[at_fault]);
        let offset = wire.find(&line).unwrap() + "Sec-WebSocket-Extensions: ".len();
        assert_eq!(error.offset(), offset as u64, "{fields}");
        assert_eq!(
            error.rule().http_status(),
            if expected == negotiation::Rule::Malformed { 400 } else { 502 }
        );
    }
}

fn offer_and_accept(offering: &Request) -> Vec<u8> {
    let (seen, _) =
        Request::decode(&offering.encode(), &mut HeadSearch::default()).unwrap().unwrap();
    seen.accept().encode().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is sent in whatever way arrives as it was, however it is cut.
    #[test]
    fn what_is_sent_arrives(
        sends in prop::collection::vec((0..7u8, "[a-dκ€𝄞]{0,400}", 1..50usize), 1..12),
        server_takeover: bool, client_takeover: bool, from_server: bool,
        bits in 9..=15u8, threshold in 0..300usize, read in 1..500usize, level in 0..=9u8,
    ) {
        let bits = WindowBits::new(bits).unwrap();
        let config = Config::default()
            .server_no_context_takeover(!server_takeover)
            .client_no_context_takeover(!client_takeover)
            .server_max_window_bits(bits)
            .client_max_window_bits(bits)
            .threshold(threshold)
            .level(level);
        let (mut sender, mut receiver, mut in_parts) = if from_server {
            (server(config), client(config), client(config))
        } else {
            (client(config), server(config), server(config))
        };
        let mut expected = Vec::new();
        for (how, text, piece) in &sends {
            match how {
                0 => sender.send(text.as_str()).unwrap(),
                1 => sender.send_binary(text.as_bytes()).unwrap(),
                2 => sender.send_prepared(&PreparedMessage::new(text.as_str().into())).unwrap(),
                3 => sender.send_text(text).unwrap(),
                4 => sender.send_uncompressed(text.as_str()).unwrap(),
                5 => sender
                    .send_prepared(&PreparedMessage::uncompressed(text.as_str().into()))
                    .unwrap(),
                _ => {
                    for piece in text.as_bytes().chunks(*piece) {
                        sender.send_fragment(piece.to_vec(), false).unwrap();
                    }
                    sender.send_fragment(vec![], true).unwrap();
                }
            }
            expected.push(match how {
                1 | 6 => Message::from(text.clone().into_bytes()),
                _ => Message::from(text.as_str()),
            });
        }
        let wire = drain(&mut sender);
        let (mut received, mut joined, mut part_of) = (Vec::new(), Vec::new(), Vec::new());
        for read in wire.chunks(read) {
            received.extend(messages(&mut receiver, read));
            let mut read = read.to_vec();
            let mut input = &mut read[..];
            while let Some(part) = in_parts.next_part(&mut input).unwrap() {
                let (bytes, fin, is_text) = match &part {
                    Part::Text { text, fin } => (text.as_bytes(), *fin, true),
                    Part::Binary { bytes, fin } => (&bytes[..], *fin, false),
                    other => panic!("{other:?}"),
                };
                part_of.extend_from_slice(bytes);
                if fin {
                    let bytes = std::mem::take(&mut part_of);
                    joined.push(match is_text {
                        true => Message::from(String::from_utf8(bytes).unwrap()),
                        false => Message::from(bytes),
                    });
                }
            }
        }
        prop_assert_eq!(&received, &expected);
        prop_assert_eq!(&joined, &expected);
    }
}
