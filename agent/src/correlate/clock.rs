//! Kernel time to calendar time.

use std::time::{Duration, SystemTime};

/// Converts `CLOCK_MONOTONIC` nanoseconds; made anew after the calendar clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// What the calendar said when the monotonic clock stood at 0.
    zero: SystemTime,
}

impl Clock {
    /// A clock from one reading of both clocks, taken as close together as can be.
    #[must_use]
    pub fn new(monotonic_ns: u64, calendar: SystemTime) -> Self {
        let since_zero = Duration::from_nanos(monotonic_ns);
        Self { zero: calendar.checked_sub(since_zero).unwrap_or(SystemTime::UNIX_EPOCH) }
    }

    /// The calendar time of a monotonic one.
    #[must_use]
    pub fn at(&self, monotonic_ns: u64) -> SystemTime {
        self.zero.checked_add(Duration::from_nanos(monotonic_ns)).unwrap_or(self.zero)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Clock;

    #[test]
    fn converts_both_ways_round_its_reading() {
        let calendar = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let clock = Clock::new(5_000, calendar);
        assert_eq!(clock.at(5_000), calendar);
        assert_eq!(clock.at(7_500), calendar + Duration::from_nanos(2_500));
        assert_eq!(clock.at(0), calendar - Duration::from_nanos(5_000));
        assert!(clock.at(u64::MAX) > calendar);
    }
}
