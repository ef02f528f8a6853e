use std::time::Duration;

use bytes::Bytes;
use rtwire_socketio::{Body, Data, Decoder, Limits, Message, Packet, Rule};

/// A packet put together from its text and its attachments (Socket.IO "Packet encoding"). Each
/// line is a message, whatever the peer sends: binary after a `B`, text otherwise; a line with `Z`
/// lets milliseconds pass.
///
/// - A packet comes with its last attachment, has all of them as they were sent, and is otherwise
///   what its text says.
/// - Each packet, encoded, is decoded as it was.
/// - A deadline runs while attachments are missing. Limits hold.
/// - An error is final: it comes once, and nothing after it.
pub fn socketio_decoder(input: &[u8]) {
    let limits = Limits::default().max_packet(MAX_PACKET).max_attachments(4);
    let mut decoder = Decoder::new(limits);
    let mut now = Duration::ZERO;
    let mut failed = false;
    let mut incomplete: Option<Incomplete> = None;
    for line in input.split(|&byte| byte == b'\n') {
        let message = match line {
            [b'Z', millis @ ..] => {
                let millis = std::str::from_utf8(millis).ok().and_then(|text| text.parse().ok());
                now += Duration::from_millis(u64::from(millis.unwrap_or(1_u16)));
                // It may as well be told with the message that follows.
                if millis.is_some_and(|millis| millis % 2 == 0) {
                    let late = incomplete.as_ref().is_some_and(|packet| now >= packet.deadline);
                    let result = decoder.handle_timeout(now);
                    assert_eq!(result.err().map(|e| e.rule()), late.then_some(TIMEOUT));
                    if late {
                        failed = true;
                        incomplete = None;
                    }
                }
                continue;
            }
            [b'B', bytes @ ..] => Message::Binary(Bytes::copy_from_slice(bytes)),
            text => match std::str::from_utf8(text) {
                Ok(text) => Message::Text(text.into()),
                Err(_) => continue,
            },
        };

        let packet = decoder.next_packet(message.clone(), now);
        if failed {
            assert_eq!(packet, Ok(None), "an error is final");
            continue;
        }
        match (packet, message) {
            (Ok(Some(packet)), Message::Text(text)) => {
                assert!(incomplete.is_none());
                assert_eq!(Packet::decode(text, &limits).as_ref(), Ok(&packet));
                complete(&packet, &[], limits);
            }
            (Ok(Some(packet)), Message::Binary(bytes)) => {
                let mut expected = incomplete.take().expect("binary belongs to a packet");
                expected.attachments.push(bytes);
                assert!(now < expected.deadline);
                assert_eq!(expected.missing(), 0, "a packet comes when all of it has");
                assert_eq!(packet.namespace, expected.packet.namespace);
                assert_eq!(kind(&packet), kind(&expected.packet));
                complete(&packet, &expected.attachments, limits);
            }
            (Ok(None), Message::Text(text)) => {
                assert!(incomplete.is_none());
                let packet = Packet::decode(text, &limits).expect("otherwise it were refused");
                let deadline = now + limits.attachments_timeout;
                incomplete = Some(Incomplete { packet, attachments: Vec::new(), deadline });
            }
            (Ok(None), Message::Binary(bytes)) => {
                let packet = incomplete.as_mut().expect("binary belongs to a packet");
                packet.attachments.push(bytes);
            }
            (Err(error), message) => {
                failed = true;
                let expected = incomplete.take();
                assert!(error.offset() <= MAX_PACKET as u64);
                let late = expected.as_ref().is_some_and(|packet| now >= packet.deadline);
                assert_eq!(late, error.rule() == TIMEOUT);
                match (expected, message) {
                    _ if late => {}
                    (None, Message::Binary(_)) => assert_eq!(error.rule(), Rule::UnexpectedBinary),
                    (None, Message::Text(text)) => {
                        assert_eq!(Packet::decode(text, &limits), Err(error));
                    }
                    (Some(_), Message::Text(_)) => assert_eq!(error.rule(), Rule::UnexpectedText),
                    (Some(_), Message::Binary(_)) => {
                        assert_eq!(error.rule(), Rule::PacketTooBig { limit: MAX_PACKET });
                    }
                }
            }
        }
        if let Some(packet) = &incomplete {
            assert!(packet.missing() > 0, "what is complete is delivered");
        }
        assert_eq!(decoder.next_timeout(), incomplete.as_ref().map(|packet| packet.deadline));
    }
}

const MAX_PACKET: usize = 200;
const TIMEOUT: Rule = Rule::AttachmentsTimeout;

struct Incomplete {
    packet: Packet,
    attachments: Vec<Bytes>,
    deadline: Duration,
}

impl Incomplete {
    fn missing(&self) -> usize {
        let expected = data(&self.packet).map_or(0, Data::missing_attachments);
        expected.checked_sub(self.attachments.len()).expect("no more than were announced")
    }
}

fn data(packet: &Packet) -> Option<&Data> {
    match &packet.body {
        Body::Event { data, .. } | Body::Ack { data, .. } => Some(data),
        Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => None,
    }
}

/// What a packet of text and attachments is without the attachments.
fn kind(packet: &Packet) -> (bool, Option<u64>, Option<&str>) {
    let json = data(packet).map(|data| &**data.json());
    match &packet.body {
        Body::Event { id, .. } => (true, *id, json),
        Body::Ack { id, .. } => (false, Some(*id), json),
        Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => (false, None, json),
    }
}

fn complete(packet: &Packet, attachments: &[Bytes], limits: Limits) {
    let mut len = 0;
    if let Some(data) = data(packet) {
        assert_eq!(data.missing_attachments(), 0);
        assert_eq!(data.attachments(), attachments);
        len = data.json().len();
    }
    len += attachments.iter().map(Bytes::len).sum::<usize>();
    assert!(len <= MAX_PACKET);

    // The text may grow by the comma of a namespace.
    let mut decoder = Decoder::new(limits.max_packet(MAX_PACKET + 1));
    let text = Message::Text(packet.encode());
    let rest = attachments.iter().cloned().map(Message::Binary);
    let mut again = None;
    for message in std::iter::once(text).chain(rest) {
        assert_eq!(again, None, "a packet comes with its last attachment");
        again = decoder.next_packet(message, Duration::ZERO).expect("well-formed");
    }
    assert_eq!(again.as_ref(), Some(packet));
}
