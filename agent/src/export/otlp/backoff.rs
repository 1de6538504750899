//! How long to wait before the next attempt.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// The wait after so many `failures` in a row (from 1): doubling from 1 s to 30 s, then up to a fifth
/// shorter or longer, so that many agents do not come back at once.
pub(super) fn delay(failures: u32) -> Duration {
    spread(failures, random())
}

fn spread(failures: u32, random: u64) -> Duration {
    let doubled = FIRST.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let permille = u32::try_from(800 + random % 401).unwrap_or(1000);
    doubled.min(LONGEST) * permille / 1000
}

/// Any number: the standard library seeds each `RandomState` differently.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let middle = |failures| spread(failures, 200).as_millis();
        let waits: Vec<_> = [1, 2, 3, 5, 6, 40, u32::MAX].into_iter().map(middle).collect();
        assert_eq!(waits, [1000, 2000, 4000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn chance_spreads_a_wait_by_a_fifth_at_most() {
        assert_eq!(spread(1, 0), Duration::from_millis(800));
        assert_eq!(spread(1, 400), Duration::from_millis(1200));
        for _ in 0..100 {
            let wait = delay(3).as_millis();
            assert!((3200..=4800).contains(&wait), "{wait}");
        }
    }

    #[test]
    fn chance_differs() {
        let numbers: std::collections::HashSet<_> = (0..8).map(|_| random()).collect();
        assert!(numbers.len() > 1);
    }
}
