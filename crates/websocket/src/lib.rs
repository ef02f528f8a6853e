//! The WebSocket protocol (RFC 6455) without I/O: handshake, frames, messages, closing, keepalive.
