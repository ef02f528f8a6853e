//! Rust values read from the array of a packet: JSON that is known to be valid, with bytes where it
//! has placeholders. One pass, without a tree.

use core::mem;
use std::{borrow::Cow, vec::Vec};

use bytes::Bytes;
use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Error;

use super::PayloadError;
use crate::{data::Data, json, limits::Limits};

/// Reads the arguments; `named`: they come after the name of an event.
pub(super) fn args<T: DeserializeOwned>(data: Data, named: bool) -> Result<T, PayloadError> {
    if data.missing_attachments() > 0 {
        return Err(PayloadError::Incomplete);
    }
    let (json, attachments) = data.into_parts();
    let mut reader = Reader { text: &json, at: 0, depth: 0, attachments, splice: true };
    reader.take(b'[');
    if named {
        reader.skip_value();
        reader.take(b',');
    }
    // What nobody takes is ignored, as a function in JavaScript does with arguments.
    Ok(T::deserialize(&mut reader)?)
}

struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
    attachments: Vec<Bytes>,
    /// Before the arguments: a tuple is all that are left, anything else the first of them.
    splice: bool,
}

impl<'de> Reader<'de> {
    fn rest(&self) -> &'de str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        while let Some(..=b' ') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The next value as it is written.
    fn skip_value(&mut self) -> &'de str {
        self.peek();
        let rest = self.rest();
        let length = json::value_len(rest);
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// The string that starts here.
    #[inline]
    fn string(&mut self) -> Result<Cow<'de, str>, Error> {
        if let Some(inside) = json::plain_string(self.text, self.at) {
            self.at += inside.len() + 2;
            return Ok(Cow::Borrowed(inside));
        }
        self.escaped_string()
    }

    fn escaped_string(&mut self) -> Result<Cow<'de, str>, Error> {
        let (inside, _) = json::inside_string(self.rest()).unwrap_or_default();
        self.at += inside.len() + 2;
        json::unescape(inside).ok_or_else(|| Error::custom("half a surrogate pair"))
    }

    /// The number that starts here, and whether it is written as an integer.
    fn number(&mut self) -> (&'de str, bool) {
        let (start, mut integer) = (self.at, true);
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'0'..=b'9' | b'-' => {}
                b'.' | b'e' | b'E' | b'+' => integer = false,
                _ => break,
            }
            self.at += 1;
        }
        (self.text.get(start..self.at).unwrap_or_default(), integer)
    }

    /// The attachment that the next value stands for, if it does.
    fn attachment(&mut self) -> Option<Bytes> {
        if self.attachments.is_empty() || self.peek() != Some(b'{') {
            return None;
        }
        let (num, length) = json::placeholder(self.rest())?;
        let bytes = self.attachments.get_mut(num)?;
        self.at += length;
        // It has one placeholder; and who gets it for its own need not copy it.
        Some(mem::take(bytes))
    }

    fn nested<T>(
        &mut self,
        close: u8,
        read: impl FnOnce(&mut Nested<'_, 'de>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.depth >= Limits::MAX_DEPTH {
            return Err(Error::custom("nested too deep"));
        }
        self.at += 1;
        self.depth += 1;
        let mut nested = Nested { reader: self, first: true };
        let value = read(&mut nested)?;
        if !self.take(close) {
            return Err(Error::custom("more elements than expected"));
        }
        self.depth -= 1;
        Ok(value)
    }

    /// Whether there is no argument left for who wants one: to be taken for null, where that will
    /// do.
    fn absent(&mut self) -> bool {
        mem::take(&mut self.splice) && self.peek() == Some(b']')
    }
}

