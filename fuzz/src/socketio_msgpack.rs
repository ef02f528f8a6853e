use std::time::Duration;

use bytes::Bytes;
use rtwire_socketio::{Body, Decoder, Error, Limits, Message, Packet, Rule};
use serde::de::IgnoredAny;

/// A packet in MessagePack.
///
/// - Decode, encode, decode is decode; what was encoded once is encoded so again.
/// - Its data is JSON, and attachments are slices of the message if they are half of it, else copies.
/// - It means the same as text: what is encoded as text and attachments decodes to it.
/// - No prefix of a packet is a packet. Limits only refuse: what they let pass means what it did.
pub fn socketio_msgpack(input: &[u8]) {
    let message = Bytes::copy_from_slice(input);
    let packet = decode(&message, &Limits::default());
    limits(&message, &packet);
    let Ok(packet) = packet else { return };

    let encoded = packet.encode_msgpack();
    let again = decode(&encoded, &Limits::default().max_packet(usize::MAX));
    assert_eq!(again.as_ref(), Ok(&packet));
    assert_eq!(packet.encode_msgpack(), encoded);

    let json = match &packet.body {
        Body::Event { data, .. } | Body::Ack { data, .. } => {
            let within = message.as_ptr_range();
            let attachments = data.attachments();
            let kept: usize = attachments.iter().map(Bytes::len).sum();
            let is_much = kept >= message.len().div_ceil(2);
            for attachment in attachments.iter().filter(|bytes| !bytes.is_empty()) {
                assert_eq!(
                    within.contains(&attachment.as_ptr()),
                    is_much,
                    "slices if they are much"
                );
            }
            Some(&**data.json())
        }
        Body::Connect(json) => json.as_deref(),
        Body::ConnectError(json) => Some(&**json),
        Body::Disconnect => None,
    };
    assert!(json.is_none_or(|json| serde_json::from_str::<IgnoredAny>(json).is_ok()));
    text(&packet, json);

    let step = message.len() / 64 + 1;
    for cut in (0..message.len()).step_by(step) {
        assert!(decode(&message.slice(..cut), &Limits::default()).is_err(), "cut at {cut}");
    }
}

fn decode(message: &Bytes, limits: &Limits) -> Result<Packet, Error> {
    let packet = Packet::decode_msgpack(message.clone(), limits);
    if let Err(error) = &packet {
        assert!(error.offset() <= message.len() as u64, "{error}");
    }
    packet
}

fn limits(message: &Bytes, unlimited: &Result<Packet, Error>) {
    let small = Limits::default().max_packet(100).max_depth(3).max_attachments(2);
    match (decode(message, &small), unlimited) {
        (Ok(packet), unlimited) => assert_eq!(Ok(packet), *unlimited),
        (Err(error), Ok(_)) => assert!(
            matches!(
                error.rule(),
                Rule::PacketTooBig { .. } | Rule::TooDeep { .. } | Rule::TooManyAttachments { .. }
            ),
            "{error}"
        ),
        (Err(_), Err(_)) => {}
    }
}

fn text(packet: &Packet, json: Option<&str>) {
    let digit = json.is_some_and(|json| json.starts_with(|first: char| first.is_ascii_digit()));
    if digit {
        // The number of an ERROR reads as an ack id.
        return;
    }
    let mut decoder = Decoder::new(Limits::default().max_packet(usize::MAX));
    let mut decoded = decoder.next_packet(packet.encode().into(), Duration::ZERO);
    if let Body::Event { data, .. } | Body::Ack { data, .. } = &packet.body {
        for attachment in data.attachments() {
            assert_eq!(decoded, Ok(None));
            let attachment = Message::Binary(attachment.clone());
            decoded = decoder.next_packet(attachment, Duration::ZERO);
        }
    }
    assert_eq!(decoded.as_ref(), Ok(&Some(packet.clone())));
}
