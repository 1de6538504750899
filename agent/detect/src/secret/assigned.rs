//! Values of names that say that they are secret, in any notation.

use std::ops::Range;

use super::alphabet::{is_key, run, run_back};
use super::container;
use super::ending;
use super::extent::{element, end, opening, trimmed};
use super::header;
use super::name::{self, Strength};
use super::random::is_random;
use super::scan::Scan;
use super::separator::{self, Separator};
use super::table;
use super::value::{self, PLAIN_MAX_BYTES};
use super::vendor::Mix;

/// Bytes of a value that is hidden only if it looks like a secret.
const WEAK_MAX_BYTES: usize = 160;
/// Bytes of the words before a name that belong to it: the `API` of `API key`.
const BEFORE_MAX_BYTES: usize = 40;
/// Characters of a password that no separator tells of.
const SPACED_MIN_BYTES: usize = 7;

/// Parameters of a URL that are secrets there, though not elsewhere, in small letters without separators.
const PARAMETERS: &[&str] =
    &["key", "sig", "pwd", "ticket", "auth", "pass", "sid", "session", "accesskeyid", "sign"];

/// A name, and how its value is told.
pub(super) struct Name<'t> {
    text: &'t str,
    strength: Strength,
    /// Whether it is a parameter of a URL.
    pub(super) is_parameter: bool,
    /// Whether it is a flag of a command: `--password`.
    is_flag: bool,
    /// Whether it is a part of a connection string.
    pub(super) is_part: bool,
}

/// A name in ASCII, of which `sign` is a part.
pub(super) fn word(scan: &mut Scan<'_>, sign: Range<usize>) {
    if sign.start < scan.name_end {
        return;
    }
    let bytes = scan.bytes;
    let before = bytes.get(scan.name_end..sign.start).unwrap_or_default();
    let mut begin = sign.start - run_back(before, is_key);
    let end = sign.end + run(bytes.get(sign.end..).unwrap_or_default(), is_key);
    scan.name_end = end;
    // The letter of an escape is none of the name's.
    if scan.before(begin) == Some(b'\\') {
        let is_code_point = bytes.get(begin) == Some(&b'u') && end - begin > 5;
        begin += if is_code_point { 5 } else { 1 };
    }
    let begin = begin.max(end.saturating_sub(name::MAX_BYTES));
    let Some(text) = scan.text.get(begin..end) else { return };
    // Neither this nor words before it make a name, nor has it a value as a parameter.
    if !ending::is_known(text) && bytes.get(end) != Some(&b'=') {
        return;
    }
    let lead = bytes.get(begin.saturating_sub(6)..begin).unwrap_or_default();
    let is_parameter = bytes.get(end) == Some(&b'=')
        && (lead.ends_with(b"?")
            || lead.ends_with(b"&")
            || lead.ends_with(b"&amp;")
            || lead.ends_with(b"\\u0026")
            || bytes.get(begin.saturating_sub(5)..begin).is_some_and(|lead| lead == b"u0026"));
    let mut strength = name::strength(text);
    if is_parameter && PARAMETERS.contains(&name::Folded::new(text).get()) {
        strength = Strength::Strong;
    }
    let mut text = text;
    if strength <= Strength::Bare {
        // `API key`, `api.key`, `next token`.
        let window = begin.saturating_sub(BEFORE_MAX_BYTES);
        let words = bytes.get(window..begin).unwrap_or_default();
        let length = run_back(words, |byte| is_key(byte) || matches!(byte, b' ' | b'.'));
        if let Some(longer) =
            scan.text.get(begin - length..end).filter(|_| length > 0 && !lead.ends_with(b"--"))
        {
            let phrase = last_words(longer);
            let found = name::strength(phrase);
            if found > Strength::None || phrase.len() > text.len() && strength == Strength::Bare {
                strength = found;
                text = phrase;
            }
        }
    }
    if strength == Strength::None {
        return;
    }
    if strength > Strength::Weak {
        table::find(scan, &(begin..end));
    }
    let is_flag =
        text.starts_with("--") || lead.ends_with(b"--") || lead.ends_with(b" -") || text.starts_with('-');
    let is_part = lead.ends_with(b";");
    given(scan, end, &Name { text, strength, is_parameter, is_flag, is_part });
}

/// The last three words of a name written in several.
fn last_words(text: &str) -> &str {
    text.rmatch_indices([' ', '.']).nth(2).and_then(|(at, _)| text.get(at + 1..)).unwrap_or(text)
}

