//! Marks in place of credentials, which `spanwire-detect` finds.

use spanwire_detect::{Secrets, merge};

/// What stands in the place of a credential.
pub(super) const MARK: &str = "[CREDENTIAL]";

/// Replaces each credential by [`MARK`]; `None` when there is none. Returns how many there were.
pub(super) fn scrub(text: &str) -> Option<(String, u64)> {
    let mut found = Vec::new();
    Secrets::new().find(text, &mut found);
    if found.is_empty() {
        return None;
    }
    merge(&mut found);
    let mut scrubbed = String::with_capacity(text.len());
    let mut copied = 0;
    for finding in &found {
        scrubbed.push_str(text.get(copied..finding.range.start).unwrap_or_default());
        scrubbed.push_str(MARK);
        copied = finding.range.end;
    }
    scrubbed.push_str(text.get(copied..).unwrap_or_default());
    Some((scrubbed, u64::try_from(found.len()).unwrap_or(u64::MAX)))
}

/// As [`scrub`], for each part that is text of what is not.
pub(super) fn scrub_bytes(bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
    let mut scrubbed = Vec::with_capacity(bytes.len());
    let mut found = 0;
    for chunk in bytes.utf8_chunks() {
        if let Some((text, count)) = scrub(chunk.valid()) {
            scrubbed.extend_from_slice(text.as_bytes());
            found += count;
        } else {
            scrubbed.extend_from_slice(chunk.valid().as_bytes());
        }
        scrubbed.extend_from_slice(chunk.invalid());
    }
    (found > 0).then_some((scrubbed, found))
}
