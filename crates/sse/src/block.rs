//! Fields to events (HTML #event-stream-interpretation): the buffers of the standard, and what an
//! empty line does with them.

use crate::utf8::{self, Utf8};
use crate::{Event, Text};
use alloc::string::String;
use bytestring::ByteString;
use core::mem;

/// Data is copied out of its buffer up to this length, in bytes; longer data takes the buffer along.
const COPIED: usize = 4096;

/// Fields since the last empty line that lie in the present chunk, as they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Borrowed<'i> {
    event_type: Option<&'i str>,
    data: Option<&'i str>,
    id: Option<&'i str>,
}

impl<'i> Borrowed<'i> {
    #[inline]
    pub(crate) const fn has_data(&self) -> bool {
        self.data.is_some()
    }

    #[inline]
    const fn is_empty(&self) -> bool {
        self.event_type.is_none() && self.data.is_none() && self.id.is_none()
    }

    /// Takes the value if it is UTF-8, and the first.
    #[inline]
    pub(crate) fn set_data(&mut self, value: &'i [u8]) -> bool {
        self.data.is_none() && set(&mut self.data, value)
    }

    /// Takes the value if it is UTF-8.
    #[inline]
    pub(crate) fn set_event_type(&mut self, value: &'i [u8]) -> bool {
        set(&mut self.event_type, value)
    }

    /// Takes the value if it is UTF-8.
    #[inline]
    pub(crate) fn set_id(&mut self, value: &'i [u8]) -> bool {
        set(&mut self.id, value)
    }
}

#[inline]
fn set<'i>(slot: &mut Option<&'i str>, value: &'i [u8]) -> bool {
    let Some(value) = utf8::valid(value) else { return false };
    *slot = Some(value);
    true
}

/// The same fields where they cannot be borrowed: the event is cut, has several `data` lines, or is
/// not UTF-8.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    event_type: Option<ByteString>,
    /// The data buffer, without the LF that the standard appends to each value, to drop the last.
    data: String,
    /// There was a `data` field, so that `data` counts, be it empty.
    has_data: bool,
    /// The id buffer, if there was an `id` field. If not, it is the last event ID string.
    id: Option<ByteString>,
    /// The event is over a limit: its data is dropped, now and later.
    pub(crate) oversize: bool,
    /// The end of a `data` line that is cut.
    utf8: Utf8,
}

impl Block {
    pub(crate) const fn has_data(&self) -> bool {
        self.has_data
    }

    /// There is data to deliver.
    pub(crate) const fn has_event(&self) -> bool {
        self.has_data && !self.oversize
    }

    /// The length of the data, in bytes.
    pub(crate) fn data_len(&self) -> usize {
        self.data.len()
    }

    #[cfg(test)]
    pub(crate) fn data_capacity(&self) -> usize {
        self.data.capacity()
    }

    /// Copies what is about to leave with its chunk.
    #[inline]
    pub(crate) fn keep(&mut self, borrowed: &mut Borrowed<'_>) {
        if !borrowed.is_empty() {
            self.keep_some(borrowed);
        }
    }

    #[cold]
    fn keep_some(&mut self, borrowed: &mut Borrowed<'_>) {
        if let Some(event_type) = borrowed.event_type.take() {
            self.event_type = Some(event_type.into());
        }
        if let Some(id) = borrowed.id.take() {
            self.id = Some(id.into());
        }
        self.keep_data(borrowed);
    }

    /// Copies the data, of which more follows.
    #[inline]
    pub(crate) fn keep_data(&mut self, borrowed: &mut Borrowed<'_>) {
        if let Some(data) = borrowed.data.take() {
            self.begin_data();
            self.data.push_str(data);
        }
    }

    pub(crate) fn set_event_type(&mut self, value: &[u8]) {
        self.event_type = Some(utf8::decode(value).as_ref().into());
    }

    pub(crate) fn set_id(&mut self, value: &[u8]) {
        self.id = Some(utf8::decode(value).as_ref().into());
    }

    pub(crate) fn push_data(&mut self, value: &[u8]) {
        self.begin_data();
        if !self.oversize {
            self.data.push_str(&utf8::decode(value));
        }
    }

