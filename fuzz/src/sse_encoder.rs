use rtwire_sse::{Decoder, EncodeError, Fields};
use std::time::Duration;

/// The event stream encoder, given any values: the input is the fields, with FF between them.
///
/// - A value that would be another field, or none, is a typed error; every other is encoded.
/// - Decode inverts encode, at any cut: one event, with the values that went in.
/// - Each proper prefix means more.
pub fn sse_encoder(input: &[u8]) {
    let mut values = input.split(|&byte| byte == 0xFF).map(String::from_utf8_lossy);
    let mut value = || values.next().unwrap_or_default();
    let (data, event_type, id, comment, retry) = (value(), value(), value(), value(), value());

    let mut fields = Fields::new().data(&data).event(&event_type);
    // No id and no comment, where one of no length might be meant: the data decides.
    let (with_id, with_comment) =
        (id.len() + data.len() % 2 > 0, comment.len() + data.len() % 3 > 0);
    if with_id {
        fields = fields.id(&id);
    }
    if with_comment {
        fields = fields.comment(&comment);
    }
    let retry: Option<u64> = retry.parse().ok();
    if let Some(milliseconds) = retry {
        fields = fields.retry(Duration::from_millis(milliseconds));
    }

    let bytes = match fields.to_bytes() {
        Ok(bytes) => bytes,
        Err(EncodeError::LineBreakInEvent) => return assert!(event_type.contains(['\r', '\n'])),
        Err(EncodeError::LineBreakInId) => return assert!(id.contains(['\r', '\n'])),
        Err(EncodeError::NulInId) => return assert!(id.contains('\0')),
        Err(error) => panic!("{error}"),
    };
    assert!(!event_type.contains(['\r', '\n']) && !id.contains(['\r', '\n', '\0']));

    let last = usize::from(input.last().copied().unwrap_or(0));
    let cut = last.min(bytes.len());
    for parts in [vec![&bytes[..]], vec![&bytes[..cut], &bytes[cut..]], bytes.chunks(1).collect()] {
        let mut decoder = Decoder::new().with_last_event_id("before");
        let (mut seen, mut events) = (0, Vec::new());
        for mut part in parts {
            seen += part.len();
            while let Some(event) = decoder.next_event(&mut part).expect("the limits are far") {
                assert_eq!(seen, bytes.len(), "delivered by a prefix");
                events.push(event.into_owned());
            }
        }
        let [event] = &events[..] else { panic!("{} events", events.len()) };
        assert_eq!(event.data, *data.replace("\r\n", "\n").replace('\r', "\n"));
        assert_eq!(event.event_type, if event_type.is_empty() { "message" } else { &event_type });
        assert_eq!(event.last_event_id, if with_id { &id } else { "before" });
        assert_eq!(decoder.retry(), retry.map(Duration::from_millis));
    }
}
