//! Credentials by the shapes that their issuers give them: `vendors.json`, one line for each.

use std::ops::Range;

use serde::Deserialize;

use super::alphabet::{Alphabet, run_back, steps};
use super::scan::Scan;

/// Bytes of a key that are looked at for how they are mixed.
const MIX_MAX_BYTES: usize = 64;

/// An `x` after an `x` that no key has by chance.
const MASK_MIN: usize = 8;

/// A kind of credential. An entry's source is where its shape was read, or where its issuer shows it; its date, when
/// it was written down. Facts only: lengths and alphabets.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub(super) struct Shape {
    pub(super) id: &'static str,
    #[cfg(test)]
    pub(super) vendor: &'static str,
    /// What it begins with, case and all; with a lead, what stands within it.
    pub(super) starts: Vec<&'static str>,
    /// What follows that.
    pub(super) alphabet: Alphabet,
    /// Bytes that follow at least. Below what is issued where the beginning is telling: to hide too much is the
    /// better mistake.
    pub(super) min: usize,
    /// Bytes that follow at most, for beginnings that others have, too.
    pub(super) max: Option<usize>,
    /// What comes before.
    pub(super) lead: Option<Lead>,
    /// Whether it has small and capital letters and digits, all three.
    #[serde(default)]
    strict: bool,
    /// Whether it has a digit.
    #[serde(default)]
    digits: bool,
    /// Whether one that is exactly as long as it must be may be of capitals alone: without digits is each 28th of base32.
    #[serde(default)]
    capitals: bool,
    /// A text within it.
    pub(super) needs: Option<&'static str>,
    check: Option<Check>,
    #[cfg(test)]
    pub(super) source: &'static str,
    #[cfg(test)]
    pub(super) date: &'static str,
}

/// What stands before the telling part.
#[derive(Debug, Deserialize)]
pub(super) struct Lead {
    pub(super) alphabet: Alphabet,
    pub(super) min: usize,
    max: usize,
}

/// A check that the credential carries in itself.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Check {
    /// 30 characters and the CRC-32 of them in base 62, of six digits.
    Github,
}

/// The entries of the file, embedded. That it can be read is what a test says.
pub(super) fn shapes() -> Vec<Shape> {
    serde_json::from_str(include_str!("vendors.json")).unwrap_or_default()
}

impl Shape {
    /// The credential whose beginning, `start`, stands at `at`.
    pub(super) fn find(&self, start: &str, at: usize, scan: &mut Scan<'_>) -> Option<Range<usize>> {
        let bytes = scan.bytes;
        let body = at + start.len();
        if bytes.get(at..body)? != start.as_bytes() {
            return None;
        }
        let end = scan.runs.end(bytes, self.alphabet, body);
        if end - body < self.min || self.max.is_some_and(|max| end - body > max) {
            return None;
        }
        let key = bytes.get(body..end)?;
        let begin = match &self.lead {
            Some(lead) => {
                // More than there may be, to see where it ends, behind an escape.
                let window = bytes.get(at.saturating_sub(lead.max + 6)..at)?;
                let length = run_back(window, |byte| lead.alphabet.has(byte));
                let length = length.saturating_sub(escape(bytes, at - length));
                if !(lead.min..=lead.max).contains(&length) {
                    return None;
                }
                at - length
            }
            None => at,
        };
        // A hook is its whole address.
        let scheme = b"https://";
        let is_address =
            start.contains('/') && bytes.get(..begin).is_some_and(|before| before.ends_with(scheme));
        let begin = if is_address { begin - scheme.len() } else { begin };
        let is_certain = match self.check {
            Some(Check::Github) => key.get(..36).is_some_and(has_github_checksum),
            // `/bot123:AA…`, in paths of Telegram's.
            None => {
                self.lead.as_ref().is_some_and(|lead| lead.alphabet == Alphabet::Digit)
                    && bytes.get(..begin).is_some_and(|before| before.ends_with(b"bot"))
            }
        };
        if !is_certain && (!is_border(bytes, begin) || self.lead.is_none() && is_within_blob(bytes, begin)) {
            return None;
        }
        let whole = bytes.get(begin..end)?;
        let mix = Mix::of(if self.lead.is_some() { whole } else { key });
        let is_capitals = self.capitals && end - body == self.min && mix.is_varied && !mix.lower;
        let is_mixed = if self.strict { mix.has_all() } else { mix.is_opaque() || is_capitals };
        if !is_mixed || (self.digits && !mix.digit) {
            return None;
        }
        if let Some(needed) = self.needs {
            super::alphabet::find(whole.get(..whole.len().min(256))?, needed.as_bytes())?;
        }
        // What is not of its alphabet, but could be of a longer key's.
        let end = if self.max.is_none() { end.max(scan.runs.end(bytes, Alphabet::Key, end)) } else { end };
        if self.max.is_some() && bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let trailing =
            run_back(bytes.get(body..end)?, |byte| matches!(byte, b'.' | b'\\' | b'\n' | b'\r' | b'@'));
        Some(begin..end - trailing)
    }
}

