//! A TCP connection to the host of a URL.

use std::time::Duration;

use rtwire_sse::event_source::Url;
use tokio::net::{TcpStream, lookup_host};

use crate::NetworkError;

/// Connects to the first of the host's addresses that lets it.
///
/// # Errors
/// [`NetworkError::Https`], [`NetworkError::Resolve`], [`NetworkError::Connect`],
/// [`NetworkError::ConnectTimeout`].
pub(crate) async fn connect(url: &Url, timeout: Duration) -> Result<TcpStream, NetworkError> {
    let connected = tokio::time::timeout(timeout, resolve_and_connect(url)).await;
    connected.unwrap_or(Err(NetworkError::ConnectTimeout { timeout }))
}

async fn resolve_and_connect(url: &Url) -> Result<TcpStream, NetworkError> {
    if url.scheme() != "http" {
        return Err(NetworkError::Https);
    }
    // An IPv6 address stands in brackets in a URL (RFC 3986 §3.2.2), and nowhere else.
    let host = url.host().trim_matches(['[', ']']);
    let resolved = lookup_host((host, url.port())).await;
    let addresses: Vec<_> =
        resolved.map_err(|error| NetworkError::Resolve { host: host.to_owned(), error })?.collect();
    let refused = |error| NetworkError::Connect { authority: url.authority().to_owned(), error };
    let tcp = TcpStream::connect(&addresses[..]).await.map_err(refused)?;
    // A request is one write, and not to wait for the acknowledgement of another.
    tcp.set_nodelay(true).map_err(refused)?;
    Ok(tcp)
}
