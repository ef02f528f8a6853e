//! Fuzz targets of rtwire and the laws that they assert.

mod deflate_messages;
mod deflate_negotiation;
mod engineio_client;
mod engineio_messages;
mod engineio_payload;
mod engineio_session;
mod engineio_v3;
mod socketio_connection;
mod socketio_decoder;
mod socketio_packet;
mod socketio_payload;
mod sse_decoder;
mod sse_encoder;
mod sse_event_source;
mod websocket_connection;
mod websocket_handshake;
mod websocket_header;
mod websocket_messages;

pub use deflate_messages::deflate_messages;
pub use deflate_negotiation::deflate_negotiation;
pub use engineio_client::engineio_client;
pub use engineio_payload::engineio_payload;
pub use engineio_session::engineio_session;
pub use engineio_v3::engineio_v3;
pub use socketio_connection::socketio_connection;
pub use socketio_decoder::socketio_decoder;
pub use socketio_packet::socketio_packet;
pub use socketio_payload::socketio_payload;
pub use sse_decoder::sse_decoder;
pub use sse_encoder::sse_encoder;
pub use sse_event_source::sse_event_source;
pub use websocket_connection::websocket_connection;
pub use websocket_handshake::websocket_handshake;
pub use websocket_header::websocket_header;
pub use websocket_messages::websocket_messages;
