use core::fmt;

/// What broke, and where: `offset` counts bytes of the message, inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    rule: Rule,
    offset: u64,
}

impl Error {
    pub(crate) fn new(rule: Rule, offset: u64) -> Self {
        Self { rule, offset }
    }

    /// The rule that the peer broke.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// How many bytes the message had when the rule broke. It is not the payload's bytes that are
    /// counted: how far zlib reads ahead in them is its own affair.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} ({})", self.rule, self.offset, self.rule.section())
    }
}

impl core::error::Error for Error {}

/// A rule that a compressed message can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// RFC 1951: the payload is no DEFLATE data, or refers back further than the window goes.
    #[error("invalid DEFLATE data")]
    InvalidDeflate,
    /// RFC 7692 §7.2.1: a message ends with the header of a stored block, of which the rest was
    /// removed. This one ends elsewhere.
    #[error("message ends inside a DEFLATE block")]
    TruncatedDeflate,
    /// The message, inflated, is over the limit of the [`Decompressor`](crate::Decompressor).
    #[error("message over {limit} bytes")]
    MessageTooBig {
        /// In bytes.
        limit: u64,
    },
}

impl Rule {
    /// The status code to close with (RFC 6455 §7.4.1).
    ///
    /// RFC 7692 names none for data that cannot be inflated. The frames that carry it are well
    /// formed, so that 1002 would blame the wrong layer; 1007, "data within a message that was not
    /// consistent with the type of the message", is what Node's ws sends as well.
    #[must_use]
    pub fn close_code(&self) -> u16 {
        match self {
            Self::InvalidDeflate | Self::TruncatedDeflate => 1007,
            Self::MessageTooBig { .. } => 1009,
        }
    }

    /// The section that states it.
    #[must_use]
    pub fn section(&self) -> &'static str {
        match self {
            Self::InvalidDeflate => "RFC 7692 §7.2.2",
            Self::TruncatedDeflate => "RFC 7692 §7.2.1",
            Self::MessageTooBig { .. } => "RFC 6455 §10.4",
        }
    }
}
