//! UTF-8 decoding that never fails (Encoding #utf-8-decode-without-bom): each maximal subpart of a
//! sequence that is none becomes U+FFFD.

use alloc::borrow::Cow;
use alloc::string::String;

/// Below this length, in bytes, the standard library is as fast as simdutf8.
#[cfg(feature = "simd")]
const SIMD: usize = 64;

/// The text, if all of it is UTF-8.
#[inline]
pub(crate) fn valid(bytes: &[u8]) -> Option<&str> {
    #[cfg(feature = "simd")]
    if bytes.len() >= SIMD {
        return simdutf8::basic::from_utf8(bytes).ok();
    }
    core::str::from_utf8(bytes).ok()
}

/// The text, with U+FFFD for what is not UTF-8.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match valid(bytes) {
        Some(text) => Cow::Borrowed(text),
        None => String::from_utf8_lossy(bytes),
    }
}

/// Decodes text that arrives in parts, cut anywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Utf8 {
    /// A sequence that is cut: its first `cut` bytes, at most 3.
    sequence: [u8; 4],
    cut: usize,
}

impl Utf8 {
    /// Appends to `text` what can be decoded.
    pub(crate) fn push(&mut self, mut bytes: &[u8], text: &mut String) {
        while self.cut > 0 {
            let Some((&byte, rest)) = bytes.split_first() else { return };
            self.sequence[self.cut] = byte;
            match core::str::from_utf8(&self.sequence[..=self.cut]) {
                Ok(character) => {
                    text.push_str(character);
                    self.cut = 0;
                    bytes = rest;
                }
                Err(error) if error.error_len().is_none() => {
                    self.cut += 1;
                    bytes = rest;
                }
                // The byte does not continue the sequence, and is looked at anew.
                Err(_) => self.finish(text),
            }
        }
        let (whole, cut) = bytes.split_at(bytes.len() - cut_at_end(bytes));
        text.push_str(&decode(whole));
        self.sequence[..cut.len()].copy_from_slice(cut);
        self.cut = cut.len();
    }

    /// The middle of a sequence is where it is.
    pub(crate) const fn is_cut(&self) -> bool {
        self.cut > 0
    }

    /// The text ends here, whether or not in the middle of a sequence.
    pub(crate) fn finish(&mut self, text: &mut String) {
        if self.cut > 0 {
            self.cut = 0;
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// How many bytes at the end begin a sequence that may go on: 0 to 3.
fn cut_at_end(bytes: &[u8]) -> usize {
    if bytes.last().is_none_or(u8::is_ascii) {
        return 0;
    }
    let may_go_on = |&length: &usize| {
        let end = &bytes[bytes.len() - length..];
        core::str::from_utf8(end)
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=3.min(bytes.len())).find(may_go_on).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Utf8;
    use alloc::string::String;

    #[test]
    fn parts_decode_like_the_whole() {
        let inputs: [&[u8]; 8] = [
            "a é € 😀 z".as_bytes(),
            b"\xC0\x8A\xE0\x80\x80\xED\xA0\x80",
            b"\xF0\x9F\x98",
            b"\xF0\x9F\x98a\xF0\x9F\xF0\x9F\x98\x80",
            b"\xE2\x82\xE2\x82\xAC",
            b"\xF4\x90\x80\x80\xF5\x80\xFF\xFE",
            b"\x80\xBF\xC2\xC3\xA9\xC2",
            b"\xE1\x80\xC2\xF1\x80\x80\xC2\x80",
        ];
        for input in inputs {
            let whole = String::from_utf8_lossy(input);
            for first in 0..=input.len() {
                for second in first..=input.len() {
                    let (mut utf8, mut text) = (Utf8::default(), String::new());
                    for part in [&input[..first], &input[first..second], &input[second..]] {
                        utf8.push(part, &mut text);
                    }
                    utf8.finish(&mut text);
                    assert_eq!(text, whole, "cut at {first} and {second}");
                }
            }
        }
    }
}
