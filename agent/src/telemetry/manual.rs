//! What an operator can do about a loss: the table in `docs/loss.md`, which is for people first.

/// The table of losses for operators.
const MANUAL: &str = include_str!("../../../docs/loss.md");

/// In place of the words of the row above.
const SAME: [&str; 2] = ["As above.", "The same."];

/// Columns of the table.
const COUNTER: usize = 2;
const REMEDY: usize = 4;

/// What to do about the loss that this counter tells of.
#[must_use]
pub fn remedy(counter: &str) -> Option<&'static str> {
    let mut last = "";
    for (name, remedy) in rows() {
        if !SAME.contains(&remedy) {
            last = remedy;
        }
        if name == counter {
            return Some(last);
        }
    }
    None
}

/// Counters with what to do about them, in the order of the table.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    MANUAL.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let name = cells.nth(COUNTER - 1)?.strip_prefix('`')?.strip_suffix('`')?;
        Some((name, cells.nth(REMEDY - COUNTER - 1)?))
    })
}

#[cfg(test)]
mod tests {
    use super::super::Counters;
    use super::*;

    #[test]
    fn every_loss_is_explained_and_nothing_else() {
        let explained: Vec<_> = rows().map(|(name, _)| name).collect();
        let counters = Counters::default();
        let losses: Vec<_> =
            counters.snapshot().filter(|sample| sample.is_loss).map(|sample| sample.name).collect();
        assert_eq!(explained, losses, "in the order of the counters");
    }

    #[test]
    fn every_loss_has_words_of_its_own_on_what_to_do() {
        for (name, _) in rows() {
            assert!(
                remedy(name).is_some_and(|remedy| !remedy.is_empty() && !SAME.contains(&remedy)),
                "{name}"
            );
        }
        assert_eq!(remedy("requests_dropped"), remedy("ring_drops_chunk"));
        assert_eq!(remedy("calls"), None, "no loss");
    }
}
