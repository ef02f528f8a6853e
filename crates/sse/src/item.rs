//! What a stream says beyond its events (HTML #parsing-an-event-stream).

use crate::{Event, Text};

/// What [`Decoder::next_item`](crate::Decoder::next_item) tells: events, and what is usually passed over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An event.
    Event(Event<'a>),
    /// A comment: what stands behind the colon, a space included.
    Comment(Text<'a>),
    /// A field that is ignored: its name is none of the four, or its value is not for it (a `retry` that
    /// is no number, an `id` with a NUL).
    Ignored {
        /// The name.
        name: Text<'a>,
        /// The value, without the one space that may lead it.
        value: Text<'a>,
    },
    /// The end of a block with an `event` or `id` field and without `data`. It delivers no event, but the
    /// last event ID is set: that is how a server of MCP makes a stream resumable before it says anything.
    Block {
        /// The value of its last `event` field, which is forgotten now; empty without one.
        event_type: Text<'a>,
        /// The last event ID string.
        last_event_id: Text<'a>,
    },
}

impl<'a> Item<'a> {
    /// What a line says that is to be ignored.
    pub(crate) fn ignored(line: &'a [u8]) -> Self {
        let (name, value) = match line.iter().position(|&byte| byte == b':') {
            Some(0) => return Self::Comment(Text::decode(&line[1..])),
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        Self::Ignored { name: Text::decode(name), value: Text::decode(value) }
    }

    /// The same, independent of the input: copies what is borrowed.
    #[must_use]
    pub fn into_owned(self) -> Item<'static> {
        match self {
            Self::Event(event) => Item::Event(event.into_owned()),
            Self::Comment(text) => Item::Comment(text.into_owned()),
            Self::Ignored { name, value } => {
                Item::Ignored { name: name.into_owned(), value: value.into_owned() }
            }
            Self::Block { event_type, last_event_id } => Item::Block {
                event_type: event_type.into_owned(),
                last_event_id: last_event_id.into_owned(),
            },
        }
    }
}
