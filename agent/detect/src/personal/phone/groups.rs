//! Digits in groups, and whether they are grouped as telephone numbers are.

use super::super::scan::Window;

/// Groups of digits, and where they end.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Values of all digits.
    pub(super) digits: [u8; 18],
    pub(super) len: usize,
    /// Of each group: how many digits there are with it, where it ends in the window, and what parts it from the next.
    pub(super) groups: [(usize, usize); 8],
    pub(super) separators: [u8; 8],
    pub(super) count: usize,
}

impl Groups {
    /// Reads the groups of digits that a window begins with, if it begins with one.
    pub(super) fn read(chars: &[u8]) -> Option<Self> {
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
            // A slash with spaces is before a number, or between two things.
            let is_next = gap == b" / " && read.len >= 7;
            if gap.is_empty() || separator_of(gap) == 0 || is_next {
                break;
            }
            at = end + gap.len();
        }
        (read.count > 0).then_some(read)
    }

    pub(super) fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    /// Each group: index of its first digit, index behind its last, where it ends in the window.
    pub(super) fn each(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let mut from = 0;
        self.groups
            .iter()
            .take(self.count)
            .map(move |(to, end)| (std::mem::replace(&mut from, *to), *to, *end))
    }

    pub(super) fn separator(&self, group: usize) -> u8 {
        self.separators.get(group).copied().unwrap_or_default()
    }

    /// Whether the first groups are as telephone numbers are written: not single digits in a row, not an address of
    /// the Internet Protocol, not a fraction, not a postal code, not codes of four digits.
    pub(super) fn is_plausible(&self, count: usize) -> bool {
        let sizes = || self.each().take(count).map(|(from, to, _)| to - from);
        let has = |separator| (0..count.saturating_sub(1)).any(|group| self.separator(group) == separator);
        let is_address = count == 4 && has(b'.') && sizes().all(|size| size <= 3);
        let is_postal = has(b'-') && sizes().eq([5, 4]);
        let is_lone_zero =
            sizes().next() == Some(1) && self.digits.first() == Some(&0) && self.separator(0) != b')';
        // A prefix by itself has an area of three digits behind it.
        let is_lone_prefix = sizes().next() == Some(1)
            && self.digits.first() != Some(&0)
            && (sizes().nth(1) != Some(3) || has(b'.') || has(b'/'));
        let are_codes = count > 2
            && self
                .each()
                .take(count)
                .all(|(from, to, _)| to - from == 4 && self.digits.get(from) == Some(&0));
        // Parentheses are around what is before the number itself.
        let is_opened_late = (1..count.saturating_sub(1)).any(|group| self.separator(group) == b'(');
        let ends_in_one = sizes().last() == Some(1);
        sizes().filter(|size| *size == 1).count() <= 1
            && !ends_in_one
            && !(has(b'.') && has(b'-'))
            && !(is_address || is_postal || is_lone_zero || is_lone_prefix || are_codes || is_opened_late)
    }

    /// Whether the first three groups are as those of mobile telephones where there is no prefix: in China and in Brazil.
    pub(super) fn is_grouped_as_mobile(&self) -> bool {
        let sizes = || self.each().take(3).map(|(from, to, _)| to - from);
        let is_even = self.separator(0) == self.separator(1) && matches!(self.separator(0), b' ' | b'-');
        sizes().eq([3, 4, 4]) && is_even || sizes().eq([2, 5, 4]) && self.separator(1) == b'-'
    }

    /// Whether the digits go up or down by one, as in `0123456789`.
    pub(super) fn is_counting(&self) -> bool {
        let steps = |by: u8| {
            self.digits().windows(2).all(|pair| pair.first().map(|it| (it + by) % 10) == pair.last().copied())
        };
        steps(1) || steps(9)
    }

    /// Whether the first groups are a part of a longer row of bytes or figures, parted by spaces: beside them stands a
    /// word with digits that is as long as the group next to it, or a zero or a fraction.
    pub(super) fn is_in_row(&self, count: usize, window: &Window<'_>) -> bool {
        if self.separator(0) != b' ' {
            return false;
        }
        let is_figure = |word: &mut dyn Iterator<Item = &u8>, size: usize| {
            let (mut length, mut digits, mut dots, mut zeros) = (0, 0, 0, 0);
            for byte in word.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'.').take(8) {
                length += 1;
                digits += usize::from(byte.is_ascii_digit());
                dots += usize::from(*byte == b'.');
                zeros += usize::from(*byte == b'0');
            }
            digits > 0 && (length == size || dots > 0 && digits > 1 || length == 1 && zeros == 1)
        };
        let sizes = || self.each().take(count).map(|(from, to, _)| to - from);
        let end = self.each().nth(count - 1).map_or(0, |(_, _, end)| end);
        let behind = window.text.as_bytes().get(window.place(end)..).unwrap_or_default();
        let before = window.text.as_bytes().get(..window.before.near_at).unwrap_or_default();
        let went_before = window.before.near == ' '
            && is_figure(&mut before.iter().rev(), sizes().next().unwrap_or_default());
        let goes_on = behind.first() == Some(&b' ')
            && is_figure(&mut behind.iter().skip(1), sizes().last().unwrap_or_default());
        went_before || goes_on
    }

    /// Whether the first groups are 3-3-4 digits, with or without the prefix.
    pub(super) fn is_north_american(&self, count: usize, has_prefix: bool) -> bool {
        let sizes = self.each().take(count).map(|(from, to, _)| to - from);
        let expected: &[usize] = if has_prefix { &[1, 3, 3, 4] } else { &[3, 3, 4] };
        let first = usize::from(has_prefix);
        // What parts the last two is what parts those before, which may have parentheses.
        let is_even = self.separator(first) == self.separator(first + 1) || self.separator(first) == b')';
        // Measures are round.
        let is_round = self
            .each()
            .take(count)
            .all(|(_, to, _)| self.digits.get(to.saturating_sub(2)..to) == Some(&[0, 0]));
        !is_round && sizes.eq(expected.iter().copied()) && is_even && self.separator(first) != b'/'
    }

    /// Whether groups are a day, a month and a year in any order, with or without what follows.
    pub(super) fn is_date(&self, count: usize) -> bool {
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
