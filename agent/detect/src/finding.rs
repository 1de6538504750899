//! What was found, and where.

use std::borrow::Cow;
use std::ops::Range;

/// What a finding is of: what replacements are chosen and counts kept by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// What lets its bearer in: keys, tokens, passwords, private keys. Removed in every mode.
    Credential,
    /// An address of electronic mail.
    Email,
    /// A telephone number.
    Phone,
    /// The number of a payment card.
    Card,
    /// An international bank account number.
    Iban,
    /// A number by which a state knows a person.
    NationalId,
    /// An address of the Internet Protocol.
    Ip,
    /// A hardware address.
    Mac,
    /// What a rule of the operator finds: which of them.
    Rule(u16),
}

impl Class {
    /// The classes that are built in.
    pub const BUILT_IN: [Self; 8] = [
        Self::Credential,
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::NationalId,
        Self::Ip,
        Self::Mac,
    ];

    /// Its name in settings, attributes and metrics; `rule` for all of the operator's, which have names of their own.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::NationalId => "national_id",
            Self::Ip => "ip",
            Self::Mac => "mac",
            Self::Rule(_) => "rule",
        }
    }
}

/// Something in a text that is not to leave as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which bytes of the text; both ends are borders of characters.
    pub range: Range<usize>,
    /// What it is.
    pub class: Class,
    /// What recognised it: `github-pat`, `email`, `card`; for a rule of the operator's, its name.
    pub rule: Cow<'static, str>,
}

/// Puts findings in their order and takes out overlaps: what overlaps becomes one finding over all of it, of the class
/// of the lowest order among them, which a credential's is; of several of one class the longest gives the name.
pub fn merge(findings: &mut Vec<Finding>) {
    merge_by(findings, |finding| finding, |finding| finding, |_, _| true, |_, _| {});
}

/// As [`merge`], of what has findings, where `are_one` agrees; `take_over` gives to the first
/// what else belongs to the class and the name of the other.
pub(crate) fn merge_by<T>(
    findings: &mut Vec<T>,
    of: impl Fn(&T) -> &Finding,
    of_mut: impl Fn(&mut T) -> &mut Finding,
    are_one: impl Fn(&T, &T) -> bool,
    take_over: impl Fn(&mut T, &mut T),
) {
    findings.sort_by_key(|one| (of(one).range.start, std::cmp::Reverse(of(one).range.end)));
    findings.dedup_by(|other, first| {
        if of(other).range.start >= of(first).range.end || !are_one(first, other) {
            return false;
        }
        let (next, kept) = (of_mut(other), of_mut(first));
        let is_better =
            next.class < kept.class || (next.class == kept.class && next.range.len() > kept.range.len());
        kept.range.end = kept.range.end.max(next.range.end);
        if is_better {
            kept.class = next.class;
            std::mem::swap(&mut kept.rule, &mut next.rule);
            take_over(first, other);
        }
        true
    });
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_is_one_and_a_credential_first() {
        let found =
            |start, end, class, rule: &'static str| Finding { range: start..end, class, rule: rule.into() };
        let mut findings = vec![
            found(5, 9, Class::Credential, "key"),
            found(0, 6, Class::Email, "email"),
            found(9, 12, Class::Ip, "ip"),
            found(20, 21, Class::Card, "card"),
            found(20, 24, Class::Card, "longer"),
        ];
        merge(&mut findings);
        assert_eq!(findings.iter().map(|one| &one.range).collect::<Vec<_>>(), [&(0..9), &(9..12), &(20..24)]);
        assert_eq!((findings[0].class, &*findings[0].rule), (Class::Credential, "key"));
        assert_eq!(findings[2].rule, "longer");
    }
}
