use std::time::Duration;

/// What one peer, or all of them together, may cost. Sizes are in bytes.
///
/// Set once, with [`Endpoints::limits`](crate::Endpoints::limits). Under another server (axum, for
/// one) heads and connections are that server's, and only the limits of bodies and of draining
/// act.
///
/// ```
/// use std::time::Duration;
/// use rtwire_server::Limits;
///
/// let limits = Limits::default().max_head(8 * 1024).drain_deadline(Duration::from_secs(2));
/// assert_eq!(limits.max_head, 8 * 1024);
/// assert_eq!(limits.max_body, 1024 * 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The request line and header fields together, with their line ends and the empty line: 16 KiB.
    /// Over it: 431, closed.
    pub max_head: usize,
    /// Header fields of a request: 100, and at most 24 576, which a table of the `http` crate holds. Over
    /// it: 431, closed.
    pub max_head_fields: usize,
    /// The time a peer has for a request head: 10 s from accept for the first byte, 10 s from that
    /// byte for the whole; for each further head, 10 s from the end of the response before it. It
    /// bounds silent peers, slow peers and idle persistent connections alike. Over it: closed
    /// without an answer.
    pub head_deadline: Duration,
    /// The body of a POST, counted while it streams in: 1 MiB. Over it: 413, closed.
    pub max_body: usize,
    /// The time a peer has to send the whole body of a POST: 30 s. Over it: 408, closed.
    pub body_deadline: Duration,
    /// How long a peer may take no byte of a response that waits for it: 30 s. Over it: closed.
    pub write_deadline: Duration,
    /// Open connections in total, event streams and WebSockets included: unlimited. Over it: 503,
    /// closed.
    pub max_connections: usize,
    /// Open connections from one IPv4 address, or from one IPv6 /64 (the least that one host is
    /// given): unlimited. Over it: 503, closed.
    pub max_connections_per_address: usize,
    /// The time that open connections have to end at shutdown: 5 s. Over it: cut.
    pub drain_deadline: Duration,
    /// The limits of each WebSocket: those of [`rtwire_websocket`], with frames and messages of at
    /// most 1 MiB.
    pub websocket: rtwire_websocket::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head: 16 * 1024,
            max_head_fields: 100,
            head_deadline: Duration::from_secs(10),
            max_body: 1024 * 1024,
            body_deadline: Duration::from_secs(30),
            write_deadline: Duration::from_secs(30),
            max_connections: usize::MAX,
            max_connections_per_address: usize::MAX,
            drain_deadline: Duration::from_secs(5),
            websocket: rtwire_websocket::Limits::default().max_frame(1 << 20).max_message(1 << 20),
        }
    }
}

impl Limits {
    /// Sets [`max_head`](#structfield.max_head), in bytes.
    #[must_use]
    pub fn max_head(mut self, bytes: usize) -> Self {
        self.max_head = bytes;
        self
    }

    /// Sets [`max_head_fields`](#structfield.max_head_fields).
    #[must_use]
    pub fn max_head_fields(mut self, fields: usize) -> Self {
        self.max_head_fields = fields;
        self
    }

    /// Sets [`head_deadline`](#structfield.head_deadline).
    #[must_use]
    pub fn head_deadline(mut self, deadline: Duration) -> Self {
        self.head_deadline = deadline;
        self
    }

    /// Sets [`max_body`](#structfield.max_body), in bytes.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets [`body_deadline`](#structfield.body_deadline).
    #[must_use]
    pub fn body_deadline(mut self, deadline: Duration) -> Self {
        self.body_deadline = deadline;
        self
    }

    /// Sets [`write_deadline`](#structfield.write_deadline).
    #[must_use]
    pub fn write_deadline(mut self, deadline: Duration) -> Self {
        self.write_deadline = deadline;
        self
    }

    /// Sets [`max_connections`](#structfield.max_connections).
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sets [`max_connections_per_address`](#structfield.max_connections_per_address).
    #[must_use]
    pub fn max_connections_per_address(mut self, connections: usize) -> Self {
        self.max_connections_per_address = connections;
        self
    }

    /// Sets [`drain_deadline`](#structfield.drain_deadline).
    #[must_use]
    pub fn drain_deadline(mut self, deadline: Duration) -> Self {
        self.drain_deadline = deadline;
        self
    }

    /// Sets [`websocket`](#structfield.websocket).
    #[must_use]
    pub fn websocket(mut self, limits: rtwire_websocket::Limits) -> Self {
        self.websocket = limits;
        self
    }
}
