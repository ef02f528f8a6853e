//! Masking (RFC 6455 §5.3): payload byte `i` of a frame is XORed with byte `i mod 4` of the
//! frame's masking key. The same operation masks and unmasks.
//!
//! ```text
//! payload   H    e    l    l    o
//! key       37   fa   21   3d   37      (starts over every 4 bytes, counted in the frame)
//! wire      7f   9f   4d   51   58
//! ```

/// Masks or unmasks a piece of a frame's payload in place.
///
/// `offset` is the position of `payload[0]` in the payload of its *frame*, so a frame may be
/// processed in pieces of any size.
///
/// ```
/// use rtwire_websocket::apply_mask;
///
/// let mut payload = *b"\x7f\x9f\x4d\x51\x58";
/// let (head, tail) = payload.split_at_mut(2);
/// apply_mask(head, [0x37, 0xfa, 0x21, 0x3d], 0);
/// apply_mask(tail, [0x37, 0xfa, 0x21, 0x3d], 2);
/// assert_eq!(&payload, b"Hello");
/// ```
#[inline]
pub fn apply_mask(payload: &mut [u8], key: [u8; 4], offset: u64) {
    let key = u32::from_le_bytes(key).rotate_right((offset % 4) as u32 * 8);
    // Eight bytes at a time: a shape that compilers turn into vector instructions.
    let word = u64::from(key) << 32 | u64::from(key);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_le_bytes(*bytes) ^ word).to_le_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(word.to_le_bytes()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::apply_mask;

    /// The rule as §5.3 writes it, one byte at a time.
    fn naive(payload: &mut [u8], key: [u8; 4], offset: usize) {
        for (i, byte) in payload.iter_mut().enumerate() {
            *byte ^= key[(i + offset) % 4];
        }
    }

    #[test]
    fn s5_3_every_length_and_offset_agrees_with_the_rule_as_written() {
        let key = [0x12, 0x34, 0x56, 0x78];
        for len in 0..70 {
            for offset in 0..9 {
                let mut fast: alloc::vec::Vec<u8> = (0..len).collect();
                let mut slow = fast.clone();
                apply_mask(&mut fast, key, offset as u64);
                naive(&mut slow, key, offset);
                assert_eq!(fast, slow, "{len} bytes at {offset}");
            }
        }
    }
}
