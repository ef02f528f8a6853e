use std::fmt;
use std::future::{IntoFuture, Pending, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::ToSocketAddrs;
use tokio::sync::Semaphore;

use crate::accept::{Accepted, Listeners};
use crate::connection::{self, ConnectionTask, Silent};
use crate::connections::Connections;
use crate::context;
use crate::endpoints::Endpoints;
use crate::error::Error;
use crate::service::EndpointsService;

/// A small HTTP/1.1 server on hyper: listening sockets, and the deadlines and limits that keep
/// peers in bounds.
///
/// On a loopback address it only answers requests whose `Host` is `localhost`, a name within
/// `localhost`, or a loopback address. Without that check any page of the web could reach a
/// server on the user's own machine, by letting its own name resolve to 127.0.0.1 (DNS
/// rebinding). A server behind a proxy on the same machine turns it
/// [off](Self::check_host).
///
/// ```
/// use rtwire_server::{Content, Endpoints, Server};
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let app = Endpoints::new().get("/livez", Content::new("text/plain", "ok\n"));
/// let server = Server::bind("127.0.0.1:0").await?;
/// println!("listening on http://{}", server.local_addr());
/// # let address = server.local_addr();
/// # let client = tokio::spawn(async move {
/// #     let mut client = tokio::net::TcpStream::connect(address).await?;
/// #     client.write_all(b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
/// #     let mut answer = String::new();
/// #     client.read_to_string(&mut answer).await?;
/// #     std::io::Result::Ok(answer)
/// # });
/// # let ctrl_c = || client;
/// server.serve(app).with_shutdown(ctrl_c()).await?; // such as tokio::signal::ctrl_c
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    check_host: bool,
}

impl Server {
    /// Listens on the first of the addresses that `address` resolves to and that can be used.
    /// Port 0 picks a free one.
    ///
    /// # Errors
    /// [`Error::Bind`].
    pub async fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        Self { listeners: Listeners::default(), check_host: true }.also_bind(address).await
    }

    /// Listens on a further address.
    ///
    /// # Errors
    /// [`Error::Bind`].
    pub async fn also_bind(mut self, address: impl ToSocketAddrs) -> Result<Self, Error> {
        self.listeners.bind(address).await.map_err(Error::Bind)?;
        Ok(self)
    }

    /// The address of the first listening socket, with its real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        self.listeners.addresses().next().unwrap_or(unspecified)
    }

    /// The addresses of all listening sockets, in the order in which they were bound.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.addresses().collect()
    }

    /// Sets whether requests that come to a loopback address must name one in `Host`: true.
    #[must_use]
    pub fn check_host(mut self, check: bool) -> Self {
        self.check_host = check;
        self
    }

    /// Serves these endpoints until the future is dropped or told to
    /// [shut down](Serve::with_shutdown).
    pub fn serve(self, endpoints: Endpoints) -> Serve {
        Serve { server: self, endpoints, shutdown: pending() }
    }

    async fn accept_all(&mut self, service: &EndpointsService) -> std::convert::Infallible {
        /// 503s in the making at a time; beyond that, connections are just closed.
        const REFUSALS: usize = 64;
        let shared = service.shared();
        let http = Arc::new(connection::http(&shared.limits));
        let connections = Connections::new(&shared.limits);
        let refusals = Arc::new(Semaphore::new(REFUSALS));
        loop {
            let Accepted { tcp, peer, loopback } = self.listeners.accept().await;
            // Events and messages are small, and each is written whole: waiting for more is only
            // latency.
            if let Err(error) = tcp.set_nodelay(true) {
                tracing::debug!(%peer, %error, "a connection broke before it was served");
                continue;
            }
            let permit = match connections.as_ref().map(|all| all.admit(peer.ip())).transpose() {
                Ok(permit) => permit,
                Err(full) => {
                    tracing::info!(%peer, status = 503, rule = %full, "refused");
                    if let Ok(place) = Arc::clone(&refusals).try_acquire_owned() {
                        shared.tracker.spawn(async move {
                            connection::refuse(tcp).await;
                            drop(place);
                        });
                    }
                    continue;
                }
            };
            let check_host = loopback && self.check_host;
            let (http, service) = (Arc::clone(&http), service.clone());
            let silent = Silent::new(tcp, peer, check_host, permit, http, service);
            shared.tracker.spawn(ConnectionTask::Silent(silent));
        }
    }
}

/// A server about to run; `.await` runs it.
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<F = Pending<()>> {
    server: Server,
    endpoints: Endpoints,
    shutdown: F,
}

impl Serve {
    /// Shuts down when `shutdown` is done, whatever its output: stops accepting, ends event
    /// streams, closes WebSockets with 1001, lets requests in flight finish, and cuts what is
    /// left after [`Limits::drain_deadline`](crate::Limits).
    pub fn with_shutdown<F: Future>(self, shutdown: F) -> Serve<F> {
        Serve { server: self.server, endpoints: self.endpoints, shutdown }
    }
}

impl<F> Serve<F>
where
    F: Future + Send + 'static,
{
    async fn run(mut self) -> Result<(), Error> {
        let service = self.endpoints.into_service();
        let _ends_connections = EndsConnections(service.shared());
        tokio::select! {
            never = self.server.accept_all(&service) => match never {},
            _ = self.shutdown => {}
        }
        // Closes the listening sockets.
        drop(self.server);
        tracing::info!(open = service.shared().tracker.len(), "draining");
        service.shutdown().await
    }
}

/// If a server's future is dropped, its connections are told to end.
struct EndsConnections<'a>(&'a context::Shared);

impl Drop for EndsConnections<'_> {
    fn drop(&mut self) {
        self.0.begin_drain();
    }
}

impl<F> IntoFuture for Serve<F>
where
    F: Future + Send + 'static,
{
    type Output = Result<(), Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<F> fmt::Debug for Serve<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("server", &self.server)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}
