//! Clients that others wrote, and ours, at two servers behind nginx, with the configuration that
//! `tests/nginx` shows to operators.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]

use std::iter;
use std::process::Command;

use rtwire_tests::{Curl, LONG, Nginx, Process, Server, foreign};
use rtwire_tokio::WebSocket;
use rtwire_websocket::handshake::Request;
use rtwire_websocket::{CloseCode, CloseReason, Limits, Message};
use tokio::net::TcpStream;

const TRANSPORTS: [&str; 3] = ["polling", "websocket", "upgrade"];

/// What rtwire.conf says that the servers are started with, but for the port.
const OPTIONS: [&str; 4] = ["--addr", "127.0.0.1:0", "--allow-origin", "https://example.com"];

/// Two servers behind nginx, each with a client that is sent there.
struct Behind {
    nginx: Nginx,
    servers: [Server; 2],
    clients: [String; 2],
}

impl Behind {
    fn start() -> Self {
        let servers = [(); 2].map(|()| Server::rtwire_with(&OPTIONS));
        let [first, second] = &servers;
        let mut nginx = Nginx::start(env!("CARGO_TARGET_TMPDIR"), [first, second], &[]);
        let clients = [nginx.client_of(first), nginx.client_of(second)];
        Self { nginx, servers, clients }
    }

    fn client(&self) -> &str {
        &self.clients[0]
    }

    fn stream(&self, url: &str, arguments: &[&str]) -> Curl {
        Curl::start(self.nginx.curl(self.client(), url, arguments))
    }

    fn status(&self, url: &str, arguments: &[&str]) -> String {
        status(&self.nginx, self.client(), url, arguments)
    }

    /// A script with its URL and what follows, as the client with that number. Over TLS it has the
    /// origin that is allowed.
    fn node(
        &self,
        script: &str,
        scheme: &str,
        path: &str,
        arguments: &[&str],
        client: usize,
    ) -> Process {
        let client = &self.clients[client];
        let headers = match scheme {
            "https" | "wss" => {
                format!(r#"{{"X-Forwarded-For":"{client}","Origin":"https://example.com"}}"#)
            }
            _ => format!(r#"{{"X-Forwarded-For":"{client}"}}"#),
        };
        let url = self.nginx.url(scheme, path);
        let mut node = foreign::node(script, &[&url]);
        node.args(arguments).arg(headers);
        node.env("NODE_EXTRA_CA_CERTS", self.nginx.certificate());
        Process::start(node)
    }
}

/// The HTTP status of an answer that ends.
fn status(nginx: &Nginx, client: &str, url: &str, arguments: &[&str]) -> String {
    let status = ["--output", "/dev/null", "--write-out", "%{http_code}\\n"];
    let curl = nginx.curl(client, url, &[&status, arguments].concat());
    Process::start(curl).line()
}

#[test]
#[ignore = "needs nginx, OpenSSL and curl"]
fn nginx_passes_each_event_on_at_once() {
    let behind = Behind::start();
    let mut streams = Vec::new();
    let posts = "https://example.com/events";
    for (site, version) in [
        ("http://example.com", "--http1.1"),
        ("https://example.com", "--http1.1"),
        ("https://example.com", "--http2"),
    ] {
        for accepted in ["identity", "gzip"] {
            let field = format!("Accept-Encoding: {accepted}");
            let arguments = [version, "--header", &field];
            streams.push(behind.stream(&format!("{site}/events"), &arguments));
        }
    }
    for stream in &mut streams {
        stream.tick();
    }
    for text in ["one", "two"] {
        let post = ["--data-raw", text];
        Process::start(behind.nginx.curl(behind.client(), posts, &post)).finish();
        for stream in &mut streams {
            assert_eq!(stream.message(), text);
        }
    }
}

#[test]
#[ignore = "needs nginx, OpenSSL and curl"]
fn nginx_passes_the_last_event_id_on() {
    let behind = Behind::start();
    let url = "https://example.com/events";
    let mut stream = behind.stream(url, &[]);
    let first = stream.tick();
    let missed = [stream.tick(), stream.tick()];
    drop(stream);

    let field = format!("Last-Event-ID: {}", first.id);
    let mut resumed = behind.stream(url, &["--header", &field]);
    assert_eq!([resumed.tick(), resumed.tick()], missed);
    assert_eq!(resumed.tick().id, first.id + 3);
}

#[test]
#[ignore = "needs nginx, OpenSSL and Node"]
fn nginx_lets_websockets_of_node_through() {
    let mut behind = Behind::start();
    let cases = "messages,one_mib,fragments,pings,close_codes,too_big,invalid_utf8";
    let clients = [("ws", "/ws"), ("ws", "/"), ("wss", "/ws"), ("wss", "/")]
        .map(|(scheme, path)| behind.node("ws_client.mjs", scheme, path, &[cases], 0));
    for client in clients {
        client.finish();
    }
    let mut clients =
        ["ws", "wss"].map(|scheme| behind.node("ws_client.mjs", scheme, "/ws", &["shutdown"], 0));
    for client in &mut clients {
        client.line_after("open");
    }
    behind.servers[0].terminate();
    for client in clients {
        client.finish();
    }
}

#[test]
#[ignore = "needs nginx and OpenSSL"]
fn nginx_lets_our_websocket_through() {
    let behind = Behind::start();
    let test = our_websocket(&behind.nginx);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LONG, test).await.expect("it hangs") });
}