/// A whole name in another script, or of several words.
pub(super) fn phrase(scan: &mut Scan<'_>, sign: Range<usize>) {
    let is_within = scan.rest(sign.start).starts_with(|c: char| c.is_ascii_alphabetic())
        && scan.before(sign.start).is_some_and(|byte| byte.is_ascii_alphanumeric());
    if is_within {
        return;
    }
    scan.name_end = scan.name_end.max(sign.end);
    let Some(text) = scan.text.get(sign.clone()) else { return };
    given(
        scan,
        sign.end,
        &Name { text, strength: Strength::Password, is_parameter: false, is_flag: false, is_part: false },
    );
}

/// The value of the name that ends at `at`.
fn given(scan: &mut Scan<'_>, at: usize, name: &Name<'_>) {
    if name.text.ends_with(['h', 'H']) && header::pair(scan, at) {
        return;
    }
    let element_begin = separator::attributes(scan.text, &(at - name.text.len().min(at)..at));
    let given =
        element_begin.map(|begin| (Separator::Tag, begin)).or_else(|| separator::after(scan.text, at));
    let Some((separator, begin)) = given else { return };
    if separator == Separator::Colon {
        container::block(scan, at - name.text.len(), begin, name.strength);
    }
    let Some((quote, begin)) = opening(scan.text, begin, separator) else { return };
    let bracket = begin.saturating_sub(quote.len() + usize::from(!quote.is_empty()));
    if scan.rest(bracket).starts_with(['{', '[']) {
        container::brackets(scan, bracket, name.strength);
    }
    // An object, an element, a template: what is within has names of its own.
    let is_open =
        scan.rest(begin).starts_with(['{', '[', '(', '<', '|', '>']) || scan.rest(begin).starts_with("$(");
    if quote.is_empty() && !name.is_parameter && is_open {
        return;
    }
    match name.strength {
        Strength::Authorization if header::authorization(scan, begin, quote, separator) => return,
        Strength::Cookie => return header::cookies(scan, begin, quote, separator),
        _ => {}
    }
    let max = if name.strength == Strength::Weak { WEAK_MAX_BYTES } else { usize::MAX };
    let is_element = separator == Separator::Tag;
    let end = if is_element {
        // `<password>…</password>`, and `<b class="password">…</b>`.
        let closes = |end: &usize| {
            let behind = scan.rest(*end).get(2..).unwrap_or_default();
            scan.bytes.get(at) != Some(&b'>') && element_begin.is_none()
                || behind.split_once('>').is_some_and(|(tag, _)| tag.ends_with(name.text))
        };
        element(scan.rest(begin)).filter(|_| quote.is_empty()).map(|length| begin + length).filter(closes)
    } else {
        end(scan.text, begin, quote, name, max)
    };
    let Some(found) = end.and_then(|end| scan.text.get(begin..end)) else { return };
    // `String::from("…")`.
    if quote.is_empty()
        && found.ends_with('(')
        && found.len() <= PLAIN_MAX_BYTES
        && name.strength > Strength::Weak
    {
        return called(scan, begin + found.len(), name);
    }
    if quote.is_empty() && value::is_placeholder(found) {
        return;
    }
    let found = if quote.is_empty() && !is_element { trimmed(found) } else { found };
    if !found.is_empty() && is_secret(scan, name, found, begin, quote, separator) {
        let rule = match name.strength {
            Strength::Password => "assigned-password",
            Strength::Weak => "assigned-random",
            _ if name.is_parameter => "url-parameter",
            _ => "assigned-secret",
        };
        scan.report(begin..begin + found.len(), rule);
    }
}

/// The text that a function is given to make a secret of: no word, since it could be what to look up elsewhere.
fn called(scan: &mut Scan<'_>, at: usize, name: &Name<'_>) {
    let Some((quote, begin)) = opening(scan.text, at, Separator::Tight) else { return };
    let Some(end) = end(scan.text, begin, quote, name, WEAK_MAX_BYTES).filter(|_| !quote.is_empty()) else {
        return;
    };
    let Some(found) = scan.text.get(begin..end) else { return };
    if Mix::of(found.as_bytes()).has_all() && found.len() >= SPACED_MIN_BYTES && !value::is_placeholder(found)
    {
        scan.report(begin..end, "assigned-secret");
    }
}

