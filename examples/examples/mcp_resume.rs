//! A call whose connection is lost on the way, and which is answered all the same: resuming as in MCP's
//! streamable HTTP.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example mcp_resume
//! ```
//!
//! The server, which it starts itself, begins each answer with an event that is an id and nothing else. So
//! the client can ask for the rest of it even if it has heard nothing yet.

use std::io;
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Method, Request, Response, header};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rtwire_client::EventSource;
use rtwire_client::event_source::{Event, Options, ReadyState, Reconnect};
use rtwire_server::Fields;
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    tokio::spawn(serve(listener));

    let call =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "count" } });
    let options = Options::post("application/json", call.to_string())
        .header("Accept", "application/json, text/event-stream")
        .header("MCP-Protocol-Version", "2025-11-25")
        .reconnect(Reconnect::Get)
        .reconnection_time(Duration::from_millis(100));
    let mut source = EventSource::builder(&url).options(options).build()?;
    while let Some(event) = source.next().await {
        match event {
            Event::Message(event) if event.data.is_empty() => {
                println!("can be resumed from {}", event.last_event_id);
            }
            Event::Message(event) => {
                let message: Value = serde_json::from_str(&event.data)?;
                println!("{}: {message}", event.last_event_id);
                if message["id"] == 1 {
                    source.close(); // it has its answer
                }
            }
            Event::Error { failure, ready_state: ReadyState::Connecting } => {
                println!("{failure}, resuming after {}", source.last_event_id());
            }
            Event::Error { failure, .. } => bail!("{failure}"),
            _ => {}
        }
    }
    Ok(())
}

/// Loses the connection of the call, and none of those that resume it.
async fn serve(listener: TcpListener) {
    while let Ok((tcp, _)) = listener.accept().await {
        let service = service_fn(|request| async move { answer(&request) });
        // It ends with an error where the connection is to be lost.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
    }
}

type Body = StreamBody<stream::BoxStream<'static, io::Result<Frame<Bytes>>>>;

fn answer(request: &Request<Incoming>) -> anyhow::Result<Response<Body>> {
    let last_event_id = request.headers().get("last-event-id").map(|id| id.to_str()).transpose()?;
    let body = match (request.method(), last_event_id) {
        (&Method::POST, None) => {
            let lost = stream::once(async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Err(io::ErrorKind::ConnectionReset.into())
            });
            events(0).take(3).chain(lost).boxed()
        }
        (&Method::GET, Some(id)) => events(id.parse::<usize>()? + 1).boxed(),
        _ => {
            return Ok(Response::builder()
                .status(405)
                .body(StreamBody::new(stream::empty().boxed()))?);
        }
    };
    let response = Response::builder().header(header::CONTENT_TYPE, "text/event-stream");
    Ok(response.body(StreamBody::new(body))?)
}

/// What the call comes to, from an id on. A server that does something would keep it for a while.
fn events(from: usize) -> impl Stream<Item = io::Result<Frame<Bytes>>> + Send {
    let progress = |progress: usize| {
        let params = json!({ "progressToken": 1, "progress": progress, "total": 4 });
        json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params })
            .to_string()
    };
    let result =
        json!({ "jsonrpc": "2.0", "id": 1, "result": { "content": [], "isError": false } });
    let data = [String::new()].into_iter().chain((1..=4).map(progress)).chain([result.to_string()]);
    let data: Vec<(usize, String)> = data.enumerate().skip(from).collect();
    stream::iter(data).then(|(id, data)| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let event = Fields::new().id(&id.to_string()).data(&data).to_bytes();
        event.map(Frame::data).map_err(io::Error::other)
    })
}
