/// Input that was read and is not decoded yet: a copy of the scratch's end, no longer than that.
/// While there is none, as in an idle connection, it is one null pointer.
#[derive(Debug)]
pub(crate) struct Unread(Option<Box<Rest>>);

#[derive(Debug)]
struct Rest {
    bytes: Vec<u8>,
    start: usize,
}

impl Unread {
    pub(crate) fn new(input: &[u8]) -> Self {
        if input.is_empty() {
            return Self(None);
        }
        Self(Some(Box::new(Rest { bytes: input.to_vec(), start: 0 })))
    }

    pub(crate) fn get_mut(&mut self) -> &mut [u8] {
        let rest = self.0.as_mut().and_then(|rest| rest.bytes.get_mut(rest.start..));
        rest.unwrap_or_default()
    }

    /// All but the last `count` bytes have been decoded.
    pub(crate) fn keep_last(&mut self, count: usize) {
        if count == 0 {
            self.0 = None;
        } else if let Some(rest) = &mut self.0 {
            rest.start = rest.bytes.len().saturating_sub(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Unread;

    #[test]
    fn what_is_decoded_goes_and_the_memory_with_the_last_of_it() {
        let mut unread = Unread::new(b"abc");
        unread.keep_last(3);
        assert_eq!(unread.get_mut(), b"abc");
        unread.keep_last(1);
        assert_eq!(unread.get_mut(), b"c");
        unread.keep_last(0);
        assert!(unread.get_mut().is_empty());
        assert!(unread.0.is_none());
    }
}
