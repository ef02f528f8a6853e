/// How packets travel. Both ends of a connection must have the same; events and their data do not
/// tell which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parser {
    /// Text, and each attachment in a message of its own: what Socket.IO does unless told otherwise.
    #[default]
    Text,
    /// One binary message, as the package `socket.io-msgpack-parser` has it.
    Msgpack,
}
