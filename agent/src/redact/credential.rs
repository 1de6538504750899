//! Credentials by their shapes, found in one pass over the bytes.
//!
//! Every rule looks back a bounded distance, and forward over what it then consumes, or over bytes at which
//! it cannot begin again, or a bounded distance: so hostile text costs no more than its length. The tests
//! count the steps.

use std::ops::Range;

/// What stands in the place of a credential.
pub(super) const MARK: &str = "[CREDENTIAL]";

/// A vendor's prefix and how many characters of a key must follow it at least.
struct Shape {
    prefix: &'static str,
    min: usize,
}

const fn shape(prefix: &'static str, min: usize) -> Shape {
    Shape { prefix, min }
}

/// Keys are runs of letters, digits, `_` and `-` behind these. The minima lie below what the vendors
/// issue: to hide too much is the better mistake.
#[rustfmt::skip]
static SHAPES: &[Shape] = &[
    // OpenAI, Anthropic, OpenRouter, DeepSeek and others; Stripe writes underscores.
    shape("sk-", 16), shape("sk_live_", 16), shape("sk_test_", 16), shape("rk_live_", 16),
    shape("sess-", 24),
    // Amazon: access key ids, and Bedrock API keys.
    shape("AKIA", 16), shape("ASIA", 16), shape("ABSK", 32), shape("bedrock-api-key-", 16),
    // Google: API keys, OAuth access tokens, OAuth client secrets.
    shape("AIza", 30), shape("ya29.", 16), shape("AQ.", 32), shape("GOCSPX-", 16),
    // GitHub, GitLab.
    shape("ghp_", 20), shape("gho_", 20), shape("ghu_", 20), shape("ghs_", 20), shape("ghr_", 20),
    shape("github_pat_", 20), shape("glpat-", 16),
    // Slack.
    shape("xoxa-", 8), shape("xoxb-", 8), shape("xoxe-", 8), shape("xoxp-", 8), shape("xoxr-", 8),
    shape("xoxs-", 8), shape("xapp-", 8),
    // Hugging Face, Groq, xAI, Perplexity, Cerebras, NVIDIA, Replicate, Fireworks, Together, Jina,
    // Pinecone, LangSmith.
    shape("hf_", 20), shape("gsk_", 20), shape("xai-", 20), shape("pplx-", 20), shape("csk-", 20),
    shape("nvapi-", 20), shape("r8_", 20), shape("fw_", 20), shape("tgp_v1_", 20), shape("jina_", 20),
    shape("pcsk_", 20), shape("lsv2_", 20),
    // Package registries.
    shape("npm_", 30), shape("pypi-", 32), shape("dckr_pat_", 16),
];

/// Last words of a name whose value is a secret.
static SECRET_NAMES: &[&str] = &[
    "api_key",
    "apikey",
    "access_key",
    "secret_key",
    "private_key",
    "account_key",
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "signature",
    "credential",
    "credentials",
    "authorization",
];

/// Names that mean a secret as a parameter of a URL, though not elsewhere.
static SECRET_PARAMETERS: &[&str] = &["key", "sig", "pwd", "ticket", "auth"];

/// Bytes of host and port of a URL, and of a user without a password.
const AUTHORITY_MAX_BYTES: usize = 512;

/// Bytes of a name that are looked at.
const NAME_MAX_BYTES: usize = 64;

/// Replaces each credential by [`MARK`]; `None` when there is none. Returns how many there were. Only whole
/// runs of ASCII, or all up to the end, are replaced: what was UTF-8 still is.
pub(super) fn scrub(bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
    let mut scrubbed = Vec::new();
    let (mut copied, mut at, mut found) = (0, 0, 0);
    while at < bytes.len() {
        let Some(range) = credential_at(bytes, at) else {
            at += 1;
            continue;
        };
        scrubbed.extend_from_slice(bytes.get(copied..range.start).unwrap_or_default());
        scrubbed.extend_from_slice(MARK.as_bytes());
        found += 1;
        copied = range.end;
        at = range.end.max(at + 1);
    }
    if found == 0 {
        return None;
    }
    scrubbed.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    Some((scrubbed, found))
}

/// Whether a value under this name is a secret whatever it looks like.
pub(super) fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '.'], "_");
    SECRET_NAMES.iter().any(|word| name.ends_with(word))
}

/// The credential that shows itself at `at`: by its beginning, or by the sign before it.
fn credential_at(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    let before = at.checked_sub(1).and_then(|before| text.get(before)).copied();
    let length = match rest.first()? {
        b'-' => private_key(rest),
        b':' if rest.starts_with(b"://") => return user_info(text, at + 3),
        b'=' | b':' => return assigned(text, at),
        b'B' | b'b' if !before.is_some_and(|byte| byte.is_ascii_alphanumeric()) => {
            return scheme(rest).map(|range| at + range.start..at + range.end).or_else(|| prefixed(rest, at));
        }
        b'e' if !before.is_some_and(is_key_byte) => web_token(rest),
        _ if !before.is_some_and(|byte| byte.is_ascii_alphanumeric()) => return prefixed(rest, at),
        _ => None,
    }?;
    Some(at..at + length)
}

