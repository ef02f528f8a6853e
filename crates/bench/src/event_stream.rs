//! Event streams of the shapes that language models answer in, and of long lines, cut into chunks.

use std::hint::black_box;
use std::iter;

use bytes::Bytes;

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
    /// One `data` line whose value has so many bytes.
    Line(usize),
}

impl Shape {
    /// The type, if there is an `event` line, and the data of the event of this number.
    fn event(self, number: usize) -> (Option<&'static str>, String) {
        let token = TOKENS[number % TOKENS.len()];
        match self {
            Self::Chunks => {
                let data = format!(
                    "{{\"id\":\"completion-8dKq3vYx2LmP0aTz7WcN5rBe1\",\"object\":\"chat.completion.chunk\",\
                     \"created\":1760000000,\"model\":\"model-large-2026\",\"service_tier\":\"default\",\
                     \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{token}\"}},\"logprobs\":null,\
                     \"finish_reason\":null}}]}}"
                );
                (None, data)
            }
            Self::Typed => {
                let data = format!(
                    "{{\"type\":\"content_block_delta\",\"index\":0,\
                     \"delta\":{{\"type\":\"text_delta\",\"text\":\"{token}\"}}}}"
                );
                (Some("content_block_delta"), data)
            }
            Self::Lines => {
                let lines = [0, 1, 2, 3, 4, 5, 6, 7].map(|line| format!("{line}{token:>52}"));
                (Some("paragraph"), lines.join("\n"))
            }
            Self::Line(length) => {
                let mut data = String::with_capacity(length);
                let mut tokens = TOKENS.iter().cycle();
                while let Some(token) = tokens.next()
                    && data.len() + token.len() <= length
                {
                    data.push_str(token);
                }
                data.extend(iter::repeat_n('.', length - data.len()));
                (None, data)
            }
        }
    }
}

/// How a stream is made, and cut.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is called in tables.
    pub name: &'static str,
    /// Of all its events.
    pub shape: Shape,
    /// LF, CRLF or CR.
    pub line_end: &'static str,
    /// The length of a chunk, in bytes.
    pub chunk: usize,
    /// The length of the stream, in bytes; it ends with the event that reaches it.
    pub length: usize,
}

impl Scenario {
    /// The stream.
    #[must_use]
    pub fn stream(&self) -> Stream {
        let Self { shape, line_end, chunk, length, .. } = *self;
        let mut text = String::new();
        let mut expected = Sum::default();
        for number in 0.. {
            if text.len() >= length {
                break;
            }
            let (event_type, data) = shape.event(number);
            expected.add(event_type.unwrap_or("message"), &data);
            let mut line = |name: &str, value: &str| {
                for part in [name, ": ", value, line_end] {
                    text.push_str(part);
                }
            };
            if let Some(event_type) = event_type {
                line("event", event_type);
            }
            if shape == Shape::Lines {
                line("id", &number.to_string());
            }
            data.split('\n').for_each(|value| line("data", value));
            text.push_str(line_end);
        }
        Stream { text: text.into(), chunk, expected }
    }
}

/// A stream in memory, and what it holds.
#[derive(Clone, Debug)]
pub struct Stream {
    text: Bytes,
    chunk: usize,
    /// What a decoder has to find.
    pub expected: Sum,
}

impl Stream {
    /// The length, in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// The chunks, for who copies what has to outlive them.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.text.chunks(self.chunk)
    }

    /// The chunks, for who keeps or shares them.
    pub fn chunks(&self) -> impl Iterator<Item = Bytes> + use<> {
        let mut rest = self.text.clone();
        let chunk = self.chunk;
        iter::from_fn(move || (!rest.is_empty()).then(|| rest.split_to(chunk.min(rest.len()))))
    }
}

/// What a stream holds, or a decoder found in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Events delivered.
    pub events: u64,
    /// Bytes of all event types and all data.
    pub bytes: u64,
}

impl Sum {
    /// Reads an event, as far as it has to be there.
    pub fn add(&mut self, event_type: &str, data: &str) {
        let (event_type, data) = black_box((event_type, data));
        self.events += 1;
        self.bytes += (event_type.len() + data.len()) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(shape: Shape, line_end: &'static str) -> Scenario {
        Scenario { name: "", shape, line_end, chunk: 1000, length: 10_000 }
    }

    #[test]
    fn streams_are_whole_and_counted() {
        for shape in [Shape::Chunks, Shape::Typed, Shape::Lines, Shape::Line(1024)] {
            for line_end in ["\n", "\r\n"] {
                let stream = scenario(shape, line_end).stream();
                assert!(stream.len() >= 10_000);
                let text = str::from_utf8(&stream.text).unwrap_or_default();
                let blank = format!("{line_end}{line_end}");
                assert!(text.ends_with(&blank));
                assert_eq!(text.matches(&blank).count() as u64, stream.expected.events);
                assert!(stream.expected.bytes < stream.len() as u64);
            }
        }
    }

    #[test]
    fn a_line_has_its_length() {
        for length in [0, 1, 1000, 1 << 20] {
            let stream = scenario(Shape::Line(length), "\n").stream();
            let bytes = (length + "message".len()) as u64;
            assert_eq!(stream.expected.bytes, stream.expected.events * bytes);
        }
    }

    #[test]
    fn chunks_are_the_stream_and_in_both_forms() {
        let stream = scenario(Shape::Chunks, "\n").stream();
        assert_eq!(stream.slices().collect::<Vec<_>>().concat(), stream.text);
        assert!(stream.slices().eq(stream.chunks()));
        assert_eq!(stream.slices().next().map(<[u8]>::len), Some(1000));
    }
}
