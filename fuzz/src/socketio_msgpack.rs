use std::time::Duration;

use bytes::Bytes;
use rtwire_socketio::{Body, Decoder, Error, Limits, Message, Packet, Rule};
use serde::de::IgnoredAny;

/// A packet in MessagePack.
///
/// - Decode, encode, decode is decode; what was encoded once is encoded so again.
/// - Its data is JSON, of at most six times its length beside placeholders; attachments are slices of the
///   message if they are half of it, else copies.
/// - It means the same as text: what is encoded as text and attachments decodes to it, within the same limits.
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

    let within = message.as_ptr_range();
    let attachments = attachments(&packet);
    let kept: usize = attachments.iter().map(Bytes::len).sum();
    let is_much = kept >= message.len().div_ceil(2);
    for attachment in attachments.iter().filter(|bytes| !bytes.is_empty()) {
        assert_eq!(within.contains(&attachment.as_ptr()), is_much, "slices if they are much");
    }
    if let Some(json) = json(&packet) {
        assert!(serde_json::from_str::<IgnoredAny>(json).is_ok());
        // 40: a placeholder, in the array of an ext.
        assert!(json.len() <= 6 * message.len() + 40 * attachments.len());
    }
    text(&packet, Limits::default());

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
        (Ok(packet), unlimited) => {
            text(&packet, small);
            assert_eq!(Ok(packet), *unlimited);
        }
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

fn json(packet: &Packet) -> Option<&str> {
    match &packet.body {
        Body::Event { data, .. } | Body::Ack { data, .. } => Some(&**data.json()),
        Body::Connect(json) => json.as_deref(),
        Body::ConnectError(json) => Some(&**json),
        Body::Disconnect => None,
    }
}

fn attachments(packet: &Packet) -> &[Bytes] {
    match &packet.body {
        Body::Event { data, .. } | Body::Ack { data, .. } => data.attachments(),
        Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => &[],
    }
}

fn text(packet: &Packet, limits: Limits) {
    let digit =
        json(packet).is_some_and(|json| json.starts_with(|first: char| first.is_ascii_digit()));
    if digit {
        // The number of an ERROR reads as an ack id.
        return;
    }
    // It may be longer as text.
    let mut decoder = Decoder::new(limits.max_packet(usize::MAX));
    let mut decoded = decoder.next_packet(packet.encode().into(), Duration::ZERO);
    for attachment in attachments(packet) {
        assert_eq!(decoded, Ok(None));
        decoded = decoder.next_packet(Message::Binary(attachment.clone()), Duration::ZERO);
    }
    assert_eq!(decoded.as_ref(), Ok(&Some(packet.clone())));
}
