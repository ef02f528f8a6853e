use rtwire_socketio::{Body, Error, Json, Limits, Packet, Rule};
use serde::de::IgnoredAny;

/// The text of a packet (Socket.IO "Packet encoding"), and the JSON in it (RFC 8259).
///
/// - Decode, encode, decode is decode; what was encoded once is encoded so again.
/// - A packet whose data is an array or an object that must be there has no prefix that is a packet.
/// - Limits only refuse: what they let pass means what it did.
/// - JSON is what `serde_json` takes for it. The offset of an error lies in the text.
pub fn socketio_packet(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    json(text);

    let packet = decode(text, &Limits::default());
    limits(text, &packet);
    let Ok(packet) = packet else { return };
    let encoded = packet.encode();
    let again = decode(&encoded, &Limits::default()).expect("what was encoded is well-formed");
    assert_eq!(again, packet);
    assert_eq!(again.encode(), encoded);

    match &packet.body {
        Body::Event { data, .. } | Body::Ack { data, .. } => {
            assert!(is_json(data.json()));
            assert!(data.attachments().is_empty());
        }
        Body::Connect(Some(json)) => assert!(json.is_object() && is_json(json)),
        Body::ConnectError(json) => assert!(is_json(json)),
        Body::Connect(None) | Body::Disconnect => {}
    }
    let closes = match &packet.body {
        Body::Event { .. } | Body::Ack { .. } => true,
        Body::ConnectError(json) => json.is_object(),
        Body::Connect(_) | Body::Disconnect => false,
    };
    if closes {
        no_prefix(text.trim_ascii_end());
    }
}

fn decode(text: &str, limits: &Limits) -> Result<Packet, Error> {
    let packet = Packet::decode(text.into(), limits);
    if let Err(error) = &packet {
        assert!(error.offset() <= text.len() as u64, "{error}");
    }
    packet
}

fn json(text: &str) {
    match Json::decode(text.into()) {
        Ok(json) => {
            assert!(is_json(text));
            assert_eq!(&*json, text);
        }
        Err(error) => {
            assert!(error.offset() <= text.len() as u64, "{error}");
            match error.rule() {
                Rule::TooDeep { .. } => {}
                _ => assert!(!is_json(text), "{error}"),
            }
        }
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn limits(text: &str, unlimited: &Result<Packet, Error>) {
    let small = Limits::default().max_packet(100).max_depth(3).max_attachments(2);
    match (decode(text, &small), unlimited) {
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

fn no_prefix(text: &str) {
    // Each of a long text would take the square of its length.
    let step = text.len() / 64 + 1;
    let cuts = (0..text.len()).step_by(step).chain([text.len() - 1]);
    for cut in cuts.filter(|&cut| text.is_char_boundary(cut)) {
        let prefix = decode(&text[..cut], &Limits::default());
        assert!(prefix.is_err(), "{:?} is {prefix:?}", &text[..cut]);
    }
}
