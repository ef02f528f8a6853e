use core::fmt;

use crate::close::CloseCode;

/// What broke, and where: `offset` counts bytes from the start of the frame layer (the first byte
/// after the opening handshake).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    rule: Rule,
    offset: u64,
}

impl Error {
    #[inline]
    pub(crate) fn new(rule: Rule, offset: u64) -> Self {
        Self { rule, offset }
    }

    /// The rule that the peer broke.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The byte in the stream where it broke.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn after(self, bytes: u64) -> Self {
        Self { offset: self.offset + bytes, ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} ({})", self.rule, self.offset, self.rule.section())
    }
}

impl core::error::Error for Error {}

/// A rule that a peer can break once the connection is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// §5.2: reserved bits are 0 unless an extension defines them.
    #[error("reserved bit set")]
    ReservedBits,
    /// §5.2: opcodes 3–7 and 11–15 are reserved.
    #[error("reserved opcode {opcode}")]
    ReservedOpcode {
        /// The four bits as received.
        opcode: u8,
    },
    /// §5.2: a length takes the fewest bytes that hold it.
    #[error("length not minimally encoded")]
    NonMinimalLength,
    /// §5.2: the top bit of a 64-bit length is 0.
    #[error("length of 2^63 or more")]
    LengthTooLarge,
    /// §5.1: a client masks every frame.
    #[error("unmasked frame from a client")]
    Unmasked,
    /// §5.1: a server masks none.
    #[error("masked frame from a server")]
    Masked,
    /// §5.4: a continuation needs a message to continue.
    #[error("continuation without a message")]
    UnexpectedContinuation,
    /// §5.4: fragments of one message are not mixed with those of another.
    #[error("new message inside a fragmented one")]
    UnfinishedMessage,
    /// §5.5: a control frame is not fragmented.
    #[error("fragmented control frame")]
    FragmentedControl,
    /// §5.5: a control frame carries at most 125 bytes.
    #[error("control frame over 125 bytes")]
    ControlTooLong,
    /// §5.5.1: the body of a Close frame is empty or has a code of two bytes.
    #[error("close body of one byte")]
    CloseBodyTooShort,
    /// §7.4: some codes are never on the wire.
    #[error("close code {code} not allowed")]
    CloseCodeNotAllowed {
        /// The code as received.
        code: u16,
    },
    /// §5.5.1: the reason is UTF-8.
    #[error("close reason is not UTF-8")]
    CloseReasonNotUtf8,
    /// §8.1: text is UTF-8 as a whole message.
    #[error("text is not UTF-8")]
    InvalidUtf8,
    /// RFC 7692 §7.2.2: the payload of a compressed message is DEFLATE data. The offset of what breaks
    /// in inflated data is the start of the payload of its frame.
    #[error("invalid DEFLATE data")]
    InvalidDeflate,
    /// RFC 7692 §7.2.1: a compressed message ends with the header of a stored block.
    #[error("message ends inside a DEFLATE block")]
    TruncatedDeflate,
    /// The frame is over [`Limits::max_frame`](crate::Limits::max_frame).
    #[error("frame over {limit} bytes")]
    FrameTooBig {
        /// In bytes of payload.
        limit: u64,
    },
    /// The message is over [`Limits::max_message`](crate::Limits::max_message).
    #[error("message over {limit} bytes")]
    MessageTooBig {
        /// In bytes, all fragments together.
        limit: u64,
    },
    /// The message is in more pieces than
    /// [`Limits::max_fragments`](crate::Limits::max_fragments).
    #[error("message in more than {limit} fragments")]
    TooManyFragments {
        /// In frames.
        limit: u32,
    },
    /// §5.5.2: a Ping is answered; nothing came within
    /// [`Limits::pong_timeout`](crate::Limits::pong_timeout).
    #[error("no answer to a ping")]
    PongTimeout,
}

impl Rule {
    /// The status code to close with (§7.4.1).
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::ReservedBits
            | Self::ReservedOpcode { .. }
            | Self::NonMinimalLength
            | Self::LengthTooLarge
            | Self::Unmasked
            | Self::Masked
            | Self::UnexpectedContinuation
            | Self::UnfinishedMessage
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::CloseBodyTooShort
            | Self::CloseCodeNotAllowed { .. } => CloseCode::PROTOCOL_ERROR,
            // RFC 7692 names no code. The frames are well formed, so that 1002 would blame the
            // wrong layer; Node's ws closes with 1007 as well.
            Self::CloseReasonNotUtf8
            | Self::InvalidUtf8
            | Self::InvalidDeflate
            | Self::TruncatedDeflate => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooBig { .. } | Self::MessageTooBig { .. } => CloseCode::MESSAGE_TOO_BIG,
            Self::TooManyFragments { .. } => CloseCode::POLICY_VIOLATION,
            Self::PongTimeout => CloseCode::INTERNAL_ERROR,
        }
    }

    /// The section that states it.
    pub fn section(&self) -> &'static str {
        match self {
            Self::ReservedBits
            | Self::ReservedOpcode { .. }
            | Self::NonMinimalLength
            | Self::LengthTooLarge => "RFC 6455 §5.2",
            Self::Unmasked | Self::Masked => "RFC 6455 §5.1",
            Self::UnexpectedContinuation | Self::UnfinishedMessage => "RFC 6455 §5.4",
            Self::FragmentedControl | Self::ControlTooLong => "RFC 6455 §5.5",
            Self::CloseBodyTooShort | Self::CloseReasonNotUtf8 => "RFC 6455 §5.5.1",
            Self::CloseCodeNotAllowed { .. } => "RFC 6455 §7.4",
            Self::InvalidUtf8 => "RFC 6455 §8.1",
            Self::InvalidDeflate => "RFC 7692 §7.2.2",
            Self::TruncatedDeflate => "RFC 7692 §7.2.1",
            Self::FrameTooBig { .. }
            | Self::MessageTooBig { .. }
            | Self::TooManyFragments { .. } => "RFC 6455 §10.4",
            Self::PongTimeout => "RFC 6455 §5.5.2",
        }
    }
}

/// A mistake of the caller: nothing was sent, and the connection goes on as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// §5.5.1: after a Close frame nothing more is sent.
    #[error("the connection is closing")]
    Closing,
    /// The output already holds [`Limits::max_output`](crate::Limits::max_output) bytes: write
    /// some of it first.
    #[error("the output is full")]
    Full,
    /// §5.4: a message of which the last fragment was not sent; nothing but its fragments may follow.
    #[error("a message is unfinished")]
    UnfinishedMessage,
    /// A control payload over 125 bytes, or a close reason over 123.
    #[error("control payload too long")]
    TooLong,
    /// §7.4: this code must not be sent.
    #[error("close code must not be sent")]
    CloseCode,
}
