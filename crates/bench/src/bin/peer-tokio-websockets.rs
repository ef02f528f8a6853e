//! Echo and broadcast over tokio-websockets.

use std::future::poll_fn;
use std::task::Poll;

use futures_util::{SinkExt, StreamExt};
use rtwire_bench::peer;
use tokio_websockets::{Config, Limits, Message, ServerBuilder};

/// Messages taken before their echoes are queued.
const BATCH: usize = 64;

fn main() -> anyhow::Result<()> {
    peer::serve(async |stream, options, room| {
        let (_request, mut socket) = ServerBuilder::new()
            .config(Config::default().frame_size(usize::MAX).flush_threshold(64 * 1024))
            .limits(Limits::default().max_payload_len(Some(options.max_message)))
            .accept(stream)
            .await?;
        let carries_data = |message: &Message| message.is_text() || message.is_binary();
        if options.broadcast {
            return peer::broadcast(socket, room, carries_data).await;
        }
        // Its `poll_next` writes whatever is queued, so queueing between two reads would make each
        // echo a write. All that is ready is taken first, then queued, then flushed.
        let mut ready = Vec::new();
        loop {
            let ended = poll_fn(|context| {
                while ready.len() < BATCH {
                    match socket.poll_next_unpin(context) {
                        Poll::Ready(Some(Ok(message))) => ready.push(message),
                        Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                        Poll::Ready(None) => return Poll::Ready(Ok(true)),
                        Poll::Pending if ready.is_empty() => return Poll::Pending,
                        Poll::Pending => break,
                    }
                }
                Poll::Ready(Ok(false))
            })
            .await?;
            for message in ready.drain(..) {
                if carries_data(&message) {
                    socket.feed(message).await?;
                }
            }
            if ended {
                return Ok::<(), tokio_websockets::Error>(());
            }
            socket.flush().await?;
        }
    })
}
