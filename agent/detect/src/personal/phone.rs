//! Telephone numbers.
//!
//! A number is one if it begins with `+` or `00` and its plan has such numbers; if it is written as in one of the
//! regions that the options name, and that one's plan has assigned its range; or if a word before it says so.

mod groups;
mod plan;

use super::UnknownName;
use super::context::{Context, Label};
use super::scan::Window;
use groups::Groups;
use plan::{Plan, Region};
use std::str::FromStr;

/// Digits of a number, at least and at most: ITU-T E.164, and subscribers' numbers as they are said with a word.
const DIGITS: std::ops::RangeInclusive<usize> = FEWEST_DIGITS..=15;

/// Digits of any number, at least; cards have more.
pub(super) const FEWEST_DIGITS: usize = 7;

/// Digits of a number as within a region, with its prefix.
const NATIONAL: std::ops::RangeInclusive<usize> = 9..=13;

/// Finds telephone numbers.
#[derive(Debug)]
pub(super) struct Phones {
    regions: Vec<Region>,
}

/// A region whose way to write telephone numbers is known, by its code of two letters (ISO 3166-1).
#[derive(Clone, Debug)]
pub struct PhoneRegion(Region);

impl FromStr for PhoneRegion {
    type Err = UnknownName;

    /// Takes a code in any case.
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Region::of(name).map(Self).ok_or_else(|| UnknownName(name.to_owned()))
    }
}

impl Phones {
    /// Finds what is written as in these regions, too.
    pub(super) fn new(regions: &[PhoneRegion]) -> Self {
        Self { regions: regions.iter().map(|region| region.0.clone()).collect() }
    }

    /// The bytes of the number that a window begins with.
    pub(super) fn find(&self, window: &Window<'_>, context: &Context) -> Option<std::ops::Range<usize>> {
        if window.digits() < *DIGITS.start() || !window.chars().first()?.is_ascii_digit() {
            return None;
        }
        let groups = Groups::read(window.chars())?;
        let before = window.before;
        if before.near == '_' && before.far != '_' || before.is_joined() || before.near == '#' {
            return None;
        }
        let plus = match (before.near, before.far) {
            ('+', '(') => Some(before.near_at),
            ('+', far) => Some(before.near_at).filter(|_| !far.is_ascii_alphanumeric() && far != ')'),
            ('(', '+') => window.text.get(..before.near_at).map(|text| text.len() - last_len(text)),
            _ => None,
        };
        if let Some(start) = plus {
            let end = groups.international(0, Plan::is_possible, window)?;
            return Some(start..window.place(end));
        }
        // A fraction without its zero.
        if before.near == '+' || (before.near == '.' && !before.far.is_alphabetic()) {
            return None;
        }
        // A parenthesis that belongs to the number.
        let opened = before.near == '(' && window.chars().iter().take(7).any(|byte| *byte == b')');
        let start = if opened { before.near_at } else { window.start() };
        let end = groups
            .after_exit_code(window)
            .or_else(|| self.national(&groups, window, context))
            .or_else(|| groups.said(context, window, start))?;
        Some(start..window.place(end))
    }
}

impl Phones {
    /// Where a number ends that is written as in one of the regions.
    fn national(&self, groups: &Groups, window: &Window<'_>, context: &Context) -> Option<usize> {
        let end = self.regions.iter().filter_map(|region| groups.national(region, window)).max()?;
        let is_other = matches!(
            context.before(window.text, window.start()),
            Some(Label::Other | Label::Version | Label::Card)
        );
        (!is_other).then_some(end)
    }
}

fn last_len(text: &str) -> usize {
    text.chars().next_back().map_or(0, char::len_utf8)
}

