//! One regular expression of the operator's, searched for in time linear in the text.
//!
//! A single search is linear, but all matches of one expression may take quadratic time: where each search looks on to
//! the text's end for something longer than what it settles for. So the steps of the automaton are counted here, and
//! where they pass their bound, all the rest of the text counts as found: to hide too much is the better mistake.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use regex::RegexBuilder;
use regex_automata::hybrid::{dfa, regex::Cache, regex::Regex as Lazy};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

/// Bytes of a pattern.
pub(super) const PATTERN_MAX: usize = 16 << 10;
/// Bytes of memory of its compiled form, and of what the automaton keeps at hand as it runs.
pub(super) const COMPILED_MAX: usize = 4 << 20;
const CACHE_BYTES: usize = 128 << 10;
/// Bytes of the longest match of a pattern whose steps are not counted.
const LENGTH_MAX: usize = 256;
/// Steps of the automaton for each byte of the text.
const STEPS_PER_BYTE: usize = 16;

/// A regular expression that was found fit.
#[derive(Debug)]
pub(super) struct Pattern {
    /// As it is compiled: with its flags.
    pub(super) source: String,
    search: Search,
}

#[derive(Debug)]
enum Search {
    Counted(Box<(Lazy, Mutex<Cache>)>),
    /// Knows Unicode's word borders, which the automaton does not; its matches are short.
    Short(regex::Regex),
}

impl Pattern {
    /// Compiles it; says what is wrong with it otherwise, as the end of a sentence on the pattern.
    pub(super) fn new(text: &str, ignore_case: bool) -> Result<Self, String> {
        if text.len() > PATTERN_MAX {
            return Err(format!("is longer than {PATTERN_MAX} bytes"));
        }
        let source = if ignore_case { format!("(?i:{text})") } else { text.to_owned() };
        // By itself first: `)(` would be whole inside a group.
        for text in [text, &source] {
            syntax::parse(text).map_err(|error| format!("does not compile: {}", last_line(&error)))?;
        }
        let shape = syntax::parse(&source).map_err(|error| last_line(&error))?;
        let shape = shape.properties();
        match shape.minimum_len() {
            Some(0) => return Err("matches the empty text, and so everything".to_owned()),
            None => return Err("matches nothing at all".to_owned()),
            Some(_) => {}
        }
        let search = if shape.look_set().contains_word_unicode() {
            if shape.maximum_len().is_none_or(|length| length > LENGTH_MAX) {
                return Err(format!(
                    "has a word border, and may match more than {LENGTH_MAX} bytes, which takes too long on some \
                     texts: bound its repetitions, as in [0-9]{{1,20}}, or write (?-u:\\b), the border of ASCII words"
                ));
            }
            let built =
                RegexBuilder::new(&source).size_limit(COMPILED_MAX).dfa_size_limit(CACHE_BYTES).build();
            Search::Short(built.map_err(|_| too_large())?)
        } else {
            let dfa = dfa::Config::new().cache_capacity(CACHE_BYTES).skip_cache_capacity_check(true);
            let limit = thompson::Config::new().nfa_size_limit(Some(COMPILED_MAX));
            let built = Lazy::builder().thompson(limit).dfa(dfa).build(&source);
            let lazy = built.map_err(|_| too_large())?;
            let cache = Mutex::new(lazy.create_cache());
            Search::Counted(Box::new((lazy, cache)))
        };
        Ok(Self { source, search })
    }

    /// Gives the matches in `text`, from left to right.
    pub(super) fn find(&self, text: &str, mut give: impl FnMut(Range<usize>)) {
        match &self.search {
            Search::Short(regex) => regex.find_iter(text).for_each(|found| give(found.range())),
            Search::Counted(counted) => {
                let (lazy, cache) = &**counted;
                let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
                search(lazy, &mut cache, text.as_bytes(), &mut give);
            }
        }
    }
}

/// Why a search was given up.
struct GivenUp;

/// Says how many steps it took.
fn search(lazy: &Lazy, cache: &mut Cache, text: &[u8], give: &mut impl FnMut(Range<usize>)) -> usize {
    let bound = text.len().saturating_mul(STEPS_PER_BYTE);
    let (mut at, mut steps) = (0, 0);
    while at < text.len() {
        match next(lazy, cache, text, at, &mut steps, bound) {
            Ok(Some(found)) => {
                at = found.end;
                give(found);
            }
            Ok(None) => break,
            Err(GivenUp) => {
                give(at..text.len());
                break;
            }
        }
    }
    steps
}

/// The first match from `at` on; it is not empty.
fn next(
    lazy: &Lazy,
    cache: &mut Cache,
    text: &[u8],
    at: usize,
    steps: &mut usize,
    bound: usize,
) -> Result<Option<Range<usize>>, GivenUp> {
    let (forward, backward) = cache.as_parts_mut();
    let dfa = lazy.forward();
    let input = Input::new(text).range(at..);
    let mut state = dfa.start_state_forward(forward, &input).map_err(|_| GivenUp)?;
    // A state tells of a match one byte behind its end.
    let mut end = None;
    let mut is_over = false;
    for (index, byte) in text.iter().enumerate().skip(at) {
        *steps += 1;
        if *steps > bound {
            return Err(GivenUp);
        }
        state = dfa.next_state(forward, state, *byte).map_err(|_| GivenUp)?;
        if state.is_match() {
            end = Some(index);
        } else if state.is_dead() {
            is_over = true;
            break;
        } else if state.is_quit() {
            return Err(GivenUp);
        }
    }
    if !is_over && dfa.next_eoi_state(forward, state).map_err(|_| GivenUp)?.is_match() {
        end = Some(text.len());
    }
    let Some(end) = end else { return Ok(None) };
    *steps += end - at;
    let input = Input::new(text).range(at..end).anchored(Anchored::Yes);
    let start = lazy.reverse().try_search_rev(backward, &input).map_err(|_| GivenUp)?;
    // What ends somewhere begins somewhere; were it not so, all from here on would be hidden.
    start.map(|start| Some(start.offset()..end)).filter(|found| found.is_some()).ok_or(GivenUp)
}

