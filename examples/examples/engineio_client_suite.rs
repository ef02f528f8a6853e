//! The server that the test suite of Node's `engine.io-client` talks to: short intervals, payloads of 100
//! bytes, a greeting, an echo, and some requests that it knows.
//!
//! ```text
//! cargo run -p rtwire-examples --example engineio_client_suite -- --port 3000
//! curl 'http://127.0.0.1:3000/engine.io/?EIO=4&transport=polling&deny=1'
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytestring::ByteString;
use clap::Parser;
use http::{HeaderMap, HeaderValue, Method, header};
use rtwire_server::{
    Endpoints, EngineIo, EngineIoLimits, EngineIoMessage, EngineIoSendError, EngineIoSocket,
    OriginPolicy, Request, Server,
};

#[derive(Parser)]
struct Arguments {
    /// 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
}

/// The header fields of each open session's last POST, by its sid.
type Posts = Mutex<HashMap<ByteString, HeaderMap>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let limits =
        EngineIoLimits::default().ping_interval(Duration::from_millis(500)).max_payload(100);
    let posts = Arc::new(Posts::default());
    let seen = Arc::clone(&posts);
    let open = move |socket: EngineIoSocket| {
        // Before the client knows the sid, and so before its first POST.
        lock(&seen).insert(socket.sid(), HeaderMap::new());
        serve(socket, Arc::clone(&seen))
    };
    let suite = EngineIo::new(open)
        .limits(limits)
        .allow_request(allow)
        .initial_headers(set_cookies)
        .headers(move |request, _| remember(&posts, request));
    let app = Endpoints::new().engine_io(suite).origin_policy(OriginPolicy::any());

    let server = Server::bind(("127.0.0.1", arguments.port)).await?;
    println!("listening on http://{}", server.local_addr());
    server.serve(app).with_shutdown(tokio::signal::ctrl_c()).await?;
    Ok(())
}

async fn allow(request: Request) -> Result<(), &'static str> {
    if parameter(&request, "deny").is_some() { Err("as you wish") } else { Ok(()) }
}

fn set_cookies(_: &Request, headers: &mut HeaderMap) {
    for cookie in [
        "1=1; Max-Age=86400",
        "2=2; SameSite=Strict; Path=/; HttpOnly; Secure",
        "3=3; Max-Age=0",
        "4=4; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ] {
        headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
    }
}

fn remember(posts: &Posts, request: &Request) {
    if request.method() == Method::POST
        && let Some(sid) = parameter(request, "sid")
        && let Some(post) = lock(posts).get_mut(&*sid)
    {
        post.clone_from(request.headers());
    }
}

async fn serve(mut socket: EngineIoSocket, posts: Arc<Posts>) -> Result<(), EngineIoSendError> {
    let served = talk(&mut socket, &posts).await;
    lock(&posts).remove(&socket.sid());
    served
}

async fn talk(socket: &mut EngineIoSocket, posts: &Posts) -> Result<(), EngineIoSendError> {
    socket.send("hi").await?;
    while let Some(message) = socket.next().await {
        let answer = match &message {
            EngineIoMessage::Text(text) => match &**text {
                "give binary" => vec![0, 1, 2, 3, 4].into(),
                "give utf8" => "пойду спать всем спокойной ночи".into(),
                "sendHeaders" => {
                    lock(posts).get(&socket.sid()).map(json).unwrap_or_default().into()
                }
                _ => message,
            },
            EngineIoMessage::Binary(_) => message,
        };
        socket.send(answer).await?;
    }
    Ok(())
}

fn json(headers: &HeaderMap) -> String {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let fields = headers.iter().map(|(name, value)| (name.as_str(), text(value)));
    serde_json::Value::from_iter(fields).to_string()
}

/// The value of a parameter of the query, as it came.
fn parameter(request: &Request, name: &str) -> Option<String> {
    let query = request.query()?;
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
}

fn lock(posts: &Posts) -> MutexGuard<'_, HashMap<ByteString, HeaderMap>> {
    // Each change is one insertion, copy or removal.
    posts.lock().unwrap_or_else(PoisonError::into_inner)
}
