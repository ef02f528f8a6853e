//! Masking keys (RFC 6455 §5.3) from the system's random source, which is asked once for many.

use std::cell::RefCell;

const KEYS: usize = 128;

struct Pool {
    keys: [[u8; 4]; KEYS],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { keys: [[0; 4]; KEYS], used: KEYS }) };
}

/// A masking key for one frame.
///
/// # Panics
/// If the system has no random source: a client must not send with predictable keys.
pub(crate) fn masking_key() -> [u8; 4] {
    POOL.with_borrow_mut(|pool| {
        if pool.used == KEYS {
            getrandom::fill(pool.keys.as_flattened_mut()).expect("a source of random bytes");
            pool.used = 0;
        }
        let key = pool.keys[pool.used];
        pool.used += 1;
        key
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn s5_3_keys_are_fresh_for_each_frame() {
        let keys: std::collections::HashSet<_> = (0..1000).map(|_| super::masking_key()).collect();
        // Two equal keys among a thousand have a chance of one in 8 600; ten never happen.
        assert!(keys.len() > 990);
    }
}
