//! A line that is cut over chunks.

use crate::block::Block;
use alloc::vec::Vec;
use core::mem;

const DATA: &[u8] = b"data:";

/// How much room for cut lines stays allocated between lines, in bytes.
const RETAINED: usize = 64 * 1024;

/// What has come of a line that is cut.
///
/// Most are `data` lines, and long ones nearly always: their value goes straight to the data
/// buffer. Other lines are kept until they end.
#[derive(Clone, Debug, Default)]
pub(crate) struct CutLine {
    state: State,
    kept: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    None,
    Kept,
    Data,
}

impl CutLine {
    /// A `data` line is cut, within its value.
    #[inline]
    pub(crate) fn is_data(&self) -> bool {
        self.state == State::Data
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.kept.capacity()
    }

    /// Takes a part of the line.
    #[inline]
    pub(crate) fn push(&mut self, part: &[u8], block: &mut Block) {
        if self.state == State::Data {
            block.push_data_part(part);
        } else {
            self.push_begun(part, block);
        }
    }

    fn push_begun(&mut self, part: &[u8], block: &mut Block) {
        self.state = State::Kept;
        let begins = self.kept.is_empty();
        if !begins {
            self.kept.extend_from_slice(part);
        }
        let line = if begins { part } else { &self.kept };
        match line.strip_prefix(DATA) {
            // The first byte of the value tells whether it is the space to drop.
            Some(value @ [first, ..]) => {
                block.begin_data();
                block.push_data_part(if *first == b' ' { &value[1..] } else { value });
                self.state = State::Data;
                self.kept.clear();
            }
            _ if begins => self.kept.extend_from_slice(part),
            _ => {}
        }
    }

    /// The line ends: returns it for its field to be read, unless it was a `data` line, which is in
    /// the data buffer by now.
    pub(crate) fn end(&mut self) -> Option<Vec<u8>> {
        match mem::take(&mut self.state) {
            State::Data => None,
            State::None | State::Kept => Some(mem::take(&mut self.kept)),
        }
    }

    /// Takes back what `end` gave, for the next line.
    pub(crate) fn reuse(&mut self, mut line: Vec<u8>) {
        if line.capacity() <= RETAINED {
            line.clear();
            self.kept = line;
        }
    }
}
