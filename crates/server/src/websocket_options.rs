use std::sync::Arc;

use rtwire_websocket::Limits;
use rtwire_websocket::permessage_deflate::Config as CompressionConfig;

use crate::origin::OriginPolicy;

/// What a WebSocket's path has of its own, in place of what [`Endpoints`](crate::Endpoints) sets for all:
/// [`Endpoints::websocket_with`](crate::Endpoints::websocket_with) takes it.
///
/// ```
/// use std::time::Duration;
/// use rtwire_server::{
///     Endpoints, OriginPolicy, WebSocket, WebSocketError, WebSocketLimits, WebSocketOptions,
/// };
///
/// async fn chat(mut ws: WebSocket) -> Result<(), WebSocketError> {
///     let latest = ws.protocol() == Some("chat.v2");
///     ws.send(if latest { "welcome to version 2" } else { "welcome" }).await
/// }
/// let options = WebSocketOptions::new()
///     .protocols(["chat.v2", "chat.v1"])
///     .limits(WebSocketLimits::default().max_message(4096).ping_interval(Some(Duration::from_secs(5))))
///     .origin_policy(OriginPolicy::same_origin().require_origin());
/// let app = Endpoints::new().websocket_with("/chat", options, chat);
/// ```
#[derive(Clone, Debug, Default)]
pub struct WebSocketOptions {
    pub(crate) protocols: Vec<Arc<str>>,
    /// If it is none of those, the first on offer is chosen.
    pub(crate) any_protocol: bool,
    pub(crate) limits: Option<Arc<Limits>>,
    pub(crate) origin_policy: Option<OriginPolicy>,
    pub(crate) compression: Option<CompressionConfig>,
}

impl WebSocketOptions {
    /// Nothing of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the subprotocols that are spoken, in the order of preference (RFC 6455 §1.9). Of those that a
    /// client offers the first of these is chosen; if it is none, none is, and a browser that offered some
    /// then ends the connection.
    #[must_use]
    pub fn protocols<P: Into<Arc<str>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Sets what a peer may cost, and the keepalive, instead of
    /// [`Limits::websocket`](crate::Limits::websocket).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(Arc::new(limits));
        self
    }

    /// Agrees to compress messages (RFC 7692) if a client offers it in a way that `config` allows. Without
    /// this no message is compressed.
    ///
    /// What a message inflates to counts for [`max_message`](Limits::max_message). With the contexts that
    /// `config` may let be taken over each connection holds about 300 KB, without it less than 100 bytes, and
    /// 48 KB from the first frame of a peer's compressed message to its last.
    /// Compression of what an attacker can choose together with a secret tells the secret's length and more
    /// (CRIME, BREACH).
    ///
    /// ```
    /// use rtwire_server::{CompressionConfig, WebSocketOptions};
    ///
    /// let options = WebSocketOptions::new().compression(CompressionConfig::default().threshold(256));
    /// ```
    #[must_use]
    pub fn compression(mut self, config: CompressionConfig) -> Self {
        self.compression = Some(config);
        self
    }

    /// Sets which pages may connect, instead of
    /// [`Endpoints::origin_policy`](crate::Endpoints::origin_policy).
    #[must_use]
    pub fn origin_policy(mut self, policy: OriginPolicy) -> Self {
        self.origin_policy = Some(policy);
        self
    }
}
