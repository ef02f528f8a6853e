use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::routes::BoxFuture;

/// A handler at work. If it panics it is over, without a result, and nothing else is.
///
/// What it was just changing may be half done, as if it had returned there. Nothing of this crate is:
/// no handler runs with a lock of ours, nor within a change to what we keep.
pub(crate) struct Handling<T = ()>(BoxFuture<T>);

impl<T> Handling<T> {
    /// Calls a handler. `None` if it has nothing to do.
    pub(crate) fn start(handler: impl FnOnce() -> Option<BoxFuture<T>>) -> Option<Self> {
        guarded(HANDLER, handler).flatten().map(Self)
    }

    /// [Starts](Self::start) it, and waits for its result.
    pub(crate) async fn finish(handler: impl FnOnce() -> BoxFuture<T>) -> Option<T> {
        Self::start(|| Some(handler()))?.await
    }
}

impl<T> Future for Handling<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match guarded(HANDLER, || self.0.as_mut().poll(cx)) {
            Some(poll) => poll.map(Some),
            None => Poll::Ready(None),
        }
    }
}

const HANDLER: &str = "a Socket.IO handler";

/// Runs something of the application. `None` if it panics: `what` is logged then.
pub(crate) fn guarded<T>(what: &str, run: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(run));
    if result.is_err() {
        // The panic's own words have gone to the hook, which writes them to stderr.
        tracing::error!("{what} panicked");
    }
    result.ok()
}
