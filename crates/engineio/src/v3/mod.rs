//! Engine.IO 3, which clients of before 2021 speak: what differs on the wire.
//!
//! ```text
//!                   version 4                  version 3
//!  binary, in text  bAQID                      b4AQID       the type stays
//!  …, on WebSocket  01 02 03                   04 01 02 03  as a byte, in front
//!  payload          4hello ␞ bAQID             6:4hello6:b4AQID
//!  …, XHR2          –                          00 06 ff "4hello" 01 04 ff 04 01 02 03
//!  heartbeat        server 2, client 3         client 2, server 3
//! ```
//!
//! Packets are the same [`Packet`](crate::Packet)s.
//!
//! ```
//! use rtwire_engineio::{Frame, Packet, v3};
//!
//! let packets = [Packet::Message("€".into()), Packet::Message(vec![1, 2, 3].into())];
//! let text = v3::encode_payload(&packets, true);
//! assert_eq!(text, Frame::Text("2:4€6:b4AQID".into())); // lengths are of UTF-16
//! let decoded: Result<Vec<_>, _> = v3::Payload::decode(text, 100).collect();
//! assert_eq!(decoded?, packets);
//! # Ok::<(), rtwire_engineio::Error>(())
//! ```

mod packet;
mod payload;

pub(crate) use packet::prefixed;
pub use packet::{decode, encode};
pub(crate) use payload::from_frames;
pub use payload::{Payload, encode_payload};
