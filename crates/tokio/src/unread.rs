/// Input that was read and is not decoded yet: a copy of the scratch's end, no longer than that.
/// It takes no memory while there is none.
#[derive(Debug)]
pub(crate) struct Unread {
    bytes: Vec<u8>,
    start: usize,
}

impl Unread {
    pub(crate) fn new(input: &[u8]) -> Self {
        Self { bytes: input.to_vec(), start: 0 }
    }

    pub(crate) fn get_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..).unwrap_or_default()
    }

    /// All but the last `rest` bytes have been decoded.
    pub(crate) fn keep_last(&mut self, rest: usize) {
        if rest == 0 {
            *self = Self::new(&[]);
        } else {
            self.start = self.bytes.len().saturating_sub(rest);
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
        assert_eq!(unread.bytes.capacity(), 0);
    }
}
