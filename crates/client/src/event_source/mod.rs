//! An event source, and what it tells.
//!
//! What is requested when, and what ends it for good, is the machine's:
//! [`rtwire_sse::event_source`] draws it. Its types are here as they are.

mod builder;
mod request;
mod source;

pub use builder::{BuildError, EventSourceBuilder};
pub use rtwire_sse::event_source::{
    Event, FailedResponse, Failure, Limits, Options, ReadyState, Reconnect, Url,
};
pub use source::EventSource;
