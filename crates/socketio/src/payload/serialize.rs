use core::fmt;
use std::{io, vec::Vec};

use bytes::Bytes;
use bytestring::ByteString;
use serde::{
    Serialize, Serializer,
    ser::{Error as _, Impossible, SerializeSeq, SerializeTuple, SerializeTupleStruct},
};
use serde_json::{
    Error,
    ser::{CharEscape, Formatter},
};

use super::PayloadError;
use crate::data::Data;

/// Room for most arrays, so that it need not be made again and again while they are written.
const TYPICAL: usize = 128;

/// Writes the array of an event or of an ack, and collects its attachments.
pub(super) fn data<T: Serialize + ?Sized>(
    name: Option<&str>,
    args: &T,
) -> Result<Data, PayloadError> {
    let mut text = Vec::with_capacity(TYPICAL);
    let mut attachments = Attachments::default();
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut text, Placeholders(&mut attachments));
    let mut array = serializer.serialize_seq(None)?;
    if let Some(name) = name {
        SerializeSeq::serialize_element(&mut array, name)?;
    }
    match args.serialize(Splice(&mut array)) {
        Ok(()) => {}
        Err(SpliceError::OneArgument) => SerializeSeq::serialize_element(&mut array, args)?,
        Err(SpliceError::Json(error)) => return Err(error.into()),
    }
    SerializeSeq::end(array)?;
    let Attachments { bytes, forged, .. } = attachments;
    if forged && !bytes.is_empty() {
        return Err(PayloadError::Placeholder);
    }
    let text = ByteString::try_from(text).map_err(Error::custom)?;
    let count = bytes.len();
    Ok(Data::scanned(text, bytes, count))
}

/// What the formatter has met.
#[derive(Default)]
struct Attachments {
    bytes: Vec<Bytes>,
    /// A map of the caller's had the key of placeholders.
    forged: bool,
    key: Key,
}

/// How far the key of a map, written in fragments, is the key of placeholders.
#[derive(Default, PartialEq)]
enum Key {
    #[default]
    Other,
    Begun,
    Placeholder,
}

/// Writes JSON without spaces, and placeholders for bytes.
struct Placeholders<'a>(&'a mut Attachments);

impl Formatter for Placeholders<'_> {
    fn write_byte_array<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        value: &[u8],
    ) -> io::Result<()> {
        let num = self.0.bytes.len();
        self.0.bytes.push(Bytes::copy_from_slice(value));
        write!(writer, r#"{{"_placeholder":true,"num":{num}}}"#)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.key = Key::Begun;
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let whole = self.0.key == Key::Begun && fragment == "_placeholder";
        self.0.key = if whole { Key::Placeholder } else { Key::Other };
        writer.write_all(fragment.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.0.key = Key::Other;
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }

    fn end_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.forged |= self.0.key == Key::Placeholder;
        self.0.key = Key::Other;
        Ok(())
    }

    /// JSON that the caller has as text (serde_json's `RawValue`): an escape might hide the key.
    fn write_raw_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        self.0.forged |= fragment.contains("\"_placeholder\"") || fragment.contains("\\u");
        writer.write_all(fragment.as_bytes())
    }
}

/// Puts the elements of a tuple into an array that has been begun. Whatever is no tuple is refused
/// before anything is written.
struct Splice<'a, S>(&'a mut S);

#[derive(Debug)]
enum SpliceError {
    OneArgument,
    Json(Error),
}

impl fmt::Display for SpliceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneArgument => f.write_str("not a tuple"),
            Self::Json(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SpliceError {}

impl serde::ser::Error for SpliceError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Json(Error::custom(message))
    }
}

type Refused = Impossible<(), SpliceError>;

impl<S: SerializeSeq<Error = Error>> SerializeTuple for Splice<'_, S> {
    type Ok = ();
    type Error = SpliceError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), SpliceError> {
        self.0.serialize_element(element).map_err(SpliceError::Json)
    }

    fn end(self) -> Result<(), SpliceError> {
        Ok(())
    }
}

impl<S: SerializeSeq<Error = Error>> SerializeTupleStruct for Splice<'_, S> {
    type Ok = ();
    type Error = SpliceError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, field: &T) -> Result<(), SpliceError> {
        self.serialize_element(field)
    }

    fn end(self) -> Result<(), SpliceError> {
        Ok(())
    }
}

macro_rules! one_argument {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, SpliceError> {
            Err(SpliceError::OneArgument)
        }
    )*};
}

impl<S: SerializeSeq<Error = Error>> Serializer for Splice<'_, S> {
    type Ok = ();
    type Error = SpliceError;
    type SerializeSeq = Refused;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Refused;
    type SerializeMap = Refused;
    type SerializeStruct = Refused;
    type SerializeStructVariant = Refused;

    fn serialize_tuple(self, _: usize) -> Result<Self, SpliceError> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, SpliceError> {
        Ok(self)
    }

    fn serialize_unit(self) -> Result<(), SpliceError> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), SpliceError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), SpliceError> {
        Err(SpliceError::OneArgument)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), SpliceError> {
        Err(SpliceError::OneArgument)
    }

    one_argument! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_i128(i128) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_u128(u128) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Refused;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Refused;
        serialize_map(Option<usize>) -> Refused;
        serialize_struct(&'static str, usize) -> Refused;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Refused;
    }
}
