use alloc::{borrow::Cow, string::String, vec::Vec};

use bytes::Bytes;
use bytestring::ByteString;

use crate::{
    error::{Error, Rule, SendError},
    json::{self, push_string},
    limits::Limits,
};

/// The data of EVENT or ACK: a JSON array, and the attachments that its placeholders stand for.
///
/// The array of an event starts with the event's name. That of an ack has no name, though it may
/// start with text: which of the two this is, the packet knows, and the method by which it is read
/// or converted says. With the feature `std`, `Data::event` and `Data::ack` write it from Rust
/// values, and `Data::into_args` reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    json: ByteString,
    /// As many as the placeholders name, or fewer while they arrive.
    attachments: Vec<Bytes>,
    expected: usize,
}

impl Data {
    /// Puts together what was encoded elsewhere.
    ///
    /// # Errors
    /// [`Rule::AckData`] if `json` is not an array; [`Rule::InvalidJson`], [`Rule::TooDeep`],
    /// [`Rule::Placeholder`], [`Rule::UnusedAttachment`].
    ///
    /// ```
    /// use bytes::Bytes;
    /// use rtwire_socketio::Data;
    ///
    /// let json = r#"["upload",{"_placeholder":true,"num":0}]"#;
    /// let data = Data::from_parts(json.into(), vec![Bytes::from_static(b"\x01\x02")])?;
    /// assert_eq!(data.event_name().as_deref(), Some("upload"));
    /// # Ok::<(), rtwire_socketio::Error>(())
    /// ```
    pub fn from_parts(json: ByteString, attachments: Vec<Bytes>) -> Result<Self, Error> {
        if json::first_byte(&json) != Some(b'[') {
            return Err(Error::new(Rule::AckData, 0));
        }
        json::scan(&json, Limits::MAX_DEPTH, attachments.len())?;
        Ok(Self { json, expected: attachments.len(), attachments })
    }

    /// The parts are known to fit each other; attachments may be still to come.
    pub(crate) fn scanned(json: ByteString, attachments: Vec<Bytes>, expected: usize) -> Self {
        Self { json, attachments, expected }
    }

    /// An event whose arguments are `attachments`, none of which is copied. `None` if the name is
    /// reserved.
    ///
    /// ```
    /// let picture = bytes::Bytes::from(vec![0; 100_000]);
    /// let data = rtwire_socketio::Data::binary_event("picture", vec![picture]).unwrap();
    /// assert_eq!(&**data.json(), r#"["picture",{"_placeholder":true,"num":0}]"#);
    /// ```
    pub fn binary_event(name: &str, attachments: Vec<Bytes>) -> Option<Self> {
        if is_reserved(name) {
            return None;
        }
        let mut json = String::from("[");
        push_string(&mut json, name);
        for num in 0..attachments.len() {
            json.push(',');
            json::push_placeholder(&mut json, num);
        }
        json.push(']');
        Some(Self { json: json.into(), expected: attachments.len(), attachments })
    }

    /// The arguments of an event under another name, without reading them: placeholders and
    /// attachments stay as they are. `None` if the name is reserved, or if this is not the data of
    /// an event.
    ///
    /// ```
    /// use rtwire_socketio::Data;
    ///
    /// let data = Data::from_parts(r#"["say", "hello", {"n": 1}]"#.into(), vec![])?;
    /// let said = data.into_event("said").unwrap();
    /// assert_eq!(*said.json(), r#"["said","hello", {"n": 1}]"#);
    /// assert_eq!(said.into_event("disconnect"), None);
    /// # Ok::<(), rtwire_socketio::Error>(())
    /// ```
    pub fn into_event(self, name: &str) -> Option<Self> {
        event_name(&self.json).ok()?;
        let (_, rest) = json::split_first_element(&self.json)?;
        let arguments = rest.strip_prefix(',').unwrap_or(rest);
        let json = event_json(name, arguments)?;
        Some(Self { json, ..self })
    }

    /// The arguments of an event as those of an ack, without reading them, as
    /// [`into_event`](Self::into_event) does. What does not start with the name of an event can
    /// only be an ack's, and stays as it is.
    ///
    /// ```
    /// use rtwire_socketio::Data;
    ///
    /// let data = Data::from_parts(r#"["echo","hello",1]"#.into(), vec![])?;
    /// assert_eq!(*data.into_ack().json(), r#"["hello",1]"#);
    /// # Ok::<(), rtwire_socketio::Error>(())
    /// ```
    pub fn into_ack(self) -> Self {
        if event_name(&self.json).is_err() {
            return self;
        }
        let Some((_, rest)) = json::split_first_element(&self.json) else { return self };
        let arguments = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        let json = ["[", arguments].concat().into();
        Self { json, ..self }
    }

