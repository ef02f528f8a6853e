//! Prints the tokens of a language model as they come (OpenAI's chat completions).
//!
//! ```text
//! cargo run --release --package rtwire-examples --example llm_stream [URL [MODEL [KEY]]]
//! ```
//!
//! The URL is one such as http://host:port/v1/chat/completions. Without it, it starts a server of its own,
//! which is busy at first, and answers with what it was asked.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rtwire_client::EventSource;
use rtwire_client::event_source::{Event, Failure, Options, ReadyState};
use rtwire_server::{EncodedEvent, Fields, Sse};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = match arguments.next() {
        Some(url) => url,
        None => start_model().await?,
    };
    let model = arguments.next().unwrap_or("stub".to_owned());
    let key = arguments.next().unwrap_or("none".to_owned());
    let messages = [json!({ "role": "user", "content": "one two three, né € 😀" })];
    let question = json!({ "model": model, "stream": true, "messages": messages });

    let options = Options::post("application/json", question.to_string())
        .header("Authorization", format!("Bearer {key}"))
        .end_mark("[DONE]")
        .retry_statuses(true);
    let mut source = EventSource::builder(&url).options(options).build()?;
    while let Some(event) = source.next().await {
        match event {
            Event::Open => println!("open"),
            Event::Message(event) => {
                let chunk: Value = serde_json::from_str(&event.data)?;
                if let Some(token) = chunk["choices"][0]["delta"]["content"].as_str() {
                    print!("{token}");
                    std::io::stdout().flush()?;
                }
            }
            Event::Error { failure, ready_state: ReadyState::Connecting } => {
                println!("{failure}, asking again");
            }
            Event::Error { failure, .. } => {
                let said = failure.response().map(|it| String::from_utf8_lossy(&it.body));
                if matches!(failure, Failure::Network) {
                    println!("{:?}", source.network_error());
                }
                bail!("{failure}: {}", said.unwrap_or_default());
            }
            Event::End => println!("\ndone"),
            _ => {}
        }
    }
    Ok(())
}

/// Starts what a model could be, and returns its URL.
async fn start_model() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1/chat/completions", listener.local_addr()?);
    let busy = Arc::new(AtomicBool::new(true));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let busy = busy.clone();
            let service =
                service_fn(move |request| answer(request, busy.swap(false, Ordering::Relaxed)));
            // A client that leaves is no error of ours.
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
        }
    });
    Ok(url)
}

async fn answer(
    request: Request<Incoming>,
    busy: bool,
) -> anyhow::Result<Response<Either<Sse, Full<Bytes>>>> {
    let refusal = Response::builder();
    if busy {
        let refusal = refusal.status(429).header(header::RETRY_AFTER, 1);
        return Ok(refusal.body(Either::Right("busy".into()))?);
    }
    if request.headers().get(header::AUTHORIZATION).is_none() {
        return Ok(refusal.status(401).body(Either::Right("who are you?".into()))?);
    }
    let Ok(body) = Limited::new(request.into_body(), 1 << 20).collect().await else {
        return Ok(refusal.status(413).body(Either::Right("too long".into()))?);
    };
    let question: Value = serde_json::from_slice(&body.to_bytes())?;
    let text = question["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
    let tokens: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
    let chunks = futures_util::stream::iter(tokens)
        .map(|token| {
            json!({ "choices": [{ "index": 0, "delta": { "content": token } }] }).to_string()
        })
        .chain(futures_util::stream::iter(["[DONE]".to_owned()]));
    let events = chunks.then(|data| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        EncodedEvent::new(&Fields::new().data(&data)).expect("data of any kind can be sent")
    });
    Ok(Sse::new(events).into_response().map(Either::Left))
}
