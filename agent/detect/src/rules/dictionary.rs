//! Words of the operator's, all found in one pass.
//!
//! A word counts where it stands whole: no letter or digit touches it. In scripts that do not part words by spaces
//! (Chinese, Japanese, Korean with its particles, Thai and their like) it counts wherever it stands. Without regard to
//! case means: two characters are one where they are so as small letters of their capitals, which makes one of ß, ẞ and
//! ss, of ς and σ, of ſ and s. Composed and decomposed accents are different.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

/// The words of all rules, of which each knows its rule's number.
#[derive(Debug)]
pub(super) struct Dictionary {
    words: AhoCorasick,
    rules: Vec<u16>,
    ignore_case: bool,
}

impl Dictionary {
    /// `None` without words. All were found fit.
    pub(super) fn new<'w>(
        words: impl Iterator<Item = (u16, &'w str)>,
        ignore_case: bool,
    ) -> Result<Option<Self>, String> {
        let (rules, words): (Vec<u16>, Vec<String>) =
            words.map(|(rule, word)| (rule, if ignore_case { fold(word) } else { word.to_owned() })).unzip();
        if words.is_empty() {
            return Ok(None);
        }
        let built = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&words);
        let words = built.map_err(|error| error.to_string())?;
        Ok(Some(Self { words, rules, ignore_case }))
    }

    /// Gives each word in `text`, with its rule.
    pub(super) fn find(&self, text: &str, mut give: impl FnMut(u16, Range<usize>)) {
        let folded = if self.ignore_case { Some(Folded::of(text)) } else { None };
        let searched = folded.as_ref().map_or(text, |folded| &folded.text);
        // All of them, since of two that overlap only the shorter may stand whole.
        for found in self.words.find_overlapping_iter(searched) {
            if let Some(rule) = self.rules.get(found.pattern().as_usize())
                && is_whole(searched, &found.range())
            {
                let range = found.range();
                give(*rule, folded.as_ref().map_or(range.clone(), |folded| folded.back(range)));
            }
        }
    }
}

/// Whether nothing touches what stands there.
fn is_whole(text: &str, range: &Range<usize>) -> bool {
    let (Some(before), Some(word), Some(behind)) =
        (text.get(..range.start), text.get(range.clone()), text.get(range.end..))
    else {
        return false;
    };
    let touch = |inside: Option<char>, outside: Option<char>| {
        inside.zip(outside).is_some_and(|(inside, outside)| has_borders(inside) && has_borders(outside))
    };
    !touch(word.chars().next(), before.chars().next_back())
        && !touch(word.chars().next_back(), behind.chars().next())
}

/// Whether a character belongs to a word that spaces or other signs would end.
fn has_borders(c: char) -> bool {
    c.is_alphanumeric() && !is_of_unparted_script(c)
}

/// Blocks of the Unicode standard whose scripts put no space between words, or, of Hangul, attach particles.
fn is_of_unparted_script(c: char) -> bool {
    matches!(u32::from(c),
        // Thai, Lao; Tibetan, Myanmar; Hangul letters; Khmer.
        0x0e00..=0x0eff | 0x0f00..=0x109f | 0x1100..=0x11ff | 0x1780..=0x17ff
        // Radicals, marks, kana, bopomofo, Hangul's compatibility letters, Han and its first extension; Hangul.
        | 0x2e80..=0x9fff | 0xac00..=0xd7ff
        // Compatibility ideographs; kana and Hangul of half width; further planes of Han.
        | 0xf900..=0xfaff | 0xff66..=0xffdc | 0x1b000..=0x1b16f | 0x20000..=0x3ffff)
}

