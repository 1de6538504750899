//! Paths by which a dialect is known, compared from their end: the prefix (`/v1`, `/openai/v1`,
//! `/api/v1`, none) is the server's own choice.

use std::borrow::Cow;

use crate::percent;

/// One method and the last segments of a path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    /// In upper case.
    pub(super) method: &'static str,
    /// The last segments, in the path's order.
    pub(super) suffix: &'static [&'static str],
}

impl Endpoint {
    /// Whether a request goes here. Empty segments do not count, so neither a trailing slash nor the
    /// double one of a carelessly joined base URL hides an endpoint.
    pub(super) fn matches(&self, method: &str, path: &str) -> bool {
        let mut segments = segments_from_end(path);
        method == self.method
            && self
                .suffix
                .iter()
                .rev()
                .all(|expected| segments.next().is_some_and(|found| found == *expected))
    }

    /// Whether some request would go to both.
    #[cfg(test)]
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.method == other.method
            && self.suffix.iter().rev().zip(other.suffix.iter().rev()).all(|(one, two)| one == two)
    }
}

/// The segments of a path from the last to the first, each percent-decoded where it can be.
pub(super) fn segments_from_end(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    path.rsplit('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent::decode(segment).unwrap_or(Cow::Borrowed(segment)))
}
