//! Fields to events (HTML #event-stream-interpretation): the buffers of the standard, and what an
//! empty line does with them.

use crate::data::Data;
use crate::utf8;
use crate::{Event, Text};
use alloc::string::String;
use bytestring::ByteString;
use core::mem;

/// Fields since the last empty line that lie in the present chunk, as they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Borrowed<'i> {
    pub(crate) event_type: Option<&'i [u8]>,
    /// Of the one `data` field, which no other stands before.
    pub(crate) data: Option<&'i [u8]>,
    pub(crate) id: Option<&'i [u8]>,
}

impl Borrowed<'_> {
    #[inline]
    const fn is_empty(&self) -> bool {
        self.event_type.is_none() && self.data.is_none() && self.id.is_none()
    }
}

/// The same fields where they cannot be borrowed: the event is cut, or has several `data` lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    event_type: Option<ByteString>,
    /// The data buffer, without the LF that the standard appends to each value, to drop the last.
    data: Data,
    /// There was a `data` field, so that `data` counts, be it empty.
    has_data: bool,
    /// The id buffer, if there was an `id` field. If not, it is the last event ID string.
    id: Option<ByteString>,
    /// The event is over a limit: its data is dropped, now and later.
    pub(crate) oversize: bool,
}

impl Block {
    #[inline]
    pub(crate) const fn has_data(&self) -> bool {
        self.has_data
    }

    /// There is data to deliver.
    #[inline]
    pub(crate) const fn has_event(&self) -> bool {
        self.has_data && !self.oversize
    }

    /// Makes room for data of so many bytes.
    pub(crate) fn reserve_data(&mut self, bytes: usize) {
        self.data.reserve(bytes);
    }

    /// Whether the data is within the limit; asked after a `data` line.
    #[inline]
    pub(crate) fn data_fits(&mut self, limit: usize) -> bool {
        self.data.fits(limit)
    }

    /// Copies what is about to leave with its chunk.
    #[inline]
    pub(crate) fn keep(&mut self, borrowed: &mut Borrowed<'_>) {
        if !borrowed.is_empty() {
            self.keep_some(borrowed);
        }
    }

    fn keep_some(&mut self, borrowed: &mut Borrowed<'_>) {
        if let Some(event_type) = borrowed.event_type.take() {
            self.set_event_type(event_type);
        }
        if let Some(id) = borrowed.id.take() {
            self.set_id(id);
        }
        self.keep_data(borrowed);
    }

    /// Copies the data, of which more follows.
    #[inline]
    pub(crate) fn keep_data(&mut self, borrowed: &mut Borrowed<'_>) {
        if let Some(data) = borrowed.data.take() {
            self.push_data(data);
        }
    }

    pub(crate) fn set_event_type(&mut self, value: &[u8]) {
        self.event_type = Some(utf8::decode(value).as_ref().into());
    }

    pub(crate) fn set_id(&mut self, value: &[u8]) {
        self.id = Some(utf8::decode(value).as_ref().into());
    }

    #[inline]
    pub(crate) fn push_data(&mut self, value: &[u8]) {
        self.begin_data();
        self.push_data_part(value);
    }

    /// A `data` line begins, of which parts follow.
    #[inline]
    pub(crate) fn begin_data(&mut self) {
        if mem::replace(&mut self.has_data, true) {
            self.push_data_part(b"\n");
        }
    }

    #[inline]
    pub(crate) fn push_data_part(&mut self, part: &[u8]) {
        if !self.oversize {
            self.data.push(part);
        }
    }

    /// Drops the data of this event, also what is still to come.
    pub(crate) fn drop_data(&mut self) {
        self.oversize = true;
        self.has_data = true;
        self.data.clear();
    }

    /// The event type and the data, if an event ends that has no more than these, all of it borrowed.
    ///
    /// Such are the events of most streams. They are made where they are returned; the others are
    /// assembled first, and moved, which shows when events are as short as a token.
    #[inline(always)]
    pub(crate) fn plain<'i>(
        &self,
        borrowed: &Borrowed<'i>,
        last_event_id: &LastEventId,
    ) -> Option<(&'i str, &'i str)> {
        let data = borrowed.data?;
        if borrowed.id.is_some()
            || self.id.is_some()
            || self.event_type.is_some()
            || !last_event_id.id.is_empty()
        {
            return None;
        }
        let event_type = borrowed.event_type.map_or(Some(MESSAGE), utf8::valid)?;
        if event_type.is_empty() { None } else { Some((event_type, utf8::valid(data)?)) }
    }

    /// An empty line ends an event: there was a `data` field, and no limit was passed.
    pub(crate) fn dispatch<'i>(
        &mut self,
        borrowed: Borrowed<'i>,
        last_event_id: &mut LastEventId,
    ) -> Event<'i> {
        let event_type = match self.event_type(borrowed) {
            Some(value) if !value.is_empty() => value,
            _ => Text::Borrowed(MESSAGE),
        };
        let last_event_id = match self.id(borrowed) {
            Some(id) => last_event_id.set(id),
            None => last_event_id.share(),
        };
        let data = match borrowed.data {
            Some(data) => Text::decode(data),
            None => {
                self.has_data = false;
                Text::Owned(self.data.take())
            }
        };
        Event { event_type, data, last_event_id }
    }

    /// An empty line that ends no event. If it ends fields at all: the event type, and the last event
    /// ID string.
    pub(crate) fn end<'i>(
        &mut self,
        borrowed: Borrowed<'i>,
        last_event_id: &mut LastEventId,
    ) -> Option<(Text<'i>, Text<'i>)> {
        let (event_type, id) = (self.event_type(borrowed), self.id(borrowed));
        self.has_data = false;
        self.oversize = false;
        if event_type.is_none() && id.is_none() {
            return None;
        }
        // "Set the last event ID string of the event source to the value of the last event ID
        // buffer" comes before "if the data buffer is an empty string".
        let id = match id {
            Some(id) => last_event_id.set(id),
            None => last_event_id.share(),
        };
        Some((event_type.unwrap_or_default(), id))
    }

    #[inline]
    fn event_type<'i>(&mut self, borrowed: Borrowed<'i>) -> Option<Text<'i>> {
        match (borrowed.event_type, self.event_type.take()) {
            (Some(value), _) => Some(Text::decode(value)),
            (None, value) => value.map(Text::Owned),
        }
    }

    #[inline]
    fn id<'i>(&mut self, borrowed: Borrowed<'i>) -> Option<Text<'i>> {
        match (borrowed.id, self.id.take()) {
            (Some(id), _) => Some(Text::decode(id)),
            (None, id) => id.map(Text::Owned),
        }
    }
}

const MESSAGE: &str = "message";

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
