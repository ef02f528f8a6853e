//! Prints the events of one response, read with hyper.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example event_stream_hyper [http://host:port/path]
//! ```

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::Uri;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http_body_util::{BodyDataStream, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rtwire_tokio::EventStream;
use tokio::net::TcpStream;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or("http://127.0.0.1:3000/events".to_owned());
    let url: Uri = url.parse()?;
    ensure!(url.scheme_str() == Some("http"), "{url}: only http: URLs, for want of TLS");
    let (authority, path) = (url.authority().context("no host")?, url.path_and_query());
    let host = authority.host().trim_matches(['[', ']']);
    let tcp = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await?;
    // Its errors are those of the body too.
    let connection = tokio::spawn(connection);

    let request = http::Request::get(path.map_or("/", |path| path.as_str()))
        .header(HOST, authority.as_str())
        .header(ACCEPT, "text/event-stream")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    ensure!(response.status().is_success(), "{url}: {}", response.status());
    let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |it| it.as_bytes());
    ensure!(content_type.starts_with(b"text/event-stream"), "{url} is no event stream");

    let mut events = EventStream::new(BodyDataStream::new(response.into_body()));
    while let Some(event) = events.next().await {
        let event = event?;
        println!("{} {:?}: {}", event.event_type, &*event.last_event_id, event.data);
    }
    // To go on, the next request says `Last-Event-ID`; rtwire-client's EventSource does all of that.
    eprintln!("ended, after {:?}", events.last_event_id());
    drop(sender); // it would have sent more
    connection.await??;
    Ok(())
}
