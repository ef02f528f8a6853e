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
        at += plain(bytes.get(at..)?);
        if *bytes.get(at)? == b'"' {
            return Some((text.get(1..at)?, escapes));
        }
        escapes = true;
        at += 2;
    }
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
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut after = escape.chars();
        text.push(match after.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = |text: &str| u16::from_str_radix(text.get(..4)?, 16).ok();
                let high = unit(after.as_str())?;
                let behind = after.as_str().get(4..)?;
                let low = behind.strip_prefix("\\u").and_then(unit);
                match char::decode_utf16([high, low.unwrap_or_default()]).next() {
                    Some(Ok(character)) => {
                        // The low half of a pair has an escape of its own, of six characters.
                        after = behind.get((character.len_utf16() - 1) * 6..)?.chars();
                        character
                    }
                    _ => {
                        after = behind.chars();
                        half?
                    }
                }
            }
            // A quote, a slash, a backslash.
            other => other,
        });
        rest = after.as_str();
    }
    text.push_str(rest);
    Some(text)
}

/// The text that a scanned value is, if it is a string.
pub(crate) fn text(value: &str) -> Option<Cow<'_, str>> {
    unescape(inside_string(value.trim_start())?.0)
}

/// How many bytes at the front of `text` stand for themselves in a JSON string: up to a quote, a
/// backslash or a control character (RFC 8259 §7). Eight at a time.
#[inline]
pub(super) fn plain(text: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // The lowest byte that is marked is one that is looked for; those above it may be marked by a borrow.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut at = 0;
    while let Some((chunk, _)) = text.get(at..).and_then(|rest| rest.split_first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
        let marks = (controls | quotes | backslashes) & (ONES << 7);
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(special).unwrap_or(rest.len())
}

/// Appends `text` as a JSON string, escaped no more than RFC 8259 §7 demands.
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(plain(rest.as_bytes()));
        json.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('\n') => json.push_str("\\n"),
            Some('\r') => json.push_str("\\r"),
            Some('\t') => json.push_str("\\t"),
            Some('\u{8}') => json.push_str("\\b"),
            Some('\u{c}') => json.push_str("\\f"),
            Some(control @ ..'\u{20}') => {
                // Writing to a String does not fail.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            Some(special) => {
                json.push('\\');
                json.push(special);
            }
            None => break,
        }
        rest = characters.as_str();
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use std::{string::String, vec::Vec};

    use super::*;

    #[test]
    fn plain_stops_where_a_slower_search_does() {
        for length in 0..40 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text: Vec<u8> =
                        b"a~\x7f \x80\xff!#[]".iter().copied().cycle().take(length).collect();
                    text[at] = byte;
                    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
                    let expected = text.iter().position(special).unwrap_or(length);
                    assert_eq!(plain(&text), expected, "{byte} at {at} of {length}");
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