async fn our_websocket(nginx: &Nginx) {
    for path in ["/ws", "/"] {
        let tcp = TcpStream::connect(nginx.http()).await.unwrap();
        let request =
            Request::new("example.com", path, rtwire_tokio::random_key().unwrap()).unwrap();
        let (mut ws, _): (WebSocket<TcpStream>, _) =
            rtwire_tokio::connect(tcp, &request, Limits::default()).await.unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        for message in [Message::from(""), "two: é".into(), bytes.into()] {
            ws.send(message.clone()).await.unwrap();
            assert!(ws.next().await.unwrap().unwrap() == message, "another echo");
        }
        let bye = CloseReason { code: CloseCode::new(4001), reason: "bye".into() };
        ws.close(bye).await.unwrap();
        assert_eq!(ws.close_reason().unwrap().code, CloseCode::new(4001));
    }
}

#[test]
#[ignore = "needs nginx, OpenSSL and Node"]
fn nginx_keeps_each_client_of_socketio_at_one_server() {
    socketio("http");
}

#[test]
#[ignore = "needs nginx, OpenSSL and Node"]
fn nginx_keeps_each_client_of_socketio_at_one_server_over_tls() {
    socketio("https");
}

fn socketio(scheme: &str) {
    let Behind { nginx, servers, clients } = {
        let behind = Behind::start();
        let cases = "connects,events,binary,acks_of_the_server";
        let run = |(client, transport)| {
            behind.node("socketio_client.mjs", scheme, "", &[cases, transport], client)
        };
        let runs = (0..2).flat_map(|client| TRANSPORTS.map(|transport| (client, transport)));
        let runs: Vec<Process> = runs.map(run).collect();
        runs.into_iter().for_each(Process::finish);
        behind
    };
    let requests = nginx.finish();
    for (client, server) in iter::zip(&clients, &servers) {
        let server = server.address().to_string();
        let mut polls = 0;
        for request in requests.iter().filter(|request| request.client == *client) {
            assert_eq!(request.server, server, "{request:?}");
            assert!(["200", "101"].contains(&&*request.status), "{request:?}");
            let in_session = ["transport=polling", "&sid="].map(|part| request.line.contains(part));
            polls += usize::from(in_session == [true, true]);
        }
        assert!(polls > 0, "{client} has no session");
    }
}