fn prefixed(rest: &[u8], at: usize) -> Option<Range<usize>> {
    SHAPES.iter().find_map(|shape| {
        let key = run(rest.strip_prefix(shape.prefix.as_bytes())?, is_key_byte);
        (key >= shape.min).then(|| at..at + shape.prefix.len() + key)
    })
}

/// A JSON Web Token (RFC 7519): base64url of `{"…`, and at least one more part.
fn web_token(rest: &[u8]) -> Option<usize> {
    let header = run(rest.strip_prefix(b"eyJ")?, is_key_byte) + 3;
    if header < 10 {
        // The parts behind it may hold many more such beginnings: they are not looked at for each.
        return None;
    }
    let payload = run(rest.get(header..)?.strip_prefix(b".")?, |byte| is_key_byte(byte) || byte == b'.');
    (payload >= 8).then_some(header + 1 + payload)
}

/// The credentials of an `Authorization` value (RFC 9110, section 11.4): `Bearer …`, `Basic …`.
fn scheme(rest: &[u8]) -> Option<Range<usize>> {
    let is = |name: &[u8]| rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
    let (name, min) = if is(b"bearer ") {
        (7, 1)
    } else if is(b"basic ") {
        // Shorter than any `user:password`, longer than most words that follow "basic".
        (6, 8)
    } else {
        return None;
    };
    let spaces = run(rest.get(name..)?, |byte| byte == b' ');
    let begin = name + spaces;
    let token = run(rest.get(begin..)?, |byte| is_key_byte(byte) || b".~+/=".contains(&byte));
    (token >= min).then(|| begin..begin + token)
}

/// A PEM private key (RFC 7468), to its end line or, when that is missing, to the text's end.
fn private_key(rest: &[u8]) -> Option<usize> {
    /// Longer than any label in use, such as `OPENSSH PRIVATE KEY`.
    const LABEL_MAX_BYTES: usize = 48;
    const END: &[u8] = b"-----END ";
    let label = rest.strip_prefix(b"-----BEGIN ")?;
    let label = label.get(..label.len().min(LABEL_MAX_BYTES))?;
    find(label, b"PRIVATE KEY-----")?;
    let Some(end) = find(rest, END) else { return Some(rest.len()) };
    let end = end + END.len();
    Some(find(rest.get(end..)?, b"-----").map_or(rest.len(), |dashes| end + dashes + 5))
}

/// The user information of a URL (RFC 3986, section 3.2.1) whose authority begins at `begin`.
fn user_info(text: &[u8], begin: usize) -> Option<Range<usize>> {
    let rest = text.get(begin..)?;
    let authority =
        rest.get(..run(rest, |byte| !byte.is_ascii_whitespace() && !b"/?#\"'<>".contains(&byte)))?;
    let at = match authority.iter().rposition(|byte| *byte == b'@') {
        Some(at) => at,
        // Of a text that was cut the sign may be missing. No host is so long.
        None if authority.len() > AUTHORITY_MAX_BYTES => authority.len(),
        None => return None,
    };
    (at > 0 && !rest.starts_with(MARK.as_bytes())).then(|| begin..begin + at)
}

/// The value behind `name=`, `name: ` or `"name":`, when the name says that it is secret.
fn assigned(text: &[u8], sign: usize) -> Option<Range<usize>> {
    let before = text.get(sign.saturating_sub(NAME_MAX_BYTES)..sign)?;
    let before = before.strip_suffix(b"\"").or(before.strip_suffix(b"'")).unwrap_or(before);
    let name = before.iter().rev().take_while(|byte| is_key_byte(**byte)).count();
    let (lead, name) = before.split_at_checked(before.len() - name)?;
    let name = std::str::from_utf8(name).ok()?;
    let parameter = matches!(lead.last(), Some(b'?' | b'&'))
        && SECRET_PARAMETERS.iter().any(|known| name.eq_ignore_ascii_case(known));
    if !parameter && !names_secret(name) {
        return None;
    }
    let rest = text.get(sign + 1..)?;
    let lead = run(rest, |byte| byte == b' ' || byte == b'"' || byte == b'\'');
    let value = rest.get(lead..)?;
    // An authorization's scheme says how to go on: `scheme` finds what follows it.
    if value.starts_with(MARK.as_bytes()) || scheme(value).is_some() {
        return None;
    }
    let length = run(value, |byte| !byte.is_ascii_whitespace() && !b"&\"',;".contains(&byte));
    let begin = sign + 1 + lead;
    (length > 0).then(|| begin..begin + length)
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// How many bytes at the beginning belong to a class.
fn run(text: &[u8], class: impl Fn(u8) -> bool) -> usize {
    let length = text.iter().take_while(|byte| class(**byte)).count();
    #[cfg(test)]
    steps::add(length);
    length
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    let found = text.windows(needle.len()).position(|window| window == needle);
    #[cfg(test)]
    steps::add(found.unwrap_or(text.len()));
    found
}

/// Counts the bytes that are looked at beside those of the pass itself.
#[cfg(test)]
pub(super) mod steps {
    use std::cell::Cell;

    thread_local!(static STEPS: Cell<usize> = const { Cell::new(0) });

    pub(super) fn add(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// Those since the last time.
    pub(in crate::redact) fn take() -> usize {
        STEPS.take()
    }
}
