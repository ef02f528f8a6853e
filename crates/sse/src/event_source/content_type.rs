//! The type of a response (MIME Sniffing #parsing-a-mime-type, Fetch #concept-header-extract-mime-type).
//!
//! ```text
//!   text/event-stream ; charset=utf-8
//!   ╰───── essence ─╯   ╰ parameters: all of them are ignored, well-formed or not
//! ```

use super::abnf::{is_token, trim};

/// Whether the essence is `text/event-stream`, of the values of all `Content-Type` fields together.
///
/// Of several types, in fields or in a list, the last one that can be read counts.
pub(super) fn is_event_stream<'v>(values: impl Iterator<Item = &'v [u8]>) -> bool {
    let essences = values.flat_map(Types).filter_map(essence).filter(|&it| it != (b"*", b"*"));
    essences.last().is_some_and(|(kind, subtype)| {
        kind.eq_ignore_ascii_case(b"text") && subtype.eq_ignore_ascii_case(b"event-stream")
    })
}

/// Type and subtype.
fn essence(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let value = trim(&value[..end]);
    let slash = memchr::memchr(b'/', value)?;
    let (kind, subtype) = (&value[..slash], &value[slash + 1..]);
    (is_token(kind) && is_token(subtype)).then_some((kind, subtype))
}

/// The elements of a list: a comma in quotes, as in a parameter, is no separator.
struct Types<'v>(&'v [u8]);

impl<'v> Iterator for Types<'v> {
    type Item = &'v [u8];

    fn next(&mut self) -> Option<&'v [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (mut quoted, mut escaped) = (false, false);
        let comma = self.0.iter().position(|byte| {
            let plain = !core::mem::take(&mut escaped);
            match byte {
                b'"' if plain => quoted = !quoted,
                b'\\' if plain && quoted => escaped = true,
                b',' if !quoted => return true,
                _ => {}
            }
            false
        });
        let end = comma.unwrap_or(self.0.len());
        let element = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::is_event_stream;

    #[test]
    fn the_essence_decides() {
        for (values, expected) in [
            (&["text/event-stream"][..], true),
            (&["text/event-stream;"], true),
            (&["Text/Event-Stream"], true),
            (&[" text/event-stream\t ; charset=x bogus;;\""], true),
            (&["text/event-stream; a=\"x, text/plain\""], true),
            (&["text/event-stream; a=\"\\\", text/plain"], true),
            (&["text/plain, text/event-stream"], true),
            (&["text/event-stream", "*/*"], true),
            (&["text/event-stream", "nonsense"], true),
            (&["text/plain", "text/event-stream"], true),
            (&["text/event-stream", "text/plain"], false),
            (&["text/event-stream, text/plain"], false),
            (&["text/event-stream bogus"], false),
            (&["text/event-streams"], false),
            (&["text / event-stream"], false),
            (&["x text/event-stream"], false),
            (&["text/plain; text/event-stream"], false),
            (&["text/"], false),
            (&[""], false),
            (&[], false),
        ] {
            let bytes = values.iter().map(|value| value.as_bytes());
            assert_eq!(is_event_stream(bytes), expected, "{values:?}");
        }
    }
}
