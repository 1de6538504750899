//! Addresses of the Internet Protocol: version 4 in four decimal parts (RFC 791), version 6 by RFC 4291 as `std` reads
//! it, within what is in use as an address of one host (IANA, "IPv6 Global Unicast Address Assignments").
//!
//! Loopback, unspecified, multicast and broadcast addresses and masks say nothing of a person. Addresses of
//! documentation stand for real ones and count as such.

use super::context::{Context, Label};
use super::scan::{Before, char_at, char_before, step};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Bytes of an address of version 6, at least: of a group of four digits and `::`.
const SHORTEST_V6: usize = 6;

/// Bytes of an address of version 6, at most: with four decimal parts at its end.
const LONGEST_V6: usize = 45;

/// Bytes between a word that says that this is a version and the version, at most.
const VERSION_GAP: usize = 8;

/// Gives the bytes of each address of version 4, with the length of its prefix where one follows.
pub(super) fn find_v4(text: &str, context: &Context, private: bool, mut each: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(dot) = memchr::memchr(b'.', bytes.get(at..).unwrap_or_default()).map(|dot| at + dot) {
        // All that is of digits and dots, at once: a longer row of numbers is no address.
        let start = dot - count(bytes.get(at..dot).unwrap_or_default().iter().rev());
        let end = dot + count(bytes.get(dot..).unwrap_or_default().iter());
        let run = text.get(start..end).unwrap_or_default();
        // A sentence ends behind it.
        let run = run.trim_end_matches('.');
        if (7..=15).contains(&run.len())
            && let Ok(address) = run.parse::<Ipv4Addr>()
            && is_of_host_v4(address, private)
            && begins_v4(text, start)
            && ends(text, start + run.len())
            && !is_heading(text, start, start + run.len(), address)
            && !context
                .nearest(text, start)
                .is_some_and(|(label, gap)| label == Label::Version && gap <= VERSION_GAP)
        {
            each(start..with_prefix(text, start + run.len(), 32));
        }
        at = end.max(dot + 1);
    }
}

fn count<'b>(bytes: impl Iterator<Item = &'b u8>) -> usize {
    bytes.take_while(|byte| byte.is_ascii_digit() || **byte == b'.').inspect(|_| step()).count()
}

fn is_of_host_v4(address: Ipv4Addr, private: bool) -> bool {
    let [first, ..] = address.octets();
    let is_inner =
        address.is_private() || address.is_link_local() || (first == 100 && address.octets()[1] & 0xc0 == 64);
    !matches!(first, 0 | 127 | 224..) && (private || !is_inner)
}

/// Whether what stands before does not make it a version, a part of a name or of a longer number.
fn begins_v4(text: &str, start: usize) -> bool {
    let before = Before::of(text, start);
    match before.near {
        '_' | '^' | '~' => false,
        '-' | '+' => !before.far.is_ascii_alphanumeric() || before.far.is_ascii_digit(),
        '=' => !matches!(before.far, '=' | '>' | '<' | '~' | '!'),
        '/' => !is_product(text.get(..start - 1).unwrap_or_default()),
        near => !near.is_ascii_alphanumeric(),
    }
}

/// Whether text ends in the name of a product, as in `Chrome/`: not one more part of a path.
fn is_product(before: &str) -> bool {
    let name = before
        .bytes()
        .rev()
        .take(32)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    let length = name.count();
    length > 0
        && !before.as_bytes().get(..before.len() - length).is_some_and(|rest| rest.ends_with(b"/"))
        && !before.ends_with(|char: char| char.is_ascii_digit())
}

/// Whether nothing goes on behind it.
fn ends(text: &str, end: usize) -> bool {
    let next = || text.get(end + 1..).and_then(|rest| rest.chars().next()).unwrap_or('\0');
    match char_at(text, end) {
        Some('-' | '+') => !next().is_ascii_alphabetic(),
        Some('_' | '%') => false,
        Some('.') => !next().is_ascii_digit(),
        Some(char) => !char.is_ascii_alphanumeric(),
        None => true,
    }
}

