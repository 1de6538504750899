//! Figures of several rounds, and tables of them.

/// What one quantity measured, round by round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle value; NaN without any.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
            (Some(below), Some(above)) if sorted.len().is_multiple_of(2) => f64::midpoint(*below, *above),
            (_, Some(middle)) => *middle,
            _ => f64::NAN,
        }
    }

    /// The least and the greatest value.
    pub(crate) fn range(&self) -> (f64, f64) {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        (least, self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }

    /// Each round's value in terms of the same round's in `base`.
    pub(crate) fn over(&self, base: &Self) -> Self {
        Self(self.0.iter().zip(&base.0).map(|(value, base)| value / base).collect())
    }

    /// What each round has beyond the same round's value in `base`.
    pub(crate) fn beyond(&self, base: &Self) -> Self {
        Self(self.0.iter().zip(&base.0).map(|(value, base)| value - base).collect())
    }

    /// Each value times `factor`.
    pub(crate) fn times(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|value| value * factor).collect())
    }

    /// Median and range, with so many digits behind the point.
    pub(crate) fn shown(&self, digits: usize) -> String {
        let (least, greatest) = self.range();
        format!("{:.digits$} ({least:.digits$}–{greatest:.digits$})", self.median())
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// A table for the terminal, which is Markdown as well.
#[derive(Debug)]
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new<const N: usize>(heads: [&str; N]) -> Self {
        Self(vec![heads.map(str::to_owned).to_vec()])
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.push(cells.to_vec());
    }

    pub(crate) fn print(&self, title: &str) {
        println!("\n{title}\n");
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| {
            self.0
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (number, row) in self.0.iter().enumerate() {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            println!("| {} |", cells.join(" | "));
            if number == 0 {
                let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
                println!("| {} |", rules.join(" | "));
            }
        }
    }
}

/// A bound that the product is held to, and what was measured.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) what: String,
    pub(crate) limit: String,
    pub(crate) measured: String,
    pub(crate) met: bool,
}

impl Bound {
    pub(crate) fn at_most(what: impl Into<String>, measured: f64, limit: f64, unit: &str) -> Self {
        Self::new(what, measured, &format!("≤ {limit}{unit}"), unit, measured <= limit)
    }

    pub(crate) fn at_least(what: impl Into<String>, measured: f64, limit: f64, unit: &str) -> Self {
        Self::new(what, measured, &format!("≥ {limit}{unit}"), unit, measured >= limit)
    }

    fn new(what: impl Into<String>, measured: f64, limit: &str, unit: &str, met: bool) -> Self {
        let measured = format!("{measured:.2}{unit}");
        Self { what: what.into(), limit: limit.to_owned(), measured, met }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[f64]) -> Samples {
        values.iter().copied().collect()
    }

    #[test]
    fn the_median_is_the_middle_one_or_between_the_middle_two() {
        for (values, median) in [(&[3.0][..], 3.0), (&[3.0, 1.0, 2.0], 2.0), (&[4.0, 1.0, 2.0, 3.0], 2.5)] {
            assert_eq!(samples(values).median().to_bits(), f64::to_bits(median), "{values:?}");
        }
        assert!(samples(&[]).median().is_nan());
    }

    #[test]
    fn rounds_are_compared_one_by_one() {
        let (base, other) = (samples(&[10.0, 20.0]), samples(&[5.0, 40.0]));
        assert_eq!(other.over(&base).range(), (0.5, 2.0));
        assert_eq!(other.beyond(&base).range(), (-5.0, 20.0));
        assert_eq!(other.times(2.0).shown(1), "45.0 (10.0–80.0)");
    }

    #[test]
    fn bounds_hold_on_their_side() {
        assert!(Bound::at_most("", 2.0, 2.0, "").met && !Bound::at_most("", 2.1, 2.0, "").met);
        assert!(Bound::at_least("", 95.0, 95.0, "").met && !Bound::at_least("", 94.9, 95.0, "").met);
    }
}
