//! Fuzz targets of rtwire and the laws that they assert.

mod sse_decoder;
mod sse_encoder;
mod websocket_handshake;

pub use sse_decoder::sse_decoder;
pub use sse_encoder::sse_encoder;
pub use websocket_handshake::websocket_handshake;
