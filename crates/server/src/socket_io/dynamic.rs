use std::sync::Arc;

use rtwire_socketio::Json;

use crate::routes::BoxFuture;
use crate::socket_io::handlers::NamespaceHandlers;
use crate::socket_io::handling::Handling;

/// Namespaces that open when a client asks for them.
pub(crate) struct Dynamic {
    pub(crate) accepts: Accepts,
    pub(crate) handlers: Arc<NamespaceHandlers>,
}

pub(crate) type Accepts = Box<dyn Fn(String, Json) -> BoxFuture<bool> + Send + Sync>;

impl Dynamic {
    /// Whether a client with this `auth` may have the namespace opened.
    pub(crate) async fn accepts(&self, name: &str, auth: Json) -> bool {
        Handling::finish(|| (self.accepts)(name.to_owned(), auth)).await.unwrap_or(false)
    }
}
