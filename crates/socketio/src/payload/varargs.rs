use core::{fmt, marker::PhantomData};
use std::vec::Vec;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
    ser::SerializeTuple,
};

/// As many arguments as there are elements, where a `Vec` by itself is one argument.
///
/// ```
/// use rtwire_socketio::{Data, Varargs};
///
/// let data = Data::event("sum", &Varargs(vec![1, 2, 3]))?;
/// assert_eq!(*data.json(), r#"["sum",1,2,3]"#);
/// let Varargs(numbers) = data.into_args::<Varargs<u32>>()?;
/// assert_eq!(numbers, [1, 2, 3]);
/// # Ok::<(), rtwire_socketio::PayloadError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Varargs<T>(
    /// The arguments.
    pub Vec<T>,
);

impl<T: Serialize> Serialize for Varargs<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for element in &self.0 {
            tuple.serialize_element(element)?;
        }
        tuple.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Varargs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The length is not known; JSON has its own.
        deserializer.deserialize_tuple(0, ElementsVisitor(PhantomData))
    }
}

struct ElementsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ElementsVisitor<T> {
    type Value = Varargs<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Varargs<T>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Varargs(elements))
    }
}
