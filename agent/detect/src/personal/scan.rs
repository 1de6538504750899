//! Reads text as numbers are written in it: words with digits in them, and a few words behind each.

/// Counts a step of a detector, in tests alone: what shows that the time is linear.
#[inline]
pub(super) fn step() {
    #[cfg(test)]
    tests::STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// Characters that a [`Window`] has at most: an IBAN in groups of four has 42.
const MOST: usize = 48;

/// Characters that a word has at most to begin a window: longer ones are hashes, encoded data and the like.
const LONGEST_WORD: usize = 34;

/// What stands in a row between two words of one number, at most: `) ` or ` - `.
const LONGEST_GAP: usize = 3;

/// The character at a place, which is on a border of characters or has none.
#[inline]
pub(super) fn char_at(text: &str, at: usize) -> Option<char> {
    match text.as_bytes().get(at) {
        Some(byte) if byte.is_ascii() => Some(char::from(*byte)),
        _ => text.get(at..)?.chars().next(),
    }
}

/// The character that ends at a place.
#[inline]
pub(super) fn char_before(text: &str, at: usize) -> Option<char> {
    match at.checked_sub(1).and_then(|before| text.as_bytes().get(before)) {
        Some(byte) if byte.is_ascii() => Some(char::from(*byte)),
        _ => text.get(..at)?.chars().next_back(),
    }
}

/// What a character stands for in a number: digits of any of the usual scripts, Latin letters of any width in upper
/// case, and the separators; `None` for all others.
#[inline]
pub(super) fn normal(char: char) -> Option<u8> {
    let (first, zero) = match char {
        '0'..='9' | 'A'..='Z' | ' ' | '-' | '.' | '/' | '(' | ')' | '+' => return u8::try_from(char).ok(),
        'a'..='z' => return u8::try_from(char).ok().map(|byte| byte.to_ascii_uppercase()),
        '\0'..='\x7f' => return None,
        '\u{ff10}'..='\u{ff19}' => ('\u{ff10}', b'0'),
        '\u{660}'..='\u{669}' => ('\u{660}', b'0'),
        '\u{6f0}'..='\u{6f9}' => ('\u{6f0}', b'0'),
        '\u{966}'..='\u{96f}' => ('\u{966}', b'0'),
        '\u{ff21}'..='\u{ff3a}' => ('\u{ff21}', b'A'),
        '\u{ff41}'..='\u{ff5a}' => ('\u{ff41}', b'A'),
        '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' | '\u{3000}' => return Some(b' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' | '\u{30fc}' => return Some(b'-'),
        '\u{ff0b}' => return Some(b'+'),
        '\u{ff0e}' => return Some(b'.'),
        '\u{ff0f}' => return Some(b'/'),
        '\u{ff08}' => return Some(b'('),
        '\u{ff09}' => return Some(b')'),
        _ => return None,
    };
    let value = u8::try_from(u32::from(char).checked_sub(u32::from(first))?).ok()?;
    zero.checked_add(value)
}

/// Whether a character is of a word: a letter or a digit, of any width.
#[inline]
fn is_word(char: char) -> bool {
    normal(char).is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// What stands before a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// The character next to it, in its normal form; NUL where there is none.
    pub(super) near: char,
    /// Where that character begins.
    pub(super) near_at: usize,
    /// The one before that.
    pub(super) far: char,
}

impl Before {
    /// Of a place of a text; what is percent-encoded there is what it encodes.
    pub(super) fn of(text: &str, at: usize) -> Self {
        let encoded = at.checked_sub(3).and_then(|start| Some((start, text.get(start..at)?)));
        let (near, near_at) = match encoded {
            Some((start, "%2B" | "%2b")) => ('+', start),
            Some((start, "%20" | "%3D" | "%3d" | "%3A" | "%3a" | "%22")) => (' ', start),
            _ => match char_before(text, at) {
                Some(char) => (normalized(char), at - char.len_utf8()),
                None => ('\0', at),
            },
        };
        Self { near, near_at, far: char_before(text, near_at).map_or('\0', normalized) }
    }

    /// Whether this goes on with what a digit before it began: the rest of `1.`, `2-`, `3/`, `4:`, `5,`.
    pub(super) fn is_joined(self) -> bool {
        matches!(self.near, '.' | '-' | '/' | ':' | ',' | '_') && self.far.is_ascii_digit()
    }
}

fn normalized(char: char) -> char {
    match normal(char) {
        Some(byte) if !char.is_ascii() => char::from(byte),
        _ => char,
    }
}

/// A word and what follows it, in its normal form, as far as it could be one number.
#[derive(Debug)]
pub(super) struct Window<'t> {
    /// The text.
    pub(super) text: &'t str,
    /// What stands before it.
    pub(super) before: Before,
    chars: [u8; MOST],
    at: [usize; MOST + 1],
    len: usize,
}

impl<'t> Window<'t> {
    /// Begins at a place of a text.
    fn new(text: &'t str, start: usize) -> Self {
        let mut window =
            Self { text, before: Before::of(text, start), chars: [0; MOST], at: [start; MOST + 1], len: 0 };
        let (mut at, mut gap, mut len) = (start, 0, 0);
        while let Some(char) = char_at(text, at) {
            step();
            let Some(byte) = normal(char) else { break };
            if byte.is_ascii_alphanumeric() {
                gap = 0;
            } else {
                gap += 1;
                if gap > LONGEST_GAP {
                    break;
                }
            }
            at += char.len_utf8();
            let (Some(place), Some(end)) = (window.chars.get_mut(len), window.at.get_mut(len + 1)) else {
                // Cut within a word: only what is before it is whole.
                if byte.is_ascii_alphanumeric() {
                    let kept = window.chars.iter().rposition(|byte| !byte.is_ascii_alphanumeric());
                    len = kept.unwrap_or(0);
                }
                break;
            };
            (*place, *end) = (byte, at);
            len += 1;
        }
        window.len = len;
        window
    }

    /// Its characters; what follows the last is not of its last word.
    pub(super) fn chars(&self) -> &[u8] {
        self.chars.get(..self.len).unwrap_or_default()
    }

    /// The place in the text before the character of that index.
    pub(super) fn place(&self, index: usize) -> usize {
        self.at.get(index).copied().unwrap_or(self.text.len())
    }

    /// The place in the text where it begins.
    pub(super) fn start(&self) -> usize {
        self.place(0)
    }

    /// Whether no word goes on over this index.
    pub(super) fn is_end(&self, index: usize) -> bool {
        !self.chars().get(index).is_some_and(u8::is_ascii_alphanumeric)
    }

    /// The two characters of the text behind that index, NUL for none.
    pub(super) fn behind(&self, index: usize) -> (char, char) {
        let mut chars = self.text.get(self.place(index)..).unwrap_or_default().chars().map(normalized);
        (chars.next().unwrap_or('\0'), chars.next().unwrap_or('\0'))
    }

    /// Whether what ends at that index goes on: as a decimal, a longer number in hyphens, a name.
    pub(super) fn goes_on(&self, index: usize) -> bool {
        match self.behind(index) {
            ('.' | ',', next) => next.is_ascii_digit(),
            ('-' | '_', next) => next.is_ascii_alphanumeric(),
            _ => false,
        }
    }
}

/// Gives each word with a digit in it as the beginning of a window; and a word of one or two letters before such a
/// one, too.
pub(super) fn windows<'t>(text: &'t str, mut each: impl FnMut(&Window<'t>)) {
    let mut at = 0;
    while let Some(digit) = next_digit(text, at) {
        let start = word_start(text, digit, at);
        let end = word_end(text, digit);
        if end - start <= LONGEST_WORD * 3 {
            let start = behind_escape(text, start);
            if start < end {
                let window = Window::new(text, start);
                if let Some(letters) = letters_before(text, window.before, at) {
                    each(&Window::new(text, letters));
                }
                each(&window);
            }
        }
        at = end;
    }
}

fn next_digit(text: &str, from: usize) -> Option<usize> {
    let rest = text.as_bytes().get(from..)?;
    for (index, byte) in rest.iter().enumerate() {
        step();
        match byte {
            b'0'..=b'9' => return Some(from + index),
            0xd9 | 0xdb | 0xe0 | 0xef => {
                let char = char_at(text, from + index);
                if char.and_then(normal).is_some_and(|byte| byte.is_ascii_digit()) {
                    return Some(from + index);
                }
            }
            _ => {}
        }
    }
    None
}

fn word_start(text: &str, mut at: usize, least: usize) -> usize {
    while at > least {
        step();
        match char_before(text, at) {
            Some(char) if is_word(char) => at -= char.len_utf8(),
            _ => break,
        }
    }
    at
}

fn word_end(text: &str, mut at: usize) -> usize {
    while let Some(char) = char_at(text, at).filter(|char| is_word(*char)) {
        step();
        at += char.len_utf8();
    }
    at
}

/// Where a word begins whose first letters are of an escape: `\n`, `\u00e9`, `%2B`.
fn behind_escape(text: &str, start: usize) -> usize {
    let hex = |range: std::ops::Range<usize>| {
        let end = range.end;
        let digits = text.as_bytes().get(range).unwrap_or_default();
        (!digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit)).then_some(end)
    };
    match (char_before(text, start), char_at(text, start)) {
        (Some('\\'), Some('n' | 'r' | 't')) => start + 1,
        (Some('\\'), Some('u')) => hex(start + 1..start + 5).unwrap_or(start),
        (Some('%'), _) => hex(start..start + 2).unwrap_or(start),
        _ => start,
    }
}

/// Where letters before a word with digits begin that may be of its number: one or two of them, as of British numbers,
/// or twice three, as of Italian ones.
fn letters_before(text: &str, before: Before, least: usize) -> Option<usize> {
    let (start, count) = letters(text, before, least)?;
    if count <= 2 {
        return Some(start);
    }
    let (start, count) = letters(text, Before::of(text, start), least)?;
    (count == 3).then_some(start)
}

/// Where a word of up to three letters begins that a space or a hyphen parts from what these are before, and how many
/// they are.
fn letters(text: &str, before: Before, least: usize) -> Option<(usize, usize)> {
    if !matches!(before.near, ' ' | '-') || !before.far.is_ascii_alphabetic() {
        return None;
    }
    let start = word_start(text, before.near_at, before.near_at.saturating_sub(4).max(least));
    let count = before.near_at - start;
    (count <= 3).then_some((start, count))
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
#[path = "scan_tests.rs"]
pub(super) mod tests;
