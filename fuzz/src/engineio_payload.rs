use bytes::Bytes;
use rtwire_engineio::{Error, Packet, Payload, Rule};

/// The polling payload (Engine.IO "HTTP long-polling", "Packet encoding").
///
/// - A payload is what its packets are alone, each decoded by itself, up to the first that is
///   malformed; those before it are delivered, its error is the last item, and then comes nothing.
/// - A limit of packets changes nothing before it.
/// - Decode inverts encode, and one encoding is the only one.
pub fn engineio_payload(input: &[u8]) {
    let body = Bytes::copy_from_slice(input);
    let items = items(body.clone(), usize::MAX);
    let places = items.iter().cloned().map(|item| item.map_err(|e| (e.rule(), e.offset())));
    assert_eq!(places.collect::<Vec<_>>(), one_by_one(input));

    const FEW: usize = 3;
    let mut few = self::items(body, FEW);
    if items.len() > FEW {
        let start: usize =
            input.split(|&byte| byte == SEPARATOR).take(FEW).map(|packet| packet.len() + 1).sum();
        let error = few.pop().and_then(Result::err).expect("over the limit");
        assert_eq!(error.rule(), Rule::TooManyPackets { limit: FEW });
        assert_eq!(error.offset(), start as u64);
        assert_eq!(few, items[..FEW]);
    } else {
        assert_eq!(few, items);
    }

    let packets: Vec<Packet> = items.into_iter().filter_map(Result::ok).collect();
    if packets.is_empty() {
        return;
    }
    let encoded = Payload::encode(&packets).expect("a separator ends a packet");
    let again: Result<Vec<_>, _> =
        Payload::decode(encoded.as_bytes().clone(), usize::MAX).collect();
    let again = again.expect("what was encoded is well-formed");
    assert_eq!(again, packets);
    assert_eq!(Payload::encode(&again).as_ref(), Ok(&encoded));
}

const SEPARATOR: u8 = 0x1E;

fn items(body: Bytes, max_packets: usize) -> Vec<Result<Packet, Error>> {
    let len = body.len() as u64;
    let mut payload = Payload::decode(body, max_packets);
    let mut items = Vec::new();
    for item in payload.by_ref() {
        assert!(items.last().is_none_or(Result::is_ok), "nothing after an error");
        if let Err(error) = &item {
            assert!(error.offset() <= len);
        }
        items.push(item);
    }
    assert!((0..3).all(|_| payload.next().is_none()), "the end is the end");
    items
}

/// Each packet by itself, at its place in the whole.
fn one_by_one(input: &[u8]) -> Vec<Result<Packet, (Rule, u64)>> {
    let mut items = Vec::new();
    let mut start = 0;
    for packet in input.split(|&byte| byte == SEPARATOR) {
        let item = match std::str::from_utf8(packet) {
            Ok(text) => {
                Packet::decode(&text.into()).map_err(|error| (error.rule(), error.offset()))
            }
            Err(error) => Err((Rule::InvalidUtf8, error.valid_up_to() as u64)),
        };
        let item = item.map_err(|(rule, offset)| (rule, start + offset));
        let broken = item.is_err();
        items.push(item);
        if broken {
            break;
        }
        start += packet.len() as u64 + 1;
    }
    items
}
