use alloc::collections::VecDeque;

use bytestring::ByteString;

use crate::{frame::Frame, limits::Limits, payload::polling_len};

/// What of the heartbeat is ours to send, encoded: a ping or a pong.
pub(crate) const PING: &str = "2";
pub(crate) const PONG: &str = "3";

/// What is to go out, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) frame: Frame,
    /// Whether it may be compressed on its way.
    pub(crate) may_compress: bool,
}

impl From<Frame> for Queued {
    fn from(frame: Frame) -> Self {
        Self { frame, may_compress: true }
    }
}

/// What is to go out, in order, with its size as [`Limits::max_queue`] counts it.
#[derive(Default)]
pub(crate) struct Queue {
    frames: VecDeque<Queued>,
    bytes: usize,
    /// Whether the first is an open packet, and whether a ping or pong is there.
    open: bool,
    heartbeat: bool,
}

impl Queue {
    /// The open packet, into an empty queue.
    pub(crate) fn push_open(&mut self, frame: Frame) {
        self.open = true;
        self.push(frame.into());
    }

    /// Another in its place, if it is there.
    pub(crate) fn replace_open(&mut self, frame: Frame) {
        if self.open
            && let Some(open) = self.frames.front_mut()
        {
            self.bytes = self.bytes.saturating_sub(cost(&open.frame)).saturating_add(cost(&frame));
            *open = frame.into();
        }
    }

    pub(crate) fn push(&mut self, queued: Queued) {
        self.bytes = self.bytes.saturating_add(cost(&queued.frame));
        self.frames.push_back(queued);
    }

    /// Before what else is queued, and once: a peer may send its part without ever taking ours. Nor is
    /// it to wait behind much, for a time runs.
    pub(crate) fn push_heartbeat(&mut self, packet: &'static str) {
        if self.heartbeat {
            return;
        }
        self.heartbeat = true;
        let frame = Frame::Text(ByteString::from_static(packet));
        self.bytes = self.bytes.saturating_add(cost(&frame));
        self.frames.insert(usize::from(self.open), frame.into());
    }

    pub(crate) fn holds_heartbeat(&self) -> bool {
        self.heartbeat
    }

    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let queued = self.frames.pop_front()?;
        self.bytes = self.bytes.saturating_sub(cost(&queued.frame));
        self.open = false;
        if matches!(queued.frame.as_text(), Some(PING | PONG)) {
            self.heartbeat = false;
        }
        // As for the events of a session: an idle one holds none.
        if self.frames.is_empty() {
            self.frames = VecDeque::new();
        }
        Some(queued)
    }

    pub(crate) fn front(&self) -> Option<&Frame> {
        self.frames.front().map(|queued| &queued.frame)
    }

    /// The bytes of the first packets, so many at most, as a payload.
    pub(crate) fn payload_len(&self, most: usize) -> usize {
        let separated = |queued: &Queued| polling_len(&queued.frame) + 1;
        self.frames.iter().take(most).map(separated).sum::<usize>().saturating_sub(1)
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
