//! Strings (RFC 8259 §7): their escapes, in and out.

use alloc::{borrow::Cow, string::String};
use core::fmt::Write as _;

/// What stands between the quotes of the scanned string with which `text` starts, and whether it has
/// escapes.
pub(crate) fn inside_string(text: &str) -> Option<(&str, bool)> {
    let bytes = text.as_bytes();
    if *bytes.first()? != b'"' {
        return None;
    }
    let (mut at, mut escapes) = (1, false);
    loop {
        at += plain::<false>(bytes.get(at..)?);
        if *bytes.get(at)? == b'"' {
            return Some((text.get(1..at)?, escapes));
        }
        escapes = true;
        at += 2;
    }
}

/// The same of the string that starts at this byte of `text`, if it has no escapes.
#[cfg(feature = "std")]
#[inline(always)]
pub(crate) fn plain_string(text: &str, at: usize) -> Option<&str> {
    let start = at + 1;
    let end = start + plain::<false>(text.as_bytes().get(start..)?);
    if text.as_bytes().get(end) == Some(&b'"') { text.get(start..end) } else { None }
}

/// What stands between the quotes of a scanned string, without escapes; `None` if that is not
/// Unicode (half a surrogate pair).
pub(crate) fn unescape(inside: &str) -> Option<Cow<'_, str>> {
    if inside.contains('\\') {
        unescape_with(inside, None).map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inside))
    }
}

/// The same, where half a surrogate pair becomes U+FFFD, as JavaScript writes it in UTF-8.
pub(crate) fn unescape_lossy(inside: &str) -> Cow<'_, str> {
    if inside.contains('\\') {
        let half = Some(char::REPLACEMENT_CHARACTER);
        unescape_with(inside, half).map_or(Cow::Borrowed(""), Cow::Owned)
    } else {
        Cow::Borrowed(inside)
    }
}

fn unescape_with(inside: &str, half: Option<char>) -> Option<String> {
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    loop {
        let plain = plain::<false>(rest.as_bytes());
        text.push_str(rest.get(..plain)?);
        let Some(escape) = rest.as_bytes().get(plain + 1) else { return Some(text) };
        rest = rest.get(plain + 2..)?;
        text.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = |text: &str| u16::from_str_radix(text.get(..4)?, 16).ok();
                let high = unit(rest)?;
                rest = rest.get(4..)?;
                let low = rest.strip_prefix("\\u").and_then(unit);
                match char::decode_utf16([high, low.unwrap_or_default()]).next() {
                    Some(Ok(character)) => {
                        // The low half of a pair has an escape of its own, of six characters.
                        rest = rest.get((character.len_utf16() - 1) * 6..)?;
                        character
                    }
                    _ => half?,
                }
            }
            // A quote, a slash, a backslash.
            other => char::from(*other),
        });
    }
}

/// The text that a scanned value is, if it is a string.
pub(crate) fn text(value: &str) -> Option<Cow<'_, str>> {
    let (inside, escapes) = inside_string(value.trim_start())?;
    if escapes { unescape(inside) } else { Some(Cow::Borrowed(inside)) }
}

/// How many bytes at the front of `text` stand for themselves in a JSON string: up to a quote, a
/// backslash or, if there may be some, a control character (RFC 8259 §7). Eight at a time, and most
/// keys and names end within the first.
#[inline(always)]
pub(super) fn plain<const CONTROLS: bool>(text: &[u8]) -> usize {
    if let Some((chunk, rest)) = text.split_first_chunk::<8>() {
        let marks = marks::<CONTROLS>(u64::from_le_bytes(*chunk));
        if marks != 0 {
            marks.trailing_zeros() as usize / 8
        } else {
            8 + more_plain::<CONTROLS>(rest)
        }
    } else {
        more_plain::<CONTROLS>(text)
    }
}

fn more_plain<const CONTROLS: bool>(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some((chunk, _)) = text.get(at..).and_then(|rest| rest.split_first_chunk::<8>()) {
        let marks = marks::<CONTROLS>(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
        if at == 8 {
            at += 32 * text.get(at..).map_or(0, plain_chunks::<CONTROLS>);
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\') || CONTROLS && *byte < 0x20;
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(special).unwrap_or(rest.len())
}

/// How many chunks of 32 bytes are plain. Without asking which byte is not, and without branches, so
/// that the compiler makes vectors of it.
fn plain_chunks<const CONTROLS: bool>(text: &[u8]) -> usize {
    let mark = |any: u8, byte: &u8| {
        let special = (*byte == b'"') | (*byte == b'\\') | (CONTROLS & (*byte < 0x20));
        any | u8::from(special)
    };
    let (chunks, _) = text.as_chunks::<32>();
    chunks.iter().take_while(|chunk| chunk.iter().fold(0, mark) == 0).count()
}

/// The highest bit of each byte that [`plain`] looks for. Of those marked the lowest is one; the ones
/// above it may be marked by a borrow.
#[inline]
fn marks<const CONTROLS: bool>(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let controls = if CONTROLS { word.wrapping_sub(ONES * 0x20) & !word } else { 0 };
    let quotes = zeros(word ^ (ONES * u64::from(b'"')));
    let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
    (controls | quotes | backslashes) & (ONES << 7)
}

/// Appends `text` as a JSON string, escaped no more than RFC 8259 §7 demands.
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    loop {
        let (plain, behind) = rest.split_at(plain::<true>(rest.as_bytes()));
        json.push_str(plain);
        let Some(&special) = behind.as_bytes().first() else { break };
        rest = &behind[1..];
        let escape = match special {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            control => {
                // Writing to a String does not fail.
                let _ = write!(json, "\\u{control:04x}");
                continue;
            }
        };
        json.push_str(escape);
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use std::{string::String, vec::Vec};

    use super::*;

    #[test]
    fn plain_stops_where_a_slower_search_does() {
        for length in (0..40).chain([80, 100]) {
            for at in 0..length {
                for byte in (0..0x24).chain([b'[', b'\\', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff]) {
                    let mut text: Vec<u8> =
                        b"a~\x7f \x80\xff!#[]".iter().copied().cycle().take(length).collect();
                    text[at] = byte;
                    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
                    let expected = text.iter().position(special).unwrap_or(length);
                    assert_eq!(plain::<true>(&text), expected, "{byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn strings_are_escaped_as_serde_json_does() {
        let texts = (0..0x100).chain([0x2028, 0xfffd, 0x1f600]).filter_map(char::from_u32);
        let all: String = texts.collect();
        for text in ["", "a", "\"", "no escapes at all", &all] {
            let mut json = String::new();
            push_string(&mut json, text);
            assert_eq!(json, serde_json::to_string(text).unwrap_or_default());
            let (inside, escapes) = inside_string(&json).unwrap_or_default();
            assert_eq!(escapes, json.contains('\\'));
            assert_eq!(unescape(inside).as_deref(), Some(text));
        }
    }
}
