//! The shapes of handlers. Each becomes a boxed function of the most that there is; `Shape` and
//! `Kind` only tell the shapes apart.

use std::fmt;
use std::sync::Arc;

use rtwire_socketio::{Data, DisconnectReason, PayloadError};
use serde::de::DeserializeOwned;

use crate::outcome::IntoOutcome;
use crate::routes::BoxFuture;
use crate::socket_io::ack::Ack;
use crate::socket_io::error::ConnectError;
use crate::socket_io::server_side::ServerSideAck;
use crate::socket_io::socket::Socket;

pub(crate) type BoxEventHandler =
    Box<dyn Fn(Socket, Data, Ack) -> Option<BoxFuture<()>> + Send + Sync>;
pub(crate) type BoxConnectHandler = Box<dyn Fn(Socket) -> BoxFuture<()> + Send + Sync>;
pub(crate) type BoxDisconnectHandler =
    Box<dyn Fn(Socket, DisconnectReason) -> BoxFuture<()> + Send + Sync>;
pub(crate) type BoxServerSideHandler =
    Box<dyn Fn(Data, ServerSideAck) -> Option<BoxFuture<()>> + Send + Sync>;
pub(crate) type BoxMiddleware =
    Box<dyn Fn(Socket) -> BoxFuture<Result<(), ConnectError>> + Send + Sync>;

pub(crate) type BoxPacketMiddleware =
    Box<dyn Fn(Socket, Data) -> BoxFuture<Result<Data, String>> + Send + Sync>;

/// An async function that handles an event; [`NamespaceHandlers::on`](crate::NamespaceHandlers::on)
/// has the shapes.
pub trait EventHandler<Shape>: Send + Sync + 'static {
    #[doc(hidden)]
    fn erase(self) -> ErasedEventHandler;
}

/// An async function of a [`Socket`].
pub trait ConnectHandler: Send + Sync + 'static {
    #[doc(hidden)]
    fn erase(self) -> ErasedConnectHandler;
}

/// An async function of a [`Socket`] and a [`DisconnectReason`].
pub trait DisconnectHandler: Send + Sync + 'static {
    #[doc(hidden)]
    fn erase(self) -> ErasedDisconnectHandler;
}

/// An async function of a [`Socket`] that returns a `Result` with a [`ConnectError`].
pub trait Middleware: Send + Sync + 'static {
    #[doc(hidden)]
    fn erase(self) -> ErasedMiddleware;
}

/// An async function that handles an event of other nodes, of its arguments or of them and a
/// [`ServerSideAck`].
pub trait ServerSideHandler<Shape>: Send + Sync + 'static {
    #[doc(hidden)]
    fn erase(self) -> ErasedServerSideHandler;
}

/// An async function of a [`Socket`] and the [`Data`] of an event, that returns a `Result` with the data
/// that the next one is given.
pub trait PacketMiddleware: Send + Sync + 'static {
    #[doc(hidden)]
    fn erase(self) -> ErasedPacketMiddleware;
}

/// What the arguments of an event become: a type that serde deserialises, or [`Data`].
pub trait FromArgs<Kind>: Sized {
    #[doc(hidden)]
    fn from_args(data: Data) -> Result<Self, PayloadError>;
}

/// Tells deserialised arguments from those left unread.
#[doc(hidden)]
#[derive(Debug)]
pub enum Typed {}

/// Tells unread arguments from those deserialised.
#[doc(hidden)]
#[derive(Debug)]
pub enum Unread {}

/// Tells the shape without a socket from the one with it.
#[doc(hidden)]
#[derive(Debug)]
pub enum NoSocket {}

impl<T: DeserializeOwned> FromArgs<Typed> for T {
    fn from_args(data: Data) -> Result<Self, PayloadError> {
        data.into_args()
    }
}

impl FromArgs<Unread> for Data {
    fn from_args(data: Data) -> Result<Self, PayloadError> {
        Ok(data)
    }
}

/// A middleware as a namespace keeps it.
#[doc(hidden)]
pub struct ErasedPacketMiddleware(pub(crate) BoxPacketMiddleware);
/// A handler as a namespace keeps it.
#[doc(hidden)]
pub struct ErasedEventHandler(pub(crate) BoxEventHandler);
/// A handler as a namespace keeps it.
#[doc(hidden)]
pub struct ErasedConnectHandler(pub(crate) BoxConnectHandler);
/// A handler as a namespace keeps it.
#[doc(hidden)]
pub struct ErasedDisconnectHandler(pub(crate) BoxDisconnectHandler);
/// A handler as a namespace keeps it.
#[doc(hidden)]
pub struct ErasedServerSideHandler(pub(crate) BoxServerSideHandler);
/// A middleware as a namespace keeps it.
#[doc(hidden)]
pub struct ErasedMiddleware(pub(crate) BoxMiddleware);

impl<H, F> EventHandler<(Socket,)> for H
where
    H: Fn(Socket) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    fn erase(self) -> ErasedEventHandler {
        erase(move |socket, _, _| Ok(self(socket)))
    }
}

