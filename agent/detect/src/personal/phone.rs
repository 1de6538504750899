//! Telephone numbers.
//!
//! A number is one if it begins with `+` or `00` and its plan has such numbers; if it is written as in one of the
//! regions that the options name, and that one's plan has assigned its range; or if a word before it says so.

mod plan;

use super::UnknownName;
use super::context::{Context, Label};
use super::scan::Window;
use plan::{Plan, Region};
use std::str::FromStr;

/// Digits of a number, at least and at most: ITU-T E.164, and subscribers' numbers as they are said with a word.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

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

/// Groups of digits, and where they end.
#[derive(Debug, Default)]
struct Groups {
    /// Values of all digits.
    digits: [u8; 18],
    len: usize,
    /// Of each group: how many digits there are with it, where it ends in the window, and what parts it from the next.
    groups: [(usize, usize); 8],
    separators: [u8; 8],
    count: usize,
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
        let is_one_word = groups.groups.first().is_some_and(|(_, first)| *first == end);
        let is_other = is_one_word
            && matches!(
                context.before(window.text, window.start()),
                Some(Label::Other | Label::Version | Label::Card | Label::NationalId | Label::Ssn)
            );
        (!is_other).then_some(end)
    }
}

fn last_len(text: &str) -> usize {
    text.chars().next_back().map_or(0, char::len_utf8)
}

