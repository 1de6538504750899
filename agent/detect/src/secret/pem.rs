//! Private keys in their frames.

use super::alphabet::{Alphabet, find as position, run};
use super::scan::Scan;

/// Longer than any label in use, such as `OPENSSH PRIVATE KEY`.
const LABEL_MAX_BYTES: usize = 64;

/// A private key whose frame (RFC 7468; RFC 4716 for that of SSH2) begins at `at`, to the end of its last line or, when
/// that is missing, to the text's end. The ends of its lines may be written in any way.
pub(super) fn find(scan: &mut Scan<'_>, at: usize) {
    let Some(rest) = scan.bytes.get(at..) else { return };
    let dashes = run(rest.get(..8).unwrap_or(rest), |byte| byte == b'-');
    let Some(label) = rest.get(..rest.len().min(LABEL_MAX_BYTES)) else { return };
    if position(label, b"PRIVATE KEY").is_none() {
        return;
    }
    let (sign, close): (&[u8], &[u8]) =
        if dashes == 4 { (b"---- END ", b"----") } else { (b"-----END ", b"-----") };
    let end = position(rest, sign).map_or(rest.len(), |end| {
        let label = end + sign.len();
        let tail = rest.get(label..).unwrap_or_default();
        let tail = tail.get(..tail.len().min(LABEL_MAX_BYTES)).unwrap_or_default();
        position(tail, close).map_or(rest.len(), |dashes| label + dashes + close.len())
    });
    scan.report(at..at + end, "private-key");
}

/// The private part of a key file of PuTTY's; `at` is behind `Private-Lines:`.
pub(super) fn find_putty(scan: &mut Scan<'_>, at: usize) {
    let bytes = scan.bytes;
    let rest = bytes.get(at..).unwrap_or_default();
    let count = at + run(rest, |byte| matches!(byte, b' ' | b'0'..=b'9'));
    if count == at {
        return;
    }
    let end = scan.runs.end(bytes, Alphabet::Lines, count);
    if end - count > 40 {
        scan.report(count..end, "putty-private-key");
    }
}
