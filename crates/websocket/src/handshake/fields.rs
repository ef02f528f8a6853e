//! The checks of header fields that requests and answers have in common.

use alloc::vec::Vec;

use super::{Error, Rule, abnf};

/// A header field as received, and where its value starts.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
    pub(super) offset: usize,
}

impl<'a> Field<'a> {
    /// The value as text of the given form; any other value breaks the rule.
    pub(super) fn text(&self, is_valid: fn(&str) -> bool, rule: Rule) -> Result<&'a str, Error> {
        let text = str::from_utf8(self.value).ok().filter(|text| is_valid(text));
        text.ok_or_else(|| self.breaks(rule))
    }

    pub(super) fn breaks(&self, rule: Rule) -> Error {
        Error::new(rule, self.offset)
    }
}

pub(super) struct Fields<'a> {
    fields: Vec<Field<'a>>,
    /// Where it is known that something is missing.
    end: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(fields: Vec<Field<'a>>, end: usize) -> Self {
        Self { fields, end }
    }

    /// Fields that an HTTP implementation has parsed: their place is not known.
    pub(super) fn from_parts(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let field = |(name, value)| Field { name, value: abnf::trim(value), offset: 0 };
        Self::new(headers.into_iter().map(field).collect(), 0)
    }

    pub(super) fn as_slice(&self) -> &[Field<'a>] {
        &self.fields
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name))
    }

    /// The one field of that name; a second breaks the rule.
    pub(super) fn only(&self, name: &str, repeated: Rule) -> Result<Option<&Field<'a>>, Error> {
        let mut all = self.all(name);
        let first = all.next();
        all.next().map_or(Ok(first), |second| Err(second.breaks(repeated)))
    }

    /// Whether the lists that the fields of that name are contain a token, in any case.
    pub(super) fn contains(&self, name: &str, token: &str) -> bool {
        let is_token = |element: &[u8]| element.eq_ignore_ascii_case(token.as_bytes());
        self.all(name).any(|field| abnf::elements(field.value).any(is_token))
    }

    /// The rule is broken by what is there under that name, or by its absence.
    pub(super) fn breaks(&self, name: &str, rule: Rule) -> Error {
        let offset = self.all(name).next().map_or(self.end, |field| field.offset);
        Error::new(rule, offset)
    }
}