impl Groups {
    /// Reads the groups of digits that a window begins with, if it begins with one.
    fn read(chars: &[u8]) -> Option<Self> {
        let mut read = Self::default();
        let mut at = 0;
        while let Some(place) = read.groups.get_mut(read.count) {
            let rest = chars.get(at..).unwrap_or_default();
            let size = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let end = at + size;
            if size == 0 || chars.get(end).is_some_and(u8::is_ascii_alphanumeric) {
                break;
            }
            let Some(digits) = read.digits.get_mut(read.len..read.len + size) else { break };
            digits.iter_mut().zip(rest).for_each(|(digit, byte)| *digit = byte - b'0');
            read.len += size;
            *place = (read.len, end);
            let gap = chars.get(end..).unwrap_or_default();
            let gap = gap.get(..gap.iter().take_while(|byte| !byte.is_ascii_alphanumeric()).count())?;
            if let Some(separator) = read.separators.get_mut(read.count) {
                *separator = separator_of(gap);
            }
            read.count += 1;
            if gap.is_empty() || separator_of(gap) == 0 {
                break;
            }
            at = end + gap.len();
        }
        (read.count > 0).then_some(read)
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    /// Each group: index of its first digit, index behind its last, where it ends in the window.
    fn each(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let mut from = 0;
        self.groups
            .iter()
            .take(self.count)
            .map(move |(to, end)| (std::mem::replace(&mut from, *to), *to, *end))
    }

    fn separator(&self, group: usize) -> u8 {
        self.separators.get(group).copied().unwrap_or_default()
    }

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
        let skipped = if has_prefix { prefix.len() } else { 0 };
        let (mut plan, mut best) = (region.plan, None);
        for (group, (from, to, end)) in self.each().enumerate() {
            let digits = self.digits.get(from.max(skipped)..to.max(skipped)).unwrap_or_default();
            let Some(next) = plan.then_all(digits.iter().copied()) else { break };
            plan = next;
            let is_written = if region.is_north_american {
                self.is_north_american(group + 1, has_prefix) && !self.is_in_row(group + 1, window)
            } else if group == 0 {
                // One group alone is any number, but for mobile telephones' with their prefix.
                has_prefix && prefix == "0" && plan.is_mobile() && !self.is_counting()
            } else {
                (!is_bare
                    || has_area
                    || group > 1 && plan.is_mobile() && !self.is_grouped_by_thousands(group + 1))
                    && NATIONAL.contains(&to)
                    && self.is_plausible(group + 1)
                    && !self.is_in_row(group + 1, window)
            };
            if is_written && plan.is_assigned() && !is_cut(window, end) && !self.is_date(group + 1) {
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

    /// Whether the first groups are as telephone numbers are written: not single digits in a row, not an address of
    /// the Internet Protocol, not a fraction, not a postal code, not codes of four digits.
    fn is_plausible(&self, count: usize) -> bool {
        let sizes = || self.each().take(count).map(|(from, to, _)| to - from);
        let has = |separator| (0..count.saturating_sub(1)).any(|group| self.separator(group) == separator);
        let is_address = count == 4 && has(b'.') && sizes().all(|size| size <= 3);
        let is_postal = has(b'-') && sizes().eq([5, 4]);
        let is_lone_zero =
            sizes().next() == Some(1) && self.digits.first() == Some(&0) && self.separator(0) != b')';
        let are_codes = count > 2
            && self
                .each()
                .take(count)
                .all(|(from, to, _)| to - from == 4 && self.digits.get(from) == Some(&0));
        // Parentheses are around what is before the number itself.
        let is_opened_late = (1..count.saturating_sub(1)).any(|group| self.separator(group) == b'(');
        sizes().filter(|size| *size == 1).count() <= 1
            && !(has(b'.') && has(b'-'))
            && !(is_address || is_postal || is_lone_zero || are_codes || is_opened_late)
    }

    /// Whether all groups but the first are of three digits, as of large numbers.
    fn is_grouped_by_thousands(&self, count: usize) -> bool {
        self.each().take(count).skip(1).all(|(from, to, _)| to - from == 3)
    }

    /// Whether the digits go up or down by one, as in `0123456789`.
    fn is_counting(&self) -> bool {
        let steps = |by: u8| {
            self.digits().windows(2).all(|pair| pair.first().map(|it| (it + by) % 10) == pair.last().copied())
        };
        steps(1) || steps(9)
    }

    /// Whether the first groups are a part of a longer row of bytes or figures, parted by spaces: a word of digits, or
    /// of two hexadecimal ones, stands beside them.
    fn is_in_row(&self, count: usize, window: &Window<'_>) -> bool {
        if self.separator(0) != b' ' {
            return false;
        }
        let is_figure = |word: &mut dyn Iterator<Item = u8>| {
            let (mut digits, mut letters) = (0, 0);
            for byte in word.take(6) {
                digits += usize::from(byte.is_ascii_digit());
                letters += usize::from(!byte.is_ascii_digit());
            }
            digits > 0 && letters == 0 || digits + letters == 2
        };
        let is_of_word = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'.';
        let end = self.each().nth(count - 1).map_or(0, |(_, _, end)| end);
        let behind = window.text.as_bytes().get(window.place(end)..).unwrap_or_default();
        let before = window.text.as_bytes().get(..window.before.near_at).unwrap_or_default();
        let went_before = window.before.near == ' '
            && is_figure(&mut before.iter().rev().take_while(|byte| is_of_word(byte)).copied());
        let goes_on = behind.first() == Some(&b' ')
            && is_figure(&mut behind.iter().skip(1).take_while(|byte| is_of_word(byte)).copied());
        went_before || goes_on
    }

    /// Whether the first groups are 3-3-4 digits, with or without the prefix.
    fn is_north_american(&self, count: usize, has_prefix: bool) -> bool {
        let sizes = self.each().take(count).map(|(from, to, _)| to - from);
        let expected: &[usize] = if has_prefix { &[1, 3, 3, 4] } else { &[3, 3, 4] };
        let first = usize::from(has_prefix);
        // What parts the last two is what parts those before, which may have parentheses.
        let is_even = self.separator(first) == self.separator(first + 1) || self.separator(first) == b')';
        sizes.eq(expected.iter().copied()) && is_even && self.separator(first) != b'/'
    }

    /// Whether groups are a day, a month and a year in any order, with or without what follows.
    fn is_date(&self, count: usize) -> bool {
        let mut sizes = self.each().take(count).map(|(from, to, _)| to - from);
        let sizes = (sizes.next(), sizes.next(), sizes.next());
        let separator = self.separator(0);
        let value = |from: usize, to: usize| {
            self.digits
                .get(from..to)
                .unwrap_or_default()
                .iter()
                .fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit))
        };
        let is_year = |year: u32| (1900..2100).contains(&year);
        if count < 3 || separator != self.separator(1) || !matches!(separator, b'-' | b'/' | b'.' | b' ') {
            return false;
        }
        match sizes {
            (Some(4), Some(1 | 2), Some(1 | 2)) => is_year(value(0, 4)),
            (Some(one @ (1 | 2)), Some(two @ (1 | 2)), Some(4)) => is_year(value(one + two, one + two + 4)),
            _ => false,
        }
    }
}

/// What parts two groups, as one character; 0 if that is nothing that does.
fn separator_of(gap: &[u8]) -> u8 {
    match gap {
        [byte @ (b' ' | b'-' | b'.' | b'/' | b')')] => *byte,
        b") " | b")-" | b")/" | b") -" => b')',
        b" (" | b"-(" | b"(" => b'(',
        b" - " | b"- " | b" -" => b'-',
        b" / " | b" /" | b"/ " => b'/',
        _ => 0,
    }
}

/// Whether what ends at that index goes on, so that it is not what it seems.
fn is_cut(window: &Window<'_>, end: usize) -> bool {
    match window.behind(end) {
        ('.' | ',' | ':', next) => next.is_ascii_digit(),
        ('-' | '_', next) => next.is_ascii_alphanumeric(),
        ('%' | '@', _) => true,
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
#[path = "phone/tests.rs"]
mod tests;
