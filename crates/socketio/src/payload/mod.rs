//! Rust values as the arguments of events and acks, through serde.
//!
//! Out: one pass, one copy of each byte string into its attachment. In: one pass over text that has
//! been found valid before, and into a [`Binary`] without a copy if nothing else holds the attachment.

mod binary;
mod deserialize;
mod serialize;
mod varargs;

use serde::{Serialize, de::DeserializeOwned};

pub use binary::Binary;
pub use varargs::Varargs;

use crate::{data::Data, error::Error};

/// Values do not fit what goes over the wire.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// What serde says: a value of another type, an argument too few, a map whose keys are not
    /// text.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The JSON is nested too deep.
    #[error(transparent)]
    Packet(#[from] Error),
    /// This name is not for an event.
    #[error("reserved event name")]
    ReservedEvent,
    /// Attachments are still to come: what [`Packet::decode`](crate::Packet::decode) has returned
    /// goes through a [`Decoder`](crate::Decoder) first.
    #[error("attachments are missing")]
    Incomplete,
    /// A map has the key `_placeholder` and there are bytes beside it: the peer could not tell
    /// them apart.
    #[error("data that looks like a placeholder, beside bytes")]
    Placeholder,
}

impl Data {
    /// The data of an event. What `args` is to serde decides how many arguments there are:
    ///
    /// | `args` | arguments |
    /// |---|---|
    /// | a tuple, an array `[T; N]`, a tuple struct, [`Varargs`] | each element is one |
    /// | `()` | none |
    /// | anything else, **a `Vec` or a slice too** | one |
    ///
    /// Bytes anywhere within (serde's, as from [`Binary`]) become attachments. A `Vec<u8>` is an
    /// array of numbers to serde, and so it is here.
    ///
    /// # Errors
    /// [`PayloadError`].
    ///
    /// ```
    /// use rtwire_socketio::{Binary, Data, Varargs};
    ///
    /// assert_eq!(*Data::event("a", "x")?.json(), r#"["a","x"]"#);
    /// assert_eq!(*Data::event("a", &("x", 1))?.json(), r#"["a","x",1]"#);
    /// assert_eq!(*Data::event("a", &vec![1, 2])?.json(), r#"["a",[1,2]]"#);
    /// assert_eq!(*Data::event("a", &Varargs(vec![1, 2]))?.json(), r#"["a",1,2]"#);
    ///
    /// let data = Data::event("a", &Binary(vec![1, 2].into()))?;
    /// assert_eq!(*data.json(), r#"["a",{"_placeholder":true,"num":0}]"#);
    /// assert_eq!(data.attachments(), [&[1, 2][..]]);
    /// # Ok::<(), rtwire_socketio::PayloadError>(())
    /// ```
    pub fn event<T: Serialize + ?Sized>(name: &str, args: &T) -> Result<Self, PayloadError> {
        if crate::data::is_reserved(name) {
            return Err(PayloadError::ReservedEvent);
        }
        serialize::data(Some(name), args)
    }

    /// The data of an ack: arguments as those of [`event`](Self::event), without a name.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn ack<T: Serialize + ?Sized>(args: &T) -> Result<Self, PayloadError> {
        serialize::data(None, args)
    }

    /// Reads the arguments of an event. As in [`event`](Self::event), what `T` is to serde decides:
    /// a tuple, an array or [`Varargs`] takes the arguments each by each, anything else (**a
    /// `Vec` too**) is the first argument. Arguments that nobody takes are ignored, as a
    /// JavaScript function does; `Option` takes an absent one for `None` if it is the first.
    ///
    /// Placeholders become bytes, only where attachments came with the packet: an object that
    /// looks like one in another packet stays an object.
    ///
    /// # Errors
    /// [`PayloadError::Json`], [`PayloadError::Incomplete`].
    ///
    /// ```
    /// use rtwire_socketio::Data;
    ///
    /// let data = Data::event("a", &("x", 1, vec![2]))?;
    /// assert_eq!(data.clone().into_args::<String>()?, "x");
    /// assert_eq!(data.into_args::<(String, u8, Vec<u8>)>()?, ("x".into(), 1, vec![2]));
    /// # Ok::<(), rtwire_socketio::PayloadError>(())
    /// ```
    pub fn into_args<T: DeserializeOwned>(self) -> Result<T, PayloadError> {
        deserialize::args(self, true)
    }

    /// Reads the arguments of an ack, as [`into_args`](Self::into_args) does those of an event.
    ///
    /// # Errors
    /// [`PayloadError::Json`], [`PayloadError::Incomplete`].
    pub fn into_ack_args<T: DeserializeOwned>(self) -> Result<T, PayloadError> {
        deserialize::args(self, false)
    }
}