    /// A `data` line begins, of which parts follow.
    pub(crate) fn begin_data(&mut self) {
        if mem::replace(&mut self.has_data, true) && !self.oversize {
            self.data.push('\n');
        }
    }

    pub(crate) fn push_data_part(&mut self, part: &[u8]) {
        if !self.oversize {
            self.utf8.push(part, &mut self.data);
        }
    }

    pub(crate) fn end_data(&mut self) {
        self.utf8.finish(&mut self.data);
    }

    /// Drops the data of this event, also what is still to come.
    pub(crate) fn drop_data(&mut self) {
        self.oversize = true;
        self.has_data = true;
        self.data = String::new();
        self.utf8 = Utf8::default();
    }

    /// An empty line ends an event: there was a `data` field, and no limit was passed.
    #[inline]
    pub(crate) fn dispatch<'i>(
        &mut self,
        borrowed: Borrowed<'i>,
        last_event_id: &mut LastEventId,
    ) -> Event<'i> {
        // The event of most streams is made where it is returned. The others are assembled first,
        // and moved, which shows when events are as short as a token.
        if let Some(data) = borrowed.data
            && borrowed.id.is_none()
            && last_event_id.id.is_empty()
            && self.id.is_none()
            && self.event_type.is_none()
        {
            let event_type = borrowed.event_type.filter(|value| !value.is_empty());
            return Event {
                event_type: Text::Borrowed(event_type.unwrap_or("message")),
                data: Text::Borrowed(data),
                last_event_id: Text::Borrowed(""),
            };
        }
        let last_event_id = match self.id(borrowed) {
            Some(id) => last_event_id.set(id),
            None => last_event_id.share(),
        };
        let event_type = match (borrowed.event_type, self.event_type.take()) {
            (Some(value), _) if !value.is_empty() => Text::Borrowed(value),
            (None, Some(value)) if !value.is_empty() => Text::Owned(value),
            _ => Text::Borrowed("message"),
        };
        let data = match borrowed.data {
            Some(data) => Text::Borrowed(data),
            None => Text::Owned(self.take_data()),
        };
        Event { event_type, data, last_event_id }
    }

    /// An empty line that ends no event.
    pub(crate) fn end(&mut self, borrowed: Borrowed<'_>, last_event_id: &mut LastEventId) {
        // "Set the last event ID string of the event source to the value of the last event ID
        // buffer" comes before "if the data buffer is an empty string".
        if let Some(id) = self.id(borrowed) {
            last_event_id.set(id);
        }
        self.event_type = None;
        self.has_data = false;
        self.oversize = false;
    }

    #[inline]
    fn id<'i>(&mut self, borrowed: Borrowed<'i>) -> Option<Text<'i>> {
        match (borrowed.id, self.id.take()) {
            (Some(id), _) => Some(Text::Borrowed(id)),
            (None, id) => id.map(Text::Owned),
        }
    }

    fn take_data(&mut self) -> ByteString {
        self.has_data = false;
        if self.data.len() > COPIED {
            return mem::take(&mut self.data).into();
        }
        let data = self.data.as_str().into();
        self.data.clear();
        data
    }
}

/// The last event ID string.
///
/// Events with an `id` field borrow it from the input, and this copy reuses its room; events that
/// inherit it share one string, made when the first of them comes.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastEventId {
    id: String,
    shared: Option<ByteString>,
    /// An `id` field has set it, be it to what it was, since this was last asked.
    pub(crate) set: bool,
}

impl LastEventId {
    pub(crate) fn new(id: String) -> Self {
        Self { id, shared: None, set: false }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.id
    }

    fn set<'i>(&mut self, id: Text<'i>) -> Text<'i> {
        self.set = true;
        self.id.clear();
        self.id.push_str(&id);
        self.shared = match &id {
            Text::Borrowed(_) => None,
            Text::Owned(id) => Some(id.clone()),
        };
        id
    }

    #[inline]
    fn share(&mut self) -> Text<'static> {
        if self.id.is_empty() {
            return Text::Borrowed("");
        }
        Text::Owned(self.shared.get_or_insert_with(|| self.id.as_str().into()).clone())
    }
}