fn fold_char(c: char) -> impl Iterator<Item = char> {
    // Small letters first: the capital of ẞ is ẞ itself, that of ß is SS.
    c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

fn fold(text: &str) -> String {
    text.chars().flat_map(fold_char).collect()
}

/// A text without regard to case, and where each part of it was.
struct Folded {
    text: String,
    /// Where each character begins and ends that became several or has another length: here, and in the original.
    shifts: Vec<(usize, usize)>,
}

impl Folded {
    fn of(original: &str) -> Self {
        let mut folded = Self { text: String::with_capacity(original.len()), shifts: Vec::new() };
        for (at, c) in original.char_indices() {
            if c.is_ascii() {
                folded.text.push(c.to_ascii_lowercase());
                continue;
            }
            let start = folded.text.len();
            folded.text.extend(fold_char(c));
            if fold_char(c).count() != 1 || folded.text.len() - start != c.len_utf8() {
                folded.shifts.push((start, at));
                folded.shifts.push((folded.text.len(), at + c.len_utf8()));
            }
        }
        folded
    }

    /// The same part of the original; where it begins or ends within one of its characters, with that whole.
    fn back(&self, range: Range<usize>) -> Range<usize> {
        self.place(range.start, false)..self.place(range.end, true)
    }

    fn place(&self, at: usize, is_end: bool) -> usize {
        let next = self.shifts.partition_point(|(here, _)| *here <= at);
        let Some((here, there)) = next.checked_sub(1).and_then(|index| self.shifts.get(index)) else {
            return at;
        };
        // Begins and ends take turns: behind a begin, and before its end, is within the character.
        let is_within = next % 2 == 1;
        match self.shifts.get(next) {
            Some((_, behind)) if is_within && at > *here => {
                if is_end {
                    *behind
                } else {
                    *there
                }
            }
            _ => there + (at - here),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::string_slice, reason = "tests")]
mod tests {
    use super::*;

    fn found<'t>(words: &[&str], ignore_case: bool, text: &'t str) -> Vec<&'t str> {
        let dictionary = Dictionary::new(words.iter().map(|word| (7, *word)), ignore_case).unwrap().unwrap();
        let mut found = Vec::new();
        dictionary.find(text, |rule, range| {
            assert_eq!(rule, 7);
            found.push(&text[range]);
        });
        found
    }

    #[test]
    fn words_are_found_whole() {
        for (word, text, times) in [
            ("Bluebird", "Bluebird", 1),
            ("Bluebird", "the Bluebird, (Bluebird) Bluebird's \"Bluebird\"", 4),
            ("Bluebird", "Bluebirds xBluebird Bluebird2 ÄBluebird", 0),
            ("Bluebird", "db_bluebird bluebird", 0),
            ("Bluebird", "db_Bluebird_7 Bluebird-x", 2),
            ("Bluebird", "案件Bluebirdは", 1),
            ("青い鳥", "これは青い鳥計画です", 1),
            ("블루버드", "블루버드를", 1),
            ("Project X", "Project X2 Project X", 1),
            ("C++", "C++ C++x xC++", 2),
            ("Zoë", "Zoë Zoë's Zoëx", 2),
        ] {
            assert_eq!(found(&[word], false, text).len(), times, "{word} in {text}");
        }
    }

    #[test]
    fn of_words_that_overlap_each_counts() {
        assert_eq!(found(&["New", "New York"], false, "New Yorker"), ["New"]);
        assert_eq!(found(&["New", "New York"], false, "New York"), ["New", "New York"]);
        assert_eq!(found(&["York City", "New York"], false, "New York City"), ["New York", "York City"]);
    }

    #[test]
    fn case_is_of_no_regard_where_asked_for() {
        for (word, text, wanted) in [
            ("bluebird", "BLUEBIRD Bluebird blueBirdx", &["BLUEBIRD", "Bluebird"][..]),
            ("Weiß", "weiss WEISS weiß WEIẞ", &["weiss", "WEISS", "weiß", "WEIẞ"]),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ", &["ΣΊΣΥΦΟΣ"]),
            ("проект", "ПРОЕКТ Проекта", &["ПРОЕКТ"]),
            ("İzmir", "in İZMIR, izmir", &["İZMIR"]),
            ("s", "ß", &[]),
            ("und", "ﬀ und ŉ und", &["und", "und"]),
        ] {
            assert_eq!(found(&[word], true, text), wanted, "{word} in {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn places_are_borders_of_characters(text in "[sSßẞİﬀŉa ]{0,40}", word in "[sßiﬀa]{1,3}") {
            found(&[&word], true, &text);
            let folded = Folded::of(&text);
            proptest::prop_assert_eq!(folded.back(0..folded.text.len()), 0..text.len());
            for (at, _) in folded.text.char_indices() {
                let place = folded.back(at..at);
                proptest::prop_assert!(text.is_char_boundary(place.start) && text.is_char_boundary(place.end));
            }
        }
    }
}
