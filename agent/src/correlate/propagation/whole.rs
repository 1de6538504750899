//! Trace ids of which a program passes on but the right half: Datadog's headers and B3's short form have no more. With
//! the other half, which headers of other programs say, their spans stay in one trace.

use std::collections::{HashMap, VecDeque};

use super::{Propagated, halves};
use crate::correlate::span::TraceId;

/// Ids that are remembered; past it the oldest is forgotten.
const KNOWN_MAX: usize = 16_384;

/// Whole ids by their right halves.
#[derive(Debug, Default)]
pub(in crate::correlate) struct WholeIds {
    /// None where several have the same right half: then nobody knows which is meant.
    known: HashMap<u64, Option<u64>>,
    oldest_first: VecDeque<u64>,
}

impl WholeIds {
    /// Remembers the whole id of a request, or puts what is known in place of half an id.
    pub(in crate::correlate) fn complete(&mut self, propagated: &mut Propagated) {
        let Some(context) = &mut propagated.context else { return };
        let (high, low) = halves(context.trace_id);
        if high == 0 {
            if let Some(Some(high)) = self.known.get(&low) {
                context.trace_id = TraceId((u128::from(*high) << 64 | u128::from(low)).to_be_bytes());
            }
            return;
        }
        if let Some(known) = self.known.get_mut(&low) {
            *known = known.filter(|known| *known == high);
            return;
        }
        self.known.insert(low, Some(high));
        self.oldest_first.push_back(low);
        if self.oldest_first.len() > KNOWN_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::propagation::{Context, Format};

    fn completed(whole: &mut WholeIds, high: u64, low: u64) -> (u64, u64) {
        let context = Context::new(u128::from(high) << 64 | u128::from(low), 1, true, Format::B3);
        let mut propagated = Propagated { context, ..Propagated::default() };
        whole.complete(&mut propagated);
        propagated.context.map_or((0, 0), |context| halves(context.trace_id))
    }

    #[test]
    fn half_an_id_is_completed_when_only_one_is_known() {
        let mut whole = WholeIds::default();
        assert_eq!(completed(&mut whole, 0, 2), (0, 2), "nothing known");
        assert_eq!(completed(&mut whole, 1, 2), (1, 2));
        assert_eq!(completed(&mut whole, 0, 2), (1, 2));
        assert_eq!(completed(&mut whole, 3, 2), (3, 2), "another trace");
        assert_eq!(completed(&mut whole, 0, 2), (0, 2), "nobody knows which");
        assert_eq!(completed(&mut whole, 1, 2), (1, 2));
        assert_eq!(completed(&mut whole, 0, 2), (0, 2), "and so it stays");
    }

    #[test]
    fn memory_is_bounded() {
        let mut whole = WholeIds::default();
        let max = u64::try_from(KNOWN_MAX).unwrap_or_default();
        for low in 1..=max + 5 {
            completed(&mut whole, 1, low);
        }
        assert_eq!((whole.known.len(), whole.oldest_first.len()), (KNOWN_MAX, KNOWN_MAX));
        assert_eq!(completed(&mut whole, 0, 5), (0, 5), "forgotten");
        assert_eq!(completed(&mut whole, 0, 6), (1, 6));
    }
}
