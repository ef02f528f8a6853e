//! One timer for what a protocol machine waits for: its points in time are durations since the
//! connection began, on tokio's clock (so that `tokio::time::pause` works).

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// The clock of one protocol machine, and its one timer.
///
/// ```
/// use std::{future::poll_fn, time::Duration};
/// use rtwire_tokio::Clock;
/// use tokio::time::Instant;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut clock = Clock::new(Instant::now());
/// // What a machine's `next_timeout` says; `now` is for its `handle_timeout`.
/// let next = Some(Duration::from_millis(1));
/// let now = poll_fn(|cx| clock.poll(next, cx)).await;
/// assert!(now >= Duration::from_millis(1));
/// # }
/// ```
#[derive(Debug)]
pub struct Clock {
    epoch: Instant,
    /// Made when it is first needed.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    /// A clock that shows zero at `epoch`.
    pub fn new(epoch: Instant) -> Self {
        Self { epoch, timer: None }
    }

    /// What the clock shows.
    pub fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Waits for the point `next`, and tells the time then. `None` waits for nothing.
    pub fn poll(&mut self, next: Option<Duration>, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(next) = next else { return Poll::Pending };
        if next.is_zero() {
            return Poll::Ready(self.now());
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
