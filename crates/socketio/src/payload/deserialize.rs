use core::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{self, DeserializeOwned, IgnoredAny, SeqAccess, Visitor, value::UnitDeserializer},
    forward_to_deserialize_any,
};

use super::{PayloadError, tree};
use crate::data::Data;

/// Reads the arguments; `named`: they come after the name of an event.
pub(super) fn args<T: DeserializeOwned>(data: Data, named: bool) -> Result<T, PayloadError> {
    if data.missing_attachments() > 0 {
        return Err(PayloadError::Incomplete);
    }
    let (json, attachments) = data.into_parts();
    let read = Read { named, of: PhantomData };
    Ok(if attachments.is_empty() {
        // From bytes: what serde_json knows to be text it does not check, and where the key of a
        // map is to be true or false it takes half a character for text.
        serde_json::Deserializer::from_slice(json.as_bytes()).deserialize_seq(read)?
    } else {
        tree::build(&json, attachments)?.deserialize_seq(read)?
    })
}

/// Reads a `T` from the array of a packet.
struct Read<T> {
    named: bool,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Read<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        if self.named {
            seq.next_element::<IgnoredAny>()?;
        }
        let args = match T::deserialize(Args(&mut seq)) {
            Ok(args) => args,
            Err(ArgsError::Other(error)) => return Err(error),
            Err(ArgsError::OneArgument) => match seq.next_element()? {
                Some(argument) => argument,
                // An absent argument is null, where that will do.
                None => T::deserialize(UnitDeserializer::new())?,
            },
        };
        // A function in JavaScript ignores arguments that it does not name.
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(args)
    }
}

/// All arguments that follow, for who wants a tuple. Whoever wants something else is refused before
/// anything is read.
struct Args<'a, A>(&'a mut A);

#[derive(Debug)]
enum ArgsError<E> {
    OneArgument,
    Other(E),
}

impl<E: fmt::Display> fmt::Display for ArgsError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneArgument => f.write_str("not a tuple"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for ArgsError<E> {}

impl<E: de::Error> de::Error for ArgsError<E> {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(E::custom(message))
    }
}

impl<'de, A: SeqAccess<'de>> Deserializer<'de> for Args<'_, A> {
    type Error = ArgsError<A::Error>;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(ArgsError::OneArgument)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_seq(self.0).map_err(ArgsError::Other)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_seq(self.0).map_err(ArgsError::Other)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        // No name of Rust: a private arrangement with serde_json, as for its `RawValue`.
        if name.starts_with('$') {
            return Err(ArgsError::OneArgument);
        }
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct seq map struct enum identifier ignored_any
    }
}
