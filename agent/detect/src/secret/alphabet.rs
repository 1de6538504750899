//! Which bytes a credential consists of, and how far they run.

use serde::Deserialize;

/// The bytes that may stand in a part of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Alphabet {
    Digit,
    Hex,
    Alnum,
    /// Capital letters and digits.
    Upper,
    UpperDash,
    /// Letters, digits, `_` and `-`, as in base64url: what most keys are of.
    Key,
    Underscored,
    Dotted,
    Base64,
    /// Base64 over several lines, whose ends may be written as `\n`.
    Lines,
    Path,
    /// `token68` of RFC 9110, section 11.2.
    Token,
    Percent,
    Uuid,
    Airtable,
    Asana,
    Braintree,
    Rancher,
    Salesforce,
}

impl Alphabet {
    const COUNT: usize = 19;

    /// Whether the byte may stand in it.
    pub(super) const fn has(self, byte: u8) -> bool {
        let alnum = byte.is_ascii_alphanumeric();
        match self {
            Self::Digit => byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Alnum => alnum,
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::UpperDash => byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-',
            Self::Key => is_key(byte),
            Self::Underscored => alnum || byte == b'_',
            Self::Dotted => is_key(byte) || matches!(byte, b'.' | b'~'),
            Self::Base64 => alnum || matches!(byte, b'+' | b'/' | b'='),
            Self::Lines => alnum || matches!(byte, b'+' | b'/' | b'=' | b'\n' | b'\r' | b'\\'),
            Self::Path => is_key(byte) || matches!(byte, b'/' | b'.' | b'@'),
            Self::Token => is_key(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'='),
            Self::Percent => alnum || byte == b'%',
            Self::Uuid => byte.is_ascii_hexdigit() || byte == b'-',
            Self::Airtable => alnum || byte == b'.',
            Self::Asana => alnum || matches!(byte, b'/' | b':'),
            Self::Braintree => alnum || byte == b'$',
            Self::Rancher => alnum || matches!(byte, b'-' | b':'),
            Self::Salesforce => alnum || matches!(byte, b'!' | b'.' | b'_'),
        }
    }
}

/// Letters, digits, `_` and `-`.
pub(super) const fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// How far each alphabet was seen to run: no byte is looked at twice for one alphabet, however often it is asked of.
#[derive(Debug, Default)]
pub(super) struct Runs {
    seen: [(usize, usize); Alphabet::COUNT],
}

impl Runs {
    /// Where the run of the alphabet's bytes ends that begins at `at`.
    pub(super) fn end(&mut self, bytes: &[u8], alphabet: Alphabet, at: usize) -> usize {
        let Some(seen) = self.seen.get_mut(alphabet as usize) else { return at };
        if !(seen.0..=seen.1).contains(&at) || seen.1 == 0 {
            *seen = (at, at + run(bytes.get(at..).unwrap_or_default(), |byte| alphabet.has(byte)));
        }
        seen.1
    }
}

/// How many bytes at the beginning are of the class.
pub(super) fn run(bytes: &[u8], mut class: impl FnMut(u8) -> bool) -> usize {
    let length = bytes.iter().take_while(|byte| class(**byte)).count();
    steps::add(length);
    length
}

/// How many bytes at the end are of the class.
pub(super) fn run_back(bytes: &[u8], class: impl Fn(u8) -> bool) -> usize {
    let length = bytes.iter().rev().take_while(|byte| class(**byte)).count();
    steps::add(length);
    length
}

/// Where the needle first stands.
pub(super) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let found = memchr::memmem::find(bytes, needle);
    steps::add(found.unwrap_or(bytes.len()));
    found
}

/// Counts, for tests, the bytes that are looked at beside those of the one pass.
pub(super) mod steps {
    #[cfg(test)]
    thread_local!(static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });

    #[cfg(test)]
    pub(in crate::secret) fn add(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    #[cfg(not(test))]
    pub(in crate::secret) const fn add(_: usize) {}

    /// Those since the last time.
    #[cfg(test)]
    pub(in crate::secret) fn take() -> usize {
        STEPS.take()
    }
}
