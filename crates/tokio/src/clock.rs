//! One timer for what a protocol machine waits for: its points in time are durations since the
//! connection began, on tokio's clock (so that `tokio::time::pause` works).

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

#[derive(Debug)]
pub(crate) struct Clock {
    epoch: Instant,
    /// Made when it is first needed.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { epoch: Instant::now(), timer: None }
    }

    /// Waits for the point `next`, and tells the time then. `None` waits for nothing.
    pub(crate) fn poll(&mut self, next: Option<Duration>, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(next) = next else { return Poll::Pending };
        if next.is_zero() {
            return Poll::Ready(self.epoch.elapsed());
        }
        // A point that the clock does not reach is never.
        let Some(deadline) = self.epoch.checked_add(next) else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx).map(|()| self.epoch.elapsed())
    }
}
