//! Event streams of the shapes that language models answer in.

use std::fmt::Write;

/// Pieces of text of a few bytes, as tokens are; some beyond ASCII, some escaped in JSON.
const TOKENS: [&str; 12] = [
    "The",
    " quick",
    " brown",
    " fox",
    " jumps",
    " over",
    " «the»",
    " lazy",
    " dog",
    ".\\n",
    " 東京",
    " \\\"ok\\\"",
];

/// The shape of a stream's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One `data` line of JSON with much around the token, around 250 bytes.
    Chunks,
    /// An `event` line and a `data` line, around 120 bytes together.
    Typed,
    /// `event`, `id` and eight `data` lines of 60 bytes.
    Lines,
}

/// A stream of at least `length` bytes, its lines ended by `line_end`, and its count of events.
#[must_use]
pub fn generate(shape: Shape, line_end: &str, length: usize) -> (String, u64) {
    let mut stream = String::with_capacity(length + 1024);
    let mut events = 0;
    while stream.len() < length {
        let token = TOKENS[events % TOKENS.len()];
        let written = match shape {
            Shape::Chunks => write!(
                stream,
                "data: {{\"id\":\"completion-8dKq3vYx2LmP0aTz7WcN5rBe1\",\"object\":\"chat.completion.chunk\",\
                 \"created\":1760000000,\"model\":\"model-large-2026\",\"service_tier\":\"default\",\
                 \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{token}\"}},\"logprobs\":null,\
                 \"finish_reason\":null}}]}}{line_end}{line_end}"
            ),
            Shape::Typed => write!(
                stream,
                "event: content_block_delta{line_end}data: {{\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{{\"type\":\"text_delta\",\"text\":\"{token}\"}}}}{line_end}{line_end}"
            ),
            Shape::Lines => write!(stream, "event: paragraph{line_end}id: {events}{line_end}")
                .and_then(|()| {
                    (0..8).try_for_each(|line| write!(stream, "data: {line}{token:>52}{line_end}"))
                })
                .and_then(|()| write!(stream, "{line_end}")),
        };
        // Writing to a String can't fail.
        debug_assert!(written.is_ok());
        events += 1;
    }
    (stream, events as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_whole_and_counted() {
        for shape in [Shape::Chunks, Shape::Typed, Shape::Lines] {
            for line_end in ["\n", "\r\n"] {
                let (stream, events) = generate(shape, line_end, 10_000);
                assert!(stream.len() >= 10_000);
                let blank = format!("{line_end}{line_end}");
                assert!(stream.ends_with(&blank));
                assert_eq!(stream.matches(&blank).count() as u64, events);
            }
        }
    }
}
