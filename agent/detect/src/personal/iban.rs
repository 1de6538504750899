//! International bank account numbers: ISO 13616, by the registry's structure of each country's and mod 97.

use super::scan::{Window, step};
use iban::{BaseIban, Iban, ParseIbanError};

/// Characters that one has at least and at most.
const LENGTHS: std::ops::RangeInclusive<usize> = 15..=34;

/// Countries that use numbers of this form without being in the registry that the table is of (its partners' and
/// "experimental" ones), with their lengths.
const UNREGISTERED: &[(&str, usize)] = &[
    ("AO", 25),
    ("BF", 28),
    ("BJ", 28),
    ("CF", 27),
    ("CG", 27),
    ("CI", 28),
    ("CM", 27),
    ("CV", 25),
    ("DZ", 26),
    ("GA", 27),
    ("GQ", 27),
    ("GW", 25),
    ("HN", 28),
    ("IR", 26),
    ("KM", 27),
    ("MA", 28),
    ("MG", 27),
    ("ML", 28),
    ("MZ", 25),
    ("NE", 28),
    ("SN", 28),
    ("TD", 27),
    ("TG", 28),
];

/// Whether a number may begin with a word.
pub(super) fn may_begin(word: &str) -> bool {
    matches!(
        word.as_bytes(),
        [b'A'..=b'Z' | b'a'..=b'z', b'A'..=b'Z' | b'a'..=b'z', b'0'..=b'9', b'0'..=b'9', ..]
    )
}

/// Where the number ends that a window begins with, if that is one: an index of the window.
pub(super) fn find(window: &Window<'_>) -> Option<usize> {
    let chars = window.chars();
    let first = chars.get(..4)?;
    if !matches!(first, [b'A'..=b'Z', b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9']) {
        return None;
    }
    if window.before.near == '-' && window.before.far.is_ascii_alphanumeric() {
        return None;
    }
    let mut plain = String::with_capacity(*LENGTHS.end());
    // The rest of what is behind the first four characters, divided by 97, so that few are looked at as a whole.
    let mut rest = 0;
    let (mut best, mut separator, mut last_gap) = (None, None, 0);
    for (index, byte) in chars.iter().enumerate() {
        if byte.is_ascii_alphanumeric() {
            plain.push(char::from(*byte));
            step();
            if plain.len() > 4 {
                rest = appended(rest, *byte);
            }
            if LENGTHS.contains(&plain.len())
                && window.is_end(index + 1)
                && first.iter().fold(rest, |rest, byte| appended(rest, *byte)) == 1
                && !window.goes_on(index + 1)
                && is_iban(&plain)
            {
                best = Some(index + 1);
            }
        } else if matches!(byte, b' ' | b'-')
            && *separator.get_or_insert(*byte) == *byte
            && index > last_gap + 1
            && plain.len() < *LENGTHS.end()
        {
            last_gap = index;
        } else {
            break;
        }
    }
    best
}

/// The rest by 97 of a number with another character at its end, where letters are two digits, 10 and more.
fn appended(rest: u32, byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.wrapping_sub(b'A')) + 10) % 97,
    }
}

fn is_iban(plain: &str) -> bool {
    match plain.parse::<Iban>() {
        Ok(_) => true,
        Err(ParseIbanError::UnknownCountry(_)) => {
            plain.parse::<BaseIban>().is_ok()
                && UNREGISTERED.iter().any(|(country, len)| plain.starts_with(country) && plain.len() == *len)
        }
        Err(_) => false,
    }
}
