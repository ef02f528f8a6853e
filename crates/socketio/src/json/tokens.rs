use super::{placeholder, string::inside_string};

/// The tokens of JSON that has been scanned, but for commas and colons.
#[derive(Clone)]
pub(crate) struct Tokens<'a> {
    text: &'a str,
    pub(super) at: usize,
    /// Whether objects may be placeholders.
    placeholders: bool,
}

pub(crate) enum Token<'a> {
    Array,
    Object,
    /// Of an array or an object.
    End,
    /// Between its quotes, as it is written.
    String(&'a str),
    Number(&'a str),
    Word(&'a str),
    Placeholder(usize),
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(text: &'a str, placeholders: bool) -> Self {
        Self { text, at: 0, placeholders }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|byte| between(**byte)).count();
        let rest = self.text.get(self.at..)?;
        let (token, length) = match rest.as_bytes().first()? {
            b'[' => (Token::Array, 1),
            b'{' => match self.placeholders.then(|| placeholder(rest)).flatten() {
                Some((num, length)) => (Token::Placeholder(num), length),
                None => (Token::Object, 1),
            },
            b']' | b'}' => (Token::End, 1),
            b'"' => {
                let (inside, _) = inside_string(rest)?;
                (Token::String(inside), inside.len() + 2)
            }
            first => {
                let ends = |byte: &u8| between(*byte) || matches!(byte, b']' | b'}');
                let length = rest.bytes().take_while(|byte| !ends(byte)).count();
                let word = rest.get(..length)?;
                let number = matches!(first, b'-' | b'0'..=b'9');
                (if number { Token::Number(word) } else { Token::Word(word) }, length)
            }
        };
        self.at += length;
        Some(token)
    }
}

fn between(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':')
}