/// Visits a number as it is written.
fn visit_number<'de, V: Visitor<'de>>(
    number: &str,
    integer: bool,
    visitor: V,
) -> Result<V::Value, Error> {
    if integer && let Ok(number) = number.parse() {
        return visitor.visit_u64(number);
    }
    if integer && let Ok(number @ ..0) = number.parse() {
        return visitor.visit_i64(number);
    }
    match number.parse() {
        Ok(number) if f64::is_finite(number) => visitor.visit_f64(number),
        _ => Err(Error::custom("number out of range")),
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.absent() {
            return visitor.visit_unit();
        }
        match self.peek() {
            Some(b'"') => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            Some(b'[') => self.nested(b']', |elements| visitor.visit_seq(elements)),
            Some(b'{') => match self.attachment() {
                Some(bytes) => visitor.visit_byte_buf(bytes.into()),
                None => self.nested(b'}', |members| visitor.visit_map(members)),
            },
            Some(b'n') => {
                self.at += "null".len();
                visitor.visit_unit()
            }
            Some(b't') => {
                self.at += "true".len();
                visitor.visit_bool(true)
            }
            Some(b'f') => {
                self.at += "false".len();
                visitor.visit_bool(false)
            }
            _ => {
                let (number, integer) = self.number();
                visit_number(number, integer, visitor)
            }
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.absent() {
            return visitor.visit_unit();
        }
        match self.skip_value().parse() {
            Ok(number) => visitor.visit_i128(number),
            Err(_) => Err(Error::custom("not an integer of 128 bits")),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.absent() {
            return visitor.visit_unit();
        }
        match self.skip_value().parse() {
            Ok(number) => visitor.visit_u128(number),
            Err(_) => Err(Error::custom("not an integer of 128 bits")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.attachments.is_empty() && (!self.splice || self.peek() != Some(b']')) {
            // serde's `String` takes bytes that are UTF-8; an attachment is no text.
            if let Some(bytes) = self.attachment() {
                return Err(Error::invalid_type(Unexpected::Bytes(&bytes), &visitor));
            }
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.absent() {
            return visitor.visit_none();
        }
        if self.peek() == Some(b'n') {
            self.skip_value();
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // Who wants no arguments takes none.
        if self.splice { visitor.visit_unit() } else { self.deserialize_any(visitor) }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        if mem::take(&mut self.splice) {
            return visitor.visit_seq(&mut Nested { reader: self, first: true });
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        // A private arrangement of serde_json: a map whose one value is the JSON.
        if name == RAW_VALUE {
            let json = if self.absent() { "null" } else { self.skip_value() };
            return visitor.visit_map(Raw(Some(json)));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.absent() {
            return visitor.visit_unit();
        }
        match self.peek() {
            Some(b'"') => {
                self.string()?.into_deserializer().deserialize_enum(name, variants, visitor)
            }
            // Where it is an attachment it is no variant either.
            Some(b'{') => self.nested(b'}', |members| {
                MapAccessDeserializer::new(members).deserialize_enum(name, variants, visitor)
            }),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // A variant is named: serde would take its number too.
        match self.peek() {
            Some(b'"') => self.deserialize_any(visitor),
            _ => Err(Error::invalid_type(Unexpected::Other("what is no text"), &visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.absent() {
            self.skip_value();
        }
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char bytes byte_buf unit_struct seq map struct
    }
}

/// What is left of an array or an object.
struct Nested<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
}

impl Nested<'_, '_> {
    fn more(&mut self) -> bool {
        if !mem::take(&mut self.first) {
            return self.reader.take(b',');
        }
        !matches!(self.reader.peek(), Some(b']' | b'}') | None)
    }
}

impl<'de> SeqAccess<'de> for Nested<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.more() { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Nested<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        if !self.more() {
            return Ok(None);
        }
        self.reader.peek();
        let key = self.reader.string()?;
        seed.deserialize(Key(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.reader.take(b':');
        seed.deserialize(&mut *self.reader)
    }
}

/// The key of an object: text, or what the text stands for where a map is keyed by numbers or
/// flags, as serde_json has it.
struct Key<'de>(Cow<'de, str>);

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            if json::is_number(&self.0) {
                let integer = !self.0.contains(['.', 'e', 'E']);
                visit_number(&self.0, integer, visitor)
            } else {
                self.deserialize_any(visitor)
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Cow::Borrowed(key) => visitor.visit_borrowed_str(key),
            Cow::Owned(key) => visitor.visit_string(key),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &*self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.parse() {
            Ok(number) if json::is_number(&self.0) => visitor.visit_i128(number),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.parse() {
            Ok(number) if json::is_number(&self.0) => visitor.visit_u128(number),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.into_deserializer().deserialize_enum(name, variants, visitor)
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// The map of one member that `RawValue` is read from.
struct Raw<'de>(Option<&'de str>);

impl<'de> MapAccess<'de> for Raw<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        match self.0 {
            Some(_) => seed.deserialize(BorrowedStrDeserializer::new(RAW_VALUE)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let json = self.0.take().unwrap_or_default();
        seed.deserialize(BorrowedStrDeserializer::new(json))
    }
}
