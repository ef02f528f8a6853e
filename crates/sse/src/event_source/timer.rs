use core::time::Duration;

/// One deadline. It may be set without the time being known: it then runs from the time that is
/// told next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    Off,
    /// Runs for so long from the time told next; due at once, to learn it.
    Start(Duration),
    At(Duration),
}

impl Timer {
    pub(super) const fn at(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Start(_) => Some(Duration::ZERO),
            Self::At(at) => Some(at),
        }
    }

    /// Tells the time. A timer that is due goes off, which the answer tells.
    pub(super) fn tick(&mut self, now: Duration) -> bool {
        if let Self::Start(duration) = *self {
            *self = Self::At(now.saturating_add(duration));
        }
        let due = matches!(*self, Self::At(at) if at <= now);
        if due {
            *self = Self::Off;
        }
        due
    }
}

impl From<Option<Duration>> for Timer {
    fn from(duration: Option<Duration>) -> Self {
        duration.map_or(Self::Off, Self::Start)
    }
}
