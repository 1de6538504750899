//! The kernel's clock for events, and the calendar.

use std::time::SystemTime;

use rustix::time::{ClockId, clock_gettime};

use crate::correlate::clock::Clock;

/// How often both clocks are read for one comparison.
const CLOCK_READINGS: usize = 5;

/// The kernel's clock for events, in nanoseconds.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// How the kernel's clock stands to the calendar now.
pub(super) fn clock() -> Clock {
    // Whatever comes between the two readings would shift all times of a second: the closest pair counts.
    let pair = || {
        let (before, now, after) = (monotonic_ns(), SystemTime::now(), monotonic_ns());
        (after - before, before + (after - before) / 2, now)
    };
    let closest = std::iter::repeat_with(pair).take(CLOCK_READINGS).min_by_key(|(apart, ..)| *apart);
    let (_, monotonic, now) = closest.unwrap_or_else(pair);
    Clock::new(monotonic, now)
}
