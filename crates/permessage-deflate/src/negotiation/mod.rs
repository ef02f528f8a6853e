//! What the two ends agree on in the opening handshake (RFC 7692 §5, §7.1): the values of
//! `Sec-WebSocket-Extensions`.
//!
//! ```text
//! client                                                     server
//! Offer::encode ──▶ permessage-deflate;                ──▶ Params::negotiate
//!   in order of       client_max_window_bits;                │ Err: malformed, answer 400
//!   preference        server_max_window_bits=10,             │ None: no offer will do, no header
//!                   permessage-deflate                       ▼
//! Params::from_response ◀── permessage-deflate;        ◀── Params::encode
//!   │ None: not compressed    server_max_window_bits=10
//!   ▼ Err: close the connection
//! ```
//!
//! Both ends at work, here with an offer that this server passes over:
//!
//! ```
//! use rtwire_permessage_deflate::Config;
//! use rtwire_permessage_deflate::negotiation::{Offer, Params, Role};
//!
//! let config = Config::default().server_no_context_takeover(false);
//! let request = "permessage-deflate; server_max_window_bits=8, permessage-deflate";
//! let params = Params::negotiate([request.as_bytes()], &config)?.expect("the second");
//! assert_eq!(params.encode(), "permessage-deflate; client_no_context_takeover");
//! assert!(params.window(Role::Server).context_takeover);
//!
//! // The client checks what comes back, here from a server that must not say so: not offered.
//! let offer = Offer::default().client_max_window_bits(None);
//! let wrong = b"permessage-deflate; client_max_window_bits=10";
//! let error = Params::from_response([&wrong[..]], &[offer]).unwrap_err();
//! assert_eq!(error.to_string(), "client_max_window_bits was not offered at byte 0");
//! # Ok::<(), rtwire_permessage_deflate::negotiation::Error>(())
//! ```
//!
//! # Windows of 8 bits
//!
//! DEFLATE as zlib does it cannot compress with one. A server that is offered
//! `server_max_window_bits=8` therefore passes over this offer. One that is offered
//! `client_max_window_bits=8` may agree: the client said what it would do, and a larger window
//! inflates it. A client that is answered `client_max_window_bits=8`, without having named a size,
//! cannot decline it (§7.1.2.2); its [`Compressor`](crate::Compressor) then refers to nothing.

mod error;
mod extension;
mod offer;
mod params;

pub use error::{Error, Rule};
pub use offer::Offer;
pub use params::{Params, Role};
