//! Along the chain, record by record, with one in hand: what stands behind a break says what it is.

use super::Fault;
use crate::canonical;
use crate::chain::{Hash, Standing};
use crate::record::{Entry, Record, Retired};

/// Broken records that are kept, to be looked at for pairs that stand in each other's place.
const BROKEN_MAX: usize = 256;

/// A record as the store has it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) number: u64,
    text: String,
    hash: Hash,
}

impl Row {
    /// What is no text or no hash fits nothing.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> Self {
        let text = row.get_ref(1).ok().and_then(|text| text.as_str().ok()).unwrap_or_default().to_owned();
        let hash = row.get_ref(2).ok().and_then(|hash| hash.as_blob().ok()).and_then(Hash::from_bytes);
        Self { number: row.get(0).unwrap_or(0), text, hash: hash.unwrap_or(Hash::NONE) }
    }

    /// What it says of records that were taken out, if that is what it says.
    pub(super) fn retired(&self) -> Option<Retired> {
        // A look at the text spares all others the reading.
        if !self.text.contains(r#""kind":"retired""#) {
            return None;
        }
        match serde_json::from_str::<Record>(&self.text).ok()?.entry {
            Entry::Retired(retired) => Some(retired),
            _ => None,
        }
    }

    /// Its hash, were it the record of this number behind that one.
    fn behind(&self, before: Hash, number: u64) -> Hash {
        Hash::of(before, number, &self.text)
    }

    fn fits(&self, before: Hash, number: u64) -> bool {
        self.behind(before, number) == self.hash
    }
}

/// A record at which the chain breaks.
#[derive(Debug)]
struct Break {
    before: Hash,
    number: u64,
    row: Row,
    /// Its hash is the one that what follows stands behind.
    hash_holds: bool,
}

pub(super) struct Walk {
    /// The hash that the next record must stand behind; none where it cannot be known.
    before: Option<Hash>,
    /// The number that the next record had when it was written.
    next: u64,
    /// Numbers now less numbers then: changes where somebody has numbered anew.
    shift: i128,
    held: Option<Row>,
    breaks: Vec<Break>,
}

impl Walk {
    pub(super) fn new(base: Standing) -> Self {
        Self { before: Some(base.hash), next: base.number + 1, shift: 0, held: None, breaks: Vec::new() }
    }

    /// Takes the next record, or that there is none, and judges the one in hand. Returns the standing behind that, as the
    /// store has it now.
    pub(super) fn step(&mut self, next: Option<Row>, told: &mut impl FnMut(Fault)) -> Option<Standing> {
        let row = match next {
            Some(next) => self.held.replace(next),
            None => self.held.take(),
        }?;
        self.judge(row, told)
    }

    fn judge(&mut self, row: Row, told: &mut impl FnMut(Fault)) -> Option<Standing> {
        let now = row.number;
        let Ok(number) = u64::try_from(i128::from(now) - self.shift) else {
            told(Fault::Broken(now));
            return None;
        };
        if number > self.next {
            told(Fault::Missing(self.now(self.next), now - 1));
            self.before = None;
        }
        let passed = Standing { number: now, hash: row.hash };
        let Some(before) = self.before else {
            // What it stands behind is gone; what follows will show whether its own hash holds.
            return Some(self.go_on(number, &row, passed));
        };
        if row.fits(before, number) {
            if !canonical::is_canonical(&row.text) {
                told(Fault::Form(now));
            }
            return Some(self.go_on(number, &row, passed));
        }
        let after = self.held.as_ref();
        let after_fits = |before, number| after.is_some_and(|after| after.fits(before, number));
        if after_fits(before, number) {
            let swapped = after.is_some_and(|after| row.fits(after.hash, number + 1));
            if swapped {
                told(Fault::Swapped(now, now + 1));
                self.held = None;
                (self.before, self.next) = (Some(row.hash), number + 2);
                return Some(Standing { number: now + 1, hash: row.hash });
            }
            // What follows stands where this one does, and was numbered anew.
            told(Fault::Inserted(now));
            self.shift += 1;
            return None;
        }
        let made = row.behind(before, number);
        if after_fits(made, number + 1) {
            // Its hash alone is wrong.
            told(Fault::Changed(now));
            (self.before, self.next) = (Some(made), number + 1);
            return Some(Standing { number: now, hash: made });
        }
        if after_fits(row.hash, number + 2) {
            // What followed was numbered anew.
            told(Fault::Missing(now, now));
            self.shift -= 1;
            (self.before, self.next) = (Some(row.hash), number + 2);
            return Some(passed);
        }
        let hash_holds = after_fits(row.hash, number + 1) || after.is_none();
        if self.breaks.len() < BROKEN_MAX {
            self.breaks.push(Break { before, number, row: row.clone(), hash_holds });
        } else {
            told(if hash_holds { Fault::Changed(now) } else { Fault::Broken(now) });
        }
        (self.before, self.next) = (hash_holds.then_some(row.hash), number + 1);
        Some(passed)
    }

    fn go_on(&mut self, number: u64, row: &Row, passed: Standing) -> Standing {
        (self.before, self.next) = (Some(row.hash), number + 1);
        passed
    }

    /// The number that a record has now.
    fn now(&self, number: u64) -> u64 {
        u64::try_from(i128::from(number) + self.shift).unwrap_or(number)
    }

    /// Looks at what is broken for pairs that stand in each other's place.
    pub(super) fn finish(self, told: &mut impl FnMut(Fault)) {
        let mut swapped = vec![false; self.breaks.len()];
        for (index, one) in self.breaks.iter().enumerate() {
            if swapped.get(index) == Some(&true) {
                continue;
            }
            // Its own hash may have stayed, or gone with its text.
            let other = self.breaks.iter().enumerate().skip(index + 1).find(|(_, other)| {
                let would = other.row.behind(one.before, one.number);
                would == other.row.hash || would == one.row.hash
            });
            if let Some((other_index, other)) = other {
                told(Fault::Swapped(one.row.number, other.row.number));
                for index in [index, other_index] {
                    if let Some(swapped) = swapped.get_mut(index) {
                        *swapped = true;
                    }
                }
                continue;
            }
            let number = one.row.number;
            told(if one.hash_holds { Fault::Changed(number) } else { Fault::Broken(number) });
        }
    }
}
