use std::task::Context;
use std::time::Duration;

/// What runs on a session, in its task.
pub(crate) trait Application: Send {
    /// Takes the session's events as far as there is room, and polls what is at work.
    fn poll(&mut self, cx: &mut Context<'_>);

    /// Whether it has more to send when the session has room for it.
    fn holds_back(&self) -> bool;

    /// Whether nothing is at work any more. The task ends with this and the session.
    fn is_done(&self) -> bool;

    /// As of a protocol machine, on the clock of the session.
    fn next_timeout(&self) -> Option<Duration>;

    /// As of a protocol machine.
    fn handle_timeout(&mut self, now: Duration);

    /// The server shuts down: closes the session.
    fn shut_down(&mut self);
}
