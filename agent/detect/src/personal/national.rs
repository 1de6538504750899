//! Numbers by which states know persons: each with the shapes that it is written in and the check that it comes with.

mod africa_asia;
mod americas;
mod europe;
mod kinds;

use super::UnknownName;
use super::context::{Context, Label};
use super::scan::{Window, step};
use kinds::KINDS;
use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::str::FromStr;

/// A kind of such numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NationalId(&'static str);

impl NationalId {
    /// The social security number of the United States.
    pub const US_SSN: Self = Self("us-ssn");

    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|kind| Self(kind.name))
    }

    /// Its name in settings and findings: the country's code of two letters and what it is called there.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl FromStr for NationalId {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::all().find(|kind| kind.0 == name).ok_or_else(|| UnknownName(name.to_owned()))
    }
}

/// What is to be known of a kind.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    /// How it is written: `9` a digit, `A` a letter, `*` either, all else itself.
    shapes: &'static [&'static str],
    /// As `shapes`, only if a word before it says that it is such a number: too many others are written so.
    said: &'static [&'static str],
    /// Whether its digits and letters, without what parts them, are one.
    check: fn(&[u8]) -> bool,
}

/// The longest shape without separators.
const MOST: usize = 24;

/// Finds such numbers.
#[derive(Debug)]
pub(super) struct NationalIds {
    /// All shapes by the length of their first word, each with whether it must be said.
    shapes: Vec<Vec<(&'static Kind, &'static str, bool)>>,
    fewest_digits: usize,
}

impl NationalIds {
    /// Finds these kinds.
    pub(super) fn new(wanted: &BTreeSet<NationalId>) -> Self {
        let mut shapes = Vec::new();
        let mut fewest_digits = MOST;
        for kind in KINDS.iter().filter(|kind| wanted.contains(&NationalId(kind.name))) {
            let open = kind.shapes.iter().map(|shape| (kind, *shape, false));
            for shape in open.chain(kind.said.iter().map(|shape| (kind, *shape, true))) {
                fewest_digits = fewest_digits.min(shape.1.bytes().filter(|byte| *byte == b'9').count());
                let length = shape.1.bytes().take_while(|byte| is_place(*byte)).count();
                if shapes.len() <= length {
                    shapes.resize_with(length + 1, Vec::new);
                }
                shapes.get_mut(length).into_iter().for_each(|shapes: &mut Vec<_>| shapes.push(shape));
            }
        }
        Self { shapes, fewest_digits }
    }

    /// How many digits any number has at least.
    pub(super) fn fewest_digits(&self) -> usize {
        self.fewest_digits
    }

    /// Whether a number may begin with a word in ASCII.
    pub(super) fn may_begin(&self, word: &str) -> bool {
        self.shapes.get(word.len()).is_some_and(|shapes| {
            shapes.iter().any(|(_, shape, _)| {
                shape.bytes().zip(word.bytes()).all(|(wanted, byte)| match wanted {
                    b'9' => byte.is_ascii_digit(),
                    b'A' => byte.is_ascii_alphabetic(),
                    _ => true,
                })
            })
        })
    }

    /// Where the longest of the numbers ends that a window begins with, as an index of it, and its kind.
    pub(super) fn find(&self, window: &Window<'_>, context: &Context) -> Option<(usize, &'static str)> {
        let length = window.chars().iter().take_while(|char| char.is_ascii_alphanumeric()).count();
        let shapes = self.shapes.get(length).filter(|shapes| !shapes.is_empty())?;
        let before = window.before;
        let goes_before = before.is_joined() || before.near == '-' && before.far.is_ascii_alphanumeric();
        if goes_before || before.near == '+' {
            return None;
        }
        let label = LazyCell::new(|| context.before(window.text, window.start()));
        let is_said = |kind: &Kind| match *label {
            Some(Label::Ssn) => kind.name == NationalId::US_SSN.0,
            Some(Label::NationalId) => kind.name != NationalId::US_SSN.0,
            _ => false,
        };
        let mut best = None;
        for (kind, shape, must_be_said) in shapes {
            if best.is_none_or(|(longest, _)| longest < shape.len())
                && let Some(end) = kind.matches(shape, window)
                && (!must_be_said || is_said(kind))
            {
                best = Some((end, kind.name));
            }
        }
        best
    }
}

/// Whether a character of a shape stands for one of the number.
fn is_place(wanted: u8) -> bool {
    matches!(wanted, b'9' | b'A' | b'*')
}

impl Kind {
    /// Where a number of that shape ends, if the window begins with one that passes the check.
    fn matches(&self, shape: &str, window: &Window<'_>) -> Option<usize> {
        let chars = window.chars().get(..shape.len())?;
        let mut plain = [0; MOST];
        let mut len = 0;
        for (wanted, char) in shape.bytes().zip(chars) {
            step();
            let is_it = match wanted {
                b'9' => char.is_ascii_digit(),
                b'A' => char.is_ascii_uppercase(),
                b'*' => char.is_ascii_alphanumeric(),
                other => *char == other,
            };
            if !is_it {
                return None;
            }
            if char.is_ascii_alphanumeric() {
                *plain.get_mut(len)? = *char;
                len += 1;
            }
        }
        let end = shape.len();
        let is_whole = window.is_end(end) && !window.goes_on(end);
        (is_whole && (self.check)(plain.get(..len)?)).then_some(end)
    }
}

/// The digits' values; letters are 10 and more.
fn values(chars: &[u8]) -> impl DoubleEndedIterator<Item = u32> + ExactSizeIterator + '_ {
    chars.iter().map(|char| match char {
        b'0'..=b'9' => u32::from(char - b'0'),
        b'A'..=b'Z' => u32::from(char - b'A') + 10,
        _ => 0,
    })
}

/// The sum of digits, each by its weight.
fn weighted(chars: &[u8], weights: &[u32]) -> u32 {
    values(chars).zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The number that digits are.
fn number(digits: &[u8]) -> u64 {
    values(digits).fold(0, |sum, digit| sum * 10 + u64::from(digit))
}

/// The last digit.
fn last(chars: &[u8]) -> u32 {
    values(chars).next_back().unwrap_or_default()
}

fn is_month_and_day(month: u64, day: u64) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// Whether digits at these places are a month and a day.
fn has_date(chars: &[u8], month: usize, day: usize) -> bool {
    let at = |place: usize| chars.get(place..place + 2).map_or(0, number);
    is_month_and_day(at(month), at(day))
}

/// Whether digits pass the Luhn check.
fn is_luhn(chars: &[u8]) -> bool {
    let mut digits = [0; MOST];
    let Some(digits) = digits.get_mut(..chars.len()) else { return false };
    digits.iter_mut().zip(chars).for_each(|(digit, char)| *digit = char.wrapping_sub(b'0'));
    super::card::is_luhn(digits)
}

/// Whether all characters are one.
fn is_one_repeated(chars: &[u8]) -> bool {
    chars.windows(2).all(|pair| pair.first() == pair.last())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#[path = "national/tests.rs"]
mod tests;