impl<H, F, T, Kind> EventHandler<(Socket, T, Kind)> for H
where
    H: Fn(Socket, T) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
    T: FromArgs<Kind>,
{
    fn erase(self) -> ErasedEventHandler {
        erase(move |socket, data, _| Ok(self(socket, T::from_args(data)?)))
    }
}

impl<H, F, T, Kind> EventHandler<(Socket, T, Kind, Ack)> for H
where
    H: Fn(Socket, T, Ack) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
    T: FromArgs<Kind>,
{
    fn erase(self) -> ErasedEventHandler {
        erase(move |socket, data, ack| Ok(self(socket, T::from_args(data)?, ack)))
    }
}

impl<H, F, T, Kind> EventHandler<(NoSocket, T, Kind, Ack)> for H
where
    H: Fn(T, Ack) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
    T: FromArgs<Kind>,
{
    fn erase(self) -> ErasedEventHandler {
        erase(move |_, data, ack| Ok(self(T::from_args(data)?, ack)))
    }
}

impl<H, F> EventHandler<(Socket, Ack)> for H
where
    H: Fn(Socket, Ack) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    fn erase(self) -> ErasedEventHandler {
        erase(move |socket, _, ack| Ok(self(socket, ack)))
    }
}

impl<H, F> ConnectHandler for H
where
    H: Fn(Socket) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    fn erase(self) -> ErasedConnectHandler {
        ErasedConnectHandler(Box::new(move |socket| Box::pin(logged(self(socket)))))
    }
}

impl<H, F> DisconnectHandler for H
where
    H: Fn(Socket, DisconnectReason) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    fn erase(self) -> ErasedDisconnectHandler {
        ErasedDisconnectHandler(Box::new(move |socket, reason| {
            Box::pin(logged(self(socket, reason)))
        }))
    }
}

impl<H, F> Middleware for H
where
    H: Fn(Socket) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), ConnectError>> + Send + 'static,
{
    fn erase(self) -> ErasedMiddleware {
        ErasedMiddleware(Box::new(move |socket| Box::pin(self(socket))))
    }
}

impl<H, F, T, Kind> ServerSideHandler<(T, Kind)> for H
where
    H: Fn(T) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
    T: FromArgs<Kind>,
{
    fn erase(self) -> ErasedServerSideHandler {
        erase_server_side(move |data, _| Ok(self(T::from_args(data)?)))
    }
}

impl<H, F, T, Kind> ServerSideHandler<(T, Kind, ServerSideAck)> for H
where
    H: Fn(T, ServerSideAck) -> F + Send + Sync + 'static,
    F: Future<Output: IntoOutcome> + Send + 'static,
    T: FromArgs<Kind>,
{
    fn erase(self) -> ErasedServerSideHandler {
        erase_server_side(move |data, ack| Ok(self(T::from_args(data)?, ack)))
    }
}

impl<H, F, E> PacketMiddleware for H
where
    H: Fn(Socket, Data) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Data, E>> + Send + 'static,
    E: fmt::Display,
{
    fn erase(self) -> ErasedPacketMiddleware {
        ErasedPacketMiddleware(Box::new(move |socket, data| {
            let middleware = self(socket, data);
            Box::pin(async { middleware.await.map_err(|error| error.to_string()) })
        }))
    }
}

fn erase_server_side<F>(
    handler: impl Fn(Data, ServerSideAck) -> Result<F, PayloadError> + Send + Sync + 'static,
) -> ErasedServerSideHandler
where
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    ErasedServerSideHandler(Box::new(move |data, ack| match handler(data, ack) {
        Ok(future) => Some(Box::pin(logged(future))),
        Err(error) => {
            tracing::info!(%error, "the arguments of a server-side event do not fit their handler");
            None
        }
    }))
}

fn erase<F>(
    handler: impl Fn(Socket, Data, Ack) -> Result<F, PayloadError> + Send + Sync + 'static,
) -> ErasedEventHandler
where
    F: Future<Output: IntoOutcome> + Send + 'static,
{
    ErasedEventHandler(Box::new(move |socket, data, ack| {
        let (peer, space) = (socket.request().peer_addr(), Arc::clone(socket.space()));
        match handler(socket, data, ack) {
            Ok(future) => Some(Box::pin(logged(future))),
            Err(error) => {
                let namespace = &*space.name;
                // Serde's own words may hold what the client said.
                let (kind, column) = match &error {
                    PayloadError::Json(error) => (Some(error.classify()), error.column()),
                    _ => (None, 0),
                };
                tracing::info!(
                    ?peer,
                    namespace,
                    ?kind,
                    column,
                    "arguments do not fit their handler"
                );
                None
            }
        }
    }))
}

async fn logged(handler: impl Future<Output: IntoOutcome>) {
    if let Err(error) = handler.await.into_outcome() {
        tracing::error!(%error, "a Socket.IO handler failed");
    }
}

macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
opaque_debug!(
    ErasedEventHandler,
    ErasedConnectHandler,
    ErasedDisconnectHandler,
    ErasedServerSideHandler,
    ErasedMiddleware,
    ErasedPacketMiddleware
);
