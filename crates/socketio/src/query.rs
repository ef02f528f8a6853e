//! Protocol 4: credentials in the query of a namespace (`0/ns?k=v,`).

use alloc::{borrow::Cow, collections::BTreeMap, string::String, vec::Vec};

use crate::{
    json::{Json, push_string},
    packet::{Body, Packet},
};

/// Takes the query off the namespace. Of a CONNECT it is the credentials; elsewhere, and for any
/// data that a CONNECT has, the reference does not care.
pub(crate) fn into_auth(packet: Packet) -> Packet {
    let (namespace, query) = match packet.namespace.split_query() {
        Some((namespace, query)) => (namespace, object(query)),
        None => (packet.namespace, None),
    };
    let body = match packet.body {
        Body::Connect(_) => Body::Connect(query),
        body => body,
    };
    Packet { namespace, body }
}

/// What `URLSearchParams` makes of the query, as a JSON object: of the values under one key the
/// last. `None` if there is no key.
fn object(query: &str) -> Option<Json> {
    let members: BTreeMap<_, _> = query
        .split('&')
        .filter(|member| !member.is_empty())
        .map(|member| member.split_once('=').unwrap_or((member, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect();
    if members.is_empty() {
        return None;
    }
    let mut object = String::from("{");
    for (key, value) in members {
        if object.len() > 1 {
            object.push(',');
        }
        push_string(&mut object, &key);
        object.push(':');
        push_string(&mut object, &value);
    }
    object.push('}');
    Some(Json::scanned(object.into()))
}

/// application/x-www-form-urlencoded: `+` is a space, `%` with two digits a byte, and what is no
/// UTF-8 then U+FFFD.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match (first, escaped(after)) {
            (b'%', Some(escaped)) => escaped,
            (b'+', _) => (b' ', after),
            _ => (first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The byte that two hexadecimal digits stand for, and what follows them.
fn escaped(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = rest.split_first_chunk::<2>()?;
    let digit = |byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let [high, low] = digits.map(digit);
    Some(((high? << 4) | low?, after))
}