fn too_large() -> String {
    format!("is too large: compiled, it takes more than {} MiB", COMPILED_MAX >> 20)
}

/// What an error of the parser says behind the picture of its place.
fn last_line(error: &impl ToString) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        Pattern::new(pattern, false).unwrap().find(text, |range| found.push(range));
        found
    }

    #[test]
    fn finds_what_the_regular_expression_does() {
        let texts = [
            "",
            "ORD-12345678 and ORD-1, ord-22222222 ORD-33333333",
            "Kunde-7, Kunde-88; Müller-Kunde-9 xKunde-1 Kunde-1x",
            "aaaa bbb ab abab\nab\r\na",
            "日本語Kunde-5は Straße STRASSE ſtraße",
        ];
        let patterns = [
            "ORD-[0-9]{8}",
            "ORD-[0-9]+",
            r"(?i)ord-\d+",
            r"\bKunde-\d{1,9}\b",
            r"(?-u:\b)Kunde-\d+",
            "a|ab|b+",
            "ab|a|b+?",
            "(?m)^a.*$",
            "a[^b]*b|a",
            r"(?i)straße",
            r"\p{Han}+",
            r"[^\s]+$",
            r"\w+-\d|x",
        ];
        for pattern in patterns {
            let regex = regex::Regex::new(pattern).unwrap();
            for text in texts {
                let wanted: Vec<_> = regex.find_iter(text).map(|found| found.range()).collect();
                assert_eq!(found(pattern, text), wanted, "{pattern} in {text}");
            }
        }
    }

    #[test]
    fn what_is_unfit_is_refused_in_one_line() {
        for (pattern, message) in [
            ("(a", "does not compile: unclosed group"),
            ("a)(b", "does not compile: unopened group"),
            (
                "(?=a)b",
                "does not compile: look-around, including look-ahead and look-behind, is not supported",
            ),
            (r"(a)\1", "does not compile: backreferences are not supported"),
            ("a*", "matches the empty text, and so everything"),
            ("a|", "matches the empty text, and so everything"),
            (r"\b", "matches the empty text, and so everything"),
            (r"[^\s\S]", "matches nothing at all"),
            (r"\w{2000}", "is too large: compiled, it takes more than 4 MiB"),
            (r"\bKunde-\d+\b", "has a word border, and may match more than 256 bytes"),
            (r"(?-u:\xff)", "does not compile: pattern can match invalid UTF-8"),
        ] {
            for ignore_case in [false, true] {
                let error = Pattern::new(pattern, ignore_case).unwrap_err();
                assert!(error.starts_with(message) && !error.contains('\n'), "{pattern}: {error}");
            }
        }
        assert!(Pattern::new(&"a".repeat(PATTERN_MAX + 1), false).unwrap_err().contains("longer"));
    }

    #[test]
    fn hostile_texts_take_linear_time_and_are_hidden_whole_rather_than_searched_on() {
        let hostile = [
            ("a[^b]*b|a", "a"),
            ("(?:a|a|ab)+c|a", "a"),
            (".*[^A-Z]|[A-Z]", "A"),
            ("x.*y|x", "x "),
            ("ORD-[0-9]+", "ORD-"),
            ("[0-9]+-[0-9]+-x|[0-9]", "1-"),
            ("(?:é|e)+!", "é"),
        ];
        for (pattern, piece) in hostile {
            for times in [1_000, 4_000] {
                let text = piece.repeat(times);
                let Search::Counted(counted) = Pattern::new(pattern, false).unwrap().search else {
                    panic!("{pattern}");
                };
                let (lazy, cache) = *counted;
                let mut hidden = 0;
                let steps = search(&lazy, &mut cache.lock().unwrap(), text.as_bytes(), &mut |found| {
                    hidden += found.len();
                });
                assert!(steps <= (STEPS_PER_BYTE + 1) * text.len(), "{pattern}: {steps} steps");
                let all = regex::Regex::new(pattern).unwrap();
                let begin = text.get(..1_000).unwrap();
                let least: usize = all.find_iter(begin).map(|found| found.len()).sum();
                assert!(hidden >= least, "{pattern}: {hidden} of {least}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_searched_as_the_regular_expression_would(text in "(?s)[ab\u{e9}\u{65e5}0-9 \n-]{0,60}") {
            for pattern in ["a[^b]{0,9}b|a", "(?i)[0-9]+-|É", "\\p{Han}[0-9]*", "(?m)b$"] {
                let regex = regex::Regex::new(pattern).unwrap();
                let wanted: Vec<_> = regex.find_iter(&text).map(|found| found.range()).collect();
                proptest::prop_assert_eq!(found(pattern, &text), wanted);
            }
        }
    }
}
