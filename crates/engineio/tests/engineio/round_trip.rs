//! Laws that hold for any input.

use std::time::Duration;

use proptest::prelude::*;
use rtwire_engineio::{Frame, Message, OpenPacket, Packet, Payload, Query};

fn any_packet() -> impl Strategy<Value = Packet> {
    let open = (".{1,20}", prop::collection::vec("[a-z]{1,9}", 0..3), any::<[u32; 3]>());
    prop_oneof![
        open.prop_map(|(sid, upgrades, [interval, timeout, max])| Packet::Open(OpenPacket {
            sid: sid.into(),
            upgrades: upgrades.into_iter().map(Into::into).collect(),
            ping_interval: Duration::from_millis(interval.into()),
            ping_timeout: Duration::from_millis(timeout.into()),
            max_payload: max.into(),
        })),
        Just(Packet::Close),
        any::<bool>().prop_map(|probe| Packet::Ping { probe }),
        any::<bool>().prop_map(|probe| Packet::Pong { probe }),
        "(?s).{0,50}".prop_map(|text| Packet::Message(text.replace('\x1e', "\x1f").into())),
        prop::collection::vec(any::<u8>(), 0..50).prop_map(|bytes| Packet::Message(bytes.into())),
        Just(Packet::Upgrade),
        Just(Packet::Noop),
    ]
}

proptest! {
    #[test]
    fn decode_inverts_encode(packet in any_packet()) {
        prop_assert_eq!(&Packet::decode(&packet.encode_text()).unwrap(), &packet);
        match packet.encode() {
            Frame::Text(text) => prop_assert_eq!(Packet::decode(&text).unwrap(), packet),
            Frame::Binary(bytes) => {
                prop_assert_eq!(Packet::Message(Message::Binary(bytes)), packet);
            }
            Frame::Close => prop_assert!(false, "no packet is a Close frame"),
        }
    }

    #[test]
    fn a_payload_is_its_packets(packets in prop::collection::vec(any_packet(), 1..20)) {
        let payload = Payload::encode(&packets).unwrap();
        let decoded: Result<Vec<_>, _> = Payload::decode(payload.into_bytes(), 20).collect();
        prop_assert_eq!(decoded.unwrap(), packets);
    }

    #[test]
    fn what_precedes_a_break_does_not_depend_on_it(
        packets in prop::collection::vec(any_packet(), 1..10),
        cut in any::<prop::sample::Index>(),
    ) {
        let payload = Payload::encode(&packets).unwrap().into_bytes();
        let cut = cut.index(payload.len() + 1);
        let whole = payload[..cut].iter().filter(|&&byte| byte == 0x1e).count();
        let decoded: Vec<_> = Payload::decode(payload.slice(..cut), 10).collect();
        for (decoded, packet) in decoded.iter().zip(&packets).take(whole) {
            prop_assert_eq!(decoded.as_ref(), Ok(packet));
        }
        prop_assert_eq!(decoded.len(), whole + 1);
    }

    #[test]
    fn any_payload_has_one_error_at_most_and_it_is_within(
        body in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"0123456b\x1e="[..])], 0..100),
    ) {
        let mut broken = false;
        for packet in Payload::decode(body.clone(), 50) {
            prop_assert!(!broken);
            if let Err(error) = packet {
                broken = true;
                prop_assert!(error.offset() <= body.len() as u64);
            }
        }
    }

    #[test]
    fn any_query_is_understood_or_refused(query in "(EIO|transport|sid|b64|[=&%+4a-f]|polling|.){0,20}") {
        if let Ok(query) = Query::parse(&query) {
            prop_assert!(matches!(query.version, 3 | 4));
        }
    }

    #[test]
    fn a_text_with_a_separator_is_never_encoded(before in ".{0,9}", after in ".{0,9}") {
        let packet = Packet::Message(format!("{before}\x1e{after}").into());
        prop_assert!(Payload::encode(&[packet]).is_err());
    }
}
