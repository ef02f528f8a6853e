//! Echo and broadcast over tokio-tungstenite.

use rtwire_bench::peer;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

fn main() -> anyhow::Result<()> {
    peer::serve(async |stream, options, room| {
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .max_message_size(Some(options.max_message))
            .max_frame_size(Some(options.max_message));
        let socket = accept_async_with_config(stream, Some(config)).await?;
        let carries_data = |message: &Message| message.is_text() || message.is_binary();
        match options.broadcast {
            true => peer::broadcast(socket, room, carries_data).await,
            false => peer::echo(socket, carries_data).await,
        }
    })
}