#[test]
#[ignore = "needs nginx, OpenSSL and curl"]
fn nginx_leaves_the_origin_to_the_server() {
    let behind = Behind::start();
    let websocket = [
        ["--header", "Connection: Upgrade"],
        ["--header", "Upgrade: websocket"],
        ["--header", "Sec-WebSocket-Version: 13"],
        ["--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
        ["--http1.1", "--get"],
    ];
    for (origin, allowed) in [
        ("https://example.com", true),
        ("http://example.com", false),
        ("https://example.com:8443", false),
        ("https://evil.example", false),
        ("http://localhost:3000", false),
        ("null", false),
    ] {
        let field = format!("Origin: {origin}");
        let expected = if allowed { "200" } else { "403" };
        let status = |path, arguments: &[&str]| {
            let url = format!("https://example.com{path}");
            behind.status(&url, &[&["--header", &field], arguments].concat())
        };
        assert_eq!(status("/events", &["--head"]), expected, "{origin}");
        assert_eq!(status("/socket.io/?EIO=4&transport=polling", &[]), expected, "{origin}");
        // Node's WebSockets show that it is let in where it is allowed.
        if !allowed {
            assert_eq!(status("/ws", websocket.as_flattened()), expected, "{origin}");
        }
    }
    // No page, or one that asks its own server.
    assert_eq!(behind.status("https://example.com/events", &["--head"]), "200");
}

/// As rtwire.conf says for servers that are not on a loopback address: here, they are, and what is
/// public too.
#[test]
#[ignore = "needs nginx, OpenSSL and curl"]
fn nginx_passes_the_host_on_and_the_same_origin_is_allowed_over_tls() {
    let options = ["--addr", "127.0.0.1:0", "--any-host"];
    let servers = [(); 2].map(|()| Server::rtwire_with(&options));
    let [first, second] = &servers;
    let host = [("Host localhost;", "Host $http_host;")];
    let nginx = Nginx::start(env!("CARGO_TARGET_TMPDIR"), [first, second], &host);
    let status = |url: &str, origin: &str| {
        let field = format!("Origin: {origin}");
        status(&nginx, "203.0.113.1", url, &["--head", "--header", &field])
    };
    for scheme in ["http", "https"] {
        let events = nginx.url(scheme, "/events");
        assert_eq!(status(&events, &nginx.url(scheme, "")), "200");
        assert_eq!(status(&events, &format!("{scheme}://127.0.0.1")), "403");
        assert_eq!(status(&events, "https://example.com"), "403");
        // Also under a name that is none of a loopback address.
        let events = format!("{scheme}://example.com/events");
        assert_eq!(status(&events, &format!("{scheme}://example.com")), "200");
        assert_eq!(status(&events, &format!("{scheme}://example.org")), "403");
    }
}

#[test]
#[ignore = "needs nginx, OpenSSL, curl and Node"]
fn nginx_sends_clients_to_the_other_server_while_theirs_is_down() {
    let mut behind = Behind::start();
    let sites = ["http://example.com", "https://example.com"];
    let mut streams = sites.map(|site| behind.stream(&format!("{site}/events"), &[]));
    let mut clients = TRANSPORTS.map(|transport| {
        behind.node("socketio_client.mjs", "https", "", &["restart", transport], 0)
    });
    for stream in &mut streams {
        stream.tick();
    }
    for client in &mut clients {
        client.line_after("up");
    }
    behind.servers[0].terminate();
    streams.into_iter().for_each(Curl::finish);
    for client in clients {
        // It comes back by itself.
        client.finish();
    }
    for site in sites {
        behind.stream(&format!("{site}/events"), &[]).tick();
    }
}

#[test]
#[ignore = "needs nginx, OpenSSL and Node"]
fn nginx_brings_an_event_source_of_node_back_after_a_restart() {
    let behind = Behind::start();
    let mut client = foreign::node("eventsource_client.mjs", &[&behind.nginx.url("https", "")]);
    client.env("NODE_EXTRA_CA_CERTS", behind.nginx.certificate());
    let _again = restart(behind, client);
}

/// Chromium has the public name, and so the public origin.
#[test]
#[ignore = "needs nginx, OpenSSL, Node and Chromium"]
fn nginx_shows_chromium_the_page_over_tls_and_again_after_a_restart() {
    let behind = Behind::start();
    let map = format!("--host-resolver-rules=MAP example.com {}", behind.nginx.https());
    let arguments = ["https://example.com/", &map, "--ignore-certificate-errors"];
    let _again = restart(behind, foreign::chromium("chromium_page.mjs", &arguments));
}

/// Both servers end when the client says `live`, and begin again when it says `down` and has asked
/// for events in vain.
fn restart(mut behind: Behind, client: Command) -> (Nginx, [Server; 2]) {
    let mut client = Process::start(client);
    client.line_after("live");
    let addresses = behind.servers.map(|mut server| {
        let address = server.address().to_string();
        server.terminate();
        server.finish();
        address
    });
    client.line_after("down");
    while !behind.nginx.request().is_vain("/events") {}
    let again =
        addresses.map(|address| Server::rtwire_with(&["--addr", &address, OPTIONS[2], OPTIONS[3]]));
    client.finish();
    (behind.nginx, again)
}
