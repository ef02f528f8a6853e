//! An event as it is dispatched (HTML #dispatchMessage).

use crate::Text;
use bytes::Bytes;
use bytestring::ByteString;

/// Data from this length on, in bytes, is shared with its chunk.
const SHARED: usize = 4096;

/// An event: what a page's `MessageEvent` holds, without the origin.
///
/// It borrows the input when it lies within one chunk and has one `data` line; then it costs no
/// allocation. [`into_owned`](Self::into_owned) frees it of the input.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event<'a> {
    /// The event type: the value of the last `event` field, `message` without one.
    pub event_type: Text<'a>,
    /// The values of the `data` fields, with an LF between each two.
    pub data: Text<'a>,
    /// The last event ID string when the event was dispatched. An event without an `id` field
    /// inherits it from those before; empty if there was none.
    pub last_event_id: Text<'a>,
}

impl Event<'_> {
    /// The same event, independent of the input: copies what is borrowed.
    #[must_use]
    #[inline]
    pub fn into_owned(self) -> Event<'static> {
        Event {
            event_type: own_event_type(self.event_type),
            data: self.data.into_owned(),
            last_event_id: self.last_event_id.into_owned(),
        }
    }

    /// The same event, which lies in `chunk` where it is borrowed, sharing long data with it.
    #[inline]
    pub(crate) fn share(self, chunk: &Bytes) -> Event<'static> {
        let data = match self.data {
            // UTF-8 is checked again: there is no other way from bytes to shared text.
            Text::Borrowed(data) if data.len() >= SHARED => {
                let shared = ByteString::try_from(chunk.slice_ref(data.as_bytes()));
                Text::Owned(shared.unwrap_or_else(|_| data.into()))
            }
            data => data.into_owned(),
        };
        Event {
            event_type: own_event_type(self.event_type),
            data,
            last_event_id: self.last_event_id.into_owned(),
        }
    }
}

/// Most are what they are without an `event` field.
#[inline]
fn own_event_type(event_type: Text<'_>) -> Text<'static> {
    match event_type {
        Text::Borrowed("message") => Text::Borrowed("message"),
        other => other.into_owned(),
    }
}
