//! Server-sent events (WHATWG HTML): an exact event stream decoder and encoder without I/O.
