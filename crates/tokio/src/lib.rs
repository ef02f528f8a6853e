//! Tokio drivers for rtwire's protocol crates: WebSocket and EventStream over AsyncRead + AsyncWrite.
