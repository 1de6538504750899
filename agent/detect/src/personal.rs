//! Personal data.
//!
//! Each detector reads the text once, looks ahead and back within bounds, and asks the check that comes with what it
//! looks for. Numbers that other things have as well count only if a word before them says what they are.

mod card;
mod context;
mod email;
mod iban;
mod ip;
mod mac;
mod national;
mod phone;
mod scan;

use crate::{Class, Finding};
use context::Context;
pub use national::NationalId;
use national::NationalIds;
pub use phone::PhoneRegion;
use phone::Phones;
use scan::Before;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// Regions whose national telephone numbers are found by default: their ways to write them are rarely anything else.
const PHONE_REGIONS: [&str; 10] = ["US", "GB", "DE", "FR", "JP", "CN", "KR", "RU", "BR", "AU"];

/// A setting's value that is not known: this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName(pub String);

impl std::fmt::Display for UnknownName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{}' is not known", self.0)
    }
}

/// What is looked for, beside what is always.
#[derive(Clone, Debug)]
pub struct PersonalOptions {
    /// Regions whose telephone numbers are found without their calling code.
    pub phone_regions: Vec<PhoneRegion>,
    /// Numbers by which states know persons.
    pub national_ids: BTreeSet<NationalId>,
    /// Whether addresses of private networks and links are found (RFC 1918, 3927, 4193, 6598).
    pub private_ips: bool,
}

impl Default for PersonalOptions {
    /// Telephone numbers as in a few regions, social security numbers of the United States, and all addresses.
    fn default() -> Self {
        Self {
            phone_regions: PHONE_REGIONS.iter().filter_map(|name| name.parse().ok()).collect(),
            national_ids: BTreeSet::from([NationalId::US_SSN]),
            private_ips: true,
        }
    }
}

/// Finds personal data.
#[derive(Debug)]
pub struct Personal {
    context: Context,
    phones: Phones,
    national_ids: NationalIds,
    private_ips: bool,
}

impl Default for Personal {
    fn default() -> Self {
        Self::new(&PersonalOptions::default())
    }
}

impl Personal {
    /// Finds what the options say.
    #[must_use]
    pub fn new(options: &PersonalOptions) -> Self {
        Self {
            context: Context::new(),
            phones: Phones::new(&options.phone_regions),
            national_ids: NationalIds::new(&options.national_ids),
            private_ips: options.private_ips,
        }
    }

    /// Adds what is found in `text`, in any order; several findings may overlap.
    pub fn find(&self, text: &str, found: &mut Vec<Finding>) {
        let mut add = |range: Range<usize>, class: Class, rule: &'static str| {
            found.push(Finding { range, class, rule: Cow::Borrowed(rule) });
        };
        email::find(text, |range| add(range, Class::Email, "email"));
        ip::find_v4(text, &self.context, self.private_ips, |range| add(range, Class::Ip, "ipv4"));
        ip::find_v6(text, self.private_ips, |range| add(range, Class::Ip, "ipv6"));
        mac::find(text, &self.context, |range| add(range, Class::Mac, "mac"));
        // Up to where numbers with checks go: what begins within them is a part of theirs.
        let mut known = 0;
        let fewest = |word: &str, before: Before| self.fewest_digits(word, before);
        scan::windows(text, fewest, |window| {
            let start = window.start();
            if start < known {
                return;
            }
            let checked = [
                card::find(window, &self.context).map(|end| (end, Class::Card, "card")),
                iban::find(window).map(|end| (end, Class::Iban, "iban")),
                self.national_ids
                    .find(window, &self.context)
                    .map(|(end, rule)| (end, Class::NationalId, rule)),
            ];
            for (end, class, rule) in checked.into_iter().flatten() {
                known = known.max(window.place(end));
                add(start..window.place(end), class, rule);
            }
            if let Some(range) = self.phones.find(window, &self.context).filter(|range| range.end > known) {
                add(range, Class::Phone, "phone");
            }
        });
    }

    /// How many digits a number has at least whose first word this is, behind what stands before it; `None` where no number
    /// begins so. Cheaper than to look for one.
    fn fewest_digits(&self, word: &str, before: Before) -> Option<usize> {
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            // An IBAN has letters first, and none of the others goes on with what a digit began.
            let fewest = phone::FEWEST_DIGITS.min(self.national_ids.fewest_digits());
            return (!before.is_joined()).then_some(fewest);
        }
        // Of cards and telephones, the first word has no letter. Digits of other scripts are left to the detectors.
        let may_begin = !word.is_ascii() || iban::may_begin(word) || self.national_ids.may_begin(word);
        may_begin.then_some(scan::FEWEST_DIGITS)
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]
#[path = "personal/tests.rs"]
mod tests;
