//! The client's end of a session: what a [`ClientSession`] is made with, asks for
//! and tells. Its limits are its own, for a client has other things to fear than a server.

mod event;
mod limits;
mod request;
mod session;

pub use event::Event;
pub use limits::Limits;
pub use request::Request;
pub use session::ClientSession;
