//! What an owner has to say about the requests of Engine.IO and Socket.IO.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use rtwire_server::{
    Endpoints, EngineIo, EngineIoCookie, EngineIoSendError, EngineIoSocket, OriginPolicy, Request,
    SocketIo,
};
use tokio::net::TcpStream;

use crate::engine_io_peer::{Polling, body, text};
use crate::peer::{Running, field, get, post, soon, start, status, upgrade};

const PATH: &str = "/engine.io/";
const POLLING: &str = "/engine.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/engine.io/?EIO=4&transport=websocket";

async fn echo(mut socket: EngineIoSocket) -> Result<(), EngineIoSendError> {
    while let Some(message) = socket.next().await {
        socket.send(message).await?;
    }
    Ok(())
}

async fn serve(engine_io: EngineIo) -> Running {
    start(Endpoints::new().engine_io(engine_io)).await
}

/// The head of the answer to an opening handshake.
async fn switched(server: &Running, target: &str) -> String {
    let mut peer = server.peer().await;
    peer.send(upgrade(target, "")).await;
    let head = peer.head().await;
    assert_eq!(status(&head), 101, "{head}");
    head
}

/// Lets in who says please, and counts who asks.
fn polite(asked: &Arc<AtomicUsize>) -> EngineIo {
    let asked = Arc::clone(asked);
    EngineIo::new(echo).allow_request(move |request: Request| {
        asked.fetch_add(1, Ordering::Relaxed);
        async move {
            match request.header(HeaderName::from_static("please")) {
                Some(_) => Ok(()),
                None => Err(format!("say \"please\" on {}\n", request.path())),
            }
        }
    })
}

