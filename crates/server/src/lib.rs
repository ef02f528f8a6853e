//! A tower service and a small hyper server that answer event streams and WebSockets.
