//! The world's numbering plans, as an automaton over digits.
//!
//! The tables come from libphonenumber 9.0.33 (Apache-2.0), its PhoneNumberMetadata.xml as in the crate `phonenumber`
//! 0.3.10 (2026); `generate.py` beside this makes them. The crates themselves would bring some fifty crates each into
//! the tree for this one question, and compile a regular expression for each region that traffic names.

use super::super::scan::step;

static NUMBERS: &[u8] = include_bytes!("numbers.bin");
static REGIONS: &str = include_str!("regions.txt");

/// How far digits have come in the plans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    state: usize,
}

impl Plan {
    /// Where a calling code begins.
    pub(super) const START: Self = Self { state: 0 };

    /// One digit on, if there are numbers that go on so.
    pub(super) fn then(self, digit: u8) -> Option<Self> {
        step();
        let bits = word(self.state)?;
        if digit > 9 || bits >> digit & 1 == 0 {
            return None;
        }
        let leads_to_one = bits >> 13 & 1 == 1;
        let place = if leads_to_one { 0 } else { (bits & ((1 << digit) - 1)).count_ones() };
        let state = word(self.state + 1 + usize::try_from(place).ok()?)?;
        Some(Self { state: usize::from(state) })
    }

    /// Several digits on.
    pub(super) fn then_all(self, digits: impl IntoIterator<Item = u8>) -> Option<Self> {
        digits.into_iter().try_fold(self, Self::then)
    }

    /// Whether digits so far are a number of the shape that its plan gives to numbers.
    pub(super) fn is_possible(self) -> bool {
        word(self.state).is_some_and(|bits| bits >> 10 & 1 == 1)
    }

    /// Whether digits so far are a number of a range that is assigned.
    pub(super) fn is_assigned(self) -> bool {
        word(self.state).is_some_and(|bits| bits >> 11 & 1 == 1)
    }

    /// Whether digits so far are a number of a range that is assigned to mobile telephones.
    pub(super) fn is_mobile(self) -> bool {
        word(self.state).is_some_and(|bits| bits >> 12 & 1 == 1)
    }
}

fn word(at: usize) -> Option<u16> {
    let (words, _) = NUMBERS.as_chunks::<2>();
    words.get(at).copied().map(u16::from_le_bytes)
}

/// How a region's numbers are written within it.
#[derive(Clone, Debug)]
pub(super) struct Region {
    /// Where its national numbers begin in the plans.
    pub(super) plan: Plan,
    /// The digits before a national number, if any.
    pub(super) prefix: Option<&'static str>,
    /// Whether it is of the North American plan, where the prefix may be left out.
    pub(super) is_north_american: bool,
}

impl Region {
    /// That of a code of two letters (ISO 3166-1), in any case; `None` for an unknown one.
    pub(super) fn of(name: &str) -> Option<Self> {
        let mut fields = REGIONS.lines().map(|line| line.split(' ')).find_map(|mut fields| {
            fields.next().filter(|region| region.eq_ignore_ascii_case(name)).map(|_| fields)
        })?;
        let (code, prefix) = (fields.next()?, fields.next()?);
        Some(Self {
            plan: Plan::START.then_all(code.bytes().map(|byte| byte.wrapping_sub(b'0')))?,
            prefix: Some(prefix).filter(|prefix| *prefix != "-"),
            is_north_american: code == "1",
        })
    }
}
