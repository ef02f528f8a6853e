//! Text (RFC 6455 §8.1) is UTF-8 as a whole *message*: a code point may be cut by a fragment or
//! by a read. Each byte is validated once, when it arrives, so that the first byte that cannot be
//! valid ends the connection at once.
//!
//! ```text
//! chunk 1:  … E2 82          chunk 2:  AC 21 …
//!             └──┴── carried ─────────┘ "€", then "!"
//! ```

use alloc::string::String;

use bytestring::ByteString;

/// Checks a whole text.
///
/// # Errors
/// The index of the first byte that cannot be valid; `bytes.len()` if the text ends too early.
#[inline]
pub(crate) fn validate(bytes: &[u8]) -> Result<&str, usize> {
    #[cfg(feature = "simd")]
    let result = simdutf8::compat::from_utf8(bytes).map_err(|e| (e.valid_up_to(), e.error_len()));
    #[cfg(not(feature = "simd"))]
    let result = core::str::from_utf8(bytes).map_err(|e| (e.valid_up_to(), e.error_len()));
    result.map_err(|(valid_up_to, error_len)| match (error_len, bytes.get(valid_up_to)) {
        // A lead byte that some sequences start with: what follows it is wrong.
        (Some(len), Some(0xC2..=0xF4)) => valid_up_to + len,
        (Some(_), _) => valid_up_to,
        (None, _) => bytes.len(),
    })
}

/// The start of a code point whose end has not arrived: up to three bytes.
#[derive(Debug, Default)]
pub(crate) struct CutCodePoint {
    bytes: [u8; 4],
    len: u8,
}

impl CutCodePoint {
    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    /// How many bytes are missing, by the first.
    pub(crate) fn missing(&self) -> usize {
        match self.bytes.get(..self.len()) {
            Some([first, ..]) => sequence_len(*first) - self.len(),
            _ => 0,
        }
    }

    /// Appends a byte, and gives the code point that it completes.
    ///
    /// # Errors
    /// It cannot be one.
    pub(crate) fn push(&mut self, byte: u8) -> Result<Option<char>, ()> {
        let len = self.len();
        *self.bytes.get_mut(len).ok_or(())? = byte;
        match core::str::from_utf8(&self.bytes[..=len]) {
            Ok(code_point) => {
                self.len = 0;
                Ok(code_point.chars().next())
            }
            Err(error) if error.error_len().is_none() => {
                self.len += 1;
                Ok(None)
            }
            Err(_) => Err(()),
        }
    }
}

/// A text that arrives in chunks.
#[derive(Debug, Default)]
pub(crate) struct TextAssembly {
    text: String,
    cut: CutCodePoint,
}

impl TextAssembly {
    /// In bytes, the cut code point included.
    pub(crate) fn len(&self) -> usize {
        self.text.len() + self.cut.len()
    }

    /// Appends the next chunk.
    ///
    /// # Errors
    /// The index in `chunk` of the first byte that cannot be valid.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), usize> {
        let rest = self.complete(chunk)?;
        let start = chunk.len() - rest.len();
        let whole = validate_start(rest, &mut self.cut).map_err(|index| start + index)?;
        self.text.push_str(whole);
        Ok(())
    }

    /// The whole text, or `None` if it ends inside a code point.
    pub(crate) fn finish(self) -> Option<ByteString> {
        self.cut.is_empty().then(|| ByteString::from(self.text))
    }

    /// Feeds the carried code point until it is complete; returns what it did not use.
    fn complete<'c>(&mut self, chunk: &'c [u8]) -> Result<&'c [u8], usize> {
        let mut rest = chunk;
        while !self.cut.is_empty() {
            let Some((&byte, after)) = rest.split_first() else { break };
            let code_point = self.cut.push(byte).map_err(|()| chunk.len() - rest.len())?;
            self.text.extend(code_point);
            rest = after;
        }
        Ok(rest)
    }
}

