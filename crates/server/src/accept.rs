use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream, ToSocketAddrs};

/// Connections that wait to be accepted; the kernel may allow fewer.
const BACKLOG: u32 = 4096;

/// The listening sockets of one server.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    listeners: Vec<Listener>,
    /// Where the next search for a waiting connection begins, so that none starves another.
    next: usize,
}

#[derive(Debug)]
struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
}

/// A connection as it was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) tcp: TcpStream,
    pub(crate) peer: SocketAddr,
    /// Whether it came to a loopback address.
    pub(crate) loopback: bool,
}

impl Listeners {
    /// Listens on the first of the resolved addresses that can be used.
    pub(crate) async fn bind(&mut self, address: impl ToSocketAddrs) -> io::Result<()> {
        let mut outcome = Err(io::Error::new(io::ErrorKind::InvalidInput, "no address"));
        for address in tokio::net::lookup_host(address).await? {
            outcome = listen(address);
            if outcome.is_ok() {
                break;
            }
        }
        self.listeners.push(outcome?);
        Ok(())
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|listener| listener.address)
    }

    /// The next connection. What goes wrong with accepting is logged, waited for where waiting
    /// helps, and never final.
    pub(crate) async fn accept(&mut self) -> Accepted {
        const FIRST_PAUSE: Duration = Duration::from_millis(5);
        const LONGEST_PAUSE: Duration = Duration::from_secs(1);
        let mut pause = FIRST_PAUSE;
        loop {
            match std::future::poll_fn(|cx| self.poll_accept(cx)).await {
                Ok(accepted) => return accepted,
                // The connection broke while it waited: no fault of the listening socket.
                Err(error) if is_of_the_connection(&error) => {
                    tracing::debug!(%error, "a connection broke before it was accepted");
                }
                // No file descriptors or no memory left, most likely. The connection keeps
                // waiting in the queue, so trying again at once would only burn time.
                Err(error) => {
                    tracing::warn!(%error, ?pause, "cannot accept connections");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn poll_accept(&mut self, cx: &mut std::task::Context<'_>) -> Poll<io::Result<Accepted>> {
        for step in 0..self.listeners.len() {
            let index = (self.next + step) % self.listeners.len();
            let listener = &self.listeners[index];
            if let Poll::Ready(outcome) = listener.tcp.poll_accept(cx) {
                self.next = index + 1;
                let loopback = listener.address.ip().to_canonical().is_loopback();
                return Poll::Ready(outcome.map(|(tcp, peer)| Accepted { tcp, peer, loopback }));
            }
        }
        Poll::Pending
    }
}

fn listen(address: SocketAddr) -> io::Result<Listener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Unix it lets a restarted server have its port while old connections are in TIME_WAIT;
    // on Windows it would let another process take the port away.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let tcp = socket.listen(BACKLOG)?;
    Ok(Listener { address: tcp.local_addr()?, tcp })
}

fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
