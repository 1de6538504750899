//! What the operator wants hidden, beside what is built in: regular expressions and words.

mod dictionary;
mod keep;
mod pattern;

use std::collections::HashSet;

use regex::{RegexSet, RegexSetBuilder};

use crate::{Class, Detector, Finding};
use dictionary::Dictionary;
pub use keep::Keep;
use pattern::{COMPILED_MAX, Pattern};

/// Rules of an operator.
pub const RULES_MAX: usize = 256;
/// Words of all rules, and the bytes of one and of all.
const WORDS_MAX: usize = 100_000;
const WORD_BYTES_MAX: usize = 256;
const WORDS_BYTES_MAX: usize = 2 << 20;
/// Bytes of a rule's name.
const NAME_BYTES_MAX: usize = 64;

/// Ordinary text. A rule that hides most of it is a mistake: it would hide most of everything.
const SAMPLE: &str = include_str!("rules/sample.txt");

/// One rule: a regular expression, words, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSpec {
    /// What it is called in replacements, counts and explanations: ASCII letters, digits, `-` and `_`, 64 at most.
    pub name: String,
    /// A regular expression in the syntax of the crate `regex`, which has no look-around and no back references.
    pub pattern: Option<String>,
    /// Words, each of 1 to 256 bytes, found where they stand whole.
    pub words: Vec<String>,
    /// Whether capitals and small letters are one, in the pattern and in the words.
    pub ignore_case: bool,
}

/// Why rules were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// Which of them, from 0.
    pub index: usize,
    /// What of it: `name`, `pattern`, `words`, or `keep` for [`Keep`]; empty for the rule as a whole.
    pub part: &'static str,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RuleError {}

/// Rules ready for use.
#[derive(Debug, Default)]
pub struct Rules {
    names: Vec<String>,
    /// Tells in one pass which patterns occur at all: a text that has none is read once for all of them.
    any: RegexSet,
    patterns: Vec<(u16, Pattern)>,
    dictionaries: Vec<Dictionary>,
}

impl Rules {
    /// Checks and compiles rules.
    ///
    /// # Errors
    /// The first that has no name, or one that an earlier has; that has nothing to look for; whose pattern does not
    /// compile, is too large, matches the empty text or nothing; that hides most of ordinary text; or that is one too many.
    pub fn new(specs: &[RuleSpec]) -> Result<Self, RuleError> {
        let mut rules = Self::default();
        let mut names = HashSet::new();
        let (mut words, mut bytes) = (0, 0);
        for (index, spec) in specs.iter().enumerate() {
            let refused = |part: &'static str, message: String| RuleError { index, part, message };
            let number = u16::try_from(index).unwrap_or(u16::MAX);
            if index >= RULES_MAX {
                return Err(refused("", format!("there are more than {RULES_MAX} rules")));
            }
            check_name(&spec.name).map_err(|message| refused("name", message))?;
            if !names.insert(alike(&spec.name)) {
                let message = format!("an earlier rule is called '{}', too, or nearly so", spec.name);
                return Err(refused("name", message));
            }
            if spec.pattern.is_none() && spec.words.is_empty() {
                return Err(refused("", format!("the rule '{}' has neither a pattern nor words", spec.name)));
            }
            if let Some(text) = &spec.pattern {
                let unfit = |message: String| {
                    refused("pattern", format!("the pattern of rule '{}' {message}", spec.name))
                };
                let pattern = Pattern::new(text, spec.ignore_case).map_err(unfit)?;
                let hidden = covered(|give| pattern.find(SAMPLE, give));
                if let Some(share) = most_of_sample(hidden) {
                    return Err(unfit(format!(
                        "hides {share} % of ordinary text, and so would hide most of everything"
                    )));
                }
                rules.patterns.push((number, pattern));
            }
            words += spec.words.len();
            bytes += spec.words.iter().map(String::len).sum::<usize>();
            let unfit = |message: String| refused("words", format!("rule '{}': {message}", spec.name));
            check_words(&spec.words).map_err(unfit)?;
            if words > WORDS_MAX || bytes > WORDS_BYTES_MAX {
                return Err(unfit(format!(
                    "the words of all rules are more than {WORDS_MAX}, or {} MiB",
                    WORDS_BYTES_MAX >> 20
                )));
            }
            rules.names.push(spec.name.clone());
        }
        let last = specs.len().saturating_sub(1);
        let whole = |message: String| RuleError { index: last, part: "", message };
        rules.any = RegexSetBuilder::new(rules.patterns.iter().map(|(_, pattern)| &pattern.source))
            .size_limit(COMPILED_MAX * 2)
            .dfa_size_limit(COMPILED_MAX)
            .build()
            .map_err(|_| whole("the patterns of all rules are too large together".to_owned()))?;
        for ignore_case in [false, true] {
            let words = specs.iter().zip(0..).filter(|(spec, _)| spec.ignore_case == ignore_case);
            let words =
                words.flat_map(|(spec, rule)| spec.words.iter().map(move |word| (rule, word.as_str())));
            rules.dictionaries.extend(Dictionary::new(words, ignore_case).map_err(whole)?);
        }
        for dictionary in &rules.dictionaries {
            let mut by_rule = vec![Vec::new(); specs.len()];
            dictionary.find(SAMPLE, |rule, range| {
                if let Some(found) = by_rule.get_mut(usize::from(rule)) {
                    found.push(range);
                }
            });
            for (index, found) in by_rule.into_iter().enumerate() {
                if let Some(share) = most_of_sample(covered(|give| found.into_iter().for_each(give))) {
                    let message = format!("the words of the rule hide {share} % of ordinary text");
                    return Err(RuleError { index, part: "words", message });
                }
            }
        }
        Ok(rules)
    }

