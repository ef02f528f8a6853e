//! The rules of the standard read plainly over a whole stream in memory: slow, and the twin that
//! the decoder is compared with.

use rtwire_sse::{Event, Item, Text};

pub(crate) struct Plain {
    pub(crate) items: Vec<Item<'static>>,
    pub(crate) last_event_id: String,
    pub(crate) retry: Option<u64>,
}

impl Plain {
    pub(crate) fn events(&self) -> Vec<&Event<'static>> {
        let mut events = Vec::new();
        for item in &self.items {
            if let Item::Event(event) = item {
                events.push(event);
            }
        }
        events
    }
}

pub(crate) fn decode(stream: &[u8]) -> Plain {
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let (mut event_type, mut data, mut id) = (String::new(), String::new(), String::new());
    let mut plain = Plain { items: Vec::new(), last_event_id: String::new(), retry: None };
    // An `event` or `id` field in the block.
    let mut says = false;
    for line in lines(text) {
        if line.is_empty() {
            plain.last_event_id.clone_from(&id);
            if let Some(data) = data.strip_suffix('\n') {
                let event_type = if event_type.is_empty() { "message" } else { &event_type };
                plain.items.push(Item::Event(Event {
                    event_type: event_type.to_owned().into(),
                    data: data.to_owned().into(),
                    last_event_id: Text::from(id.clone()),
                }));
            } else if says {
                plain.items.push(Item::Block {
                    event_type: event_type.clone().into(),
                    last_event_id: Text::from(id.clone()),
                });
            }
            says = false;
            data.clear();
            event_type.clear();
            continue;
        }
        if let Some(comment) = line.strip_prefix(':') {
            plain.items.push(Item::Comment(comment.to_owned().into()));
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => {
                event_type = value.to_owned();
                says = true;
            }
            "data" => data = data + value + "\n",
            "id" if !value.contains('\0') => {
                id = value.to_owned();
                says = true;
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                plain.retry = Some(value.parse().unwrap_or(u64::MAX));
            }
            _ => plain.items.push(Item::Ignored {
                name: name.to_owned().into(),
                value: value.to_owned().into(),
            }),
        }
    }
    plain
}

/// The lines that have an end.
fn lines(mut text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    while let Some(end) = text.find(['\r', '\n']) {
        lines.push(&text[..end]);
        let line_end = if text[end..].starts_with("\r\n") { 2 } else { 1 };
        text = &text[end + line_end..];
    }
    lines
}
