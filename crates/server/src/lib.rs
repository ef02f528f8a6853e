//! Event streams, WebSockets and Socket.IO for browsers: a tower service over `http` types, and a
//! small HTTP/1.1 server on hyper to run it.
//!
//! ```text
//!  a connection                    a request                          a path
//! ┌──────────┐   ┌────────────┐   ┌───────────────────────────────┐   ┌──────────────────────────┐
//! │ Server   │ ─▶│ hyper      │ ─▶│ EndpointsService              │ ─▶│ Content    GET           │
//! │ limits   │   │ head limit │   │ Host, path, Origin, method    │   │ Sse        GET           │
//! │ drains   │   │ deadline   │   │ 400 403  404   403     405    │   │ POST       body limits   │
//! └──────────┘   └────────────┘   └───────────────────────────────┘   │ WebSocket  GET, Upgrade  │
//!                                                                     │ Engine.IO  sessions      │
//!                                                                     └──────────────────────────┘
//! ```
//!
//! An [`Endpoints`] says which paths there are; [`Server::serve`] runs it, or
//! [`Endpoints::into_service`] mounts it in another server. An event stream is an async function
//! that returns an [`Sse`]; a WebSocket is an async function that is given a [`WebSocket`]. A
//! [`SocketIo`] has namespaces, and async functions for their events; an [`EngineIo`] an async
//! function for each session.
//!
//! ```
//! use rtwire_server::{Endpoints, EventLog, Fields, Request, Server, Sse};
//! use rtwire_server::{WebSocket, WebSocketError};
//!
//! async fn echo(mut ws: WebSocket) -> Result<(), WebSocketError> {
//!     while let Some(message) = ws.next().await {
//!         ws.send(message?).await?;
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let log = EventLog::new(256);
//! log.publish(Fields::new().event("greeting").data("hello"))?;
//! let events = move |request: Request| {
//!     let events = log.subscribe(request.last_event_id().as_deref());
//!     async move { Sse::new(events) }
//! };
//!
//! let app = Endpoints::new().sse("/events", events).websocket("/ws", echo);
//! let server = Server::bind("127.0.0.1:0").await?;
//! println!("listening on http://{}", server.local_addr());
//! # let ctrl_c = || async {};
//! server.serve(app).with_shutdown(ctrl_c()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What peers may cost is in [`Limits`], which pages may connect in [`OriginPolicy`]. Requests that
//! are refused are logged with `tracing`, one line each, with the rule and without queries, header
//! fields or bodies.

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod accept;
mod body;
mod connection;
mod connections;
mod content;
mod content_coding;
mod context;
mod encoded_event;
mod endpoints;
mod engine_io;
mod error;
mod event_log;
mod host;
mod limits;
mod origin;
mod outcome;
mod post;
mod request;
mod routes;
mod sender;
mod server;
mod service;
mod socket_io;
mod sse;
mod transport;
mod upgrade;
mod websocket;
mod websocket_handler;
mod websocket_options;
mod write_deadline;

pub use body::Body;
pub use content::Content;
pub use encoded_event::EncodedEvent;
pub use endpoints::Endpoints;
pub use engine_io::{EngineIo, EngineIoCookie, EngineIoHandler, EngineIoSocket, SameSite};
pub use error::{Error, InvalidCookie, InvalidOrigin};
pub use event_log::{EventLog, PublishError, Subscription};
pub use limits::Limits;
pub use origin::OriginPolicy;
pub use outcome::IntoOutcome;
pub use request::Request;
pub use rtwire_sse::{EncodeError, Fields};
pub use sender::WebSocketSender;
pub use server::{Serve, Server};
pub use service::{EndpointsService, ResponseFuture};
pub use socket_io::{
    Ack, AckError, Answer, Answers, Broadcast, ClusterError, ConnectError, ConnectHandler,
    DisconnectHandler, EmitError, EventHandler, FromArgs, JoinError, Middleware, Missing,
    NamespaceHandlers, PacketMiddleware, RemoteSocket, ServerSideAck, ServerSideHandler, Socket,
    SocketIo, adapter,
};
pub use sse::Sse;
pub use websocket::WebSocket;
pub use websocket_handler::{ErasedHandler, WebSocketHandler};
pub use websocket_options::WebSocketOptions;

pub use rtwire_engineio::{
    CloseReason as EngineIoCloseReason, Limits as EngineIoLimits, Message as EngineIoMessage,
    PreparedMessage as EngineIoPreparedMessage, SendError as EngineIoSendError,
    Transport as EngineIoTransport,
};
pub use rtwire_socketio::{
    Binary, Data, DisconnectReason, Json, Limits as SocketIoLimits, Parser as SocketIoParser,
    PayloadError, Varargs,
};
pub use rtwire_tokio::Error as WebSocketError;
pub use rtwire_websocket::permessage_deflate::{Config as CompressionConfig, WindowBits};
pub use rtwire_websocket::{
    CloseCode, CloseReason, Connection, Event, Limits as WebSocketLimits, Message, Part,
    PreparedMessage, SendError,
};
