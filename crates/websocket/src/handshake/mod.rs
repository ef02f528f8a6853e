//! The opening handshake (RFC 6455 §4; RFC 8441 for HTTP/2, RFC 9220 for HTTP/3), for both roles, from
//! raw bytes or from parts that an HTTP implementation has parsed.
//!
//! ```text
//! client                                               server
//! Request::new ── encode ──▶ GET /chat HTTP/1.1 ──▶ Request::decode | from_parts
//!     (a key: 16 random bytes)                             │   Err: Error::response, close
//!                                                          │   Origin, path, protocols: yours
//!                                                          ▼
//! Answer::decode  ◀──  HTTP/1.1 101 Switching …  ◀── accept | accept_protocol, encode
//!   │ Accepted: frames follow                              Response::refuse, encode, close
//!   │ Refused: status, headers, and a body of HTTP's
//!   ▼ Err: close
//! ```
//!
//! Both ends at work, with a byte of the first frame right behind the head:
//!
//! ```
//! use rtwire_websocket::handshake::{Answer, HeadSearch, Limits, Request};
//!
//! // The client. The key is 16 bytes from a source of randomness.
//! let request = Request::new("example.com", "/chat", *b"the sample nonce")?.with_protocol("chat")?;
//! let wire = request.encode();
//! assert!(wire.starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
//!
//! // The server, fed with what has arrived so far.
//! let mut search = HeadSearch::new(Limits::default());
//! assert_eq!(Request::decode(&wire[..40], &mut search)?, None);
//! let (seen, used) = Request::decode(&wire, &mut search)?.expect("all of it is there");
//! assert_eq!((seen.target(), seen.origin(), used), ("/chat", None, wire.len()));
//! let mut reply = seen.accept_protocol("chat")?.encode().to_vec();
//! reply.push(0x81);
//!
//! // The client again: bytes behind the head belong to the frames.
//! let mut search = HeadSearch::default();
//! let (answer, used) = Answer::decode(&reply, &request, &mut search)?.expect("all of it");
//! assert!(matches!(answer, Answer::Accepted(response) if response.protocol() == Some("chat")));
//! assert_eq!(reply[used..], [0x81]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In HTTP/2 and HTTP/3 a stream becomes the WebSocket. The messages are an HTTP implementation's to
//! encode, and there is no key; all else is the same:
//!
//! ```text
//! client                                                 server
//! Request::connect ─ pseudo_headers, ▶ :method CONNECT ▶ Request::from_connect
//!                    headers           :protocol …         │   Err: Error::response
//!                                                          ▼
//! Answer::from_parts  ◀────────────── :status 200 ◀────── accept | accept_protocol | refuse
//!   Accepted: the data of both directions are frames       status, headers
//! ```
//!
//! ```
//! use rtwire_websocket::handshake::{Answer, Request};
//!
//! // The client: what its HTTP/2 implementation sends.
//! let request = Request::connect("https", "example.com", "/chat")?.with_protocol("chat")?;
//! let sent = request.pseudo_headers().chain(request.headers());
//!
//! // The server: what its HTTP/2 implementation has received.
//! let seen = Request::from_connect(sent)?;
//! assert_eq!((seen.target(), seen.host(), seen.origin()), ("/chat", "example.com", None));
//! let response = seen.accept_protocol("chat")?;
//! assert_eq!(response.status(), 200);
//! assert!(response.headers().eq([("sec-websocket-protocol", &b"chat"[..])]));
//!
//! // The client again, with the status, the version and the headers of the answer.
//! let answer = Answer::from_parts(response.status(), (2, 0), response.headers(), &request)?;
//! assert!(matches!(answer, Answer::Accepted(response) if response.protocol() == Some("chat")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What must be checked here is checked here; what a server has to decide (the origin, §10.2, above
//! all) is not. The one extension (§9.1) is permessage-deflate, with the feature `deflate`:
//! `with_deflate` of a [`Request`] offers it, that of a [`Response`] agrees to it.

mod abnf;
mod accept_key;
mod answer;
mod build_error;
mod connect;
#[cfg(feature = "deflate")]
mod deflate;
mod error;
mod fields;
mod head;
mod headers;
mod limits;
mod request;
mod response;

pub use accept_key::accept_key;
pub use answer::Answer;
pub use build_error::BuildError;
pub use error::{Error, Rule};
pub use head::HeadSearch;
pub use limits::Limits;
pub use request::Request;
pub use response::Response;
