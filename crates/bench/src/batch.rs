//! Masked frames ready to send, and the echo each must come back as (RFC 6455 §5.2, §5.3).

use std::fmt;

/// What the generated frames carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text frames of letters, of which one in sixteen takes two bytes.
    Text,
    /// Text frames in several scripts, of characters of one to four bytes.
    Scripts,
    /// Binary frames, of random bytes.
    Binary,
}

impl Content {
    fn opcode(self) -> u8 {
        match self {
            Self::Text | Self::Scripts => 0x1,
            Self::Binary => 0x2,
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Text => "text",
            Self::Scripts => "text in several scripts",
            Self::Binary => "binary",
        })
    }
}

/// How people write to each other: mostly ASCII, hardly any of it, and in between.
const SCRIPTS: [&str; 8] = [
    "Grüße aus Köln, bis später! ",
    "Καλημέρα, τι κάνεις σήμερα; ",
    "今天天气很好，我们去公园吧。",
    "Спасибо, увидимся завтра. ",
    "See you at 10:30, ok? ",
    "東京は雨です。",
    "🎉👍🏽 ",
    "À bientôt — ça coûte 5 € 🙂 ",
];

/// Some messages of a client, one after another, and the bytes a server echoes them as.
///
/// Made before the measurement, so that generating costs one `write` and verifying one comparison.
#[derive(Debug)]
pub struct Batch {
    /// Masked frames, each with its own random key.
    pub frames: Vec<u8>,
    /// The same messages as unmasked frames of minimal length.
    pub echo: Vec<u8>,
    /// Bytes of each frame of `echo`.
    pub echo_frame: usize,
}

impl Batch {
    /// Makes `messages` messages of `payload` bytes each, which come back as they are.
    #[must_use]
    pub fn new(content: Content, payload: usize, messages: usize, random: &mut Random) -> Self {
        let bare = |_, payload: &[u8]| (payload.to_vec(), payload.to_vec());
        Self::wrapped(content, payload, messages, random, bare)
    }

    /// The same, with what `wrap` puts around each, the index first:
    /// as it is sent, and as it is to come back. Those that come back have the same length.
    #[must_use]
    pub fn wrapped(
        content: Content,
        payload: usize,
        messages: usize,
        random: &mut Random,
        wrap: impl Fn(usize, &[u8]) -> (Vec<u8>, Vec<u8>),
    ) -> Self {
        let mut batch = Self { frames: Vec::new(), echo: Vec::new(), echo_frame: 0 };
        for index in 0..messages {
            let (sent, echo) = wrap(index, &random.payload(content, payload));
            batch.push(content, &sent, &echo, random.masking_key());
        }
        batch.echo_frame = batch.echo.len() / messages.max(1);
        batch
    }

    fn push(&mut self, content: Content, sent: &[u8], echo: &[u8], key: [u8; 4]) {
        encode_header(&mut self.frames, content, sent.len(), Some(key));
        self.frames.extend(sent.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        encode_header(&mut self.echo, content, echo.len(), None);
        self.echo.extend_from_slice(echo);
    }
}

fn encode_header(output: &mut Vec<u8>, content: Content, payload: usize, key: Option<[u8; 4]>) {
    const FIN: u8 = 0x80;
    let mask = if key.is_some() { 0x80 } else { 0 };
    output.push(FIN | content.opcode());
    // §5.2: the minimal number of bytes must be used to encode the length.
    match (u8::try_from(payload), u16::try_from(payload)) {
        (Ok(length @ ..126), _) => output.push(mask | length),
        (_, Ok(length)) => {
            output.push(mask | 126);
            output.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            output.push(mask | 127);
            output.extend_from_slice(&(payload as u64).to_be_bytes());
        }
    }
    output.extend(key.into_iter().flatten());
}

/// A SplitMix64 sequence: equal seeds make equal runs.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Starts the sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A masking key without a zero byte, so that unmasking changes every byte.
    fn masking_key(&mut self) -> [u8; 4] {
        loop {
            let [a, b, c, d, ..] = self.next().to_le_bytes();
            if [a, b, c, d].iter().all(|&byte| byte != 0) {
                return [a, b, c, d];
            }
        }
    }

    fn payload(&mut self, content: Content, length: usize) -> Vec<u8> {
        let mut payload = Vec::with_capacity(length + 64);
        while payload.len() < length {
            let word = self.next();
            match content {
                Content::Binary => payload.extend_from_slice(&word.to_le_bytes()),
                Content::Text if word.is_multiple_of(16) => {
                    payload.extend_from_slice("é".as_bytes());
                }
                Content::Text => payload.push(b'a' + word.to_le_bytes()[1] % 26),
                Content::Scripts => {
                    let text = SCRIPTS[usize::from(word.to_le_bytes()[1]) % SCRIPTS.len()];
                    payload.extend_from_slice(text.as_bytes());
                }
            }
        }
        let mut end = length;
        // The character that the asked length would cut.
        while content != Content::Binary && matches!(payload.get(end), Some(0x80..0xC0)) {
            end -= 1;
        }
        payload.truncate(end);
        payload.resize(length, b'.');
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s5_7_masked_and_unmasked_hello() {
        let mut batch = Batch { frames: Vec::new(), echo: Vec::new(), echo_frame: 0 };
        batch.push(Content::Text, b"Hello", b"Hello", [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(
            batch.frames,
            [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        );
        assert_eq!(batch.echo, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    }

    #[test]
    fn s5_2_payload_length_is_minimal() {
        for (payload, header) in [
            (0, vec![0x82, 0]),
            (125, vec![0x82, 125]),
            (126, vec![0x82, 126, 0, 126]),
            (65_535, vec![0x82, 126, 0xff, 0xff]),
            (65_536, vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut output = Vec::new();
            encode_header(&mut output, Content::Binary, payload, None);
            assert_eq!(output, header, "payload of {payload}");
        }
    }

    #[test]
    fn text_is_valid_utf_8_of_the_asked_length() {
        let mut random = Random::new(1);
        for content in [Content::Text, Content::Scripts] {
            for length in (0..100).chain([1024]) {
                let payload = random.payload(content, length);
                assert_eq!(payload.len(), length);
                assert!(std::str::from_utf8(&payload).is_ok());
            }
        }
    }

    #[test]
    fn text_in_scripts_has_characters_of_each_length() {
        let payload = Random::new(1).payload(Content::Scripts, 1024);
        let text = std::str::from_utf8(&payload).unwrap();
        for length in 1..=4 {
            let count = text.chars().filter(|character| character.len_utf8() == length).count();
            assert!(count > 10, "{count} characters of {length} bytes");
        }
    }
}
