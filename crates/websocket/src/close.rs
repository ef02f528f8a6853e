//! Closing (RFC 6455 §5.5.1 and §7.4): the body of a Close frame.
//!
//! ```text
//! +-------------------+--------------------------+
//! | status code (u16) | reason, UTF-8, 0..=123 B |     or nothing at all
//! +-------------------+--------------------------+
//! ```

use alloc::vec::Vec;
use core::fmt;

use bytestring::ByteString;

use crate::error::{Rule, SendError};

/// Why a connection was closed (RFC 6455 §7.4): a number, so that the codes of applications and
/// of later registrations fit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// A server goes down, or a browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke RFC 6455.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The endpoint cannot accept this type of data.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// No code was in the Close frame. Never on the wire.
    pub const NO_STATUS: Self = Self(1005);
    /// The transport ended without a Close frame. Never on the wire.
    pub const ABNORMAL: Self = Self(1006);
    /// The payload does not fit the type of the message, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// The message violates the endpoint's policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// The message is too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// The client expected an extension that the server did not negotiate.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// The server met an unexpected condition.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// The server restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// The server is overloaded.
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// Any number, also one that must not be sent.
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// §7.4: whether the code may stand in a Close frame. 1004–1006 and 1015 are reserved,
    /// 1016–2999 are for later revisions, 1012–1014 are registered since (IANA), and 3000–4999
    /// belong to libraries and applications.
    pub const fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.get()
    }
}

/// How a connection ended: what the peer's Close frame said, or [`CloseCode::ABNORMAL`] if there
/// was none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    /// The status code; [`CloseCode::NO_STATUS`] if the Close frame was empty.
    pub code: CloseCode,
    /// The reason, possibly empty: at most 123 bytes.
    pub reason: ByteString,
}

impl CloseReason {
    /// The longest reason in bytes: a control frame holds 125, the code takes two (§5.5).
    pub const MAX_REASON_LEN: usize = 123;

    /// A code without words.
    pub const fn new(code: CloseCode) -> Self {
        Self { code, reason: ByteString::new() }
    }

    /// Decodes the body of a Close frame, already unmasked.
    ///
    /// # Errors
    /// The broken rule and its offset in the body: [`Rule::CloseBodyTooShort`],
    /// [`Rule::CloseCodeNotAllowed`], [`Rule::CloseReasonNotUtf8`].
    pub fn decode(body: &[u8]) -> Result<Self, (Rule, usize)> {
        if body.is_empty() {
            return Ok(Self::new(CloseCode::NO_STATUS));
        }
        // §5.5.1: a body is empty or starts with a 2-byte code, so one byte is neither.
        let Some((code, reason)) = body.split_first_chunk() else {
            return Err((Rule::CloseBodyTooShort, 0));
        };
        let code = CloseCode(u16::from_be_bytes(*code));
        if !code.is_sendable() {
            return Err((Rule::CloseCodeNotAllowed { code: code.get() }, 0));
        }
        match core::str::from_utf8(reason) {
            Ok(reason) => Ok(Self { code, reason: reason.into() }),
            Err(error) => Err((Rule::CloseReasonNotUtf8, 2 + error.valid_up_to())),
        }
    }

    /// The body of a Close frame: empty for [`CloseCode::NO_STATUS`].
    ///
    /// # Errors
    /// [`SendError::CloseCode`] for a code that must not be sent, [`SendError::TooLong`] for a
    /// reason over [`MAX_REASON_LEN`](Self::MAX_REASON_LEN) bytes.
    pub fn encode(&self) -> Result<Vec<u8>, SendError> {
        if self.reason.len() > Self::MAX_REASON_LEN {
            return Err(SendError::TooLong);
        }
        if self.code == CloseCode::NO_STATUS && self.reason.is_empty() {
            return Ok(Vec::new());
        }
        if !self.code.is_sendable() {
            return Err(SendError::CloseCode);
        }
        let mut body = Vec::with_capacity(2 + self.reason.len());
        body.extend_from_slice(&self.code.get().to_be_bytes());
        body.extend_from_slice(self.reason.as_bytes());
        Ok(body)
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, " {}", self.reason) }
    }
}
