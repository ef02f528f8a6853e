use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{LONG, Process, Server, foreign};

const RTWIRE_CONF: &str = include_str!("../nginx/rtwire.conf");
const NGINX_CONF: &str = include_str!("../nginx/nginx.conf");

/// nginx with the configuration of `tests/nginx` in front of two servers. It believes its clients
/// their `X-Forwarded-For`.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    http: SocketAddr,
    https: SocketAddr,
    // Goes after the process, which writes to it.
    folder: Folder,
}

/// A folder, gone with this.
#[derive(Debug)]
struct Folder(PathBuf);

/// A request that nginx has passed on, in its log.
#[derive(Debug)]
pub struct Request {
    /// Who asked.
    pub client: String,
    /// Who was asked; several, with commas between, if the first was not there.
    pub server: String,
    /// The status of the answer.
    pub status: String,
    /// The method and what follows.
    pub line: String,
}

impl Nginx {
    /// Starts it in a new folder within `parent`, which is gone when it ends. `changes` are texts
    /// of the configuration, and what to write instead.
    pub fn start(parent: &str, servers: [&Server; 2], changes: &[(&str, &str)]) -> Self {
        // Another program may take a port between the choice and the start.
        const ATTEMPTS: usize = 5;
        let folder = Folder::new_in(parent);
        fs::write(folder.0.join("nginx.conf"), NGINX_CONF).expect("a folder to write in");
        make_certificate(&folder.0);
        for _ in 0..ATTEMPTS {
            let [http, https] = free_addresses();
            fs::write(folder.0.join("rtwire.conf"), configuration(http, https, servers, changes))
                .expect("a folder to write in");
            if let Some(process) = listening(&folder.0) {
                return Self { process, http, https, folder };
            }
        }
        panic!("nginx finds no free port");
    }

    /// The URL of `path`, for a scheme: `http`, `https`, `ws` or `wss`.
    pub fn url(&self, scheme: &str, path: &str) -> String {
        let address = if ["https", "wss"].contains(&scheme) { self.https } else { self.http };
        format!("{scheme}://{address}{path}")
    }

    /// Where it listens for plain HTTP.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where it listens for TLS.
    pub fn https(&self) -> SocketAddr {
        self.https
    }

    /// The certificate of `example.com` and of 127.0.0.1, signed by itself.
    pub fn certificate(&self) -> PathBuf {
        self.folder.0.join("rtwire.pem")
    }

    /// curl, for which nginx is `example.com`.
    pub fn curl(&self, client: &str, url: &str, arguments: &[&str]) -> Command {
        let mut curl = foreign::curl(arguments);
        curl.arg("--connect-to").arg(format!("example.com:80:{}", self.http));
        curl.arg("--connect-to").arg(format!("example.com:443:{}", self.https));
        curl.arg("--cacert").arg(self.certificate());
        curl.arg("--header").arg(format!("X-Forwarded-For: {client}"));
        curl.arg(url);
        curl
    }

    /// An address of a client whose requests go to `server`.
    pub fn client_of(&mut self, server: &Server) -> String {
        let server = server.address().to_string();
        let mut clients = (1..=254).map(|last| Ipv4Addr::new(203, 0, 113, last).to_string());
        let client = clients.find(|client| self.server_of(client) == server);
        client.unwrap_or_else(|| panic!("nginx sends nobody to {server}"))
    }

    fn server_of(&mut self, client: &str) -> String {
        let mut tcp = TcpStream::connect(self.http).expect("nginx listens");
        tcp.set_read_timeout(Some(LONG)).expect("there is time");
        let head = format!("GET /livez HTTP/1.0\r\nX-Forwarded-For: {client}\r\n\r\n");
        tcp.write_all(head.as_bytes()).expect("nginx reads");
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).expect("nginx answers");
        assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
        loop {
            let request = self.request();
            if request.client == client {
                return request.server;
            }
        }
    }

    /// The next request in its log: each is there when it has ended.
    pub fn request(&mut self) -> Request {
        loop {
            if let Some(request) = Request::parse(&self.process.line()) {
                return request;
            }
        }
    }

    /// Ends it. What was left in its log.
    pub fn finish(mut self) -> Vec<Request> {
        self.process.terminate();
        let lines = std::iter::from_fn(|| self.process.line_within(LONG));
        lines.filter_map(|line| Request::parse(&line)).collect()
    }
}

impl Folder {
    fn new_in(parent: &str) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(parent).join(format!("nginx-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder to write in");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder left behind is no reason to fail.
        fs::remove_dir_all(&self.0).ok();
    }
}

impl Request {
    /// Whether it was a GET of `path` that no server has answered.
    pub fn is_vain(&self, path: &str) -> bool {
        self.status != "200" && self.line.starts_with(&format!("GET {path} "))
    }

    fn parse(line: &str) -> Option<Self> {
        let (client, rest) = line.strip_prefix("request ")?.split_once(' ')?;
        let (servers, line) = rest.split_once(" to \"")?;
        let (server, status) = servers.rsplit_once(' ')?;
        let line = line.trim_end_matches('"');
        let [client, server, status, line] = [client, server, status, line].map(str::to_owned);
        Some(Self { client, server, status, line })
    }
}

fn make_certificate(folder: &Path) {
    let mut openssl = foreign::openssl(&["req", "-x509", "-nodes", "-newkey", "ec"]);
    openssl.args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"]);
    openssl.args(["-subj", "/CN=example.com"]);
    openssl.args(["-addext", "subjectAltName=DNS:example.com,IP:127.0.0.1"]);
    openssl.args(["-keyout", "rtwire.key", "-out", "rtwire.pem"]).current_dir(folder);
    Process::start(openssl).finish();
}

fn free_addresses() -> [SocketAddr; 2] {
    // Both at once, so that they differ.
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("it is bound"))
}

fn configuration(
    http: SocketAddr,
    https: SocketAddr,
    servers: [&Server; 2],
    changes: &[(&str, &str)],
) -> String {
    let [first, second] = servers.map(|server| format!("server {} ", server.address()));
    let [http, https] = [format!("listen {http};"), format!("listen {https} ssl http2;")];
    let ours: [(&str, &str); 6] = [
        ("server 127.0.0.1:3000 ", &first),
        ("server 127.0.0.1:3001 ", &second),
        ("listen 80;", &http),
        ("listen 443 ssl http2;", &https),
        ("/etc/ssl/rtwire.pem;", "rtwire.pem;"),
        ("/etc/ssl/rtwire.key;", "rtwire.key;"),
    ];
    ours.iter().chain(changes).fold(RTWIRE_CONF.to_owned(), |conf, (text, other)| {
        assert_eq!(conf.matches(text).count(), 1, "rtwire.conf has {text:?} once");
        conf.replace(text, other)
    })
}

/// nginx, once it accepts connections; `None` if it can't have an address.
fn listening(folder: &Path) -> Option<Process> {
    let folder = folder.to_str().expect("a folder with a plain name");
    // `-c` is relative to `-p`, and what the configuration names is too.
    let arguments = ["-p", folder, "-c", "nginx.conf", "-e", "stderr"];
    let mut process = Process::start(foreign::nginx(&arguments));
    loop {
        let line = process.line();
        if line.contains("[emerg]") && line.contains("bind()") {
            return None;
        }
        // Its sockets listen by then.
        if line.contains("event method") {
            return Some(process);
        }
    }
}
