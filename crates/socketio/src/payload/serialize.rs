//! Rust values written as the array of a packet: JSON, with placeholders in place of bytes.

use core::{cell::Cell, mem};
use std::{string::String, vec::Vec};

use bytes::Bytes;
use serde::{
    Serialize, Serializer,
    ser::{
        Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
        SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
    },
};
use serde_json::Error;

use super::PayloadError;
use crate::{
    data::Data,
    error::Rule,
    json::{self, Token, Tokens},
    limits::Limits,
};

std::thread_local! {
    /// A thread writes one array at a time. In memory that it has written to before, the array is
    /// written without growing, and then copied to as much as it takes.
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

/// What a thread keeps of its scratch, in bytes.
const SCRATCH_KEPT: usize = 64 << 10;

/// Writes the array of an event or of an ack, and collects its attachments.
pub(super) fn data<T: Serialize + ?Sized>(
    name: Option<&str>,
    args: &T,
) -> Result<Data, PayloadError> {
    let mut json = SCRATCH.take();
    json.clear();
    json.push('[');
    if let Some(name) = name {
        json::push_string(&mut json, name);
        json.push(',');
    }
    let begun = json.len();
    let mut writer = Writer {
        json,
        attachments: Vec::new(),
        placeholder: false,
        splice: true,
        // The array.
        depth: 1,
        too_deep: false,
    };
    let written = args.serialize(&mut writer);
    let Writer { mut json, attachments, placeholder, too_deep, .. } = writer;
    if json.len() == begun && name.is_some() {
        // No arguments: no comma.
        json.pop();
    }
    json.push(']');
    let text = json.as_str().into();
    if json.capacity() <= SCRATCH_KEPT {
        SCRATCH.set(json);
    }
    if too_deep {
        let rule = Rule::TooDeep { limit: Limits::MAX_DEPTH };
        return Err(crate::error::Error::new(rule, begun).into());
    }
    written?;
    if placeholder && !attachments.is_empty() {
        return Err(PayloadError::Placeholder);
    }
    let count = attachments.len();
    Ok(Data::scanned(text, attachments, count))
}

struct Writer {
    json: String,
    attachments: Vec<Bytes>,
    /// A map of the caller's has the key of placeholders.
    placeholder: bool,
    /// A tuple that comes now is the arguments: it has no brackets.
    splice: bool,
    /// Arrays and objects that are open.
    depth: usize,
    /// There would be more of them than any peer of this crate reads.
    too_deep: bool,
}

impl Writer {
    fn text(&mut self, text: &str) -> Result<(), Error> {
        json::push_string(&mut self.json, text);
        Ok(())
    }

    fn raw(&mut self, literal: &str) -> Result<(), Error> {
        self.json.push_str(literal);
        Ok(())
    }

    fn key(&mut self, key: &str) {
        self.placeholder |= key == "_placeholder";
        json::push_string(&mut self.json, key);
        self.json.push(':');
    }

    fn open(&mut self, brackets: &str) -> Result<(), Error> {
        self.splice = false;
        self.json.push_str(brackets);
        self.deeper(brackets.len())
    }

    fn deeper(&mut self, brackets: usize) -> Result<(), Error> {
        self.depth += brackets;
        self.too_deep |= self.depth > Limits::MAX_DEPTH.into();
        if self.too_deep { Err(Error::custom("nested too deep")) } else { Ok(()) }
    }

    fn close(&mut self, brackets: &str) -> Result<(), Error> {
        self.depth -= brackets.len();
        self.raw(brackets)
    }

    fn begin(&mut self, open: &str, close: &'static str) -> Result<Nested<'_>, Error> {
        self.open(open)?;
        Ok(Nested { writer: self, first: true, close })
    }

    /// The one member of an object: a variant that has data.
    fn variant(&mut self, variant: &str) -> Result<(), Error> {
        self.open("{")?;
        self.key(variant);
        Ok(())
    }

    /// What is JSON already, of any depth.
    fn json(&mut self, json: &str) -> Result<(), Error> {
        for token in Tokens::new(json, false) {
            match token {
                Token::Array | Token::Object => self.deeper(1)?,
                Token::End => self.depth = self.depth.saturating_sub(1),
                // It may be a key, and escaped.
                Token::String(inside) => {
                    self.placeholder |= json::unescape_lossy(inside) == "_placeholder";
                }
                _ => {}
            }
        }
        self.raw(json)
    }
}

macro_rules! displayed {
    ($buffer:ty: $($method:ident($number:ty);)*) => {$(
        fn $method(self, number: $number) -> Result<(), Error> {
            self.raw(<$buffer>::new().format(number))
        }
    )*};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Nested<'a>;
    type SerializeTuple = Nested<'a>;
    type SerializeTupleStruct = Nested<'a>;
    type SerializeTupleVariant = Nested<'a>;
    type SerializeMap = Nested<'a>;
    type SerializeStruct = Struct<'a>;
    type SerializeStructVariant = Struct<'a>;

    displayed! {
        itoa::Buffer:
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.raw(if value { "true" } else { "false" })
    }

    fn serialize_f32(self, number: f32) -> Result<(), Error> {
        if number.is_finite() {
            self.raw(zmij::Buffer::new().format_finite(number))
        } else {
            self.raw("null")
        }
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        if number.is_finite() {
            self.raw(zmij::Buffer::new().format_finite(number))
        } else {
            self.raw("null")
        }
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        // A placeholder is an object.
        self.deeper(1)?;
        self.depth -= 1;
        json::push_placeholder(&mut self.json, self.attachments.len());
        self.attachments.push(Bytes::copy_from_slice(value));
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.raw("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.splice = false;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        // As arguments it is none.
        if self.splice { Ok(()) } else { self.raw("null") }
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.raw("null")
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.close("}")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Nested<'a>, Error> {
        self.begin("[", "]")
    }

    fn serialize_tuple(self, _: usize) -> Result<Nested<'a>, Error> {
        if self.splice { self.begin("", "") } else { self.begin("[", "]") }
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Nested<'a>, Error> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Nested<'a>, Error> {
        self.variant(variant)?;
        self.begin("[", "]}")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Nested<'a>, Error> {
        self.begin("{", "}")
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Struct<'a>, Error> {
        // A private arrangement of serde_json: `RawValue`, and a `Number` of any length. The one
        // field is JSON.
        if name.starts_with("$serde_json::private::") {
            return Ok(Struct::Json(self));
        }
        self.begin("{", "}").map(Struct::Fields)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Struct<'a>, Error> {
        self.variant(variant)?;
        self.begin("{", "}}").map(Struct::Fields)
    }
}

/// An array or an object that has been begun.
struct Nested<'a> {
    writer: &'a mut Writer,
    first: bool,
    close: &'static str,
}

impl Nested<'_> {
    fn comma(&mut self) {
        if !mem::take(&mut self.first) {
            self.writer.json.push(',');
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Error> {
        self.comma();
        element.serialize(&mut *self.writer)
    }

    fn close(self) -> Result<(), Error> {
        self.writer.close(self.close)
    }
}

macro_rules! elements {
    ($($of:ident::$method:ident)*) => {$(
        impl $of for Nested<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Error> {
                self.element(element)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

impl SerializeMap for Nested<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.comma();
        let start = self.writer.json.len();
        key.serialize(&mut *self.writer)?;
        let json = &mut self.writer.json;
        match json.as_bytes().get(start) {
            Some(b'"') => self.writer.placeholder |= &json[start..] == "\"_placeholder\"",
            // Numbers and flags are keys as text.
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
                json.insert(start, '"');
                json.push('"');
            }
            _ => return Err(Error::custom("key must be a string")),
        }
        self.writer.json.push(':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

enum Struct<'a> {
    Fields(Nested<'a>),
    Json(&'a mut Writer),
}

impl Struct<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        match self {
            Self::Fields(nested) => {
                nested.comma();
                nested.writer.key(name);
                value.serialize(&mut *nested.writer)
            }
            Self::Json(writer) => {
                let serde_json::Value::String(json) = serde_json::to_value(value)? else {
                    return Err(Error::custom("JSON that is no text"));
                };
                writer.json(&json)
            }
        }
    }

    fn close(self) -> Result<(), Error> {
        match self {
            Self::Fields(nested) => nested.close(),
            Self::Json(_) => Ok(()),
        }
    }
}

macro_rules! fields {
    ($($of:ident)*) => {$(
        impl $of for Struct<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

fields! {
    SerializeStruct
    SerializeStructVariant
}
