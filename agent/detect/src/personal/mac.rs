//! Hardware addresses of six bytes (IEEE 802), in pairs of digits parted by colons or hyphens, or in fours parted by
//! dots.

use super::context::{Context, Label};
use super::scan::{char_at, char_before, step};
use std::ops::Range;

/// Bytes of an address, at least.
const SHORTEST: usize = 14;

/// Gives the bytes of each address.
pub(super) fn find(text: &str, context: &Context, mut each: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(next) = memchr::memchr3(b':', b'-', b'.', bytes.get(at..).unwrap_or_default()) {
        let separator = at + next;
        let of_run = |byte: &&u8| byte.is_ascii_hexdigit() || bytes.get(separator) == Some(*byte);
        let behind = bytes.get(separator..).unwrap_or_default();
        let end = separator + behind.iter().take_while(of_run).inspect(|_| step()).count();
        let start = separator
            - bytes
                .get(at..separator)
                .unwrap_or_default()
                .iter()
                .rev()
                .take_while(of_run)
                .inspect(|_| step())
                .count();
        if end - start >= SHORTEST
            && let Some(found) = address(text, start..end, char_at(text, separator), context)
        {
            each(found);
        }
        // A separator of another kind may end this row, and the digits before it begin one.
        let digits = text.get(separator + 1..end).unwrap_or_default();
        at = end - digits.bytes().rev().take_while(u8::is_ascii_hexdigit).inspect(|_| step()).count();
    }
}

/// The address in a row of digits and separators of one kind: a name may be before it, and a sentence end behind it.
fn address(
    text: &str,
    row: Range<usize>,
    separator: Option<char>,
    context: &Context,
) -> Option<Range<usize>> {
    let run = behind_name(text, row.start, row.end);
    let first = row.end - run.len();
    let trimmed = run.trim_end_matches([':', '-', '.']);
    let last = first + trimmed.len();
    let is_apart = (first > row.start || is_apart_before(text, first, separator))
        && is_apart_behind(text, last, separator);
    (is_apart && is_address(trimmed, || context.is(Label::Mac, text, first))).then_some(first..last)
}

fn is_address(run: &str, is_named: impl Fn() -> bool) -> bool {
    let parts = |size: usize, separator: char| {
        run.split(separator)
            .all(|part| part.len() == size && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let digits = || run.bytes().filter(u8::is_ascii_hexdigit);
    // All bits or none are nobody's.
    let is_ones_or_zeros =
        || digits().all(|byte| byte == b'0') || digits().all(|byte| matches!(byte, b'f' | b'F'));
    // What could as well be dates and numbers of parts has letters, or is said to be one.
    let is_hexadecimal = || {
        digits().any(|byte| byte.is_ascii_alphabetic()) && digits().any(|byte| byte.is_ascii_digit())
            || is_named()
    };
    match run.len() {
        17 => (parts(2, ':') || parts(2, '-') && is_hexadecimal()) && !is_ones_or_zeros(),
        14 => parts(4, '.') && is_hexadecimal() && !is_ones_or_zeros(),
        _ => false,
    }
}

/// A row of digits and separators without the name that ends in it, as `mac:` and `addr:` do.
fn behind_name(text: &str, start: usize, end: usize) -> &str {
    let run = text.get(start..end).unwrap_or_default();
    let is_name = char_before(text, start).is_some_and(|char| char.is_ascii_alphabetic());
    match run.split_once([':', '-']) {
        Some((_, rest)) if is_name => rest,
        _ => run,
    }
}

/// Whether nothing that goes on so is before it: a row with the same separator, or a word.
fn is_apart_before(text: &str, start: usize, separator: Option<char>) -> bool {
    let before = char_before(text, start);
    let far = before.and_then(|char| char_before(text, start - char.len_utf8()));
    let is_row = before == separator && far.is_some_and(|char| char.is_ascii_hexdigit());
    !is_row && !before.is_some_and(|char| char.is_ascii_alphanumeric() || char == '_')
}

fn is_apart_behind(text: &str, end: usize, separator: Option<char>) -> bool {
    match char_at(text, end) {
        // The ending of a file's name.
        Some('.') if separator != Some('.') => {
            !char_at(text, end + 1).is_some_and(|char| char.is_ascii_digit())
        }
        Some(':' | '-' | '.') => !char_at(text, end + 1).is_some_and(|char| char.is_ascii_alphanumeric()),
        after => !after.is_some_and(|char| char.is_ascii_alphanumeric() || char == '_'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_are_found_and_look_alikes_stay() {
        let context = Context::new();
        let cases: &[(&str, &[&str])] = &[
            ("ether 00:1a:2b:3c:4d:5e brd ff:ff:ff:ff:ff:ff", &["00:1a:2b:3c:4d:5e"]),
            ("MAC: 00-1A-2B-3C-4D-5E.", &["00-1A-2B-3C-4D-5E"]),
            ("001a.2b3c.4d5e", &["001a.2b3c.4d5e"]),
            ("mac:02:42:ac:11:00:02", &["02:42:ac:11:00:02"]),
            ("device-02:42:ac:11:00:02", &["02:42:ac:11:00:02"]),
            ("addr:02:42:ac:11:00:02", &["02:42:ac:11:00:02"]),
            ("/00:1b:44:11:3a:79.png", &["00:1b:44:11:3a:79"]),
            ("12:34:56", &[]),
            ("MD5:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67:89", &[]),
            ("20-24-01-31-12-00", &[]),
            ("mac 20-24-01-31-12-00", &["20-24-01-31-12-00"]),
            ("1234.5678.9012", &[]),
            ("550e8400-e29b-41d4-a716-446655440000", &[]),
            ("00:00:00:00:00:00", &[]),
        ];
        for (text, expected) in cases {
            let mut found = Vec::new();
            find(text, &context, |range| found.push(&text[range]));
            assert_eq!(&found, expected, "{text}");
        }
    }
}
