//! Headers of requests: credentials behind any scheme, cookies.

use super::alphabet::{is_key, run};
use super::extent::quoted;
use super::name;
use super::scan::Scan;
use super::scheme;
use super::separator::{self, Separator};

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
    let Some(scheme) = SCHEMES.iter().find(starts) else { return false };
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