/// Whether a credential may begin here: behind no letter or digit, but for one that an escape ends with.
pub(super) fn is_border(bytes: &[u8], at: usize) -> bool {
    let Some(before) = bytes.get(at.saturating_sub(6)..at) else { return false };
    if !before.last().is_some_and(u8::is_ascii_alphanumeric) {
        return true;
    }
    matches!(before, [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'])
        || matches!(before, [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
        || matches!(before, [b'\\', b'u', rest @ ..] if rest.iter().all(u8::is_ascii_hexdigit))
}

/// How many letters and digits at `at` are the end of an escape that begins before.
fn escape(bytes: &[u8], at: usize) -> usize {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    match (before, bytes.get(at)) {
        (Some(b'\\'), Some(b'u')) => 5,
        (Some(b'\\'), Some(b'n' | b'r' | b't' | b'b' | b'f')) => 1,
        (Some(b'%'), _) => 2,
        _ => 0,
    }
}

/// Whether what is before reads like the base64 of something large, within which any short beginning turns up.
fn is_within_blob(bytes: &[u8], at: usize) -> bool {
    const BYTES: usize = 40;
    let Some(before) = at.checked_sub(BYTES).and_then(|begin| bytes.get(begin..at)) else { return false };
    if !before.ends_with(b"/") && !before.ends_with(b"+") {
        return false;
    }
    steps::add(BYTES);
    let count = |class: fn(&u8) -> bool| before.iter().filter(|byte| class(byte)).count();
    before.iter().all(|byte| Alphabet::Base64.has(*byte))
        && count(u8::is_ascii_uppercase) > 7
        && count(u8::is_ascii_lowercase) > 7
        && count(u8::is_ascii_digit) > 1
}

/// Which kinds of characters there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mix {
    pub(super) digit: bool,
    pub(super) upper: bool,
    pub(super) lower: bool,
    /// Whether there are at least three different ones, and no row of `x`.
    is_varied: bool,
}

impl Mix {
    /// Of the beginning of a text.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let bytes = bytes.get(..bytes.len().min(MIX_MAX_BYTES)).unwrap_or_default();
        steps::add(bytes.len());
        let mut mix = Self::default();
        let mut seen = 0_u128;
        let (mut row, mut longest) = (0, 0);
        for byte in bytes {
            row = if matches!(byte, b'x' | b'X') { row + 1 } else { 0 };
            longest = longest.max(row);
            mix.digit |= byte.is_ascii_digit();
            mix.upper |= byte.is_ascii_uppercase();
            mix.lower |= byte.is_ascii_lowercase();
            seen |= 1 << (byte & 0x7f);
        }
        mix.is_varied = seen.count_ones() >= 3 && longest < MASK_MIN;
        mix
    }

    /// Not a word, nor a row of `x`.
    pub(super) const fn is_opaque(self) -> bool {
        self.is_varied && (self.digit || (self.upper && self.lower))
    }

    /// All of small and capital letters and digits.
    pub(super) const fn has_all(self) -> bool {
        self.is_varied && self.digit && self.upper && self.lower
    }
}

/// The checksum of GitHub's and npm's tokens behind their prefix:
/// <https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>.
fn has_github_checksum(key: &[u8]) -> bool {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some((random, checksum)) = key.split_at_checked(30) else { return false };
    let mut sum = u64::from(crc32fast::hash(random));
    checksum.iter().rev().all(|byte| {
        let is_next = usize::try_from(sum % 62).ok().and_then(|digit| DIGITS.get(digit)) == Some(byte);
        sum /= 62;
        is_next
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_whole() {
        let shapes: Vec<Shape> = serde_json::from_str(include_str!("vendors.json")).unwrap();
        assert!(shapes.len() >= 120, "{}", shapes.len());
        let mut ids: Vec<_> = shapes.iter().map(|shape| shape.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), shapes.len(), "ids are unique");
        for shape in &shapes {
            assert!(
                !shape.starts.is_empty() && shape.starts.iter().all(|start| start.len() >= 2),
                "{shape:?}"
            );
            assert!(shape.source.starts_with("https://") && shape.date.len() == 10, "{shape:?}");
            assert!(!shape.vendor.is_empty() && shape.max.is_none_or(|max| max >= shape.min), "{shape:?}");
            // What other text has, too, needs more than a few characters behind it.
            let telling = shape.starts.iter().map(|start| start.len()).min().unwrap();
            let lead = shape.lead.as_ref().map_or(0, |lead| lead.min);
            assert!(telling + shape.min + lead >= 12, "{shape:?}");
        }
    }

    #[test]
    fn a_key_of_capitals_alone_is_one_only_where_its_length_is_right() {
        let key = format!("AKIA{}", "OTBBXSKHWXZAFAWX");
        for (text, count) in
            [(format!("the {key} is"), 1), (format!("the {key}ENDS is"), 0), ("AKIASAKIASAKIA".to_owned(), 0)]
        {
            let mut found = Vec::new();
            super::super::Secrets::new().find(&text, &mut found);
            assert_eq!(found.len(), count, "{text}");
        }
    }
}