/// The text that `chunk` begins with; the code point that its end cuts goes to `cut`, which is empty.
///
/// # Errors
/// The index in `chunk` of the first byte that cannot be valid.
pub(crate) fn validate_start<'c>(
    chunk: &'c [u8],
    cut: &mut CutCodePoint,
) -> Result<&'c str, usize> {
    let (whole, rest) = chunk.split_at(start_of_cut_code_point(chunk));
    let whole = validate(whole)?;
    for (index, &byte) in rest.iter().enumerate() {
        cut.push(byte).map_err(|()| whole.len() + index)?;
    }
    Ok(whole)
}

/// How many bytes a code point has that starts with this one; 1 also for what none starts with.
fn sequence_len(first: u8) -> usize {
    match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    }
}

/// Where the code point that the end of `bytes` cuts starts; `bytes.len()` if none is cut.
fn start_of_cut_code_point(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let start = bytes.len() - back;
        if let 0x80..=0xBF = bytes[start] {
            continue;
        }
        let len = sequence_len(bytes[start]);
        return if len > back { start } else { bytes.len() };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::{TextAssembly, validate};

    /// The bytes that RFC 3629 §4 allows and forbids, with the index of the first bad one.
    const CASES: &[(&[u8], Result<(), usize>)] = &[
        (b"", Ok(())),
        (b"Hello", Ok(())),
        ("κόσμε €𝄞".as_bytes(), Ok(())),
        (b"\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF", Ok(())),
        (b"ab\xFFcd", Err(2)),
        (b"ab\xC0\x80", Err(2)),
        (b"ab\xC1\xBF", Err(2)),
        (b"ab\xF5\x80\x80\x80", Err(2)),
        (b"ab\x80", Err(2)),
        (b"ab\xC2\x41", Err(3)),
        (b"ab\xE0\x80\x80", Err(3)),
        (b"ab\xED\xA0\x80", Err(3)),
        (b"ab\xF0\x8F\xBF\xBF", Err(3)),
        (b"ab\xF4\x90\x80\x80", Err(3)),
        (b"ab\xE2\x82\x41", Err(4)),
        (b"ab\xF0\x9D\x84\x41", Err(5)),
        (b"ab\xE2\x82", Err(4)),
        (b"ab\xF0", Err(3)),
    ];

    fn in_chunks(chunks: &[&[u8]]) -> Result<(), usize> {
        let mut assembly = TextAssembly::default();
        let mut before = 0;
        for chunk in chunks {
            assembly.push(chunk).map_err(|index| before + index)?;
            before += chunk.len();
            assert_eq!(assembly.len(), before);
        }
        let whole = chunks.concat();
        let text = assembly.finish().ok_or(before)?;
        assert_eq!(&text.as_bytes()[..], whole);
        Ok(())
    }

    #[test]
    fn s8_1_the_first_bad_byte_is_found_at_any_cut() {
        for &(bytes, expected) in CASES {
            assert_eq!(validate(bytes).map(|_| ()), expected, "{bytes:x?}");
            for i in 0..=bytes.len() {
                for j in i..=bytes.len() {
                    let chunks = [&bytes[..i], &bytes[i..j], &bytes[j..]];
                    assert_eq!(in_chunks(&chunks), expected, "{chunks:x?}");
                }
            }
            let single: alloc::vec::Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(in_chunks(&single), expected, "{bytes:x?} byte by byte");
        }
    }

    #[test]
    fn s8_1_long_text_is_validated_like_short_text() {
        let filler = "x".repeat(200);
        for &(bytes, expected) in CASES {
            let long = [filler.as_bytes(), bytes].concat();
            let expected = expected.map_err(|index| index + 200);
            assert_eq!(validate(&long).map(|_| ()), expected);
            for cut in 150..=long.len() {
                assert_eq!(in_chunks(&[&long[..cut], &long[cut..]]), expected);
            }
        }
    }
}