fn is_secret(
    scan: &Scan<'_>,
    name: &Name<'_>,
    found: &str,
    begin: usize,
    quote: &str,
    separator: Separator,
) -> bool {
    let is_quoted = !quote.is_empty();
    // A quote that begins with a space rather ends something, and so does one before a bracket, if none follows.
    if value::is_placeholder(found)
        || value::is_token(found)
        || is_quoted && quote.is_ascii() && found.starts_with(' ')
        || is_quoted
            && found.starts_with([')', ']', '}', ',', ';'])
            && !scan.rest(begin + found.len()).starts_with(quote)
    {
        return false;
    }
    // Counts, versions, numbers of fields.
    let is_number = found.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let digits = if name.strength == Strength::Password { 2 } else { 5 };
    if is_number
        && !name.is_parameter
        && (found.len() <= digits || found.len() <= PLAIN_MAX_BYTES && found.contains('.'))
    {
        return false;
    }
    if name.strength == Strength::Weak {
        let is_told = matches!(
            separator,
            Separator::Tight | Separator::Loose | Separator::Colon | Separator::Is | Separator::Comma
        );
        return is_told && is_random(found);
    }
    if !is_quoted {
        // U+FFFC stands for a long run of base64.
        let is_sign = found.len() < 6 && !found.contains(|c: char| c.is_alphanumeric() || c == '\u{fffc}');
        if is_sign && !name.is_parameter
            || value::is_code(found, name.text)
            || is_call(scan, begin + found.len(), found)
        {
            return false;
        }
    }
    // Where a working directory is, and addresses, of which `url` finds the secret part.
    let is_path = name.text.ends_with("PWD") && found.starts_with(['/', '~']);
    let is_address = ["http://", "https://", "file://"].iter().any(|scheme| found.starts_with(scheme));
    if found.len() <= PLAIN_MAX_BYTES && (is_path || is_address && name.strength != Strength::Password) {
        return false;
    }
    if name.is_parameter && separator == Separator::Tight {
        return true;
    }
    let is_sentence = found.len() <= PLAIN_MAX_BYTES && found.contains(' ');
    let is_no_word = value::is_no_word(found);
    match separator {
        Separator::Tight | Separator::Loose | Separator::Colon | Separator::Tag if is_quoted => {
            let hides_sentences = name.strength == Strength::Password || name.text.ends_with("secret");
            (!is_sentence || hides_sentences) && !is_log_probability(scan, name, begin + found.len(), quote)
        }
        Separator::Tight | Separator::Tag => true,
        Separator::Loose => {
            name.strength > Strength::Bare
                || is_no_word
                || !found.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        }
        Separator::Colon => match name.strength {
            Strength::Password => !value::is_word(found),
            _ => {
                is_no_word
                    || is_whole_line(scan, begin + found.len())
                        && !value::is_word(found)
                        && (found.len() >= 8
                            || name.strength > Strength::Bare && name.text.contains(['_', '-']))
            }
        },
        Separator::Is => {
            is_no_word
                || name.strength == Strength::Password
                    && (is_quoted && !is_sentence
                        || !value::is_word(found)
                            && found.len() >= 4
                            && found.chars().all(char::is_alphanumeric)
                            && is_whole_sentence(scan, begin + found.len()))
                || name.strength == Strength::Password
                    && found.len() >= 4
                    && found.bytes().all(|byte| byte.is_ascii_digit())
        }
        Separator::Space if name.is_flag => !value::is_word(found) && !found.starts_with('-'),
        Separator::Space => {
            name.strength == Strength::Password
                && (is_quoted && !is_sentence || is_no_word && found.len() >= SPACED_MIN_BYTES)
                || name.strength >= Strength::Bare && found.len() <= WEAK_MAX_BYTES && is_random(found)
        }
        Separator::Comma => {
            name.is_flag && is_quoted && !found.starts_with('-')
                || is_no_word && is_random(found)
                || is_no_word && name.strength >= Strength::Strong && !is_sentence
        }
    }
}

/// Whether a call's parentheses follow a value.
fn is_call(scan: &Scan<'_>, at: usize, found: &str) -> bool {
    scan.bytes.get(at) == Some(&b'(') && found.bytes().all(|byte| is_key(byte) || b".:".contains(&byte))
}

/// Whether a model tells of the likelihood of a token: `{"token": "Hello", "logprob": -0.3}`.
fn is_log_probability(scan: &Scan<'_>, name: &Name<'_>, at: usize, quote: &str) -> bool {
    if !name.text.ends_with("token") {
        return false;
    }
    let rest = scan.rest(at).strip_prefix(quote).unwrap_or_default();
    let rest = rest.trim_start_matches([' ', ',', '\n', '"', '\\']);
    ["logprob", "bytes", "prob", "score", "log_prob"].iter().any(|member| rest.starts_with(member))
}

/// Whether nothing but a line's end follows.
fn is_whole_line(scan: &Scan<'_>, at: usize) -> bool {
    let rest = scan.rest(at);
    let rest = rest.get(separator::spaces(rest)..).unwrap_or_default();
    rest.is_empty() || rest.starts_with(['\n', '\r', '#']) || rest.starts_with("\\n")
}

/// Whether a sentence ends there.
fn is_whole_sentence(scan: &Scan<'_>, at: usize) -> bool {
    is_whole_line(scan, at)
        || scan.rest(at).starts_with(['.', ',', '!', '?', ';', ')', '。', '，', '！', '`', '*'])
        || scan.rest(at).starts_with(" and ")
}