#[tokio::test]
async fn allow_request_refuses_with_its_own_words() {
    let asked = Arc::default();
    let policy = OriginPolicy::same_origin();
    let app = Endpoints::new().engine_io(polite(&asked).max_sessions(1)).origin_policy(policy);
    let server = start(app).await;
    let refused = r#"{"code":4,"message":"say \"please\" on /engine.io/\n"}"#;
    let close = "Connection: close\r\n";
    for request in [get(POLLING, ""), upgrade(WEBSOCKET, close)] {
        let answer = server.ask(&request).await;
        assert_eq!((status(&answer), body(&answer)), (403, refused));
        assert_eq!(field(&answer, "content-type"), Some("application/json"));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);

    // It is asked last, and about handshakes only.
    for (request, expected) in [
        (get(POLLING, "Origin: https://evil.example\r\n"), 403),
        (post(POLLING, "", "4x"), 400),
        (get("/engine.io/?EIO=3&transport=polling", ""), 400),
        (get(&format!("{POLLING}&sid=unknown"), ""), 400),
        (upgrade(WEBSOCKET, "Connection: close\r\nSec-WebSocket-Version: 7\r\n"), 400),
    ] {
        let answer = server.ask(&request).await;
        assert_eq!(status(&answer), expected, "{request}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);

    // Who was refused is no session: there is room for this one, which is asked nothing further.
    let answer = server.ask(&get(POLLING, "Please: yes\r\n")).await;
    assert_eq!(status(&answer), 200, "{answer}");
    let sid = body(&answer).split('"').nth(3).unwrap();
    let target = format!("{POLLING}&sid={sid}");
    assert_eq!(status(&server.ask(&post(&target, "", "4x")).await), 200);
    assert_eq!(body(&server.ask(&get(&target, "")).await), "4x");
    switched(&server, &format!("{WEBSOCKET}&sid={sid}")).await;
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn allow_request_lets_a_websocket_in() {
    let server = serve(polite(&Arc::default())).await;
    let mut peer = server.peer().await;
    peer.send(upgrade(WEBSOCKET, "Please: yes\r\n")).await;
    assert_eq!(status(&peer.head().await), 101);
}

fn count(name: &'static str) -> impl Fn(&Request, &mut HeaderMap) + Send + Sync + 'static {
    let count = AtomicUsize::new(0);
    move |_, headers| {
        let count = count.fetch_add(1, Ordering::Relaxed);
        headers.insert(name, HeaderValue::from(count));
    }
}

#[tokio::test]
async fn initial_headers_are_those_of_the_handshake_and_headers_of_every_answer() {
    let server =
        serve(EngineIo::new(echo).initial_headers(count("first")).headers(count("every"))).await;
    let fields = |answer: &str| {
        let number = |name| field(answer, name).map(str::to_owned);
        (number("first"), number("every"))
    };
    let numbers = |first: Option<usize>, every: usize| {
        (first.map(|first| first.to_string()), Some(every.to_string()))
    };
    let answer = server.ask(&get(POLLING, "")).await;
    assert_eq!(fields(&answer), numbers(Some(0), 0));
    let sid = body(&answer).split('"').nth(3).unwrap();
    let target = format!("{POLLING}&sid={sid}");
    assert_eq!(fields(&server.ask(&post(&target, "", "4x")).await), numbers(None, 1));
    assert_eq!(fields(&server.ask(&get(&target, "")).await), numbers(None, 2));
    let head = switched(&server, &format!("{WEBSOCKET}&sid={sid}")).await;
    assert_eq!(fields(&head), numbers(None, 3));
    assert_eq!(fields(&switched(&server, WEBSOCKET).await), numbers(Some(1), 4));
    // A refusal is none of their business.
    let answer = server.ask(&get(&format!("{POLLING}&sid=unknown"), "")).await;
    assert_eq!((status(&answer), fields(&answer)), (400, (None, None)));
}

#[tokio::test]
async fn headers_stand_for_those_of_the_same_name_and_may_be_several() {
    let server = serve(EngineIo::new(echo).headers(|request, headers| {
        assert_eq!(request.method(), Method::GET);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        for cookie in ["a=1", "b=2"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
    }))
    .await;
    let answer = server.ask(&get(POLLING, "")).await;
    let lines = |name: &str| {
        let name = format!("{name}: ");
        answer.lines().filter_map(|line| line.strip_prefix(&*name)).collect::<Vec<_>>()
    };
    assert_eq!(lines("cache-control"), ["no-cache"]);
    assert_eq!(lines("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(lines("content-type"), ["text/plain; charset=UTF-8"]);
}

/// Also what the session does not keep of it, for it is about the connection.
#[tokio::test]
async fn headers_see_the_whole_request() {
    let see = |request: &Request, headers: &mut HeaderMap| {
        let upgrade = request.header(header::UPGRADE).unwrap_or_default();
        headers.insert("saw", HeaderValue::try_from(upgrade).unwrap());
    };
    let handler = async |socket: EngineIoSocket| {
        assert_eq!(socket.request().header(header::UPGRADE), None);
        assert_eq!(socket.request().header(header::HOST).as_deref(), Some("localhost"));
        socket.try_send("as it should be")
    };
    let server = serve(EngineIo::new(handler).initial_headers(see)).await;
    assert_eq!(field(&switched(&server, WEBSOCKET).await, "saw"), Some("websocket"));
    let mut socket = crate::engine_io_peer::websocket(&server, PATH, "").await.unwrap();
    assert!(text(&mut socket).await.starts_with("0{"));
    assert_eq!(text(&mut socket).await, "4as it should be");
}

#[tokio::test]
async fn headers_of_a_post_are_seen_before_its_messages() {
    let posts: Arc<Mutex<HashMap<String, HeaderMap>>> = Arc::default();
    let (sees, answers) = (Arc::clone(&posts), posts);
    let handler = move |mut socket: EngineIoSocket| {
        let posts = Arc::clone(&answers);
        async move {
            while socket.next().await.is_some() {
                let post = posts.lock().unwrap().remove(&*socket.sid());
                let seen = post.and_then(|headers| headers.get("number").cloned());
                socket.send(seen.unwrap().to_str().unwrap()).await?;
            }
            Ok::<(), EngineIoSendError>(())
        }
    };
    let server = serve(EngineIo::new(handler).headers(move |request, _| {
        let query = request.query().unwrap();
        if request.method() == Method::POST {
            let sid = query.rsplit_once("sid=").unwrap().1.to_owned();
            sees.lock().unwrap().insert(sid, request.headers().clone());
        }
    }))
    .await;
    let polling = Polling::open(&server, PATH).await;
    for number in 0..20 {
        let fields = format!("Number: {number}\r\n");
        let answer = server.ask(&post(polling.target(), &fields, "4which?")).await;
        assert_eq!(status(&answer), 200);
        assert_eq!(polling.poll().await, format!("4{number}"));
    }
}

#[tokio::test]
async fn a_cookie_has_the_sid() {
    let cookie = EngineIoCookie::new("io").unwrap();
    let server = serve(EngineIo::new(echo).cookie(cookie).initial_headers(|_, headers| {
        headers.append(header::SET_COOKIE, HeaderValue::from_static("other=1"));
    }))
    .await;
    let answer = server.ask(&get(POLLING, "")).await;
    let sid = body(&answer).split('"').nth(3).unwrap();
    let expected = format!("io={sid}; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(field(&answer, "set-cookie"), Some(&*expected));
    assert!(answer.contains("\r\nset-cookie: other=1\r\n"), "{answer}");
    let target = format!("{POLLING}&sid={sid}");
    assert_eq!(field(&server.ask(&post(&target, "", "4x")).await, "set-cookie"), None);

    let tcp = soon(TcpStream::connect(server.address)).await.unwrap();
    let key = rtwire_tokio::random_key().unwrap();
    let request = rtwire_websocket::handshake::Request::new("localhost", WEBSOCKET, key).unwrap();
    let limits = rtwire_websocket::Limits::default();
    let (mut socket, answer) = soon(rtwire_tokio::connect(tcp, &request, limits)).await.unwrap();
    let open = text(&mut socket).await;
    let sid = open.split('"').nth(3).unwrap();
    let expected = format!("io={sid}; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(answer.header("set-cookie"), Some(expected.as_bytes()));
}

#[tokio::test]
async fn socket_io_has_the_same() {
    let io = SocketIo::new()
        .allow_request(async |request: Request| match request.header(header::AUTHORIZATION) {
            Some(_) => Ok(()),
            None => Err("token required"),
        })
        .initial_headers(count("first"))
        .headers(count("every"))
        .cookie(EngineIoCookie::new("sticky").unwrap());
    let server = start(Endpoints::new().socket_io(io)).await;
    let target = "/socket.io/?EIO=4&transport=polling";
    let answer = server.ask(&get(target, "")).await;
    let expected = r#"{"code":4,"message":"token required"}"#;
    assert_eq!((status(&answer), body(&answer)), (403, expected));
    let answer = server.ask(&get(target, "Authorization: Bearer x\r\n")).await;
    assert_eq!(status(&answer), 200);
    assert_eq!((field(&answer, "first"), field(&answer, "every")), (Some("0"), Some("0")));
    assert!(field(&answer, "set-cookie").unwrap().starts_with("sticky="), "{answer}");
}
