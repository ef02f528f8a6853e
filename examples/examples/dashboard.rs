//! A dashboard: what this machine does, each second, to any number of pages.
//!
//! ```text
//! cargo run -p rtwire-examples --example dashboard -- --port 3000     # http://127.0.0.1:3000
//! ```
//!
//! Stop it and start it again: the page, `dashboard.html`, comes back by itself. What it missed is sent to
//! it, and where that is gone it is told so.

use std::sync::{Arc, Weak};
use std::time::Duration;

use clap::Parser;
use rtwire_server::{Content, Endpoints, EventLog, Fields, Request, Server, Sse};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

#[derive(Parser)]
struct Arguments {
    /// 0 picks a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Events kept for pages that come back: there are three a second.
    #[arg(long, default_value_t = 180)]
    keep: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { port, keep } = Arguments::parse();
    let (log, watching) = (EventLog::new(keep), Arc::new(()));
    let measuring = measure(log.clone(), Arc::downgrade(&watching));

    let events = move |request: Request| {
        let events = log.subscribe(request.last_event_id().as_deref());
        // Held by the stream, which is dropped when its page goes.
        let watching = Arc::clone(&watching);
        let for_ever = async move {
            let _watching = watching;
            std::future::pending::<()>().await;
        };
        async move { Sse::new(events).until(for_ever) }
    };
    let page = Content::new("text/html; charset=utf-8", include_str!("dashboard.html"));
    let app = Endpoints::new().get("/", page).sse("/events", events);
    let server = Server::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", server.local_addr());
    tokio::select! {
        outcome = server.serve(app).with_shutdown(tokio::signal::ctrl_c()) => Ok(outcome?),
        failed = measuring => failed,
    }
}

/// Publishes what there is to know, each second: each number is an event of its own type.
async fn measure(log: EventLog, watching: Weak<()>) -> anyhow::Result<()> {
    let publish = |event_type: &str, data: Value| {
        log.publish(Fields::new().event(event_type).data(&data.to_string()))
    };
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut before = processor_time();
    loop {
        seconds.tick().await;
        let now = processor_time();
        // No time has passed at the first tick.
        if let (Some((busy, all)), Some((busy_before, all_before))) = (now, before)
            && all > all_before
        {
            let share = (busy - busy_before) / (all - all_before);
            publish("cpu", json!({ "percent": 100.0 * share }))?;
        }
        before = now;
        if let Some((used, total)) = memory() {
            publish("memory", json!({ "used": used, "total": total }))?;
        }
        // One of them is the server's own.
        publish("watching", json!({ "pages": watching.strong_count().saturating_sub(1) }))?;
    }
}

/// The time that the processors were busy since the start, and all of it; where the system tells (Linux).
fn processor_time() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.
    let times = stat.lines().next()?.strip_prefix("cpu")?.split_whitespace().take(8);
    let times: Vec<f64> = times.map(|time| time.parse().ok()).collect::<Option<_>>()?;
    let all: f64 = times.iter().sum();
    Some((all - times.get(3)? - times.get(4)?, all))
}

/// Bytes in use, and all there are; where the system tells (Linux).
fn memory() -> Option<(u64, u64)> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let bytes = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    };
    let total = bytes("MemTotal:")?;
    Some((total.saturating_sub(bytes("MemAvailable:")?), total))
}
