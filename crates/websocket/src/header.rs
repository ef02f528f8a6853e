//! The frame header (RFC 6455 §5.2): 2 to 14 bytes, numbers big-endian.
//!
//! ```text
//! | byte 0                | byte 1             |                  |              |
//! +-----+--------+--------+------+-------------+------------------+--------------+
//! | FIN | RSV1-3 | opcode | MASK | payload len | extended length  | masking key  |
//! |  1  |   3    |   4    |  1   | 7 bits      | 0, 2 or 8 bytes  | 0 or 4 bytes |
//! +-----+--------+--------+------+-------------+------------------+--------------+
//!                                  0..=125       none
//!                                  126           u16, 126..=65_535
//!                                  127           u64, 65_536..=2^63 - 1
//! ```

use bytes::BufMut;

use crate::{
    error::{Error, Rule},
    opcode::Opcode,
};

/// One frame's header, without its payload.
///
/// ```
/// use rtwire_websocket::{FrameHeader, Opcode};
///
/// let (header, used) = FrameHeader::decode(b"\x81\x05Hello")?.unwrap();
/// assert_eq!((header.opcode, header.fin, header.payload_len), (Opcode::Text, true, 5));
/// assert_eq!(used, 2);
/// assert!(FrameHeader::decode(b"\x81")?.is_none(), "one byte is not yet a header");
/// # Ok::<(), rtwire_websocket::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The last fragment of a message, or the only one.
    pub fin: bool,
    /// Reserved for extensions; permessage-deflate (RFC 7692) marks compressed messages with it.
    pub rsv1: bool,
    /// Reserved for extensions.
    pub rsv2: bool,
    /// Reserved for extensions.
    pub rsv3: bool,
    /// What the payload is.
    pub opcode: Opcode,
    /// The key that the payload is masked with: present in every frame from a client, absent in
    /// every frame from a server (§5.1).
    pub masking_key: Option<[u8; 4]>,
    /// Length of the payload in bytes, below 2^63.
    pub payload_len: u64,
}

impl FrameHeader {
    /// The longest header in bytes.
    pub const MAX_LEN: usize = 14;

    /// A final, unmasked frame without reserved bits.
    #[inline]
    pub fn new(opcode: Opcode, payload_len: u64) -> Self {
        let (rsv1, rsv2, rsv3) = (false, false, false);
        Self { fin: true, rsv1, rsv2, rsv3, opcode, masking_key: None, payload_len }
    }

    /// Decodes a header from the front of `input` and tells how many bytes it took; `None` if
    /// `input` ends too early. The offset of an error counts from the start of `input`.
    ///
    /// # Errors
    /// [`Rule::ReservedOpcode`], [`Rule::FragmentedControl`], [`Rule::ControlTooLong`],
    /// [`Rule::NonMinimalLength`], [`Rule::LengthTooLarge`]. Whether reserved bits and masking
    /// are right depends on the connection, which checks them.
    #[inline]
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let Some((&first, rest)) = input.split_first() else { return Ok(None) };
        let fin = first & 0x80 != 0;
        let opcode = Opcode::decode(first & 0x0F).map_err(|rule| Error::new(rule, 0))?;
        // §5.5: control frames "MUST NOT be fragmented".
        if opcode.is_control() && !fin {
            return Err(Error::new(Rule::FragmentedControl, 0));
        }
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let len = second & 0x7F;
        // §5.5: control frames "MUST have a payload length of 125 bytes or less".
        if opcode.is_control() && len > 125 {
            return Err(Error::new(Rule::ControlTooLong, 1));
        }
        let (payload_len, rest) = match len {
            126 => {
                let Some((bytes, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let payload_len = u64::from(u16::from_be_bytes(*bytes));
                // §5.2: "the minimal number of bytes MUST be used to encode the length".
                if payload_len < 126 {
                    return Err(Error::new(Rule::NonMinimalLength, 2));
                }
                (payload_len, rest)
            }
            127 => {
                let Some((bytes, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let payload_len = u64::from_be_bytes(*bytes);
                if payload_len <= 0xFFFF {
                    return Err(Error::new(Rule::NonMinimalLength, 2));
                }
                // §5.2: "the most significant bit MUST be 0".
                if payload_len >> 63 != 0 {
                    return Err(Error::new(Rule::LengthTooLarge, 2));
                }
                (payload_len, rest)
            }
            len => (u64::from(len), rest),
        };
        let (masking_key, rest) = if second & 0x80 == 0 {
            (None, rest)
        } else {
            let Some((key, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (Some(*key), rest)
        };
        let header = Self {
            fin,
            rsv1: first & 0x40 != 0,
            rsv2: first & 0x20 != 0,
            rsv3: first & 0x10 != 0,
            opcode,
            masking_key,
            payload_len,
        };
        Ok(Some((header, input.len() - rest.len())))
    }

    /// Appends the header to `output`, with the shortest length that fits.
    #[inline]
    pub fn encode(&self, output: &mut impl BufMut) {
        let first = u8::from(self.fin) << 7
            | u8::from(self.rsv1) << 6
            | u8::from(self.rsv2) << 5
            | u8::from(self.rsv3) << 4
            | self.opcode.encode();
        let mask = u8::from(self.masking_key.is_some()) << 7;
        match (u8::try_from(self.payload_len), u16::try_from(self.payload_len)) {
            (Ok(len @ ..=125), _) => output.put_slice(&[first, mask | len]),
            (_, Ok(len)) => {
                let [a, b] = len.to_be_bytes();
                output.put_slice(&[first, mask | 126, a, b]);
            }
            _ => {
                output.put_slice(&[first, mask | 127]);
                output.put_u64(self.payload_len);
            }
        }
        if let Some(key) = self.masking_key {
            output.put_slice(&key);
        }
    }

    /// How many bytes [`encode`](Self::encode) writes.
    pub fn encoded_len(&self) -> usize {
        let extended = match self.payload_len {
            0..=125 => 0,
            126..=0xFFFF => 2,
            _ => 8,
        };
        2 + extended + if self.masking_key.is_some() { 4 } else { 0 }
    }
}
