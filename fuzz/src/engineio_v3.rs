use bytes::Bytes;
use rtwire_engineio::{Frame, Message, Packet, Rule, jsonp, v3};

/// Payloads of Engine.IO 3, and JSONP around them. The first byte says whether it came as binary.
///
/// - Packets come up to the first that is malformed; its error is the last item, and within the payload.
/// - A limit of packets changes nothing before it.
/// - Decode inverts encode, in text and in binary.
/// - A script of JSONP calls with the payload and does nothing else; the form gives back what went in.
pub fn engineio_v3(input: &[u8]) {
    let Some((kind, body)) = input.split_first() else { return };
    let text = str::from_utf8(body);
    let frame = match text {
        Ok(text) if kind % 2 == 0 => Frame::Text(text.into()),
        _ => Frame::Binary(Bytes::copy_from_slice(body)),
    };
    let mut payload = v3::Payload::decode(frame.clone(), usize::MAX);
    let items: Vec<_> = payload.by_ref().collect();
    assert!(payload.next().is_none(), "the end is the end");
    assert!(!items.is_empty());

    const FEW: usize = 3;
    let few: Vec<_> = v3::Payload::decode(frame, FEW).collect();
    assert!(few.iter().zip(&items).take(FEW).all(|(few, all)| few == all));
    if items.len() > FEW {
        let error = few[FEW].as_ref().expect_err("over the limit");
        assert_eq!((error.rule(), few.len()), (Rule::TooManyPackets { limit: FEW }, FEW + 1));
    }

    let count = items.len();
    let mut packets: Vec<Packet> = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Ok(packet) => packets.push(packet),
            Err(error) => {
                assert_eq!(index + 1, count, "nothing after an error");
                assert!(error.offset() <= body.len() as u64);
            }
        }
    }
    if !packets.is_empty() {
        let binary = |packet: &Packet| matches!(packet, Packet::Message(Message::Binary(_)));
        for base64 in [false, true] {
            let encoded = v3::encode_payload(&packets, base64);
            let is_text = encoded.as_text().is_some();
            assert_eq!(is_text, base64 || !packets.iter().any(binary));
            let again: Result<Vec<_>, _> = v3::Payload::decode(encoded, usize::MAX).collect();
            assert_eq!(again.as_ref(), Ok(&packets));
        }
    }
    if let Ok(text) = text {
        script(text);
        form(text);
    }
    let _ = jsonp::decode_form(Bytes::copy_from_slice(body));
}

fn script(text: &str) {
    let index: jsonp::Index = "7".parse().expect("digits");
    let script = index.encode(text);
    let argument = script.strip_prefix("___eio[7](").and_then(|rest| rest.strip_suffix(");"));
    let argument = argument.expect("a call");
    assert!(!argument.contains(['\n', '\r', '\u{2028}', '\u{2029}']), "one line");
    assert_eq!(serde_json::from_str::<String>(argument).expect("a string of JSON"), text);
}

/// As the client sends it. It writes a backslash before a newline as it writes the letters of `\n`.
fn form(text: &str) {
    if text.contains("\\\n") {
        return;
    }
    let escaped = text.replace("\\n", "\\\\n").replace('\n', "\\n");
    let mut form = "d=".to_owned();
    form.extend(escaped.bytes().map(|byte| format!("%{byte:02X}")));
    let decoded = jsonp::decode_form(form.into_bytes()).expect("one field d");
    assert_eq!(decoded, text.as_bytes());
}
