//! What handlers return.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a handler returned. A WebSocket is closed with 1000 after `Ok`, with 1011 after `Err`.
pub(crate) type Outcome = Result<(), Box<dyn fmt::Display + Send>>;

/// A handler at work. Its future is kept as it is: wrapped in another one to convert what it
/// returns, it would take twice the memory.
pub(crate) type Served = Pin<Box<dyn Serve>>;

pub(crate) trait Serve: Send {
    fn poll_outcome(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome>;
}

impl<F: Future<Output: IntoOutcome> + Send> Serve for F {
    fn poll_outcome(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.poll(cx).map(IntoOutcome::into_outcome)
    }
}

/// What a handler may return.
pub trait IntoOutcome {
    #[doc(hidden)]
    fn into_outcome(self) -> Result<(), Box<dyn fmt::Display + Send>>;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Outcome {
        Ok(())
    }
}

impl<T, E: fmt::Display + Send + 'static> IntoOutcome for Result<T, E> {
    fn into_outcome(self) -> Outcome {
        self.map(drop).map_err(|error| Box::new(error) as _)
    }
}
