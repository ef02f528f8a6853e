//! Lines to fields (HTML #event-stream-interpretation).
//!
//! ```text
//! comment = colon *any-char
//! field   = 1*name-char [ colon [ space ] *any-char ]
//!
//!   d a t a :   h e l l o          i d                     : p i n g
//!   ╰─name─╯ │ ╰──value─╯          ╰─name, the value is ""  ╰─comment, ignored
//!            ╰─ one U+0020, no more, and no tab
//! ```

/// What a line says, with values before UTF-8 decoding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Field<'l> {
    Data(&'l [u8]),
    Event(&'l [u8]),
    Id(&'l [u8]),
    /// The reconnection time, in milliseconds.
    Retry(u64),
    /// A comment, an unknown field, or a known one whose value means that it is ignored.
    Ignored,
    /// No field: the end of an event.
    EmptyLine,
}

impl<'l> Field<'l> {
    /// Reads a line.
    ///
    /// Names are compared as bytes: they are case-sensitive and untrimmed.
    #[inline(always)] // Once a line; as a call, its result would go through memory.
    pub(crate) fn parse(line: &'l [u8]) -> Self {
        match line {
            [b'd', b'a', b't', b'a', rest @ ..] => value(rest).map(Self::Data),
            [b'e', b'v', b'e', b'n', b't', rest @ ..] => value(rest).map(Self::Event),
            // "If the field value does not contain U+0000 NULL, then set the last event ID buffer
            // to the field value. Otherwise, ignore the field."
            [b'i', b'd', rest @ ..] => value(rest).filter(|id| !id.contains(&0)).map(Self::Id),
            [b'r', b'e', b't', b'r', b'y', rest @ ..] => {
                value(rest).and_then(milliseconds).map(Self::Retry)
            }
            [] => Some(Self::EmptyLine),
            _ => None,
        }
        .unwrap_or(Self::Ignored)
    }
}

/// What follows the name, up to the end of the line; `None` when the name goes on.
#[inline]
fn value(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        [] => Some(rest),
        _ => None,
    }
}

/// "If the field value consists of only ASCII digits", then the number; it saturates.
fn milliseconds(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0, |number: u64, digit| {
        number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    }))
}

#[cfg(test)]
mod tests {
    use super::{Field, milliseconds};

    #[test]
    fn one_space_after_the_colon_is_dropped() {
        assert_eq!(Field::parse(b"data:a"), Field::Data(b"a"));
        assert_eq!(Field::parse(b"data: a"), Field::Data(b"a"));
        assert_eq!(Field::parse(b"data:  a"), Field::Data(b" a"));
        assert_eq!(Field::parse(b"data:\ta"), Field::Data(b"\ta"));
    }

    #[test]
    fn a_line_without_a_colon_is_a_name() {
        assert_eq!(Field::parse(b"data"), Field::Data(b""));
        assert_eq!(Field::parse(b"id"), Field::Id(b""));
        assert_eq!(Field::parse(b"event"), Field::Event(b""));
        assert_eq!(Field::parse(b"retry"), Field::Ignored);
    }

    #[test]
    fn names_are_exact() {
        for line in ["Data: a", " data: a", "data : a", "dataset: a", "dat", ": data", "ids", "é"]
        {
            assert_eq!(Field::parse(line.as_bytes()), Field::Ignored, "{line:?}");
        }
    }

    #[test]
    fn an_id_with_nul_is_ignored() {
        assert_eq!(Field::parse(b"id: a\0b"), Field::Ignored);
        assert_eq!(Field::parse(b"id: ab"), Field::Id(b"ab"));
    }

    #[test]
    fn retry_takes_ascii_digits_only_and_saturates() {
        assert_eq!(milliseconds(b"0007"), Some(7));
        assert_eq!(milliseconds(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(milliseconds(b"18446744073709551616"), Some(u64::MAX));
        for value in ["", "+1", "-1", "1 ", " 1", "1.5", "1e3", "0x1", "١"] {
            assert_eq!(milliseconds(value.as_bytes()), None, "{value:?}");
        }
    }
}
