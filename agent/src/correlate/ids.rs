//! New trace and span ids.

use std::hash::{BuildHasher, RandomState};

use super::span::{SpanId, TraceId};

/// A source of random ids: xoshiro256++ (Blackman and Vigna, 2018). Ids must be uniform and must not
/// repeat between hosts, for which 256 bits of state suffice; they need not be secret.
#[derive(Clone, Debug)]
pub struct IdGenerator {
    state: [u64; 4],
}

impl IdGenerator {
    /// A generator that no other will repeat: the standard library keys its hashers with random
    /// bytes of the operating system.
    #[must_use]
    pub fn from_os() -> Self {
        let (one, two) = (RandomState::new(), RandomState::new());
        Self::seeded([one.hash_one(0_u8), one.hash_one(1_u8), two.hash_one(2_u8), two.hash_one(3_u8)])
    }

    /// A generator whose ids depend on the seed alone.
    #[must_use]
    pub fn seeded(seed: [u64; 4]) -> Self {
        // The all-zero state is the one that never leaves itself.
        Self { state: if seed == [0; 4] { [1, 2, 3, 4] } else { seed } }
    }

    /// A trace id, never all zeros.
    pub fn trace_id(&mut self) -> TraceId {
        let (high, low) = (self.next(), self.next_non_zero());
        TraceId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }

    /// A span id, never all zeros.
    pub fn span_id(&mut self) -> SpanId {
        SpanId(self.next_non_zero().to_be_bytes())
    }

    fn next_non_zero(&mut self) -> u64 {
        loop {
            match self.next() {
                0 => {}
                id => return id,
            }
        }
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::IdGenerator;

    /// The first outputs of the authors' own code for this state.
    #[test]
    fn agrees_with_the_reference() {
        let mut ids = IdGenerator::seeded([1, 2, 3, 4]);
        assert_eq!(ids.next(), 41_943_041);
        assert_eq!(ids.next(), 58_720_359);
    }

    #[test]
    fn ids_differ_and_are_never_zero() {
        for mut ids in [IdGenerator::from_os(), IdGenerator::seeded([0; 4])] {
            let spans: HashSet<_> = (0..10_000).map(|_| ids.span_id()).collect();
            let traces: HashSet<_> = (0..10_000).map(|_| ids.trace_id()).collect();
            assert_eq!((spans.len(), traces.len()), (10_000, 10_000));
            assert!(spans.iter().all(|id| id.0 != [0; 8]) && traces.iter().all(|id| id.0 != [0; 16]));
        }
        assert_ne!(IdGenerator::from_os().trace_id(), IdGenerator::from_os().trace_id());
    }
}
