//! Numbers by words of the code's own, where a counter for each would be a list of its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Numbers by the words of `N` labels. The words are the code's own, which bounds them.
#[derive(Debug)]
pub struct Groups<const N: usize>(Mutex<BTreeMap<[&'static str; N], u64>>);

impl<const N: usize> Default for Groups<N> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<const N: usize> Groups<N> {
    /// Counts one more.
    pub fn increment(&self, member: [&'static str; N]) {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *groups.entry(member).or_default() += 1;
    }

    /// Counts one for each of these, in place of what was there.
    pub fn count(&self, members: impl Iterator<Item = [&'static str; N]>) {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What there is none of any more is zero, rather than gone.
        groups.values_mut().for_each(|count| *count = 0);
        for member in members {
            *groups.entry(member).or_default() += 1;
        }
    }

    /// All of them.
    #[must_use]
    pub fn get(&self) -> BTreeMap<[&'static str; N], u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why what was captured could not be read, or not all of it.
#[derive(Debug, Default)]
pub struct Reasons {
    /// What is wrong with requests; their connections are ignored from there on.
    pub malformed: Groups<1>,
    /// What spans say in `spanwire.notes`; once a call.
    pub notes: Groups<1>,
}
