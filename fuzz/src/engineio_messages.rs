use rtwire_engineio::{Message, PreparedMessage};

/// The message of this number: binary if `data` says so, or with a record separator.
pub(crate) fn one(number: u32, separator: bool, data: &[u8]) -> Message {
    match (data.first(), separator) {
        (_, true) => Message::from(format!("{number}\x1e")),
        (Some(b'b'), false) => Message::from(number.to_be_bytes().to_vec()),
        (_, false) => Message::from(number.to_string()),
    }
}

/// Messages that belong together, the last one perhaps with a separator.
pub(crate) fn three(number: u32, separator: bool) -> [PreparedMessage; 3] {
    let end = if separator { "\x1e" } else { "" };
    [
        PreparedMessage::new(number.to_string()),
        PreparedMessage::new((number + 1).to_be_bytes().to_vec()),
        PreparedMessage::new(format!("{}{end}", number + 2)),
    ]
}
