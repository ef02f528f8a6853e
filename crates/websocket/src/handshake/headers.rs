//! The header fields of a request or response, as an owned list in the order of the wire.

use alloc::vec::Vec;
use core::fmt;

use bytes::{BufMut as _, Bytes, BytesMut};
use bytestring::ByteString;

use super::fields::Field;
use super::{BuildError, abnf, connect};

/// What the handshake writes itself, besides `Sec-WebSocket-*`; and what would announce a body, whose
/// bytes the peer would take for frames.
const OWN: [&str; 6] =
    ["Host", "Origin", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding"];

#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Headers {
    fields: Vec<(ByteString, Bytes)>,
    /// Names are in lower case, and no field is about the connection (RFC 9113 §8.2).
    http2: bool,
}

impl Headers {
    pub(super) fn new(http2: bool) -> Self {
        Self { fields: Vec::new(), http2 }
    }

    /// Fields as they were received.
    pub(super) fn received(fields: &[Field<'_>], http2: bool) -> Self {
        let own = |field: &Field<'_>| (field.name.into(), Bytes::copy_from_slice(field.value));
        Self { fields: fields.iter().map(own).collect(), http2 }
    }

    pub(super) fn push(&mut self, name: &str, value: impl Into<Bytes>) {
        let name = if self.http2 { name.to_ascii_lowercase().into() } else { name.into() };
        self.fields.push((name, value.into()));
    }

    /// Sets the only field of that name.
    #[cfg(feature = "deflate")]
    pub(super) fn set(&mut self, name: &str, value: impl Into<Bytes>) {
        self.fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.push(name, value);
    }

    /// Adds a header of the caller's.
    pub(super) fn push_checked(&mut self, name: &str, value: &str) -> Result<(), BuildError> {
        if !abnf::is_token(name) {
            return Err(BuildError::HeaderName);
        }
        if !abnf::is_field_value(value) {
            return Err(BuildError::HeaderValue);
        }
        let is_own = OWN.iter().any(|own| name.eq_ignore_ascii_case(own));
        let is_own = is_own || name.to_ascii_lowercase().starts_with("sec-websocket-");
        if is_own || self.http2 && connect::is_connection_specific(name, value.as_bytes()) {
            return Err(BuildError::HandshakeHeader);
        }
        self.push(name, Bytes::copy_from_slice(value.as_bytes()));
        Ok(())
    }

    /// Adds an element to the comma-separated list that the field is: peers that look at the first
    /// field of a name only then see all of it.
    pub(super) fn push_element(&mut self, name: &str, element: &str) {
        match self.fields.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, value)) => *value = [value, element.as_bytes()].join(&b", "[..]).into(),
            None => self.push(name, Bytes::copy_from_slice(element.as_bytes())),
        }
    }

    /// The value of the first field of that name.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(name, value)| (&**name, &**value))
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        for (name, value) in self.iter() {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                out.put_slice(part);
            }
        }
    }
}

/// Names only: values hold cookies and credentials, which belong in no log.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields.iter().map(|(name, _)| name)).finish()
    }
}
