use std::collections::BTreeMap;
use std::fmt;

use rtwire_socketio::Data;

use crate::socket_io::handler::{
    BoxConnectHandler, BoxDisconnectHandler, BoxEventHandler, BoxMiddleware, BoxPacketMiddleware,
    BoxServerSideHandler, ConnectHandler, DisconnectHandler, EventHandler, Middleware,
    PacketMiddleware, ServerSideHandler,
};

/// What answers in a namespace, as [`SocketIo::of`](crate::SocketIo::of) sets it.
///
/// Handlers are async functions that return nothing or a `Result`, whose error is logged; so is a panic,
/// which ends the handler and nothing else. They are
/// polled in the order in which events arrive, in the task of their connection: up to its first
/// wait, each runs before the next one begins, and all that it sends meanwhile keeps that order.
pub struct NamespaceHandlers {
    pub(crate) middlewares: Vec<BoxMiddleware>,
    pub(crate) packet_middlewares: Vec<BoxPacketMiddleware>,
    pub(crate) on_connect: Option<BoxConnectHandler>,
    pub(crate) on_disconnecting: Option<BoxDisconnectHandler>,
    pub(crate) on_disconnect: Option<BoxDisconnectHandler>,
    pub(crate) events: BTreeMap<String, BoxEventHandler>,
    pub(crate) any_event: Option<BoxEventHandler>,
    pub(crate) server_side: BTreeMap<String, BoxServerSideHandler>,
    pub(crate) max_server_side: usize,
}

impl Default for NamespaceHandlers {
    fn default() -> Self {
        Self {
            middlewares: Vec::new(),
            packet_middlewares: Vec::new(),
            on_connect: None,
            on_disconnecting: None,
            on_disconnect: None,
            events: BTreeMap::new(),
            any_event: None,
            server_side: BTreeMap::new(),
            max_server_side: 256,
        }
    }
}

impl NamespaceHandlers {
    /// Handles the event `name`. Setting it again replaces the handler.
    ///
    /// The handler is a function of a [`Socket`](crate::Socket); of one and the arguments; of one,
    /// the arguments and an [`Ack`](crate::Ack); of the arguments and an `Ack`; or of a socket and an
    /// `Ack`. The arguments are of a type that serde deserialises, a tuple if there are several; or
    /// [`Data`](crate::Data), unread.
    ///
    /// Arguments that do not fit the type are logged, and the event dropped.
    #[must_use]
    pub fn on<Shape>(mut self, name: &str, handler: impl EventHandler<Shape>) -> Self {
        self.events.insert(name.to_owned(), handler.erase().0);
        self
    }

    /// Is called for each event, before the event's own handler: Node's `onAny`. Only of an event that has
    /// none, the [`Ack`](crate::Ack) is for this one.
    #[must_use]
    pub fn on_any<Shape>(mut self, handler: impl EventHandler<Shape>) -> Self {
        self.any_event = Some(handler.erase().0);
        self
    }

    /// Handles the event `name` of other nodes, which they send by
    /// [`server_side_emit`](crate::Broadcast::server_side_emit). Setting it again replaces the
    /// handler: a function of the arguments, or of them and a [`ServerSideAck`](crate::ServerSideAck).
    #[must_use]
    pub fn on_server_side<Shape>(
        mut self,
        name: &str,
        handler: impl ServerSideHandler<Shape>,
    ) -> Self {
        self.server_side.insert(name.to_owned(), handler.erase().0);
        self
    }

    /// Sets how many handlers of events of other nodes may wait for something at a time: 256. Over it
    /// such events are dropped, and logged as an error.
    #[must_use]
    pub fn max_server_side_handlers(mut self, handlers: usize) -> Self {
        self.max_server_side = handlers;
        self
    }

    /// Is called when a socket has connected.
    #[must_use]
    pub fn on_connect(mut self, handler: impl ConnectHandler) -> Self {
        self.on_connect = Some(handler.erase().0);
        self
    }

    /// Is called when a socket has disconnected, with the reason, before
    /// [`on_disconnect`](Self::on_disconnect). Nothing reaches the socket any more, but
    /// [`rooms`](crate::Socket::rooms) still has those that it was in, until the handler is done.
    #[must_use]
    pub fn on_disconnecting(mut self, handler: impl DisconnectHandler) -> Self {
        self.on_disconnecting = Some(handler.erase().0);
        self
    }

    /// Is called when a socket has disconnected, with the reason. It is in no room any more. (At the end
    /// of the time that a server has to drain, nobody is called.)
    #[must_use]
    pub fn on_disconnect(mut self, handler: impl DisconnectHandler) -> Self {
        self.on_disconnect = Some(handler.erase().0);
        self
    }

    /// Is asked, after those added before it, whether a socket may connect. The socket is not
    /// connected yet: it can be asked for its [`auth`](crate::Socket::auth) and its request, be
    /// given values, and [join](crate::Socket::join) rooms, but not be sent to.
    ///
    /// ```
    /// use rtwire_server::{ConnectError, Socket, SocketIo};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Auth {
    ///     user: String,
    /// }
    ///
    /// let io = SocketIo::new();
    /// io.of("/", |ns| {
    ///     ns.middleware(async |socket: Socket| {
    ///         let auth: Auth = socket.auth().map_err(|_| ConnectError::new("who are you?"))?;
    ///         socket.join(&format!("user:{}", auth.user)).map_err(|_| ConnectError::new("too long"))
    ///     })
    /// });
    /// ```
    #[must_use]
    pub fn middleware(mut self, middleware: impl Middleware) -> Self {
        self.middlewares.push(middleware.erase().0);
        self
    }

    /// Is given each event before its handler, after those middlewares that were added before it: Node's
    /// `socket.use`. What it returns is what the next one is given, be it another event; with an error
    /// the event is dropped, without an ack, and that is logged.
    ///
    /// ```
    /// use rtwire_server::{Data, Socket, SocketIo};
    ///
    /// let io = SocketIo::new();
    /// io.of("/", |ns| {
    ///     ns.packet_middleware(async |socket: Socket, data: Data| {
    ///         let is_allowed = data.event_name().as_deref() != Some("admin") || socket.get::<bool>().is_some();
    ///         if is_allowed { Ok(data) } else { Err("not for you") }
    ///     })
    /// });
    /// ```
    #[must_use]
    pub fn packet_middleware(mut self, middleware: impl PacketMiddleware) -> Self {
        self.packet_middlewares.push(middleware.erase().0);
        self
    }

    /// The event's own handler, of the event that this is the data of.
    pub(crate) fn of_event(&self, data: &Data) -> Option<&BoxEventHandler> {
        self.events.get(&*data.event_name()?)
    }
}

impl fmt::Debug for NamespaceHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamespaceHandlers")
            .field("events", &self.events.keys())
            .finish_non_exhaustive()
    }
}
