use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Context;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connections::Permit;
use crate::limits::Limits;
use crate::routes::BoxFuture;
use crate::websocket_handler::WebSocketTask;

/// What all connections of one set of endpoints share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Counts what draining waits for: connections, event streams, WebSockets.
    pub(crate) tracker: TaskTracker,
    /// Fires when draining begins.
    pub(crate) shutdown: CancellationToken,
    /// True from then on, for those who look often.
    pub(crate) draining: AtomicBool,
    /// Set before either.
    pub(crate) drain_end: OnceLock<Instant>,
    pub(crate) limits: Limits,
    pub(crate) websocket_limits: Arc<rtwire_websocket::Limits>,
}

impl Shared {
    /// Tells all connections to end.
    pub(crate) fn begin_drain(&self) {
        self.drain_ends();
        self.draining.store(true, Ordering::Release);
        self.shutdown.cancel();
    }

    /// When what is left is cut. The first call is the beginning of the drain.
    pub(crate) fn drain_ends(&self) -> Instant {
        /// An `Instant` has an end.
        const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        *self.drain_end.get_or_init(|| Instant::now() + self.limits.drain_deadline.min(LONGEST))
    }

    /// Waits for the end of the drain.
    pub(crate) async fn drain_over(self: Arc<Self>) {
        self.shutdown.cancelled().await;
        // Boxed: until then no connection has room for it.
        Box::pin(tokio::time::sleep_until(self.drain_ends())).await;
    }

    /// Begins to drain, and waits until all has ended or the deadline is over.
    ///
    /// Each task ends itself at the deadline; the grace is for those that then still have to be
    /// dropped. The error is the number of tasks that did not.
    pub(crate) async fn drain(&self) -> Result<(), usize> {
        const GRACE: Duration = Duration::from_millis(250);
        self.begin_drain();
        self.tracker.close();
        let deadline = self.limits.drain_deadline.saturating_add(GRACE);
        match tokio::time::timeout(deadline, self.tracker.wait()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.tracker.len()),
        }
    }
}

/// How the task of a connection learns of the drain.
#[derive(Default)]
pub(crate) struct DrainWatch {
    /// Made when first polled. Boxed, for tokio aligns tasks to 128 bytes: with this inside, that
    /// of a connection would take 384 in place of 256, and the box fits into the gap behind those.
    over: Option<BoxFuture<()>>,
}

impl DrainWatch {
    /// Wakes the task when draining begins, and when it is over.
    pub(crate) fn poll(&mut self, server: &Arc<Shared>, cx: &mut Context<'_>) -> Drain {
        // Polled once, to be woken when draining begins, and from then on: the flag is cheaper to
        // read, on each wake-up, than the token that all connections share.
        let draining = || server.draining.load(Ordering::Acquire);
        if self.over.is_some() && !draining() {
            return Drain::NotYet;
        }
        let over = self.over.get_or_insert_with(|| Box::pin(Arc::clone(server).drain_over()));
        if over.as_mut().poll(cx).is_ready() {
            return Drain::Over;
        }
        // Read again: it may have begun between the two, and this was its wake-up.
        if draining() { Drain::Begun } else { Drain::NotYet }
    }
}

/// How far draining has come.
pub(crate) enum Drain {
    NotYet,
    /// Connections are to end.
    Begun,
    /// What is left is cut.
    Over,
}

/// What our own server knows of the connection that a request came on; it travels in the
/// request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) peer: SocketAddr,
    /// Whether `Host` must name this machine.
    pub(crate) check_host: bool,
    /// Counts the connection for as long as anything of it lives.
    pub(crate) permit: Option<Arc<Permit>>,
    pub(crate) upgrade: UpgradeSlot,
}

/// What a connection becomes after its HTTP is over. The task of the connection goes on with it
/// at once, and not a task of its own later: of a crowd of upgrades, each has then given back
/// what HTTP took before the next one begins.
#[derive(Clone, Default)]
pub(crate) struct UpgradeSlot(Arc<Mutex<Option<BeforeWebSocket>>>);

/// Leads to the WebSocket of a connection, or to none of our own.
pub(crate) type BeforeWebSocket = BoxFuture<Option<WebSocketTask>>;

impl UpgradeSlot {
    pub(crate) fn put(&self, next: BeforeWebSocket) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }

    pub(crate) fn take(&self) -> Option<BeforeWebSocket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for UpgradeSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradeSlot").finish_non_exhaustive()
    }
}

/// What outlives the request on an upgraded connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionContext {
    pub(crate) shared: Arc<Shared>,
    /// `None` when another server accepted the connection.
    pub(crate) peer: Option<SocketAddr>,
    /// To be held as long as the connection is open.
    pub(crate) permit: Option<Arc<Permit>>,
}
