//! The read buffer that all connections of a thread share. It is lent inside one poll only, so an
//! idle connection holds none.

use std::cell::Cell;

/// 64 KiB: a full socket buffer's worth in one read, and still within a core's cache.
const LEN: usize = 64 << 10;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Runs `use_it` with the thread's buffer. A nested call gets a buffer of its own.
pub(crate) fn with_scratch<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut scratch = SCRATCH.take();
    if scratch.is_empty() {
        scratch = vec![0; LEN];
    }
    let result = use_it(&mut scratch);
    SCRATCH.set(scratch);
    result
}
