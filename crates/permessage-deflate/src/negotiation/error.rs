/// The rule that the peer's `Sec-WebSocket-Extensions` breaks, and where: the handshake has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule} at byte {offset}")]
pub struct Error {
    rule: Rule,
    offset: u64,
}

impl Error {
    pub(super) fn new(rule: Rule, offset: usize) -> Self {
        Self { rule, offset: offset as u64 }
    }

    /// The rule that was broken.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The byte where it broke, counted through the values of the fields in their order, without
    /// anything between them.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// A rule of the negotiation.
///
/// A server's only fault to report is a malformed field: whatever else is wrong with an offer, it
/// is passed over (RFC 7692 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// RFC 6455 §9.1: a field is a list of extensions, at least one, with their parameters.
    #[error("malformed Sec-WebSocket-Extensions")]
    Malformed,
    /// RFC 6455 §4.1: a response has no extension that was not offered.
    #[error("extension that was not offered")]
    UnofferedExtension,
    /// RFC 7692 §5.1: one offer is accepted, once.
    #[error("permessage-deflate accepted twice")]
    RepeatedExtension,
    /// RFC 7692 §7.1: there are four parameters.
    #[error("unknown parameter")]
    UnknownParameter,
    /// RFC 7692 §7: no parameter is there twice.
    #[error("repeated parameter")]
    RepeatedParameter,
    /// RFC 7692 §7.1: `…_max_window_bits` has a value from 8 to 15 without leading zeros, though
    /// the client's need not have one in an offer; `…_no_context_takeover` has none.
    #[error("invalid value of a parameter")]
    InvalidValue,
    /// RFC 7692 §7.1.2.2: a response has it only if the offer has.
    #[error("client_max_window_bits was not offered")]
    UnofferedClientMaxWindowBits,
    /// RFC 7692 §7.1.2.2: the value in a response is not larger than the one in the offer.
    #[error("client_max_window_bits larger than offered")]
    ClientMaxWindowBitsTooLarge,
    /// RFC 7692 §7.1.2.1: an offer with it is accepted with the same or a smaller value.
    #[error("server_max_window_bits missing, or larger than offered")]
    ServerMaxWindowBits,
    /// RFC 7692 §7.1.1.1: an offer with it is accepted with it.
    #[error("server_no_context_takeover missing")]
    ServerNoContextTakeover,
}

impl Rule {
    /// The status of the answer to a request that breaks the rule. For the rules of responses it
    /// is what a gateway would report, 502.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::UnofferedExtension
            | Self::RepeatedExtension
            | Self::UnknownParameter
            | Self::RepeatedParameter
            | Self::InvalidValue
            | Self::UnofferedClientMaxWindowBits
            | Self::ClientMaxWindowBitsTooLarge
            | Self::ServerMaxWindowBits
            | Self::ServerNoContextTakeover => 502,
        }
    }

    /// The section that states it.
    #[must_use]
    pub fn section(&self) -> &'static str {
        match self {
            Self::Malformed => "RFC 6455 §9.1",
            Self::UnofferedExtension => "RFC 6455 §4.1",
            Self::RepeatedExtension => "RFC 7692 §5.1",
            Self::UnknownParameter | Self::RepeatedParameter | Self::InvalidValue => {
                "RFC 7692 §7.1"
            }
            Self::UnofferedClientMaxWindowBits | Self::ClientMaxWindowBitsTooLarge => {
                "RFC 7692 §7.1.2.2"
            }
            Self::ServerMaxWindowBits => "RFC 7692 §7.1.2.1",
            Self::ServerNoContextTakeover => "RFC 7692 §7.1.1.1",
        }
    }
}
