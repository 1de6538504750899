//! Headers of requests: credentials behind any scheme, cookies.

use super::alphabet::{is_key, run};
use super::extent::quoted;
use super::name;
use super::scan::Scan;
use super::scheme;
use super::separator::{self, Separator};
use super::value;
use super::vendor::Mix;

/// The credentials of a header: what follows the scheme, or all. Whether there is a scheme.
pub(super) fn authorization(scan: &mut Scan<'_>, begin: usize, quote: &str, separator: Separator) -> bool {
    const SCHEMES: &[&str] = &[
        "digest ",
        "aws4-hmac-sha256 ",
        "hawk ",
        "oauth ",
        "negotiate ",
        "ntlm ",
        "token ",
        "apikey ",
        "api-key ",
        "key ",
        "bot ",
        "klaviyo-api-key ",
        "sharedkey ",
        "sharedaccesssignature ",
        "genie-key ",
        "bearer ",
        "basic ",
        "deepl-auth-key ",
        "discogs ",
        "snowflake ",
        "dsn ",
    ];
    if !matches!(separator, Separator::Tight | Separator::Loose | Separator::Colon | Separator::Comma) {
        return false;
    }
    let rest = scan.bytes.get(begin..).unwrap_or_default();
    let starts = |scheme: &&&str| {
        rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let Some(scheme) = SCHEMES.iter().find(starts) else { return unknown(scan, begin) };
    let begin = begin + scheme.len();
    let begin = begin + separator::spaces(scan.rest(begin));
    let is_list =
        matches!(*scheme, "digest " | "aws4-hmac-sha256 " | "hawk " | "oauth " | "sharedaccesssignature ");
    let end = if is_list { line_end(scan, begin, quote) } else { scheme::token_end(scan, begin) };
    if end > begin {
        scan.report(begin..end, "authorization");
    }
    true
}

/// A scheme that is not known, and a token that is no word.
fn unknown(scan: &mut Scan<'_>, begin: usize) -> bool {
    const SCHEME_MAX_BYTES: usize = 24;
    let rest = scan.bytes.get(begin..).unwrap_or_default();
    let name = run(rest.get(..rest.len().min(SCHEME_MAX_BYTES)).unwrap_or_default(), is_key);
    if name == 0 || rest.get(name) != Some(&b' ') {
        return false;
    }
    let begin = begin + name + 1;
    let end = scheme::token_end(scan, begin);
    let is_token =
        end - begin >= 8 && scan.bytes.get(begin..end).is_some_and(|token| Mix::of(token).is_opaque());
    if is_token {
        scan.report(begin..end, "authorization");
    }
    is_token
}

/// A user and a password, as libraries take them: `auth=("user", "…")`, `.basic_auth("user", Some("…"))`.
pub(super) fn pair(scan: &mut Scan<'_>, at: usize) -> bool {
    const TEXT_MAX_BYTES: usize = 64;
    let rest = scan.rest(at);
    let lead = run(rest.as_bytes().get(..rest.len().min(4)).unwrap_or_default(), |byte| {
        matches!(byte, b' ' | b'=' | b'(' | b'[')
    });
    let text = |at: usize| -> Option<(usize, usize)> {
        let bytes = scan.bytes.get(at..)?;
        let quote = *bytes.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let inner = bytes.get(1..bytes.len().min(TEXT_MAX_BYTES))?;
        let length = run(inner, |byte| byte != quote && byte != b'\n');
        (inner.get(length) == Some(&quote)).then_some((at + 1, at + 1 + length))
    };
    let Some((_, user)) = text(at + lead).filter(|_| lead > 0) else { return false };
    let between = scan.bytes.get(user + 1..).unwrap_or_default();
    let between = between.get(..between.len().min(12)).unwrap_or_default();
    let gap = run(between, |byte| byte != b'"' && byte != b'\'');
    if !between.starts_with(b",") {
        return false;
    }
    let Some((begin, end)) = text(user + 1 + gap) else { return false };
    let is_told =
        scan.text.get(begin..end).is_some_and(|found| !found.is_empty() && !value::is_placeholder(found));
    if is_told {
        scan.report(begin..end, "assigned-password");
    }
    is_told
}

/// All cookies of a header; their names tell more than is known here.
pub(super) fn cookies(scan: &mut Scan<'_>, begin: usize, quote: &str, separator: Separator) {
    if !matches!(separator, Separator::Tight | Separator::Loose | Separator::Colon | Separator::Comma)
        && quote.is_empty()
    {
        return;
    }
    let rest = scan.bytes.get(begin..).unwrap_or_default();
    // The first has a name, and is given at once: other cookies are baked.
    let name = run(rest.get(..rest.len().min(name::MAX_BYTES)).unwrap_or_default(), |byte| {
        is_key(byte) || b".!%&+^|~$*".contains(&byte)
    });
    if name == 0
        || rest.get(name) != Some(&b'=')
        || matches!(rest.get(name + 1), None | Some(b' ' | b'=' | b'"' | b'\''))
    {
        return;
    }
    let end = line_end(scan, begin, quote);
    scan.report(begin..end, "cookie");
}

/// Where the rest of a header's line ends: at its quote, or with the line, however that is written.
fn line_end(scan: &Scan<'_>, begin: usize, quote: &str) -> usize {
    let rest = scan.bytes.get(begin..).unwrap_or_default();
    if !quote.is_empty() {
        return begin + quoted(scan.rest(begin), quote);
    }
    // A header that is quoted as a whole, as curl takes it, ends with a quote; one that stands behind a `=` is its own.
    let mut is_open = false;
    let mut before = 0;
    let length = run(rest, |byte| {
        let is_end = match byte {
            b'\n' | b'\r' => true,
            b'n' | b'r' => before == b'\\',
            b'"' | b'\'' if is_open => {
                is_open = false;
                false
            }
            b'"' | b'\'' => {
                is_open = before == b'=';
                !is_open
            }
            _ => false,
        };
        before = byte;
        !is_end
    });
    let line = rest.get(..length).unwrap_or_default();
    begin + line.strip_suffix(b"\\").unwrap_or(line).trim_ascii_end().len()
}
