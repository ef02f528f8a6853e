use core::time::Duration;

/// One deadline. It may be set without the time being known: it then runs from the time that is
/// told next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    Off,
    /// Runs from the time told next; due at once, to learn it.
    Start,
    At(Duration),
}

impl Timer {
    pub(crate) fn at(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Start => Some(Duration::ZERO),
            Self::At(at) => Some(at),
        }
    }

    pub(crate) fn after(now: Duration, duration: Duration) -> Self {
        Self::At(now.saturating_add(duration))
    }

    /// Tells the time. A timer that starts runs for `duration`; one that is due goes off, which
    /// the answer tells.
    pub(crate) fn tick(&mut self, now: Duration, duration: Duration) -> bool {
        match *self {
            Self::Start => *self = Self::after(now, duration),
            Self::At(at) if at <= now => {
                *self = Self::Off;
                return true;
            }
            Self::Off | Self::At(_) => {}
        }
        false
    }
}
