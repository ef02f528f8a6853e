//! Prints the events of one response, read with reqwest.
//!
//! ```text
//! cargo run --release --package rtwire-examples --example event_stream_reqwest [http://host:port/path]
//! ```

use std::time::Duration;

use anyhow::ensure;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use rtwire_tokio::EventStream;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or("http://127.0.0.1:3000/events".to_owned());
    let client = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).build()?;
    let response = client.get(&url).header(ACCEPT, "text/event-stream").send().await?;
    let response = response.error_for_status()?;
    let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |it| it.as_bytes());
    ensure!(content_type.starts_with(b"text/event-stream"), "{url} is no event stream");

    let mut events = EventStream::new(response.bytes_stream());
    while let Some(event) = events.next().await {
        let event = event?;
        println!("{} {:?}: {}", event.event_type, &*event.last_event_id, event.data);
    }
    // To go on, the next request says `Last-Event-ID`; rtwire-client's EventSource does all of that.
    eprintln!("ended, after {:?}", events.last_event_id());
    Ok(())
}
