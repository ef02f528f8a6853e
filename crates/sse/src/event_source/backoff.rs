//! How long to wait before the next request (HTML #reestablish-the-connection).
//!
//! ```text
//!   "Wait a delay equal to the reconnection time"      "Optionally, wait some more"
//!  ├────────────────────────────────────────────────┼──────────────────────────────────┤
//!   what `retry` says, or 3 s, or `Retry-After`        from 0 to that · 2ⁿ, at random,
//!                                                      and at most to `max_backoff`
//! ```
//!
//! `n` counts requests since the last progress. With the first of them the random part is there too:
//! those who lost the same server do not come back at once.

use core::time::Duration;

/// A reconnection time of zero doubles to zero; what doubles is at least this.
const LEAST: Duration = Duration::from_millis(100);

/// The wait after `attempts` requests without progress.
pub(super) fn delay(
    reconnection_time: Duration,
    attempts: u32,
    max_backoff: Duration,
    random: u64,
) -> Duration {
    let doubled = 1u32.checked_shl(attempts).unwrap_or(u32::MAX);
    let ceiling = reconnection_time.max(LEAST).saturating_mul(doubled).min(max_backoff);
    // Over 584 years, in nanoseconds, the precision is not missed.
    let ceiling = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
    let part = (u128::from(ceiling) * u128::from(random)) >> 64;
    let extra = Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX));
    reconnection_time.saturating_add(extra)
}

#[cfg(test)]
mod tests {
    use super::delay;
    use core::time::Duration;

    const HALF: u64 = 1 << 63;

    fn milliseconds(time: u64, attempts: u32, random: u64) -> u128 {
        let time = Duration::from_millis(time);
        delay(time, attempts, Duration::from_secs(30), random).as_millis()
    }

    #[test]
    fn the_random_part_doubles_up_to_its_limit() {
        let delays = [0, 1, 2, 3, 4, 31, 32, u32::MAX].map(|n| milliseconds(3000, n, HALF));
        assert_eq!(delays, [4500, 6000, 9000, 15_000, 18_000, 18_000, 18_000, 18_000]);
        let delays = [0, 1, 9].map(|n| milliseconds(0, n, HALF));
        assert_eq!(delays, [50, 100, 15_000]);
    }

    #[test]
    fn the_whole_range_is_used_and_not_left() {
        assert_eq!(milliseconds(3000, 0, 0), 3000);
        let most = delay(Duration::from_secs(3), 0, Duration::from_secs(30), u64::MAX);
        assert_eq!(most, Duration::from_nanos(5_999_999_999));
        assert_eq!(milliseconds(60_000, 0, HALF), 75_000);
    }

    #[test]
    fn nothing_overflows() {
        let long = Duration::MAX;
        assert_eq!(delay(long, u32::MAX, long, u64::MAX), long);
        assert_eq!(delay(Duration::ZERO, 5, Duration::ZERO, u64::MAX), Duration::ZERO);
    }
}
