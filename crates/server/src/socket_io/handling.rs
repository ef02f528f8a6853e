use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::routes::BoxFuture;

/// A handler at work. If it panics it is over, and nothing else is.
///
/// What it was just changing may be half done, as if it had returned there. Nothing of this crate is:
/// no handler runs with a lock of ours, nor within a change to what we keep.
pub(crate) struct Handling(BoxFuture<()>);

impl Handling {
    /// Calls a handler. `None` if it has nothing to do.
    pub(crate) fn start(handler: impl FnOnce() -> Option<BoxFuture<()>>) -> Option<Self> {
        guarded(handler).flatten().map(Self)
    }

    /// As [`Future::poll`].
    pub(crate) fn poll_now(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        guarded(|| self.0.as_mut().poll(cx)).unwrap_or(Poll::Ready(()))
    }
}

impl Future for Handling {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_now(cx)
    }
}

fn guarded<T>(run: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(run));
    if result.is_err() {
        // The panic's own words have gone to the hook, which writes them to stderr.
        tracing::error!("a Socket.IO handler panicked");
    }
    result.ok()
}
