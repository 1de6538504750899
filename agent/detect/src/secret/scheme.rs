//! Credentials behind the name of an authentication scheme.

use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::alphabet::{Alphabet, run, run_back, steps};
use super::scan::Scan;
use super::vendor::Mix;

/// Bytes of a token that is no word.
const TOKEN_MIN_BYTES: usize = 16;
/// Spaces between a scheme and its token.
const SPACES_MAX: usize = 16;
/// Bytes of `user:password` in base64 that are decoded.
const PAIR_MAX_BYTES: usize = 1024;

/// `Bearer …` and `Basic …` (RFC 6750, RFC 7617) wherever they stand; `sign` is the scheme and the space behind it.
pub(super) fn find(scan: &mut Scan<'_>, sign: Range<usize>) {
    let bytes = scan.bytes;
    if scan.before(sign.start).is_some_and(|byte| byte.is_ascii_alphanumeric())
        && !super::vendor::is_border(bytes, sign.start)
    {
        return;
    }
    let rest = bytes.get(sign.end..).unwrap_or_default();
    let begin =
        sign.end + run(rest.get(..rest.len().min(SPACES_MAX)).unwrap_or_default(), |byte| byte == b' ');
    let end = token_end(scan, begin);
    let Some(token) = bytes.get(begin..end) else { return };
    if token.is_empty() {
        return;
    }
    let is_basic = bytes.get(sign.start).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'b'))
        && bytes.get(sign.start + 1).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'a'));
    let is_secret = is_header(bytes, sign.start) || if is_basic { is_pair(token) } else { is_bearer(token) };
    if is_secret {
        scan.report(begin..end, if is_basic { "basic-auth" } else { "bearer-token" });
    }
}

/// Where the token that begins at `begin` ends, without the point of a sentence.
pub(super) fn token_end(scan: &mut Scan<'_>, begin: usize) -> usize {
    let end = scan.runs.end(scan.bytes, Alphabet::Token, begin);
    let token = scan.bytes.get(begin..end).unwrap_or_default();
    end - run_back(token, |byte| byte == b'.')
}

/// Whether the scheme stands in a header of its own: `Authorization: Basic`.
fn is_header(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(at.saturating_sub(24)..at).unwrap_or_default();
    let punctuation =
        run_back(before, |byte| matches!(byte, b' ' | b'"' | b'\'' | b':' | b'=' | b'\\' | b'>' | b'`'));
    let name = before.get(..before.len() - punctuation).unwrap_or_default();
    punctuation > 0
        && name
            .get(name.len().saturating_sub(13)..)
            .is_some_and(|name| name.eq_ignore_ascii_case(b"authorization"))
}

fn is_bearer(token: &[u8]) -> bool {
    let mix = Mix::of(token);
    token.len() >= TOKEN_MIN_BYTES || token.len() >= 4 && mix.digit && (mix.lower || mix.upper)
}

/// Whether it is `user:password` in base64, or could be its beginning.
fn is_pair(token: &[u8]) -> bool {
    if token.len() < 6 {
        return false;
    }
    if token.len() > PAIR_MAX_BYTES {
        return true;
    }
    steps::add(token.len());
    let whole = token.get(..token.len() / 4 * 4).unwrap_or_default();
    BASE64_STANDARD.decode(whole).is_ok_and(|pair| pair.contains(&b':')) || Mix::of(token).has_all()
}
