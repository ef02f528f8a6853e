//! The passing of time: keepalive (RFC 6455 §5.5.2) while open, then the deadline of the closing
//! handshake (§7.1.1). A connection has one timer.
//!
//! ```text
//!            ping_interval           pong_timeout
//!  open ─────────────────▶ Ping ──────────────────▶ heard anything? ─ yes ─▶ (from the start)
//!                                                        │ no
//!                                                        ▼
//!  close sent or received ──────────────────────────▶ closing ──── close_timeout ────▶ closed
//! ```

use core::time::Duration;

use crate::{
    connection::{Connection, State},
    error::{Error, Rule},
    opcode::Opcode,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// To be started, from the time that the caller tells next.
    Start,
    /// A Ping is due.
    PingAt(Duration),
    /// The peer must have been heard by `by`; the next Ping is due at `ping_at`.
    HeardBy { by: Duration, ping_at: Duration },
    /// The transport must have ended.
    ClosedBy(Duration),
    /// Nothing is due.
    Off,
}

impl Connection {
    /// When [`handle_timeout`](Self::handle_timeout) is to be called, on the caller's clock. Ask
    /// again after each call that changes the connection. A point in the past (such as zero, right
    /// after the start and when closing begins) means at once: that is how the connection learns
    /// what time it is.
    pub fn next_timeout(&self) -> Option<Duration> {
        match self.timer {
            Timer::Start => Some(Duration::ZERO),
            Timer::PingAt(at) | Timer::ClosedBy(at) | Timer::HeardBy { by: at, .. } => Some(at),
            Timer::Off => None,
        }
    }

    /// Tells the time, which may be earlier or later than asked for. Sends the Ping that is due,
    /// gives up on a silent peer, ends a closing handshake that takes too long
    /// ([`State::Closed`]).
    ///
    /// Feed what has arrived to [`next_event`](Self::next_event) first: a peer counts as heard
    /// when its bytes have been.
    ///
    /// # Errors
    /// [`Rule::PongTimeout`], once, with the Close frame in the output.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        match self.timer {
            Timer::Start => self.start_timer(now),
            Timer::PingAt(at) if at <= now => self.ping_due(now),
            Timer::HeardBy { by, ping_at } if by <= now => {
                if !self.heard {
                    let error = Error::new(Rule::PongTimeout, self.offset());
                    self.fail(error);
                    self.start_timer(now);
                    return Err(error);
                }
                if ping_at <= now {
                    self.ping_due(now);
                } else {
                    self.timer = Timer::PingAt(ping_at);
                }
            }
            Timer::ClosedBy(at) if at <= now => self.handle_eof(),
            _ => {}
        }
        Ok(())
    }

    fn start_timer(&mut self, now: Duration) {
        self.timer = match (self.state(), self.limits.ping_interval) {
            (State::Open, Some(interval)) => Timer::PingAt(now.saturating_add(interval)),
            (State::Closing, _) => Timer::ClosedBy(now.saturating_add(self.limits.close_timeout)),
            (State::Open, None) | (State::Closed, _) => Timer::Off,
        };
    }

    fn ping_due(&mut self, now: Duration) {
        let Some(interval) = self.limits.ping_interval else { return };
        self.heard = false;
        self.push_frame(Opcode::Ping, &[]);
        self.timer = Timer::HeardBy {
            by: now.saturating_add(self.limits.pong_timeout),
            ping_at: now.saturating_add(interval),
        };
    }
}
