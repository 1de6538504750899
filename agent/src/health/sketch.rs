//! Quantiles of a stream of numbers with a bounded relative error: buckets whose bounds grow by a fixed factor (DDSketch:
//! Masson, Rim and Lee, VLDB 2019). Two sketches make one that is what a sketch of all their numbers would be.

/// How far a quantile is from the number that stands at its rank, as a share of that number.
pub const RELATIVE_ERROR: f64 = 0.01;
/// The logarithm of the factor, `(1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)`.
const LN_FACTOR: f64 = 0.020_000_666_706_669_435;
/// What is not above it counts as zero: a nanosecond, or a billionth of a dollar.
const SMALLEST: f64 = 1e-9;
/// What is above it counts as this.
const LARGEST: f64 = 1e15;
/// Buckets kept: numbers whose largest is 780 million times the smallest. Past it the lowest ones become one, and the error
/// of what is in it is larger.
const BUCKETS_MAX: usize = 1024;

/// Counts of numbers by their magnitude. At most 16 KiB.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch {
    zeros: u64,
    sum: f64,
    /// Index and count, by index; bucket `i` has the numbers above `factor^(i-1)`, up to `factor^i`.
    buckets: Vec<(i16, u64)>,
}

impl Sketch {
    /// Takes a number in. Negative ones count as zero, and what is no number for nothing.
    pub fn add(&mut self, number: f64) {
        if number.is_nan() {
            return;
        }
        self.sum += number.clamp(0.0, LARGEST);
        match index(number) {
            None => self.zeros += 1,
            Some(index) => self.add_to(index, 1),
        }
    }

    /// Takes a number out that was taken in.
    pub fn remove(&mut self, number: f64) {
        if number.is_nan() {
            return;
        }
        self.sum = (self.sum - number.clamp(0.0, LARGEST)).max(0.0);
        let Some(index) = index(number) else {
            self.zeros = self.zeros.saturating_sub(1);
            return;
        };
        // One that is not there was among those that became one.
        let at = self.buckets.binary_search_by_key(&index, |(known, _)| *known).unwrap_or(0);
        let Some((_, count)) = self.buckets.get_mut(at) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.buckets.remove(at);
        }
    }

    /// Takes in all that the other has.
    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        self.sum += other.sum;
        for (index, count) in &other.buckets {
            self.add_to(*index, *count);
        }
    }

    /// How many numbers there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(self.zeros, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// All numbers added up, without the sketch's error.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The number at rank ⌈`share` · count⌉ of all in order, within [`RELATIVE_ERROR`]; `share` 1 is the largest one. `None`
    /// when there are none.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank lies between 1 and the count"
    )]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        let rank = ((share * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = self.zeros;
        if count == 0 || rank <= seen {
            return (count > 0).then_some(0.0);
        }
        for (index, count) in &self.buckets {
            seen = seen.saturating_add(*count);
            if rank <= seen {
                return Some((1.0 - RELATIVE_ERROR) * (f64::from(*index) * LN_FACTOR).exp());
            }
        }
        None
    }

    fn add_to(&mut self, index: i16, count: u64) {
        match self.buckets.binary_search_by_key(&index, |(known, _)| *known) {
            Ok(at) => {
                if let Some((_, known)) = self.buckets.get_mut(at) {
                    *known = known.saturating_add(count);
                }
            }
            Err(at) => self.buckets.insert(at, (index, count)),
        }
        if self.buckets.len() > BUCKETS_MAX {
            let (_, lowest) = self.buckets.remove(0);
            if let Some((_, next)) = self.buckets.first_mut() {
                *next = next.saturating_add(lowest);
            }
        }
    }
}

/// The bucket of a number; `None` for zero.
#[expect(
    clippy::cast_possible_truncation,
    reason = "from -1,037 to 1,727 between the smallest and the largest"
)]
fn index(number: f64) -> Option<i16> {
    (number > SMALLEST).then(|| (number.min(LARGEST).ln() / LN_FACTOR).ceil() as i16)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "tests")]
    #![expect(clippy::cast_sign_loss, reason = "a rank")]

    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &[f64]) -> Sketch {
        let mut sketch = Sketch::default();
        numbers.iter().for_each(|number| sketch.add(*number));
        sketch
    }

    #[test]
    fn ranks_are_the_nearest() {
        for (numbers, share, expected) in [
            (&[][..], 0.5, None),
            (&[0.0, -1.0, 0.0], 1.0, Some(0.0)),
            (&[0.0, 0.0, 5.0], 0.5, Some(0.0)),
            (&[0.0, 0.0, 5.0], 0.99, Some(5.0)),
            (&[1.0, 2.0, 3.0, 4.0], 0.5, Some(2.0)),
            (&[1.0, 2.0, 3.0, 4.0], 0.51, Some(3.0)),
            (&[7.0], 0.0, Some(7.0)),
            (&[f64::NAN, 7.0, f64::INFINITY], 1.0, Some(LARGEST)),
        ] {
            let got = of(numbers).quantile(share);
            match (got, expected) {
                (Some(got), Some(expected)) => assert!(
                    (got - expected).abs() <= expected * RELATIVE_ERROR * 1.000_001,
                    "{numbers:?} {share}: {got}"
                ),
                (got, expected) => assert_eq!(got, expected, "{numbers:?} {share}"),
            }
        }
    }

    #[test]
    fn small_whole_numbers_are_exact_when_rounded() {
        for number in 0..50 {
            let quantile = of(&[f64::from(number)]).quantile(1.0).unwrap_or(f64::NAN);
            assert_eq!(quantile.round(), f64::from(number));
        }
    }

    #[test]
    fn its_size_is_bounded_and_the_high_quantiles_keep_their_error() {
        let numbers: Vec<f64> = (0..60_000).map(|at| 1e-8 * 1.0007_f64.powi(at)).collect();
        let sketch = of(&numbers);
        assert_eq!(sketch.buckets.len(), BUCKETS_MAX);
        assert_eq!(sketch.count(), 60_000);
        let got = sketch.quantile(0.99).unwrap_or_default();
        let exact = numbers[(0.99 * 60_000.0) as usize - 1];
        assert!((got - exact).abs() <= exact.min(LARGEST) * 0.0101, "{got} {exact}");
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_stated_error(
            mut numbers in prop::collection::vec(1e-6..1e6_f64, 1..200), share in 0.0..=1.0_f64
        ) {
            let got = of(&numbers).quantile(share).unwrap_or(f64::NAN);
            numbers.sort_by(f64::total_cmp);
            let rank = ((share * numbers.len() as f64).ceil() as usize).max(1);
            let exact = numbers[rank - 1];
            prop_assert!((got - exact).abs() <= exact * RELATIVE_ERROR * 1.000_001, "{} {}", got, exact);
        }

        #[test]
        fn merged_is_as_if_of_all_and_removed_as_if_never_there(
            one in prop::collection::vec(0.0..1e6_f64, 0..60), other in prop::collection::vec(0.0..1e6_f64, 0..60)
        ) {
            let all = of(&one.iter().chain(&other).copied().collect::<Vec<_>>());
            let mut merged = of(&one);
            merged.merge(&of(&other));
            prop_assert_eq!((&merged.buckets, merged.zeros), (&all.buckets, all.zeros));
            other.iter().for_each(|number| merged.remove(*number));
            let first = of(&one);
            prop_assert_eq!((&merged.buckets, merged.zeros), (&first.buckets, first.zeros));
            prop_assert!((merged.sum - first.sum).abs() < 1e-3);
        }
    }
}
