//! Events between the nodes of a cluster.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use rtwire_socketio::Data;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::socket_io::error::EmitError;
use crate::socket_io::handling::Handling;
use crate::socket_io::space::Space;

/// The answer to an event of another node, if that wants one. Dropped, there is none.
///
/// ```
/// use rtwire_server::{ServerSideAck, SocketIo};
///
/// let io = SocketIo::new();
/// io.of("/", |ns| {
///     ns.on_server_side("add", async |(a, b): (u32, u32), ack: ServerSideAck| ack.send(&(a + b)))
/// });
/// ```
pub struct ServerSideAck(oneshot::Sender<Data>);

impl ServerSideAck {
    /// Answers with `answer`. Does nothing if nobody waits for one.
    ///
    /// # Errors
    /// [`EmitError::Payload`].
    pub fn send<T: Serialize + ?Sized>(self, answer: &T) -> Result<(), EmitError> {
        // Who asked may have given up.
        drop(self.0.send(Data::ack(answer)?));
        Ok(())
    }
}

impl fmt::Debug for ServerSideAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSideAck").finish_non_exhaustive()
    }
}

/// Has the namespace handle an event of another node, and returns what becomes of the answer. Up to
/// its first wait the handler runs at once, so that events of a node keep their order.
pub(crate) fn handle(space: &Arc<Space>, data: Data) -> oneshot::Receiver<Data> {
    let (sender, answer) = oneshot::channel();
    let handlers = space.handlers();
    let namespace = &*space.name;
    let handler = data.event_name().and_then(|name| handlers.server_side.get(&*name));
    let Some(handler) = handler else {
        tracing::debug!(namespace, "a server-side event without a handler");
        return answer;
    };
    let Some(at_work) = space.begin_server_side(handlers.max_server_side) else {
        tracing::error!(namespace, "too many server-side handlers at work: an event is dropped");
        return answer;
    };
    let handling = Handling::start(|| handler(data, ServerSideAck(sender)));
    let Some(mut handling) = handling else { return answer };
    let mut cx = Context::from_waker(Waker::noop());
    if Pin::new(&mut handling).poll(&mut cx).is_pending() {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                handling.await;
                drop(at_work);
            })),
            Err(error) => tracing::error!(namespace, %error, "a server-side handler cannot wait"),
        }
    }
    answer
}