impl Groups {
    /// Where a number ends that begins with a calling code at that digit.
    fn international(
        &self,
        skipped: usize,
        is_number: impl Fn(Plan) -> bool,
        window: &Window<'_>,
    ) -> Option<usize> {
        let (mut plan, mut best) = (Plan::START, None);
        for (group, (from, to, end)) in self.each().enumerate() {
            let digits = self.digits.get(from.max(skipped)..to.max(skipped)).unwrap_or_default();
            // The trunk prefix that is not dialled from abroad: +44 (0)20.
            let is_trunk = group > 0 && digits == [0] && matches!(self.separator(group), b')');
            if !is_trunk {
                let Some(next) = plan.then_all(digits.iter().copied()) else { break };
                plan = next;
            }
            let is_fraction = group > 0 && to - from == 1 && self.separator(group - 1) == b'.';
            if is_number(plan) && to - skipped >= *DIGITS.start() && !is_fraction && !is_cut(window, end) {
                best = Some(end);
            }
        }
        best
    }

    /// Where a number ends that begins with `00`, or with `011` and a space.
    fn after_exit_code(&self, window: &Window<'_>) -> Option<usize> {
        let (first, _) = self.groups.first()?;
        let is_whole = self.count == 1;
        if !is_whole && (self.is_in_row(self.count, window) || !self.is_plausible(self.count)) {
            return None;
        }
        match self.digits() {
            [0, 0, next, ..] if *next > 1 || !is_whole => self.international(2, Plan::is_assigned, window),
            [0, 1, 1, ..] if *first == 3 && !is_whole => self.international(3, Plan::is_assigned, window),
            _ => None,
        }
    }

    /// Where a number ends that is written as within a region.
    fn national(&self, region: &Region, window: &Window<'_>) -> Option<usize> {
        let prefix = region.prefix.unwrap_or_default();
        let has_prefix = !prefix.is_empty()
            && self.digits().len() > prefix.len()
            && self
                .digits()
                .iter()
                .zip(prefix.bytes())
                .all(|(digit, byte)| *digit == byte.wrapping_sub(b'0'));
        // Without its prefix it has its area in parentheses, or is of a mobile telephone and in several groups.
        let is_bare = !has_prefix && !prefix.is_empty() && !region.is_north_american;
        let has_area = window.before.near == '(' && self.separator(0) == b')';
        if is_bare && !has_area && !self.is_grouped_as_mobile() {
            return None;
        }
        let skipped = if has_prefix { prefix.len() } else { 0 };
        let (mut plan, mut best) = (region.plan, None);
        for (group, (from, to, end)) in self.each().enumerate() {
            let digits = self.digits.get(from.max(skipped)..to.max(skipped)).unwrap_or_default();
            let Some(next) = plan.then_all(digits.iter().copied()) else { break };
            plan = next;
            if !plan.is_assigned() {
                continue;
            }
            let is_written = if region.is_north_american {
                self.is_north_american(group + 1, has_prefix) && !self.is_in_row(group + 1, window)
            } else if group == 0 {
                // One group alone is any number, but for mobile telephones' with their prefix.
                has_prefix && prefix == "0" && plan.is_mobile() && !self.is_counting()
            } else {
                (!is_bare || has_area || plan.is_mobile() && group == 2)
                    && NATIONAL.contains(&to)
                    && self.is_plausible(group + 1)
                    && !self.is_in_row(group + 1, window)
            };
            if is_written && !is_cut(window, end) && !self.is_date(group + 1) {
                best = Some(end);
            }
        }
        best
    }

    /// Where a number ends that a word before it says is one.
    fn said(&self, context: &Context, window: &Window<'_>, start: usize) -> Option<usize> {
        if self.len < *DIGITS.start() || !context.is(Label::Phone, window.text, start) {
            return None;
        }
        let ends = self.each().enumerate().filter(|(group, (_, to, end))| {
            DIGITS.contains(to)
                && !is_cut(window, *end)
                && (*group == 0 || self.is_plausible(group + 1) && !self.is_date(group + 1))
        });
        ends.map(|(_, (_, _, end))| end).last()
    }
}

/// Whether what ends at that index goes on, so that it is not what it seems.
fn is_cut(window: &Window<'_>, end: usize) -> bool {
    match window.behind(end) {
        ('.' | ':', next) => next.is_ascii_digit(),
        ('-' | '_', next) => next.is_ascii_alphanumeric(),
        ('%' | '@', _) => true,
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
#[path = "phone/tests.rs"]
mod tests;
