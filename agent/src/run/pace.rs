//! When the ring is read. A wake-up costs the traced program's call some microseconds, and the agent a context
//! switch: under load the reader looks by itself every few milliseconds, and is woken only by what waits
//! for it and by amount. It looks less often when nothing came, and then sleeps: an idle host costs nothing.

use std::time::Duration;

use crate::bpf::Wakeups;

/// Between two looks at a busy ring.
const LEAST: Duration = Duration::from_millis(5);
/// Looks in vain, each after twice the time of the one before, until the reader sleeps. The kernel side is told so
/// before the last of them: what it sent before it knew of that is still found.
const VAIN: u32 = 4;

/// What the reader does when it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Reads on.
    Again,
    /// Looks after this time, or when it is woken.
    After(Duration),
    /// Sleeps until it is woken.
    Sleep,
}

/// How the reader waits.
#[derive(Debug)]
pub(super) struct Pace {
    may_poll: bool,
    /// Looks in vain since records came.
    vain: u32,
    told: Wakeups,
}

impl Pace {
    /// Of a reader that sleeps. `may_poll` is false where the ring holds too little for it.
    pub(super) fn new(may_poll: bool) -> Self {
        Self { may_poll, vain: VAIN, told: Wakeups::First }
    }

    /// The ring was read: whether records were there, whether it is empty now, and whether the reader had been
    /// woken since the last time. Says what comes next, and what the kernel side must be told before that.
    pub(super) fn read(&mut self, any: bool, empty: bool, woken: bool) -> (Next, Option<Wakeups>) {
        self.vain = if any { 0 } else { (self.vain + 1).min(VAIN) };
        if !empty {
            return (Next::Again, None);
        }
        if !self.may_poll {
            return (Next::Sleep, None);
        }
        let wanted = if self.vain < VAIN - 1 { Wakeups::Urgent } else { Wakeups::First };
        let next = if self.vain < VAIN { Next::After(LEAST * (1 << self.vain)) } else { Next::Sleep };
        // Having woken its reader, the kernel side may not do so again before it is told.
        let tells = wanted != self.told || woken;
        self.told = wanted;
        (next, tells.then_some(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(milliseconds: u64) -> Next {
        Next::After(Duration::from_millis(milliseconds))
    }

    #[test]
    fn a_busy_ring_is_polled_and_an_idle_one_left_alone() {
        let mut pace = Pace::new(true);
        for (any, empty, woken, expected) in [
            // The first record, by which the reader was woken.
            (true, true, true, (after(5), Some(Wakeups::Urgent))),
            (true, true, false, (after(5), None)),
            (true, false, false, (Next::Again, None)),
            // Woken by amount, or by what waits.
            (true, true, true, (after(5), Some(Wakeups::Urgent))),
            (false, true, false, (after(10), None)),
            (false, true, false, (after(20), None)),
            (true, true, false, (after(5), None)),
            (false, true, false, (after(10), None)),
            (false, true, false, (after(20), None)),
            (false, true, false, (after(40), Some(Wakeups::First))),
            (false, true, false, (Next::Sleep, None)),
            (false, true, false, (Next::Sleep, None)),
            (true, true, true, (after(5), Some(Wakeups::Urgent))),
        ] {
            assert_eq!(pace.read(any, empty, woken), expected);
        }
    }

    #[test]
    fn one_that_was_woken_while_it_fell_asleep_is_woken_again_the_next_time() {
        let mut pace = Pace::new(true);
        pace.read(true, true, true);
        for _ in 0..VAIN {
            pace.read(false, true, false);
        }
        assert_eq!(pace.read(false, true, true), (Next::Sleep, Some(Wakeups::First)));
        assert_eq!(pace.read(false, true, false), (Next::Sleep, None));
    }

    #[test]
    fn a_small_ring_wakes_its_reader_for_the_first_record_always() {
        let mut pace = Pace::new(false);
        assert_eq!(pace.read(true, true, true), (Next::Sleep, None));
        assert_eq!(pace.read(true, false, false), (Next::Again, None));
    }
}