    /// The arguments of an ack as those of an event, without reading them, as
    /// [`into_event`](Self::into_event) does. `None` if the name is reserved.
    ///
    /// ```
    /// use rtwire_socketio::Data;
    ///
    /// let data = Data::from_parts(r#"["hello",1]"#.into(), vec![])?;
    /// let event = data.ack_into_event("answer").unwrap();
    /// assert_eq!(*event.json(), r#"["answer","hello",1]"#);
    /// # Ok::<(), rtwire_socketio::Error>(())
    /// ```
    pub fn ack_into_event(self, name: &str) -> Option<Self> {
        let arguments = self.json.trim_start().strip_prefix('[')?;
        let json = event_json(name, arguments)?;
        Some(Self { json, ..self })
    }

    /// The same with one more argument, text, at the end, without reading the others: of an event
    /// that a client can recover, its offset. See [`Recovery`](crate::Recovery).
    ///
    /// ```
    /// use rtwire_socketio::Data;
    ///
    /// let data = Data::from_parts(r#"["news",{"n":1}]"#.into(), vec![])?;
    /// assert_eq!(*data.with_offset("o-7").json(), r#"["news",{"n":1},"o-7"]"#);
    /// # Ok::<(), rtwire_socketio::Error>(())
    /// ```
    pub fn with_offset(self, offset: &str) -> Self {
        let elements = self.json.trim();
        let elements = elements.strip_suffix(']').unwrap_or(elements).trim_end();
        // 4: a comma, two quotes and the bracket.
        let mut json = String::with_capacity(elements.len() + offset.len() + 4);
        json.push_str(elements);
        if elements != "[" {
            json.push(',');
        }
        push_string(&mut json, offset);
        json.push(']');
        Self { json: json.into(), ..self }
    }

    /// The array, with placeholders.
    pub fn json(&self) -> &ByteString {
        &self.json
    }

    /// The attachments, in the order in which placeholders number them.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// How many attachments are still to come: 0 but in what [`Packet::decode`] has returned.
    ///
    /// [`Packet::decode`]: crate::Packet::decode
    pub fn missing_attachments(&self) -> usize {
        self.expected - self.attachments.len()
    }

    /// How many attachments there are when all have come.
    pub(crate) fn attachment_count(&self) -> usize {
        self.expected
    }

    pub(crate) fn ready_to_send(&self) -> Result<(), SendError> {
        if self.missing_attachments() == 0 { Ok(()) } else { Err(SendError::Incomplete) }
    }

    pub(crate) fn ready_as_event(&self) -> Result<(), SendError> {
        if event_name(&self.json).is_err() {
            return Err(SendError::NotAnEvent);
        }
        self.ready_to_send()
    }

    pub(crate) fn push_attachment(&mut self, attachment: Bytes) {
        self.attachments.push(attachment);
    }

    #[cfg(feature = "std")]
    pub(crate) fn into_parts(self) -> (ByteString, Vec<Bytes>) {
        (self.json, self.attachments)
    }

    /// The name of the event: the first element if it is text, or a number as it is written;
    /// `None` if this is not the data of an event.
    pub fn event_name(&self) -> Option<Cow<'_, str>> {
        event_name(&self.json).ok()
    }
}

/// The name with which the array of an event starts.
pub(crate) fn event_name(array: &str) -> Result<Cow<'_, str>, Rule> {
    // As nearly all are written.
    if let Some((name, false)) = array.strip_prefix('[').and_then(json::inside_string) {
        return if is_reserved(name) { Err(Rule::ReservedEvent) } else { Ok(name.into()) };
    }
    let (literal, _) = json::split_first_element(array).ok_or(Rule::EventData)?;
    let name = match literal.as_bytes() {
        [b'"', ..] => json::text(literal).ok_or(Rule::EventName)?,
        [b'-' | b'0'..=b'9', ..] => Cow::Borrowed(literal),
        _ => return Err(Rule::EventName),
    };
    if is_reserved(&name) { Err(Rule::ReservedEvent) } else { Ok(name) }
}

/// The array of an event whose `arguments` are the rest of an array, its closing bracket included.
/// `None` if the name is reserved.
fn event_json(name: &str, arguments: &str) -> Option<ByteString> {
    if is_reserved(name) {
        return None;
    }
    let arguments = arguments.trim_start();
    let mut json = String::with_capacity(name.len() + arguments.len() + 4);
    json.push('[');
    push_string(&mut json, name);
    if !arguments.starts_with(']') {
        json.push(',');
    }
    json.push_str(arguments);
    Some(json.into())
}

/// The names that Node's emitters and sockets use for themselves.
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "connect"
            | "connect_error"
            | "disconnect"
            | "disconnecting"
            | "newListener"
            | "removeListener"
    )
}
