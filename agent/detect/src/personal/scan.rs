//! Reads text as numbers are written in it: words with digits in them, and a few words behind each.

use crate::skip;

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

/// Words that a window has at most: an IBAN has nine.
const MOST_WORDS: usize = 10;

/// Words of one character that a window has at most.
const MOST_SINGLES: usize = 2;

/// Letters that a word behind the first has at most if no digit was in it: a group of an IBAN.
const LONGEST_LETTERS: usize = 4;

/// Digits of any number that is looked for, at least: an Indian PAN has so few.
pub(super) const FEWEST_DIGITS: usize = 4;

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
    if char.is_ascii() {
        return usize::try_from(u32::from(char))
            .ok()
            .and_then(|at| ASCII.get(at).copied())
            .filter(|byte| *byte != 0);
    }
    let (first, zero) = match char {
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

/// The normal form of the characters of ASCII, 0 for none.
static ASCII: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        let kept =
            byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'+');
        if kept && let Some((_, [place, ..])) = table.split_at_mut_checked(byte as usize) {
            *place = byte.to_ascii_uppercase();
        }
        byte += 1;
    }
    table
};

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
    /// Of a place of a text.
    pub(super) fn of(text: &str, at: usize) -> Self {
        let (near, near_at) = match char_before(text, at) {
            Some(char) => (normalized(char), at - char.len_utf8()),
            None => ('\0', at),
        };
        Self { near, near_at, far: char_before(text, near_at).map_or('\0', normalized) }
    }

    /// Whether this goes on with what a digit before it began: the rest of `1.`, `2-`, `3/`, `4:`, `5_`; after a comma
    /// it may be the next of a row.
    pub(super) fn is_joined(self) -> bool {
        matches!(self.near, '.' | '-' | '/' | ':' | '_') && self.far.is_ascii_digit()
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
    start: usize,
    chars: [u8; MOST],
    /// Where each character ends, in bytes from the start.
    ends: [u8; MOST],
    len: usize,
    digits: usize,
}

impl<'t> Window<'t> {
    /// Begins at a place of a text, if there are enough digits for a number.
    fn new(text: &'t str, start: usize) -> Option<Self> {
        let before = Before { near: '\0', near_at: start, far: '\0' };
        let mut window = Self { text, before, start, chars: [0; MOST], ends: [0; MOST], len: 0, digits: 0 };
        window.read();
        if window.digits < FEWEST_DIGITS {
            return None;
        }
        window.before = Before::of(text, start);
        Some(window)
    }

    /// Reads as far as this could be one number.
    fn read(&mut self) {
        // Of the word that is read: where it begins, and its digits. Of all: how many, and how many of one character.
        let (mut word, mut digits, mut words, mut singles) = (0, 0, 0, 0);
        let (mut at, mut gap) = (self.start, 0);
        loop {
            step();
            let byte = char_at(self.text, at).and_then(|char| Some((char, normal(char)?)));
            let is_in_word = self.len > word;
            match byte {
                Some((char, byte)) if byte.is_ascii_alphanumeric() => {
                    digits += usize::from(byte.is_ascii_digit());
                    let is_prose = word > 0 && digits == 0 && self.len - word >= LONGEST_LETTERS;
                    at += char.len_utf8();
                    if is_prose || !self.push(byte, at) {
                        self.len = word;
                        return;
                    }
                    gap = 0;
                }
                separator => {
                    if is_in_word {
                        self.digits += digits;
                        words += 1;
                        singles += usize::from(self.len - word == 1);
                    }
                    let Some((char, byte)) = separator else { return };
                    gap += 1;
                    at += char.len_utf8();
                    let is_end = gap > LONGEST_GAP || words >= MOST_WORDS || singles > MOST_SINGLES;
                    if is_end || !self.push(byte, at) {
                        return;
                    }
                    (word, digits) = (self.len, 0);
                }
            }
        }
    }

    /// Adds a character that ends at a place, if there is room.
    fn push(&mut self, byte: u8, end: usize) -> bool {
        let (Some(char), Some(place), Ok(end)) =
            (self.chars.get_mut(self.len), self.ends.get_mut(self.len), u8::try_from(end - self.start))
        else {
            return false;
        };
        (*char, *place) = (byte, end);
        self.len += 1;
        true
    }

