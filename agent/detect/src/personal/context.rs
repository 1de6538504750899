//! Words that say what a number behind them is.

use super::scan::{char_at, char_before, step};
use aho_corasick::{AhoCorasick, MatchKind};

/// What a word says of the number behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// A telephone number.
    Phone,
    /// A payment card's.
    Card,
    /// A US social security number.
    Ssn,
    /// Another number of a state's for a person.
    NationalId,
    /// A version or a section.
    Version,
    /// A hardware address.
    Mac,
    /// Something else that has a number: an order, a time, a hash.
    Other,
}

impl Label {
    /// That of a name in the list of words.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "phone" => Self::Phone,
            "card" => Self::Card,
            "ssn" => Self::Ssn,
            "nationalid" => Self::NationalId,
            "version" => Self::Version,
            "mac" => Self::Mac,
            "other" => Self::Other,
            _ => return None,
        })
    }
}

/// Bytes before a number that are looked at.
const REACH: usize = 40;

/// Bytes between a word and its number, at most.
const GAP: usize = 20;

/// What ends what a word speaks of; U+FFFD stands for a number that was hidden already, of which it spoke.
const ENDS: [char; 15] =
    ['\n', '\r', ';', ',', '{', '}', '|', '、', '，', '。', '；', '!', '?', '\u{fffd}', '\u{fffc}'];

/// The words: a line has a label, a colon, and words parted by bars.
static WORDS: &str = include_str!("context/words.txt");

/// Finds the nearest such word before a number.
#[derive(Debug)]
pub(super) struct Context {
    words: Option<AhoCorasick>,
    labels: Vec<Label>,
}

impl Context {
    /// Knows all words.
    pub(super) fn new() -> Self {
        let lines = WORDS.lines().filter_map(|line| line.split_once(": "));
        let words = lines.filter_map(|(label, words)| Some((Label::of(label)?, words)));
        let words = words.flat_map(|(label, words)| words.split(" | ").map(move |word| (label, word)));
        // Names of fields have something else between words.
        let words = words.flat_map(|(label, word)| {
            let joined =
                ["_", "-"].into_iter().filter(|_| word.contains(' ')).map(|join| word.replace(' ', join));
            std::iter::once(word.to_owned()).chain(joined).map(move |word| (label, word)).collect::<Vec<_>>()
        });
        let (labels, words): (Vec<_>, Vec<_>) = words.unzip();
        let words = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(words)
            // It fails only on patterns by the billion.
            .ok();
        Self { words, labels }
    }

    /// What the last of the words before a place says, if nothing between ends what it speaks of.
    pub(super) fn before(&self, text: &str, at: usize) -> Option<Label> {
        self.nearest(text, at).map(|(label, _)| label)
    }

    /// The same, and how many bytes there are between.
    pub(super) fn nearest(&self, text: &str, at: usize) -> Option<(Label, usize)> {
        let mut start = at.saturating_sub(REACH);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let before = text.get(start..at)?;
        before.bytes().for_each(|_| step());
        // Figures alone have no word before them.
        if !before.bytes().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()) {
            return None;
        }
        let mut last = None;
        for found in self.words.as_ref()?.find_iter(before) {
            if is_whole_word(text, start + found.start(), start + found.end()) {
                last = Some((found.end(), *self.labels.get(found.pattern().as_usize())?));
            }
        }
        let (end, label) = last?;
        let between = before.get(end..)?;
        let is_near = between.len() <= GAP
            && !between.contains(ENDS)
            && !between.split_once(". ").is_some_and(|(_, next)| next.contains(char::is_alphabetic));
        is_near.then_some((label, between.len()))
    }

    /// Whether the last of the words before a place says this.
    pub(super) fn is(&self, label: Label, text: &str, at: usize) -> bool {
        self.before(text, at) == Some(label)
    }
}

/// Whether no letter goes on at either side; camel case and underscores part words, and scripts without spaces do.
fn is_whole_word(text: &str, start: usize, end: usize) -> bool {
    let begins = match (char_before(text, start), char_at(text, start)) {
        (Some(before), Some(first)) if is_spaced(before) && is_spaced(first) => {
            before.is_lowercase() && first.is_uppercase()
        }
        _ => true,
    };
    let ends = match (char_before(text, end), char_at(text, end)) {
        (Some(last), Some(after)) if is_spaced(last) && is_spaced(after) => {
            last.is_lowercase() && after.is_uppercase()
        }
        _ => true,
    };
    begins && ends
}

/// Whether a character is a letter of a script that puts spaces between words.
fn is_spaced(char: char) -> bool {
    char.is_alphabetic()
        && !matches!(char, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_words_has_a_label() {
        for line in WORDS.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.split_once(": ").is_some_and(|(label, _)| Label::of(label).is_some()), "{line}");
        }
    }

    #[test]
    fn the_nearest_word_says_what_a_number_is() {
        let context = Context::new();
        let cases = [
            ("Tel.: 1", Some(Label::Phone)),
            ("{\"phone_number\": \"1", Some(Label::Phone)),
            ("homePhone=1", Some(Label::Phone)),
            ("my iPhone 1", Some(Label::Other)),
            ("phone_id: 1", Some(Label::Other)),
            ("phone: none, 1", None),
            ("hotel 1", None),
            ("social_security_number=1", Some(Label::Ssn)),
            ("電話番号：1", Some(Label::Phone)),
            ("Телефон: 1", Some(Label::Phone)),
            ("version 1", Some(Label::Version)),
            ("Call me at 1", Some(Label::Phone)),
            ("She has a phone. There are 1", None),
            ("telephone is a word that stands too far away 1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(context.before(text, text.len() - 1), expected, "{text}");
        }
    }
}