    /// Adds what is found in `text`, in any order, of the class [`Class::Rule`] with the rule's place in the list.
    ///
    /// Takes time in the text's length, times the number of rules whose patterns occur in it; where a pattern would take
    /// more, the rest of the text counts as found.
    pub fn find(&self, text: &str, found: &mut Vec<Finding>) {
        let mut add = |rule: u16, range| {
            let name = self.name(Class::Rule(rule)).unwrap_or_default().to_owned();
            found.push(Finding { range, class: Class::Rule(rule), rule: name.into() });
        };
        if !self.patterns.is_empty() {
            for (rule, pattern) in self.any.matches(text).iter().filter_map(|at| self.patterns.get(at)) {
                pattern.find(text, |range| add(*rule, range));
            }
        }
        for dictionary in &self.dictionaries {
            dictionary.find(text, &mut add);
        }
    }

    /// The name of a rule; `None` for the built-in classes.
    #[must_use]
    pub fn name(&self, class: Class) -> Option<&str> {
        match class {
            Class::Rule(index) => self.names.get(usize::from(index)).map(String::as_str),
            _ => None,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl Detector for Rules {
    fn find(&self, text: &str, found: &mut Vec<Finding>) {
        self.find(text, found);
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_fit) {
        return Err(format!(
            "a rule's name has ASCII letters, digits, - and _, and {NAME_BYTES_MAX} bytes at most; '{}' does not",
            name.chars().take(NAME_BYTES_MAX).collect::<String>()
        ));
    }
    if Class::BUILT_IN.iter().any(|class| alike(class.name()) == alike(name)) {
        return Err(format!("'{name}' is the name of a built-in class; call the rule something else"));
    }
    Ok(())
}

/// The form in which names must differ: what stands in brackets in place of a finding tells no more apart.
fn alike(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

fn check_words(words: &[String]) -> Result<(), String> {
    for (place, word) in (1..).zip(words) {
        if word.trim().is_empty() {
            return Err(format!("word {place} is empty"));
        }
        if word.len() > WORD_BYTES_MAX {
            return Err(format!("word {place} is longer than {WORD_BYTES_MAX} bytes"));
        }
    }
    Ok(())
}

/// Bytes of what is given, overlaps once.
fn covered(find: impl FnOnce(&mut dyn FnMut(std::ops::Range<usize>))) -> usize {
    let mut found = Vec::new();
    find(&mut |range| found.push(range));
    found.sort_by_key(|range| range.start);
    let (mut covered, mut end) = (0, 0);
    for range in found {
        covered += range.end.saturating_sub(range.start.max(end));
        end = end.max(range.end);
    }
    covered
}

/// How much of the sample so many bytes are, in per cent, where that is most of it.
fn most_of_sample(bytes: usize) -> Option<usize> {
    (bytes * 2 > SAMPLE.len()).then(|| bytes * 100 / SAMPLE.len())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