    /// How many digits it has.
    pub(super) fn digits(&self) -> usize {
        self.digits
    }

    /// Its characters; what follows the last is not of its last word.
    pub(super) fn chars(&self) -> &[u8] {
        self.chars.get(..self.len).unwrap_or_default()
    }

    /// The place in the text before the character of that index, which is not above the number of characters.
    pub(super) fn place(&self, index: usize) -> usize {
        self.start
            + index.checked_sub(1).and_then(|last| self.ends.get(last)).map_or(0, |end| usize::from(*end))
    }

    /// The place in the text where it begins.
    pub(super) fn start(&self) -> usize {
        self.start
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
            ('.', next) => next.is_ascii_digit(),
            ('-' | '_', next) => next.is_ascii_alphanumeric(),
            _ => false,
        }
    }
}

/// Gives each word with a digit in it as the beginning of a window, and a word of one or two letters before such a one,
/// too: those that can be the first of a number. How many digits that has at least, `fewest` tells by the word and by what
/// stands before it.
pub(super) fn windows<'t>(
    text: &'t str,
    fewest: impl Fn(&str, Before) -> Option<usize>,
    mut each: impl FnMut(&Window<'t>),
) {
    let mut at = 0;
    while let Some(digit) = next_digit(text, at) {
        let start = word_start(text, digit, at);
        let end = word_end(text, digit);
        // The first track of a card begins with `%B` (ISO/IEC 7813).
        let is_track = text.get(..start + 1).is_some_and(|before| before.ends_with("%B"));
        let start = start + usize::from(is_track);
        let least = std::mem::replace(&mut at, end);
        if start >= end || end - start > LONGEST_WORD * 3 {
            continue;
        }
        let before = Before::of(text, start);
        let fewest_of = |start, end, before| text.get(start..end).and_then(|word| fewest(word, before));
        let wanted = fewest_of(start, end, before);
        let letters = letters_before(text, before, least)
            .filter(|(start, end)| fewest_of(*start, *end, Before::of(text, *start)).is_some());
        let fewest = if letters.is_some() { Some(FEWEST_DIGITS) } else { wanted };
        if fewest.is_some_and(|fewest| may_have_digits(text, start, fewest))
            && let Some(window) = Window::new(text, start)
        {
            let letters = letters.and_then(|(start, _)| Window::new(text, start));
            letters.iter().chain(wanted.map(|_| &window)).for_each(&mut each);
        }
    }
}

/// Whether there may be so many digits from a place on, in one number: at less cost than to read it.
fn may_have_digits(text: &str, start: usize, mut fewest: usize) -> bool {
    for byte in text.as_bytes().get(start..).unwrap_or_default().iter().take(MOST) {
        step();
        // Digits of other scripts may follow.
        if !byte.is_ascii() {
            return true;
        }
        if byte.is_ascii_digit() {
            fewest = fewest.saturating_sub(1);
            if fewest == 0 {
                return true;
            }
        } else if ASCII.get(usize::from(*byte)).is_none_or(|normal| *normal == 0) {
            return false;
        }
    }
    false
}

fn next_digit(text: &str, mut from: usize) -> Option<usize> {
    // The others are first bytes of digits of other scripts.
    let may_be_digit = |byte: u8| {
        (byte.wrapping_sub(b'0') < 10) | (byte == 0xd9) | (byte == 0xdb) | (byte == 0xe0) | (byte == 0xef)
    };
    loop {
        let at = skip::find(text.as_bytes(), from, may_be_digit)?;
        step();
        let char = char_at(text, at)?;
        if normal(char).is_some_and(|byte| byte.is_ascii_digit()) {
            return Some(at);
        }
        from = at + char.len_utf8();
    }
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

/// Where letters before a word with digits begin and end that may be of its number: one or two of them, as of British
/// numbers, or twice three, as of Italian ones; of these the first.
fn letters_before(text: &str, before: Before, least: usize) -> Option<(usize, usize)> {
    let (start, count) = letters(text, before, least)?;
    if count <= 2 {
        return Some((start, before.near_at));
    }
    let before = Before::of(text, start);
    let (start, count) = letters(text, before, least)?;
    (count == 3).then_some((start, before.near_at))
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
