use alloc::collections::VecDeque;

use crate::{frame::Frame, limits::Limits};

/// What is to go out, encoded, with its size as [`Limits::max_queue`] counts it.
#[derive(Default)]
pub(crate) struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn push(&mut self, frame: Frame) {
        self.bytes = self.bytes.saturating_add(cost(&frame));
        self.frames.push_back(frame);
    }

    /// Before all others but the first `behind`.
    pub(crate) fn push_ahead(&mut self, frame: Frame, behind: usize) {
        self.bytes = self.bytes.saturating_add(cost(&frame));
        self.frames.insert(behind.min(self.frames.len()), frame);
    }

    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes = self.bytes.saturating_sub(cost(&frame));
        Some(frame)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn cost(frame: &Frame) -> usize {
    frame.len().saturating_add(Limits::PACKET_OVERHEAD)
}
