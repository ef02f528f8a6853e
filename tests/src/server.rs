use std::net::SocketAddr;
use std::process::Command;

use crate::{Process, foreign, programs};

/// A process that says `listening on http://ADDRESS` once it accepts connections there.
#[derive(Debug)]
pub struct Server {
    process: Process,
    address: SocketAddr,
}

impl Server {
    /// `rtwire serve` on a free port.
    pub fn rtwire() -> Self {
        Self::rtwire_with(&["--addr", "127.0.0.1:0"])
    }

    /// `rtwire serve` with these options.
    pub fn rtwire_with(options: &[&str]) -> Self {
        let mut rtwire = programs::rtwire();
        rtwire.arg("serve").args(options);
        Self::start(rtwire)
    }

    /// The example `echo` on a free port.
    pub fn echo() -> Self {
        Self::example("echo", &[])
    }

    /// The example `name` on a free port, with these options.
    pub fn example(name: &str, options: &[&str]) -> Self {
        let mut example = programs::example(name);
        example.args(["--port", "0"]).args(options);
        Self::start(example)
    }

    /// The server of npm's `ws`.
    pub fn node_ws() -> Self {
        Self::start(foreign::node("ws_server.mjs", &[]))
    }

    /// The server of Python's `websockets`.
    pub fn python_websockets() -> Self {
        Self::start(foreign::python("websockets_server.py", &[]))
    }

    /// A server of event streams on Node's own `http`, on a port or on a free one.
    pub fn node_sse(port: Option<u16>) -> Self {
        Self::start(foreign::node("sse_server.mjs", &[&port.unwrap_or(0).to_string()]))
    }

    /// A server of Python's `sse-starlette`, on a port or on a free one.
    pub fn python_sse(port: Option<u16>) -> Self {
        Self::start(foreign::python("sse_server.py", &[&port.unwrap_or(0).to_string()]))
    }

    /// npm's `engine.io`, with these ping interval and ping timeout, in milliseconds.
    pub fn node_engineio(heartbeat: [&str; 2]) -> Self {
        Self::start(foreign::node("engineio_server.mjs", &heartbeat))
    }

    /// Python's `python-engineio`, likewise; it knows whole seconds only.
    pub fn python_engineio(heartbeat: [&str; 2]) -> Self {
        Self::start(foreign::python("engineio_server.py", &heartbeat))
    }

    /// The article's server, as it was written: for an old release of `websockets`.
    pub fn article_then() -> Self {
        Self::start(foreign::python_of_the_article("article_server.py", &["article_then.py"]))
    }

    /// The article's server, as it is written for today's `websockets`.
    pub fn article_now() -> Self {
        Self::start(foreign::python("article_server.py", &["article_now.py"]))
    }

    /// What `command` starts: it says where it listens.
    pub fn start(command: Command) -> Self {
        let mut process = Process::start(command);
        let address = process.line_after("listening on http://");
        let address = address.parse().unwrap_or_else(|error| panic!("{address}: {error}"));
        Self { process, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The WebSocket URL of `path`.
    pub fn websocket_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// The next line that it says.
    pub fn line(&mut self) -> String {
        self.process.line()
    }

    /// Waits for a line that starts with `start`, and returns what follows it.
    pub fn line_after(&mut self, start: &str) -> String {
        self.process.line_after(start)
    }

    /// The memory that it has, where the system tells (Linux).
    pub fn resident_bytes(&self) -> Option<u64> {
        self.process.resident_bytes()
    }

    /// The most memory that it has had, where the system tells (Linux).
    pub fn peak_resident_bytes(&self) -> Option<u64> {
        self.process.peak_resident_bytes()
    }

    /// Tells it to shut down.
    pub fn terminate(&mut self) {
        self.process.terminate();
    }

    /// Waits for its end, which must be a successful one.
    pub fn finish(self) {
        self.process.finish();
    }
}