/// Whether this is a section's number before its title, `3.1.2.1 Scope`, or one in a comment, or an object identifier
/// of the directory (ITU-T X.520, X.509).
fn is_heading(text: &str, start: usize, end: usize, address: Ipv4Addr) -> bool {
    let line = text.get(..start).unwrap_or_default();
    let before = line.trim_end_matches([' ', '#', '*', '\t', '/', '!']);
    let begins_line = before.is_empty() || before.ends_with('\n');
    let is_comment = begins_line && line.trim_end_matches(' ').ends_with("//");
    let mut after = text.get(end..).unwrap_or_default().trim_start_matches('.').chars();
    let next = after.next();
    let has_title = next == Some(' ')
        && after.next().is_some_and(char::is_uppercase)
        && after.next().is_some_and(char::is_lowercase);
    let [first, second, third, _] = address.octets();
    let is_small = first != 10 && address.octets().iter().all(|octet| *octet < 30);
    is_small && begins_line && (has_title || is_comment)
        || (first, second) == (2, 5) && matches!(third, 4 | 29)
}

/// Where an address ends with the length of its prefix.
fn with_prefix(text: &str, end: usize, most: u32) -> usize {
    let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix('/')) else { return end };
    let digits = rest.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let is_length =
        rest.get(..digits).and_then(|it| it.parse::<u32>().ok()).is_some_and(|length| length <= most);
    let goes_on = char_at(rest, digits).is_some_and(|char| char.is_ascii_alphanumeric());
    if is_length && !goes_on { end + 1 + digits } else { end }
}

/// Gives the bytes of each address of version 6, with its zone and the length of its prefix where they follow.
pub(super) fn find_v6(text: &str, private: bool, mut each: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(colon) = memchr::memchr(b':', bytes.get(at..).unwrap_or_default()).map(|colon| at + colon)
    {
        let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b':';
        let start = colon
            - bytes
                .get(at..colon)
                .unwrap_or_default()
                .iter()
                .rev()
                .take_while(is_part)
                .inspect(|_| step())
                .count();
        let end = colon
            + bytes
                .get(colon..)
                .unwrap_or_default()
                .iter()
                .take_while(|byte| is_part(byte) || **byte == b'.')
                .inspect(|_| step())
                .count();
        if end - start >= SHORTEST_V6
            && let Some(found) = v6(text, start, end, private)
        {
            each(found);
        }
        at = end.max(colon + 1);
    }
}

/// The address that a row of hexadecimal digits, colons and dots is.
fn v6(text: &str, start: usize, end: usize, private: bool) -> Option<Range<usize>> {
    let run = text.get(start..end)?;
    let trimmed = run.trim_end_matches('.');
    let trimmed = trimmed.strip_suffix(':').filter(|rest| !rest.ends_with(':')).unwrap_or(trimmed);
    // `addr:` may be before it; of `fd00::1`, the first part is its own.
    let names = [0, trimmed.find(':')? + 1];
    let first = names.into_iter().find_map(|skipped| {
        let part = trimmed.get(skipped..).filter(|part| part.len() <= LONGEST_V6)?;
        let address = part.parse::<Ipv6Addr>().ok()?;
        is_of_host_v6(address, part, private).then_some((start + skipped, start + skipped + part.len()))
    });
    let (start, end) = first?;
    let before = char_before(text, start);
    let is_begun = !before.is_some_and(|char| char.is_ascii_alphanumeric() || char == '_');
    let is_ended = !char_at(text, end).is_some_and(|char| char.is_ascii_alphanumeric() || char == '_');
    if !is_begun || !is_ended {
        return None;
    }
    let zone = text
        .get(end..)
        .and_then(|rest| rest.strip_prefix('%'))
        .map_or(0, |zone| zone.bytes().take(16).take_while(|byte| byte.is_ascii_alphanumeric()).count() + 1);
    Some(start..with_prefix(text, if zone > 1 { end + zone } else { end }, 128))
}

fn is_of_host_v6(address: Ipv6Addr, written: &str, private: bool) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_of_host_v4(inner, private) && written.len() > "::ffff:".len();
    }
    let [first, ..] = address.segments();
    let has_digit = written.bytes().any(|byte| byte.is_ascii_digit());
    let is_inner = address.is_unique_local() || address.is_unicast_link_local();
    has_digit && ((first & 0xe000 == 0x2000) || first == 0x64 || (is_inner && private))
}

#[cfg(test)]
#[path = "ip/tests.rs"]
mod tests;
