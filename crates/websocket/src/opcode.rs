use crate::error::Rule;

/// What a frame carries (RFC 6455 §5.2 and §11.8). The reserved opcodes 3–7 and 11–15 are not
/// representable: they end the connection with 1002.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// §5.4: a further fragment of the message in progress.
    Continuation = 0x0,
    /// §5.6: a text message, or its first fragment.
    Text = 0x1,
    /// §5.6: a binary message, or its first fragment.
    Binary = 0x2,
    /// §5.5.1: the closing handshake.
    Close = 0x8,
    /// §5.5.2: asks for a Pong with the same payload.
    Ping = 0x9,
    /// §5.5.3: the answer to a Ping, or a one-way heartbeat.
    Pong = 0xA,
}

impl Opcode {
    /// Decodes the low four bits of a frame's first byte.
    ///
    /// # Errors
    /// [`Rule::ReservedOpcode`] for the opcodes that RFC 6455 gives no meaning to.
    #[inline]
    pub fn decode(bits: u8) -> Result<Self, Rule> {
        Ok(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return Err(Rule::ReservedOpcode { opcode: bits }),
        })
    }

    /// The four bits on the wire.
    #[inline]
    pub fn encode(self) -> u8 {
        self as u8
    }

    /// §5.5: control frames have the opcode's highest bit set.
    #[inline]
    pub fn is_control(self) -> bool {
        self.encode() & 0x8 != 0
    }
}
